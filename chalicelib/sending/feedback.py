"""Apply a mail service's report: record it on the delivery, settle an unknown outcome, suppress the address.

    report ── verify the id ──┬── forged, or no such delivery: only logged
                              └── record ── settle as sent, if unknown ── hard bounce, complaint: suppress

Reports come at least once and in any order; every step may be repeated and none undoes another. One event stands for
all mail services; below is how to read SES's.

Sources: SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS"; RFC 5965 (feedback
types).
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.crm.suppression import suppress_address
from chalicelib.model.errors import LeadNotFound, Unreadable
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.reasons import FailureReason
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.sqs import Failures, Record, for_each_record
from chalicelib.store.feedback import FeedbackRecords, Reported
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count, logger
from chalicelib.tracking.delivery_ids import DeliveryName, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource

_DETAIL_CHARACTERS = 200
"""A delivery's row stays below one write unit."""


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    kind: FeedbackKind
    at: datetime
    """When it happened, by the service's clock; aware UTC."""
    delivery_id: str
    """The message's tag as received, not verified yet."""
    sent_at: datetime
    """When the service took the message; aware UTC."""
    message_id: str
    """The service's own id of the message."""
    subject: str | None
    """The message's, decoded; None if the service does not report it."""
    detail: str | None
    """Of a rejection or bounce: the service's, or the recipient's server's, own words."""


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
            # The service accepted the message, and the sender died before recording that.
            self._records.record_accepted(
                name.campaign_id,
                name.lead_id,
                event.sent_at,
                message_id=event.message_id,
                subject=event.subject,
                unknown=FailureReason.OUTCOME_UNKNOWN.value,
            )
        if event.kind in (FeedbackKind.BOUNCED_HARD, FeedbackKind.COMPLAINED):
            self._suppress(event, name, reported.delivery.suppressible)
        return FeedbackOutcome.FIRST if reported.is_first else FeedbackOutcome.KNOWN

    def _record(self, event: FeedbackEvent, name: DeliveryName) -> Reported | None:
        whose = (name.campaign_id, name.lead_id)
        if event.kind is not FeedbackKind.REJECTED:
            return self._records.record(*whose, event.kind, event.at, event.detail)
        reason = FailureReason.REJECTED.value
        return self._records.record_rejected(*whose, message_id=event.message_id, reason=reason, detail=event.detail)

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


def apply_feedback(event: dict[str, Any], feedback: Feedback) -> Failures:
    """Handles a batch of SES's reports, which their topics pass on unwrapped.

    What cannot be applied now goes back to its queue, what cannot be read ends in its dead letters. One line of the log
    says what became of a batch: there are as many reports as mails.
    """
    became: Counter[str] = Counter()

    def apply(record: Record) -> None:
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


# The event's type, where its own part is, and which of our kinds it is when its part does not say otherwise.
_KINDS = {
    "Reject": ("reject", FeedbackKind.REJECTED),
    "Delivery": ("delivery", FeedbackKind.DELIVERED),
    "DeliveryDelay": ("deliveryDelay", FeedbackKind.DELAYED),
    "Bounce": ("bounce", FeedbackKind.BOUNCED_SOFT),
    "Complaint": ("complaint", FeedbackKind.COMPLAINED),
}

_SUPPRESSED_BY_SES = "OnAccountSuppressionList"


class UnreadableFeedback(Unreadable):
    """Not an event as SES documents them."""


def read_event(text: str) -> FeedbackEvent | None:
    """The event that a message of the topic holds.

    None for what says nothing about one of our deliveries: other types (SES's greeting when a topic was set up among
    them), mails of somebody else, reports that a mail is not spam. Raises UnreadableFeedback.
    """
    try:
        values = json.loads(text)
    except ValueError:
        # "Successfully validated SNS topic for Amazon SES event publishing."
        if text.startswith("Successfully validated"):
            return None
        raise UnreadableFeedback("the message is not JSON") from None
    try:
        return _read(values)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnreadableFeedback(f"{type(error).__name__}: {error}") from error


def _read(values: Mapping[str, Any]) -> FeedbackEvent | None:
    if values["eventType"] not in _KINDS:
        return None
    name, kind = _KINDS[values["eventType"]]
    mail, part = values["mail"], values.get(name) or {}
    delivery_id = (mail.get("tags") or {}).get("delivery_id")
    if not delivery_id or part.get("complaintFeedbackType") == "not-spam":
        return None
    if kind is FeedbackKind.BOUNCED_SOFT and part["bounceType"] == "Permanent":
        kind = FeedbackKind.BOUNCED_HARD
    if kind is FeedbackKind.COMPLAINED and part.get("complaintSubType") == _SUPPRESSED_BY_SES:
        # Nobody complained of this mail: SES did not send it, because of an earlier complaint.
        kind = FeedbackKind.BOUNCED_HARD
    sent_at = datetime.fromisoformat(mail["timestamp"])
    return FeedbackEvent(
        kind=kind,
        at=datetime.fromisoformat(part["timestamp"]) if "timestamp" in part else sent_at,
        delivery_id=delivery_id[0],
        sent_at=sent_at,
        message_id=mail["messageId"],
        subject=(mail.get("commonHeaders") or {}).get("subject"),
        detail=_detail(kind, part),
    )


def _detail(kind: FeedbackKind, part: Mapping[str, Any]) -> str | None:
    match kind:
        case FeedbackKind.REJECTED:
            words = part.get("reason")
        case FeedbackKind.BOUNCED_HARD | FeedbackKind.BOUNCED_SOFT:
            said = [each.get("diagnosticCode") for each in part.get("bouncedRecipients", [])]
            types = [part.get("bounceType"), part.get("bounceSubType") or part.get("complaintSubType")]
            words = next(filter(None, said), None) or "/".join(filter(None, types))
        case _:
            words = None
    return str(words).strip()[:_DETAIL_CHARACTERS] if words else None
