"""Prepare: what each delivery will be: a finished mail, or why there is none.

Nothing is written: preparing may be repeated.
"""

import secrets
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

MOST_DETAIL = 200
"""Characters kept of why a delivery failed."""


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
