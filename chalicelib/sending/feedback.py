"""Apply a mail service's report: record it on the delivery, settle an unknown outcome, suppress the address.

    report ── verify the id ──┬── forged, or no such delivery: only logged
                              └── record ── settle as sent, if unknown ── hard bounce, complaint: suppress

Reports come at least once and in any order; every step may be repeated and none undoes another.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.crm.suppression import suppress_address
from chalicelib.model.errors import LeadNotFound
from chalicelib.model.reasons import FailureReason
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.sending.feedback_events import FeedbackEvent, FeedbackKind, read_event
from chalicelib.sqs import for_each_record
from chalicelib.store.feedback import FeedbackRecords, Reported
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count, logger
from chalicelib.tracking.delivery_ids import DeliveryName, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


class FeedbackOutcome(StrEnum):
    FIRST = "first"
    """Recorded now."""
    KNOWN = "known"
    """Recorded before."""
    FORGED = "forged"
    """The message's tag is not a delivery id of this stack."""
    NOBODY = "nobody"
    """It names a delivery that does not exist."""


@dataclass(frozen=True, slots=True)
class Feedback:
    _records: FeedbackRecords
    _leads: Leads
    _keys: KeyRingSource

    def apply(self, event: FeedbackEvent) -> FeedbackOutcome:
        """Apply a report. Raises StoreError or KeyRingUnavailable. May be repeated."""
        name = read_delivery_id(event.delivery_id, self._keys)
        if name is None:
            return FeedbackOutcome.FORGED
        reported = self._record(event, name)
        if reported is None:
            return FeedbackOutcome.NOBODY
        if event.kind is not FeedbackKind.REJECTED and not reported.delivery.was_sent:
            self._settle(event, name)
        if event.kind in (FeedbackKind.BOUNCED_HARD, FeedbackKind.COMPLAINED):
            self._suppress(event, name, reported.delivery.email)
        return FeedbackOutcome.FIRST if reported.is_first else FeedbackOutcome.KNOWN

    def _record(self, event: FeedbackEvent, name: DeliveryName) -> Reported | None:
        records, whose = self._records, (name.campaign_id, name.lead_id)
        match event.kind:
            case FeedbackKind.DELIVERED:
                return records.record_delivered(*whose, event.at)
            case FeedbackKind.DELAYED:
                return records.record_delayed(*whose, event.at, event.detail)
            case FeedbackKind.COMPLAINED:
                return records.record_complained(*whose, event.at)
            case FeedbackKind.REJECTED:
                reason = FailureReason.REJECTED.value
                return records.record_rejected(*whose, message_id=event.message_id, reason=reason, detail=event.detail)
            case _:
                is_hard = event.kind is FeedbackKind.BOUNCED_HARD
                return records.record_bounced(*whose, event.at, event.detail, hard=is_hard)

    def _settle(self, event: FeedbackEvent, name: DeliveryName) -> None:
        """Record that the service accepted the message, in case the sender died before doing so."""
        self._records.record_accepted(
            name.campaign_id,
            name.lead_id,
            event.sent_at,
            message_id=event.message_id,
            subject=event.subject,
            unknown=FailureReason.OUTCOME_UNKNOWN.value,
        )

    def _suppress(self, event: FeedbackEvent, name: DeliveryName, address: str | None) -> None:
        """Also for a known report: the function may have died after recording it."""
        complained = event.kind is FeedbackKind.COMPLAINED
        reason = SuppressionReason.COMPLAINT if complained else SuppressionReason.HARD_BOUNCE
        mark = Mark(reason, event.at, "complaint" if complained else "bounce", name.campaign_id)
        if address is not None:
            suppress_address(self._leads, address, mark, lead_id=name.lead_id)
        if complained:
            try:
                self._leads.unsubscribe(name.lead_id, at=event.at, source=mark.source, campaign_id=name.campaign_id)
            except LeadNotFound:
                return  # deleted meanwhile; its address is suppressed anyway


def apply_feedback(event: dict[str, Any], feedback: Feedback) -> Any:
    """Handles a batch of SES's reports, which their topics pass on unwrapped.

    What cannot be applied now goes back to its queue, what cannot be read ends in its dead letters. One line of the log
    says what became of a batch: there are as many reports as mails.
    """
    became: Counter[str] = Counter()

    def apply(record: "SQSRecord") -> None:
        report = read_event(record.body)
        if report is None:
            return
        outcome = feedback.apply(report)
        if outcome is FeedbackOutcome.FORGED:
            logger().warning("feedback_forged", extra={"kind": report.kind.value, "sqs_message": record.message_id})
        became[f"{report.kind.value}_{outcome.value}"] += 1

    answer = for_each_record(event, apply)
    if became:
        count("feedback", {"Feedback": became.total()}, kind="batch", became=dict(became))
    return answer
