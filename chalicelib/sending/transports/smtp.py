"""A customer's own mail server, by SMTP. How far the conversation came decides whether a mail may have left.

    the secret                      describes no server: nothing leaves until it is corrected
    connect, EHLO, STARTTLS         any failure: not sent; the server or the secret is at fault, not this mail
    AUTH, MAIL                      5xx: nothing leaves until the password or the sender is corrected
    RCPT, DATA (MAIL: of its size)  4xx: put off · 5xx: rejected, with the server's words · silence: not sent
    the message, up to its dot      silence: not sent, since an unfinished message must not be delivered
    the answer to the dot           2xx: sent · 4xx: put off · 5xx: rejected · silence: outcome unknown

A mail put off is tried again for hours; "not sent" concerns the server and all its mails.

Sources: RFC 5321 (SMTP; 4.2.1 replies, 4.5.2 dots, 6.1 who is responsible when), RFC 3463 (enhanced codes), RFC 1870
(SIZE), RFC 3207 (STARTTLS), RFC 4954 (AUTH). No SMTPUTF8 and no 8BITMIME: addresses and messages are ASCII here.
"""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib.content.errors import AddressInvalid
from chalicelib.content.message import wire_address
from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.sending.transports import REST_SECONDS
from chalicelib.sending.transports.smtp_server import SmtpServer, Tls

_ABOUT_THE_CONNECTION = {421, 530}
"""The server is closing, or requires a login first: says nothing about the mail."""
_TOO_LARGE = 552
"""The message is too large, by the size that MAIL announced (RFC 1870, 6.1)."""
_OUR_NAME = "[127.0.0.1]"
"""For EHLO: a worker has no host name, and looking one up takes seconds without reverse DNS."""
_IDLE_SECONDS = 60.0
"""A connection idle for longer is not used again: servers and gateways drop those, some silently."""
_TOO_SLOW = "The server takes too long for one mail."

_Reply = tuple[int, bytes]
_Ending = TypeVar("_Ending", NotSent, OutcomeUnknown)


@dataclass(frozen=True, slots=True)
class SmtpPatience:
    """How long to wait for the server, in seconds."""

    reply: float = 10
    """To connect, and for the reply to a command."""
    verdict: float = 20
    """For the answer to a whole message, which the server may scan first."""
    whole: float = 22
    """For a mail's whole conversation: a test mail may begin 5 s into a request, which has 29."""


class _Kept(threading.local):
    """One thread's connection, and how long its present conversation may take."""

    connection: smtplib.SMTP | None = None
    used_at = 0.0
    ends_at = 0.0
    """When the conversation has taken too long."""
    reply_seconds = 0.0
    """How long to wait for the next reply."""


class _Conversation(smtplib.SMTP):
    """Waits for each reply as many seconds as `seconds` says."""

    def __init__(self, seconds: Callable[[], float], **arguments: Any) -> None:
        self._seconds = seconds
        super().__init__(local_hostname=_OUR_NAME, timeout=seconds(), **arguments)

    def getreply(self) -> _Reply:
        if self.sock is not None:
            self.sock.settimeout(self._seconds())
        return super().getreply()


class _TlsConversation(_Conversation, smtplib.SMTP_SSL):
    """Encrypted from its beginning."""


@dataclass(slots=True)
class SmtpTransport:
    """Hands messages to one server, over one kept connection per thread."""

    _server: Callable[[], SmtpServer]
    """Called for each connection; may raise NotSent."""
    _patience: SmtpPatience = SmtpPatience()
    _clock: Callable[[], float] = time.time
    _trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """Gives what the server's certificate is checked with."""
    _kept: _Kept = field(default_factory=_Kept)
    _rests_until: float = 0.0
    _complaint: str = ""

    def send(self, mail: OutgoingMail) -> str:
        try:
            sender, recipient = wire_address("From", mail.from_email), wire_address("To", mail.to_email)
        except AddressInvalid as error:
            raise Rejected(FailureReason.INVALID_ADDRESS, str(error)) from error
        if self._clock() < self._rests_until:
            raise NotSent(self._complaint)
        self._kept.ends_at, self._kept.reply_seconds = self._clock() + self._patience.whole, self._patience.reply
        try:
            connection = self._talk_up_to_the_message(sender, recipient, len(mail.message))
            connection.send(_framed(mail.message))
        except OSError as error:  # smtplib's own errors are such too
            raise self._given_up(NotSent(_words_of(error))) from error
        return self._verdict(connection)

    def _talk_up_to_the_message(self, sender: str, recipient: str, size: int) -> smtplib.SMTP:
        connection, reply = self._begin(sender, size)
        if reply[0] != 250:
            refusal = self._refusal(connection, reply, FailureReason.REJECTED)
            if isinstance(refusal, Rejected) and reply[0] != _TOO_LARGE:
                raise AccountRefused(
                    f"The SMTP server takes no mail from {sender} ({_words(reply)}). Allow that sender there."
                )
            raise refusal
        reply = connection.rcpt(recipient)
        if reply[0] not in (250, 251):
            # A refused recipient is a bad address, unless the server calls it policy (enhanced code X.7.X).
            is_policy = reply[1].startswith(b"5.7.")
            reason = FailureReason.REJECTED if is_policy else FailureReason.INVALID_ADDRESS
            raise self._refusal(connection, reply, reason)
        if self._kept.ends_at - self._clock() < self._patience.reply:  # a time-out after DATA: outcome unknown
            raise TimeoutError(_TOO_SLOW)
        reply = connection.docmd("DATA")
        if reply[0] != 354:
            raise self._refusal(connection, reply, FailureReason.REJECTED)
        return connection

    def _begin(self, sender: str, size: int) -> tuple[smtplib.SMTP, _Reply]:
        """The reply to MAIL FROM, over the kept connection or, if that is closed, a new one."""
        kept = self._kept.connection
        if kept is not None and self._clock() - self._kept.used_at < _IDLE_SECONDS:
            try:
                reply = kept.mail(sender, _mail_options(kept, size))
            except OSError as error:
                if isinstance(error.__context__, TimeoutError):
                    raise  # not closed but silent: waiting again for the same server would outlast the worker
                reply = (421, b"")
            if reply[0] != 421:
                return kept, reply
        self._hang_up()
        self._kept.connection = fresh = self._connect()
        self._kept.used_at = self._clock()
        return fresh, fresh.mail(sender, _mail_options(fresh, size))

    def _verdict(self, connection: smtplib.SMTP) -> str:
        """The server's answer to a complete message. From here on silence means that the outcome is unknown."""
        try:
            self._kept.reply_seconds = self._patience.verdict
            reply = connection.getreply()
            self._kept.reply_seconds = self._patience.reply
        except OSError as error:
            raise self._given_up(OutcomeUnknown(_words_of(error))) from error
        if 200 <= reply[0] < 300:
            self._kept.used_at = self._clock()
            return _text(reply[1])
        if 400 <= reply[0] < 600:
            raise self._refusal(connection, reply, FailureReason.REJECTED)
        raise self._given_up(OutcomeUnknown(_words(reply)))

    def _refusal(self, connection: smtplib.SMTP, reply: _Reply, reason: FailureReason) -> Rejected | NotSent:
        """What a negative reply means, as long as the message was not accepted."""
        code, words = reply[0], _words(reply)
        if code in _ABOUT_THE_CONNECTION or not 400 <= code < 600:
            return self._given_up(NotSent(words))
        try:
            connection.rset()
            self._kept.used_at = self._clock()
        except OSError:
            self._hang_up()
        return Rejected(reason, words) if code >= 500 else NotSent(words, WaitReason.PUT_OFF)

    def _seconds(self) -> float:
        """How long to wait for the next reply. Raises TimeoutError when the conversation has taken too long."""
        left = self._kept.ends_at - self._clock()
        if left <= 0:
            raise TimeoutError(_TOO_SLOW)
        return min(self._kept.reply_seconds, left)

    def _connect(self) -> smtplib.SMTP:
        """A connection that takes mail. Raises OSError."""
        try:
            server = self._server()
        except AccountRefused:
            raise
        except NotSent as error:
            raise self._given_up(error) from None
        address = {"host": server.host, "port": server.port}
        if server.tls is Tls.IMPLICIT:
            connection: smtplib.SMTP = _TlsConversation(self._seconds, **address, context=self._trust())
        else:
            connection = _Conversation(self._seconds, **address)
        try:
            if connection.sock is not None:
                # A message's last piece must not wait for the acknowledgement of those before.
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.tls is Tls.STARTTLS:
                connection.starttls(context=self._trust())
            connection.ehlo_or_helo_if_needed()
            if server.user is not None and server.password is not None:
                connection.login(server.user, server.password)
        except smtplib.SMTPAuthenticationError as error:
            connection.close()
            if error.smtp_code < 500:
                raise
            raise AccountRefused(
                f"The SMTP server refuses the user name or the password ({_words_of(error)}). Correct the secret; it "
                "takes effect within a minute."
            ) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _given_up(self, error: _Ending) -> _Ending:
        """Close the connection and let the server rest; the error, to be raised."""
        self._hang_up()
        self._rests_until, self._complaint = self._clock() + REST_SECONDS, str(error)
        return error

    def _hang_up(self) -> None:
        if self._kept.connection is not None:
            self._kept.connection.close()
        self._kept.connection = None


def _mail_options(connection: smtplib.SMTP, size: int) -> list[str]:
    """The message's size, if the server supports it: one that is too large is then refused before it is transferred."""
    return [f"SIZE={size}"] if connection.has_extn("size") else []


def _framed(message: bytes) -> bytes:
    """The message as transferred after DATA: leading dots of lines doubled, a lone dot at the end."""
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def _words(reply: _Reply) -> str:
    return f"{reply[0]} {_text(reply[1])}".strip()


def _text(raw: bytes) -> str:
    return " ".join(raw.decode("utf-8", "replace").split())[:200]


def _words_of(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return _words((error.smtp_code, said if isinstance(said, bytes) else said.encode()))
    return str(error) or type(error).__name__
