"""A delivery as its row says it: the only truth about what happened to one campaign's e-mail to one lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, time_from, to_item
from chalicelib.store.ids import CampaignId, LeadId, is_trace_id


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
    """Why it failed or was skipped: a word of the closed vocabulary in sending/reasons.py."""
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

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read a row or a stream image."""
        values = from_item(item)
        return cls(
            campaign_id=keys.campaign_of_bucket(values["bucket"]),
            lead_id=values["lead_id"],
            # A trace begins with a hit and knows nothing of a sending.
            status=DeliveryStatus(values.get("status", DeliveryStatus.SENT)),
            claimed_at=_time(values["claimed_at"]) if "claimed_at" in values else _NEVER,
            unit=values.get("unit", ""),
            nonce=values.get("nonce", ""),
            tracking=Tracking(values.get("tracking", Tracking.FULL)),
            email=values.get("email"),
            subject=values.get("subject"),
            reason=values.get("reason"),
            detail=values.get("detail"),
            empty_links=values.get("empty_links", 0),
            sent_at=time_from(values.get("sent_at")),
            message_id=values.get("message_id"),
            opened_at=time_from(values.get("opened_at")),
            opened_person_at=time_from(values.get("opened_person_at")),
            opened_machine=values.get("opened_machine"),
            clicks={link: _click(value) for link, value in values.get("clicks", {}).items()},
            later={link: tuple(map(_click, several)) for link, several in values.get("later", {}).items()},
            scans={link: _click(value) for link, value in values.get("scans", {}).items()},
            unsubscribed_at=time_from(values.get("unsubscribed_at")),
            delayed_at=time_from(values.get("delayed_at")),
            delay_detail=values.get("delay_detail"),
            delivered_at=time_from(values.get("delivered_at")),
            bounced_at=time_from(values.get("bounced_at")),
            bounce_detail=values.get("bounce_detail"),
            bounced_soft_at=time_from(values.get("bounced_soft_at")),
            bounce_soft_detail=values.get("bounce_soft_detail"),
            complained_at=time_from(values.get("complained_at")),
            retry=values.get("retry", 0),
            retried_at=time_from(values.get("retried_at")),
            replanned=frozenset(values.get("replanned", ())),
        )


CLICK_MAPS = ("clicks", "later", "scans")
"""Attributes that are maps by link id, and must be there before a click can be put into them."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def encode(delivery: Delivery) -> Item:
    """The row of a delivery that was just claimed, with the maps that clicks are put into."""
    values: dict[str, Any] = {
        "status": delivery.status.value,
        "claimed_at": delivery.claimed_at,
        "unit": delivery.unit,
        "nonce": delivery.nonce or None,
        "tracking": None if delivery.tracking is Tracking.FULL else delivery.tracking.value,
        "email": delivery.email,
        "subject": delivery.subject,
        "reason": delivery.reason,
        "detail": delivery.detail,
        "empty_links": delivery.empty_links or None,
        **{name: {} for name in CLICK_MAPS},
    }
    return keys.delivery(delivery.campaign_id, delivery.lead_id) | to_item(values)


def encode_click(click: Click) -> dict[str, Any]:
    return {"M": to_item({"at": click.at, "url": click.url, "machine": click.machine})}


def _click(value: Mapping[str, Any]) -> Click:
    return Click(at=_time(value["at"]), url=value.get("url"), machine=value.get("machine"))


def _time(text: str) -> datetime:
    moment = time_from(text)
    assert moment is not None  # noqa: S101 - only None reads as None
    return moment
