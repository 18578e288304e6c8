"""A delivery: all that is known of one campaign's e-mail to one lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.model.ids import CampaignId, LeadId, is_trace_id


class DeliveryStatus(StrEnum):
    SENDING = "sending"
    WAITING = "waiting"
    """It had failed and is to be sent again."""
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


class Tracking(StrEnum):
    """What is noted of a recipient's opens and clicks."""

    FULL = "full"
    """Who opened and clicked what, and when."""
    ANONYMOUS = "anonymous"
    """That somebody did: under a random name, a trace, that leads to no lead."""
    NONE = "none"
    """Nothing: links stay as written and there is no pixel."""


@dataclass(frozen=True, slots=True)
class Click:
    """One click on one link, by a person or by a machine."""

    at: datetime
    url: str | None
    """The destination, where it differs per recipient; a link without merge tags is known to the campaign."""
    machine: str | None = None
    """Why a machine is assumed; None for a person."""


@dataclass(frozen=True, slots=True)
class BurstRule:
    """When clicks come too fast for a person. Reasons and field data: docs/decisions/0021."""

    links: int = 3
    """This many different links of one mail at once are a machine's: two may be a person's. `BURST_LINKS`"""
    window: timedelta = timedelta(seconds=2)
    """... within this time: scanners follow all links of a mail in less than a second. `BURST_WINDOW_MS`"""
    later_clicks: int = 4
    """How many further clicks on one link are kept while no person's is known: as many sweeps can be told apart."""


@dataclass(frozen=True, slots=True)
class Delivery:
    campaign_id: CampaignId
    lead_id: LeadId
    """Or a trace's id, for opens and clicks that are noted without the lead they belong to."""
    status: DeliveryStatus
    claimed_at: datetime
    unit: str
    """The planning unit that brought this lead."""
    nonce: str = ""
    """Of the last claim: a sender whose answer was lost recognises its own claim by it."""
    tracking: Tracking = Tracking.FULL
    email: str | None = None
    subject: str | None = None
    erased: str | None = None
    """Its lead was erased: the keyed hash of the address; empty if there was none. Nothing else of a person is kept."""
    reason: str | None = None
    """Why it failed or was skipped: a word of the closed vocabulary in reasons.py."""
    detail: str | None = None
    """More about the reason, in words: the mail service's or our own."""
    empty_links: int = 0
    """Links with merge tags that lead nowhere in this mail, because of the lead's values."""
    sent_at: datetime | None = None
    message_id: str | None = None
    opened_at: datetime | None = None
    """First pixel load that counts, by anyone."""
    opened_person_at: datetime | None = None
    opened_machine: str | None = None
    """Why the first load is judged to be a machine's."""
    clicks: Mapping[str, Click] = field(default_factory=dict)
    """First click by what looks like a person, by link id. verdicts.py decides whether it was one."""
    later: Mapping[str, Sequence[Click]] = field(default_factory=dict)
    """Further clicks, by link id: the few that may change a verdict."""
    scans: Mapping[str, Click] = field(default_factory=dict)
    """First click of what identifies itself as a machine, by link id."""
    unsubscribed_at: datetime | None = None
    delayed_at: datetime | None = None
    """The mail service reported that the recipient's server does not accept the mail yet."""
    delivered_at: datetime | None = None
    """The recipient's server took it."""
    bounced_at: datetime | None = None
    """It bounced permanently."""
    bounce_detail: str | None = None
    """The recipient's server's words, or the mail service's."""
    bounced_soft_at: datetime | None = None
    """It bounced for a temporary reason, or was answered automatically."""
    bounce_soft_detail: str | None = None
    complained_at: datetime | None = None
    """The recipient called it spam."""
    retry: int = 0
    """Number of the last retry that it was part of; 0: of none."""
    retried_at: datetime | None = None
    """When it was last claimed for a retry."""
    replanned: frozenset[str] = frozenset()
    """Further planning units that brought the same lead (it changed stage while the campaign was planned)."""
    rule: BurstRule = BurstRule()
    """How its clicks are judged (verdicts.py): not part of the row, the same for a whole stack."""

    @property
    def suppressible(self) -> str | None:
        """What its address is suppressed by: itself, or the hash that was kept of it; None if it had none."""
        return self.email or self.erased or None

    @property
    def is_trace(self) -> bool:
        """Whether this holds opens and clicks that are noted without a lead, and is no delivery."""
        return is_trace_id(self.lead_id)

    def awaits(self, unit: str) -> bool:
        """Whether a message of this planning unit has work to do here: to end it, or to note the unit."""
        unfinished = self.status in (DeliveryStatus.SENDING, DeliveryStatus.WAITING)
        return unfinished or not (unit == self.unit or unit in self.replanned)

    @property
    def taken_at(self) -> datetime:
        """When it was last claimed."""
        return self.retried_at or self.claimed_at

    @property
    def arrived_at(self) -> datetime | None:
        """When the recipient's server took it; as long as that is not reported, when it was sent."""
        return self.delivered_at or self.sent_at

    @property
    def was_sent(self) -> bool:
        return self.status is DeliveryStatus.SENT
