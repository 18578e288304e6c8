"""The SMTP server: a mail server as a customer would run one, on aiosmtpd, into the same mailbox.

No rate, quota or verified senders here: those are SES's. Faults are played, see `local.inbox.faults`.
"""

import asyncio
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from local.inbox.faults import Fault, FaultBook, FaultKind, MailProtocol, SmtpMoment
from local.inbox.mailbox import Envelope, Mailbox

LARGEST_MESSAGE = 40 * 1024 * 1024

_REPLIES = {
    FaultKind.THROTTLE: (454, "4.7.0 Throttling failure: Maximum sending rate exceeded."),
    FaultKind.QUOTA: (454, "4.7.0 Throttling failure: Daily message quota exceeded."),
    FaultKind.ERROR: (451, "4.3.0 Temporary server failure, try again later."),
    FaultKind.REJECT: (554, "5.7.1 Message rejected by the inbox's play book."),
}


class SmtpServer:
    """Serves SMTP on 127.0.0.1 until closed; with a user and a password given, only after AUTH with exactly those."""

    def __init__(self, mailbox: Mailbox, faults: Callable[[], FaultBook], login: tuple[str, str] | None) -> None:
        self._mailbox = mailbox
        self._faults = faults
        self._login = login
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1:`port` (0 picks a free one); gives the port. Raises OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            hostname="inbox.localhost",
            ident="Leadflip inbox",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            auth_required=self._login is not None,
            auth_require_tls=False,  # loopback only
            authenticator=self._authenticate if self._login is not None else None,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: SmtpEnvelope, _mechanism: str, auth_data: object
    ) -> AuthResult:
        given = auth_data if isinstance(auth_data, LoginPassword) else None
        matches = given is not None and (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=matches, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names its hooks so
        self, server: SMTP, _session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        fault = self._faults().next_for(MailProtocol.SMTP, [address], SmtpMoment.RCPT)
        refusal = await _refusal(server, fault)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802
        recipients = [str(recipient) for recipient in envelope.rcpt_tos]
        fault = self._faults().next_for(MailProtocol.SMTP, recipients)
        refusal = await _refusal(server, fault)
        if refusal is not None:
            return refusal
        message = self._mailbox.keep(
            bytes(envelope.original_content or b""),
            Envelope(
                protocol=MailProtocol.SMTP.value, sender=str(envelope.mail_from or ""), recipients=tuple(recipients)
            ),
        )
        if fault is not None and fault.kind is FaultKind.DROP:
            return _hang_up(server)
        return f"250 2.0.0 OK {message.message_id}"


async def _refusal(server: SMTP, fault: Fault | None) -> str | None:
    """Play a fault up to the point where the recipient or message would be taken; None when it shall be taken."""
    if fault is None:
        return None
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if fault.kind is FaultKind.DROP_UNKEPT:
        return _hang_up(server)
    if fault.kind not in _REPLIES:
        return None
    code, words = _REPLIES[fault.kind]
    return f"{fault.status or code} {fault.message or words}"


def _hang_up(server: SMTP) -> str:
    transport = server.transport
    if transport is not None:
        transport.abort()
    return "421 4.4.2 Connection dropped"  # never sent: the connection is gone
