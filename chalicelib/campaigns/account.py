"""What the mail service lets this stack send, asked before a campaign is sent. Later refusals come from transports."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.senders.identities import Identity, identity_of
from chalicelib.senders.lookups import Dns
from chalicelib.senders.records import Dmarc, dmarc_of, dmarc_questions
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

_KEPT_SECONDS, _OUTAGE_KEPT_SECONDS = 60, 5
"""The page checks a draft at every change; DNS is asked once a minute for each sender, by each process. What it did not
answer is asked again soon."""
_MOST_KEPT = 100
_MOST_DOMAINS = 8
"""That are asked for: SES may answer only one such question a second, and a request has 29."""


class Hindrance(Enum):
    """What keeps an account from sending to everybody; the value is the text for the marketer."""

    SENDING_DISABLED = (
        "Amazon SES has paused sending for this AWS account. No emails can be sent. The account dashboard in the SES "
        "console shows why, and how to resume."
    )
    ACCOUNT_IN_SANDBOX = (
        "This AWS account is in the Amazon SES sandbox. It can send to verified addresses only, and the campaign "
        "pauses at the first other address. Request production access in the account dashboard of the SES console."
    )
    ACCOUNT_UNDER_REVIEW = (
        "Amazon SES is reviewing this AWS account because of its bounces or complaints. Further ones may end its "
        "sending. The account dashboard in the SES console shows the details."
    )


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the mail service says of the account."""

    sandbox: bool
    """It may write to verified addresses only."""
    sending_enabled: bool
    enforcement_status: str | None
    """HEALTHY, PROBATION or SHUTDOWN."""
    quota: int | None
    """Mails in 24 hours; None: no limit."""
    sent: int
    """In the last 24 hours."""
    rate: float
    """Mails a second."""

    @property
    def hindrance(self) -> Hindrance | None:
        """The worst one."""
        if not self.sending_enabled or self.enforcement_status == "SHUTDOWN":
            return Hindrance.SENDING_DISABLED
        if self.sandbox:
            return Hindrance.ACCOUNT_IN_SANDBOX
        return Hindrance.ACCOUNT_UNDER_REVIEW if self.enforcement_status == "PROBATION" else None


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """What is known of a From address; None where it could not be found out."""

    verified: bool | None = None
    """The mail service lets us send from it."""
    passes_dmarc: bool | None = None
    reason: str | None = None
    """Why it does not pass."""


class SendingAccount:
    """By itself an SMTP server's, which cannot be asked: its refusals will tell."""

    asks_senders = False
    """Whether it is known who may send."""

    def sender(self, address: str) -> SenderFacts:
        """What is known of a From address. Never raises."""
        return SenderFacts()

    def state(self) -> AccountState | None:
        """None if the mail service cannot be asked, or did not answer: its refusals will tell."""
        return None


class SesAccount(SendingAccount):
    """Asks SES, where an address may send if it, its domain or a parent domain is verified.

    Source: "Creating and verifying identities" in the SES Developer Guide: a domain covers its subdomains at any depth;
    the most specific verified identity decides about settings such as DKIM, not about whether a mail may leave.
    """

    asks_senders = True

    def __init__(self, client: "SESV2Client", dns: Dns, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._dns = dns
        self._clock = clock
        self._kept: dict[tuple[str, Identity], tuple[float, Dmarc]] = {}

    def sender(self, address: str) -> SenderFacts:
        domain = address.rpartition("@")[2].lower()
        labels = domain.split(".")
        domains = [".".join(labels[first:]) for first in range(len(labels) - 1)][-_MOST_DOMAINS:]  # not `com`
        try:
            identities = (self._find_identity(each) for each in (*domains, address))
            identity = next((each for each in identities if each is not None and each.verified), None)
        except (BotoCoreError, ClientError) as error:
            logger().warning("sender_not_looked_up", exc_info=error)
            return SenderFacts()
        if identity is None:
            return SenderFacts(verified=False)
        dmarc = self._dmarc(domain, identity)
        return SenderFacts(True, dmarc.passes, dmarc.reason)

    def _find_identity(self, name: str) -> Identity | None:
        try:
            return identity_of(name, self._client.get_email_identity(EmailIdentity=name))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NotFoundException":
                return None
            raise

    def _dmarc(self, domain: str, identity: Identity) -> Dmarc:
        until, dmarc = self._kept.get((domain, identity), (0.0, None))
        if dmarc is None or self._clock() > until:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            dmarc = dmarc_of(domain, identity, self._dns.look_up(dmarc_questions(domain, identity)))
            seconds = _OUTAGE_KEPT_SECONDS if dmarc.passes is None else _KEPT_SECONDS
            self._kept[domain, identity] = (self._clock() + seconds, dmarc)
        return dmarc

    def state(self) -> AccountState | None:
        try:
            account = self._client.get_account()
        except (BotoCoreError, ClientError) as error:
            logger().warning("account_not_looked_up", exc_info=error)
            return None
        quota = account["SendQuota"]
        return AccountState(
            sandbox=not account["ProductionAccessEnabled"],
            sending_enabled=account["SendingEnabled"],
            enforcement_status=account.get("EnforcementStatus"),
            quota=None if quota["Max24HourSend"] < 0 else int(quota["Max24HourSend"]),
            sent=int(quota["SentLast24Hours"]),
            rate=quota["MaxSendRate"],
        )
