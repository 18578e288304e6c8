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
    """From when on clicks come too fast for a person. Reasons and field data: docs/decisions/0021."""

    links: int = 3
    """So many different links of one mail at once are no person's: two in two tabs still are. `BURST_LINKS`"""
    window: timedelta = timedelta(seconds=2)
    """... within this time: scanners take less than a second for all of a mail. `BURST_WINDOW_MS`"""
    later_clicks: int = 4
    """How many further clicks on one link are kept while no person's is known: so many sweeps can be told apart."""


@dataclass(frozen=True, slots=True)
class Delivery:
    campaign_id: CampaignId
    lead_id: LeadId
    """Or a trace's name, where opens and clicks are noted without saying whose they are."""
    status: DeliveryStatus
    claimed_at: datetime
    unit: str
    """The planning unit that brought this lead."""
    nonce: str = ""
    """Names the claim that it was taken by last: by it a sender whose answer was lost knows its own claim again."""
    tracking: Tracking = Tracking.FULL
    email: str | None = None
    subject: str | None = None
    reason: str | None = None
    """Why it failed or was skipped: a word of the closed vocabulary in reasons.py."""
    detail: str | None = None
    """The mail service's own words."""
    empty_links: int = 0
    """Links with merge tags that lead nowhere in this mail, for what its lead's values were."""
    sent_at: datetime | None = None
    message_id: str | None = None
    opened_at: datetime | None = None
    """First pixel load that counts, by anyone."""
    opened_person_at: datetime | None = None
    opened_machine: str | None = None
    """Why the first load is taken for a machine's."""
    clicks: Mapping[str, Click] = field(default_factory=dict)
    """First click by what looks like a person, by link id. Whether it was one, verdicts.py says."""
    later: Mapping[str, Sequence[Click]] = field(default_factory=dict)
    """Further clicks, of those few that say something new, by link id."""
    scans: Mapping[str, Click] = field(default_factory=dict)
    """First click of what says itself that it is a machine, by link id."""
    unsubscribed_at: datetime | None = None
    delayed_at: datetime | None = None
    """The mail service said that the recipient's server does not take the mail yet."""
    delay_detail: str | None = None
    delivered_at: datetime | None = None
    """The recipient's server took it."""
    bounced_at: datetime | None = None
    """It came back for good."""
    bounce_detail: str | None = None
    """The recipient's server's words, or the mail service's."""
    bounced_soft_at: datetime | None = None
    """It came back for a reason that may pass, or was answered by a machine."""
    bounce_soft_detail: str | None = None
    complained_at: datetime | None = None
    """The recipient called it spam."""
    retry: int = 0
    """Number of the last request to send it again that it was part of; 0: of none."""
    retried_at: datetime | None = None
    """When it was last taken up for such a request."""
    replanned: frozenset[str] = frozenset()
    """Further planning units that brought the same lead (it changed stage while the campaign was planned)."""
    rule: BurstRule = BurstRule()
    """What its clicks are judged by (verdicts.py): part of no row, the same for a whole stack."""

    @property
    def is_trace(self) -> bool:
        """Whether this is nobody's delivery, but opens and clicks that are noted without a lead's name."""
        return is_trace_id(self.lead_id)

    def awaits(self, unit: str) -> bool:
        """Whether a message of this planning unit has something to do here: to end it, or to note the unit."""
        unfinished = self.status in (DeliveryStatus.SENDING, DeliveryStatus.WAITING)
        return unfinished or not (unit == self.unit or unit in self.replanned)

    @property
    def taken_at(self) -> datetime:
        """When its last sender took it up."""
        return self.retried_at or self.claimed_at

    @property
    def was_sent(self) -> bool:
        return self.status is DeliveryStatus.SENT
