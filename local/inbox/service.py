"""The inbox put together: one mailbox, its APIs and servers, one loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.inbox.account import DAY_SECONDS, Limits, SendingAccount
from local.inbox.addresses import simulated_scenario
from local.inbox.announcements import Announcements
from local.inbox.control import ControlApi
from local.inbox.dns_server import DnsServer
from local.inbox.http_server import HttpServer
from local.inbox.identities import Identities, Verification
from local.inbox.mailbox import KeptMessage, Mailbox
from local.inbox.pages import Pages
from local.inbox.programs import Programs
from local.inbox.publisher import Publisher
from local.inbox.routing import Router
from local.inbox.senders import SendersApi
from local.inbox.ses import SesApi
from local.inbox.smtp import SmtpServer
from local.inbox.taken import Taken


@dataclass(frozen=True, slots=True)
class Options:
    """How to start an inbox; ports of 0 mean any free one."""

    folder: Path
    http_port: int
    smtp_port: int
    limits: Limits
    verified_domains: list[str] | None
    region: str
    smtp_login: tuple[str, str] | None
    events_topics: Mapping[str, frozenset[str] | None]
    """By ARN the types of SES's events that a topic gets; None: all."""
    sns_endpoint: str | None
    stack_saved_at: float | None
    """The stack comes back as it was at this moment (seconds since the epoch); None: as it was when it stopped."""


class Inbox:
    """Everything behind the two ports."""

    def __init__(self, options: Options) -> None:
        """Open the mailbox; raises MailboxInUse."""
        self._options = options
        self._mailbox = Mailbox(options.folder)
        domains = options.verified_domains
        statuses = None if domains is None else dict.fromkeys(domains, Verification.SUCCESS)
        identities = Identities(statuses, options.region, options.folder / "senders.json")
        self._dns = DnsServer(identities)
        self._account = SendingAccount(options.limits, identities, region=options.region)
        self._count_earlier_sends()
        self._control = ControlApi(self._account)
        self._publisher = self._made_publisher()
        self._announcements = Announcements(self._mailbox, self._publisher)
        self._http = HttpServer(self._router().answer)
        self._smtp = SmtpServer(self._mailbox, self._control.fault_book, options.smtp_login)

    async def start(self) -> tuple[int, int]:
        """Start both servers; gives the HTTP and the SMTP port. Raises OSError when one is taken."""
        if self._publisher is not None:
            self._announcements.announce_again(since=self._publisher.taken_up_to)
            self._publisher.start()
        http_port = await self._http.start(self._options.http_port)
        await self._dns.start(http_port)
        return http_port, await self._smtp.start(self._options.smtp_port)

    async def close(self) -> None:
        self._smtp.close()
        self._dns.close()
        self._http.close()
        if self._publisher is not None:
            self._publisher.close()
        self._mailbox.close()

    def _router(self) -> Router:
        router = Router()
        for part in (
            SesApi(
                self._mailbox,
                self._account,
                self._control.fault_book,
                self._announcements.announce,
                self._forgotten(),
            ),
            SendersApi(self._account, self._dns),
            Pages(self._mailbox),
            Programs(self._mailbox),
            self._control,
            self._announcements,
        ):
            part.add_routes(router)
        return router

    def _count_earlier_sends(self) -> None:
        """Let what an earlier run accepted count towards the quota."""
        messages = self._mailbox.listed()
        newest = messages[-1].received_at.timestamp() if messages else 0.0
        for message in messages:
            at = message.received_at.timestamp()
            if message.envelope.protocol == "ses" and at > newest - DAY_SECONDS:
                counted = [to for to in message.envelope.recipients if simulated_scenario(to) is None]
                self._account.count_sent(len(counted), at)

    def _forgotten(self) -> list[KeptMessage]:
        """What the stack had sent later than the moment as of which it comes back."""
        saved_at = self._options.stack_saved_at
        return [
            message
            for message in self._mailbox.listed()
            if saved_at is not None and message.received_at.timestamp() > saved_at
        ]

    def _made_publisher(self) -> Publisher | None:
        options, messages = self._options, self._mailbox.listed()
        if not options.events_topics or options.sns_endpoint is None:
            return None
        newest = messages[-1].message_id if messages else None
        taken = Taken(options.folder / "taken.jsonl", newest=newest, saved_at=options.stack_saved_at)
        return Publisher(options.events_topics, options.sns_endpoint, taken)
