"""Mail servers for the SMTP transport: one with a certificate of its own making, and one that says what it is told."""

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True, slots=True)
class Certificate:
    chain: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def trust(self) -> ssl.SSLContext:
        """A client's that believes this certificate alone."""
        return ssl.create_default_context(cafile=str(self.chain))


def self_made_certificate(folder: Path, name: str = "localhost") -> Certificate:
    made = Certificate(folder / "chain.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run(command, check=True, capture_output=True)
    return made


@dataclass(slots=True)
class TlsServer:
    """What one encrypted server was asked and given."""

    port: int = 0
    password: str = "se:cret"
    logins: list[tuple[str, str]] = field(default_factory=list)
    mails: list[tuple[str, bytes, bool]] = field(default_factory=list)
    """Recipient, bytes, and whether the connection was encrypted."""

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == self.password, handled=False)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.original_content, bytes)
        is_encrypted = server.transport.get_extra_info("cipher") is not None
        self.mails.append((envelope.rcpt_tos[0], envelope.original_content, is_encrypted))
        return "250 2.0.0 OK queued as 4711"


@contextmanager
def tls_server(certificate: Certificate, *, implicit: bool) -> Iterator[TlsServer]:
    """Takes mail over an encrypted connection and after AUTH alone."""
    server = TlsServer()
    context = certificate.server()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        login: dict[str, Any] = {"authenticator": server.authenticate, "auth_required": True}
        encryption: dict[str, Any] = {"tls_context": context, "require_starttls": True}
        if implicit:
            encryption = {"auth_require_tls": False}  # it does not see that the connection is encrypted
        return SMTP(server, hostname="localhost", loop=loop, **login, **encryption)

    listening = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=context if implicit else None))
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        loop.run_until_complete(_end_conversations())
        loop.close()


async def _end_conversations() -> None:
    conversations = asyncio.all_tasks() - {asyncio.current_task()}
    for each in conversations:
        each.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)


HANG_UP = "(hang up)"
SILENCE = "(silence)"
GREETING, HELLO = "220 here I am", "250 hello"


class ScriptedServer:
    """Answers each line it reads, and each message, with the script's next reply, connection by connection.

    The first reply greets. A script that is at its end hangs up.
    """

    def __init__(self, *scripts: Sequence[str]) -> None:
        self._scripts = scripts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self.pause = 0.0
        """Seconds before each reply."""
        self.port: int = self._socket.getsockname()[1]
        self.heard: list[list[str]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            self.heard.append([])
            threading.Thread(target=self._talk, args=(connection, script, self.heard[-1]), daemon=True).start()

    def _talk(self, connection: socket.socket, script: Sequence[str], heard: list[str]) -> None:
        lines = connection.makefile("rb")
        try:
            for reply in script:
                if reply == HANG_UP:
                    break
                if reply == SILENCE:
                    self._ended.wait(30)
                    break
                self._ended.wait(self.pause)
                connection.sendall(reply.encode() + b"\r\n")
                heard.append(self._read(lines, whole_message=reply.startswith("354")))
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        lines.close()
        connection.close()

    def _read(self, lines: BinaryIO, *, whole_message: bool) -> str:
        for line in lines:
            text = line.decode().rstrip("\r\n")
            if text == "." or not whole_message:
                return text
        raise ConnectionError("the client has gone")
