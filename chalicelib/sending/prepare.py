"""Prepare: a message's leads as they are now, and what each delivery will be: a finished mail, or why there is none.

Nothing is written: preparing may be repeated.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.content.errors import AddressInvalid, RenderFailed
from chalicelib.content.message import build_message, message_id_of
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.reasons import FailureReason, SkipReason
from chalicelib.model.transport import OutgoingMail
from chalicelib.store.leads import Leads

MOST_DETAIL = 200
"""Characters kept of why a delivery failed."""
KNOWN_SECONDS = 2.0
"""No mail leaves longer than this after its lead was read, and so after the lead unsubscribed (docs/decisions/0038)."""
_READ_AHEAD_SECONDS = 0.5
"""How long before its mail's moment a lead is read again: a read takes some milliseconds, at worst a few hundred."""


class FreshLeads:
    """A message's leads, read at once and consistently, and again before what is known of one is too old.

    `clock` gives epoch seconds. Methods may raise StoreUnavailable.
    """

    def __init__(self, leads: Leads, lead_ids: Sequence[LeadId], clock: Callable[[], float]) -> None:
        self._leads = leads
        self._lead_ids = lead_ids
        self._clock = clock
        self._known: dict[LeadId, Lead] = {}
        self._read_at: dict[LeadId, float] = {}
        self._read(0, len(lead_ids))

    def find(self, lead_id: LeadId) -> Lead | None:
        """The lead as it was read last; None when it was not there any more."""
        return self._known.get(lead_id)

    def is_known_at(self, lead_id: LeadId, moment: float) -> bool:
        """Whether a mail to this lead may leave at this moment by what is known of it."""
        return moment - self._read_at[lead_id] <= KNOWN_SECONDS

    @property
    def read_ahead_seconds(self) -> float:
        """How long before a mail's moment to read its lead again, so that the read does not cost the moment."""
        return min(max(_READ_AHEAD_SECONDS, 2 * self._took), 0.9 * KNOWN_SECONDS)

    def read_again(self, lead_id: LeadId) -> None:
        """Read the lead, and as many behind it as were sent to since the last reading: their moments come next.

        So one request in two seconds is enough at any rate, and no lead is read in vain.
        """
        number = self._lead_ids.index(lead_id)
        self._read(number, max(1, number - self._began))

    def _read(self, number: int, count: int) -> None:
        wanted = self._lead_ids[number : number + count]
        self._began = number
        now = self._clock()
        found = self._leads.find_many(wanted, consistent=True)
        self._took = self._clock() - now
        for lead_id in wanted:
            self._read_at[lead_id] = now
            self._known.pop(lead_id, None)
        self._known |= found


@dataclass(frozen=True, slots=True)
class Prepared:
    claim: Delivery
    """To be written before anything else: at `sending`, or ended at once where there is no mail."""
    mail: OutgoingMail | None


def prepare(content: LaunchedContent, unit: str, lead_id: LeadId, lead: Lead | None, now: datetime) -> Prepared:
    """The delivery of a lead, `lead` being None for one that is no longer there."""
    claim = Delivery(
        campaign_id=content.campaign.campaign_id,
        lead_id=lead_id,
        status=DeliveryStatus.SENDING,
        claimed_at=now,
        unit=unit,
        nonce=secrets.token_hex(6),
        tracking=content.tracking_for(lead),
        email=lead.email if lead else None,
    )
    if lead is None:
        return Prepared(ended(claim, SkipReason.LEAD_DELETED), None)
    reason = unreachable(lead)
    delivery_id = content.tracking.delivery_id(lead_id)
    try:
        rendered = content.render(lead)
        claim = replace(claim, subject=rendered.subject, empty_links=rendered.empty_links)
        if reason is not None or lead.email is None:
            return Prepared(ended(claim, reason or FailureReason.MISSING_ADDRESS), None)
        message = build_message(
            rendered,
            to_email=lead.email,
            to_name=" ".join(name for name in (lead.first_name, lead.last_name) if name) or None,
            date=now,
            message_id=message_id_of(delivery_id, content.campaign.from_email),
            unsubscribe_url=content.tracking.unsubscribe_url(delivery_id),
            feedback_id=f"{content.campaign.campaign_id}:campaign:leadflip",
        )
    except RenderFailed as error:
        return Prepared(ended(claim, reason or FailureReason.RENDERING_FAILED, str(error)), None)
    except AddressInvalid as error:
        return Prepared(ended(claim, FailureReason.INVALID_ADDRESS, str(error)), None)
    mail = OutgoingMail(content.campaign.from_email, lead.email, message, claim.campaign_id, delivery_id)
    return Prepared(claim, mail)


def unreachable(lead: Lead | None) -> FailureReason | SkipReason | None:
    """Why there is nobody to write to; None where there is. `lead` is None when it is no longer there."""
    if lead is None:
        return SkipReason.LEAD_DELETED
    if lead.unsubscribed:
        return SkipReason.UNSUBSCRIBED
    if lead.suppressed is not None:
        return SkipReason.SUPPRESSED
    if lead.email is None:
        return FailureReason.MISSING_ADDRESS
    return None


def ended(claim: Delivery, reason: FailureReason | SkipReason, detail: str | None = None) -> Delivery:
    """The delivery of which no mail leaves, for this reason."""
    status = DeliveryStatus.SKIPPED if isinstance(reason, SkipReason) else DeliveryStatus.FAILED
    detail = detail[:MOST_DETAIL] if detail and isinstance(reason, FailureReason) else None
    return replace(claim, status=status, reason=reason.value, detail=detail)
