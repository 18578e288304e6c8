"""Deliver: one campaign's mail to one lead, at most once.

reachable? ── claim ── render ── hand over ── record
     │          │         │          ├── rejected: failed, with the service's words
     │          │         │          ├── not sent: the claim is given back, the message comes again
     │          │         │          └── outcome unknown: stays `sending`, settled below
     │          │         └── failed: rendering_failed
     │          └── somebody has it: finished, or still `sending`; one that stays so is never sent again
     └── ended at once: skipped or failed

Before every lead it is asked whether the campaign is going (standing.py). While it is paused or cancelled nothing is
begun; what an earlier worker has begun is settled all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.content.errors import AddressInvalid, RenderFailed
from chalicelib.content.message import build_message
from chalicelib.crm.merge_fields import merge_fields
from chalicelib.sending.content import LaunchedContent, campaign_values
from chalicelib.sending.reasons import FailureReason, SkipReason
from chalicelib.sending.transports.base import NotSent, OutcomeUnknown, OutgoingMail, Rejected, Transport
from chalicelib.store.deliveries import Deliveries, Delivery, DeliveryStatus
from chalicelib.store.ids import CampaignId, LeadId
from chalicelib.store.leads import Lead, Leads
from chalicelib.telemetry import logger

OUTCOME_GRACE = timedelta(minutes=10)
"""How long a delivery may stand at `sending` before its outcome counts as unknown: far longer than any worker lives."""


class SomeAreWaiting(Exception):
    """Some of a message's leads could not be ended now; the message must come again."""


class Deliver:
    def __init__(
        self,
        leads: Leads,
        deliveries: Deliveries,
        transport: Transport,
        clock: Callable[[], datetime],
        is_going: Callable[[CampaignId], bool],
    ) -> None:
        self._leads = leads
        self._deliveries = deliveries
        self._transport = transport
        self._clock = clock
        self._is_going = is_going

    def deliver_all(self, content: LaunchedContent, unit: str, lead_ids: Sequence[LeadId]) -> None:
        """Bring every named lead's delivery to an end. Raises SomeAreWaiting when the message must come again.

        When the campaign does not go, or no longer, the message is done with: resuming enqueues its leads anew.
        """
        campaign_id = content.campaign.campaign_id
        found = self._leads.find_many(lead_ids)
        ended: list[bool] = []
        for number, lead_id in enumerate(lead_ids):
            if not self._is_going(campaign_id):
                begun = self._deliveries.find_many(campaign_id, lead_ids[number:])
                ended += [self._settle(each, unit) for each in begun.values()]
                break
            ended.append(self._deliver(content, unit, lead_id, found.get(lead_id)))
        if not all(ended):
            raise SomeAreWaiting(f"{ended.count(False)} of {len(lead_ids)} leads")

    def _deliver(self, content: LaunchedContent, unit: str, lead_id: LeadId, lead: Lead | None) -> bool:
        """Whether this delivery has come to an end, by this call or an earlier one."""
        claim = Delivery(
            campaign_id=content.campaign.campaign_id,
            lead_id=lead_id,
            status=DeliveryStatus.SENDING,
            claimed_at=self._clock(),
            unit=unit,
            email=lead.email if lead else None,
        )
        unreachable = _unreachable(lead)
        if unreachable is not None:
            status, reason = unreachable
            subject = _subject(content, lead) if lead else None
            claim = replace(claim, status=status, reason=reason.value, subject=subject)
        if not self._deliveries.claim(claim):
            return self._is_ended(claim)
        if lead is None or lead.email is None or unreachable is not None:
            return True
        return self._send(content, claim, lead, lead.email)

    def _send(self, content: LaunchedContent, claim: Delivery, lead: Lead, email: str) -> bool:
        campaign_id, lead_id = claim.campaign_id, claim.lead_id
        delivery_id = content.tracking.delivery_id(lead_id)
        unsubscribe_url = content.tracking.unsubscribe_url(delivery_id)
        subject = None
        try:
            rendered = content.renderer.render(
                merge_fields(lead), campaign_values(content.campaign), delivery_id, unsubscribe_url
            )
            subject = rendered.subject
            message = build_message(
                rendered,
                to_email=email,
                to_name=" ".join(name for name in (lead.first_name, lead.last_name) if name) or None,
                date=self._clock(),
                message_id=f"{delivery_id}@{content.campaign.from_email.rpartition('@')[2]}",
                unsubscribe_url=unsubscribe_url,
                feedback_id=f"{campaign_id}:campaign:leadflip",
            )
        except RenderFailed as error:
            return self._fail(claim, FailureReason.RENDERING_FAILED, str(error), subject)
        except AddressInvalid as error:
            return self._fail(claim, FailureReason.INVALID_ADDRESS, str(error), subject)
        mail = OutgoingMail(content.campaign.from_email, email, message, campaign_id, delivery_id)
        try:
            message_id = self._transport.send(mail)
        except Rejected as error:
            return self._fail(claim, error.reason, str(error), subject)
        except NotSent as error:
            logger().warning("not_sent", extra={"campaign_id": campaign_id, "words": str(error)})
            self._deliveries.release(campaign_id, lead_id, claim.claimed_at)
            return False
        except OutcomeUnknown as error:
            logger().warning("outcome_unknown", extra={"campaign_id": campaign_id, "words": str(error)})
            return False
        self._deliveries.record_sent(
            campaign_id, lead_id, at=self._clock(), message_id=message_id, subject=rendered.subject
        )
        return True

    def _fail(self, claim: Delivery, reason: FailureReason, detail: str, subject: str | None) -> bool:
        self._deliveries.record_failed(
            claim.campaign_id, claim.lead_id, reason=reason.value, detail=detail[:200], subject=subject
        )
        return True

    def _is_ended(self, claim: Delivery) -> bool:
        """Look at a delivery that somebody else has claimed; end it when its sender must have died."""
        existing = self._deliveries.find(claim.campaign_id, claim.lead_id)
        if existing is None:
            return False  # given back between the claim and this look
        return self._settle(existing, claim.unit)

    def _settle(self, existing: Delivery, unit: str) -> bool:
        if existing.unit != unit and unit not in existing.replanned:
            self._deliveries.record_replanned(existing.campaign_id, existing.lead_id, unit)
        if existing.status is not DeliveryStatus.SENDING:
            return True
        if self._clock() - existing.claimed_at < OUTCOME_GRACE:
            return False
        detail = "the sender stopped between handing the mail over and noting it"
        return self._fail(existing, FailureReason.OUTCOME_UNKNOWN, detail, None)


def _unreachable(lead: Lead | None) -> tuple[DeliveryStatus, FailureReason | SkipReason] | None:
    """How the delivery ends where there is nobody to write to; None where there is."""
    if lead is None:
        return DeliveryStatus.SKIPPED, SkipReason.LEAD_DELETED
    if lead.unsubscribed:
        return DeliveryStatus.SKIPPED, SkipReason.UNSUBSCRIBED
    if lead.suppressed is not None:
        return DeliveryStatus.SKIPPED, SkipReason.SUPPRESSED
    if lead.email is None:
        return DeliveryStatus.FAILED, FailureReason.MISSING_ADDRESS
    return None


def _subject(content: LaunchedContent, lead: Lead) -> str | None:
    """The subject that this lead would have read, for the timeline."""
    try:
        return content.renderer.render(merge_fields(lead), campaign_values(content.campaign), "", "").subject
    except RenderFailed:
        return None
