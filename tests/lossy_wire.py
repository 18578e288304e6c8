"""A wire to an engine that loses chosen answers: what was asked is done, and nobody is told."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})


class LossyWire:
    """A proxy on a port of its own. Losing an answer is closing the connection once the engine has given it."""

    def __init__(self, engine_url: str) -> None:
        self.writes = 0
        """How many were asked for, repetitions included."""
        self._reads_too = self._has_lost = False
        self._loses: Callable[[int], bool] = lambda number: False
        self._meanwhile: Callable[[], None] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, engine_url))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def lose(
        self, which: Callable[[int], bool], meanwhile: Callable[[], None] = lambda: None, *, reads_too: bool = False
    ) -> None:
        """Lose the answers to these writes, counted from 1 on from now; do something before the caller knows.

        Reads keep their answers, since to repeat them changes nothing; with `reads_too` until the first write is lost.
        """
        self.writes = 0
        self._reads_too, self._has_lost = reads_too, False
        self._loses, self._meanwhile = which, meanwhile

    def lose_nothing(self) -> None:
        self.lose(lambda number: False)

    def loses(self, operation: str) -> bool:
        """Whether this answer is to be lost."""
        if operation in _READS:
            return self._reads_too and self._has_lost
        self.writes += 1
        if not self._loses(self.writes):
            return False
        self._has_lost = True
        self._meanwhile()
        return True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(wire: LossyWire, engine_url: str) -> type[BaseHTTPRequestHandler]:
    engine = urlsplit(engine_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.far = HTTPConnection(engine.hostname or "", engine.port, timeout=30)

        def finish(self) -> None:
            self.far.close()
            super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.far.request(self.command, self.path, body, dict(self.headers.items()))
            response = self.far.getresponse()
            answer = response.read()
            if wire.loses(self.headers.get("x-amz-target", "").rpartition(".")[2]):
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(response.status)
            for name in ("Content-Type", "x-amz-crc32"):
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_DELETE = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
