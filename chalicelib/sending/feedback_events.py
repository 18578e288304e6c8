"""What a mail service reports about an accepted mail: one event for all services, and how to read SES's.

Sources: SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS"; RFC 5965 (feedback
types).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.model.errors import Unreadable

_DETAIL_CHARACTERS = 200
"""A delivery's row stays below one write unit."""


class FeedbackKind(StrEnum):
    REJECTED = "rejected"
    """The service accepted the message and then refused to send it (it contains a virus)."""
    DELAYED = "delayed"
    """The recipient's server does not accept it yet; the service keeps trying."""
    DELIVERED = "delivered"
    """The recipient's server has accepted it; whether it reached the inbox is unknown."""
    BOUNCED_SOFT = "bounced_soft"
    """Returned for a temporary reason: mailbox full, too large, an out-of-office answer."""
    BOUNCED_HARD = "bounced_hard"
    """Returned permanently: there is no such address, or the service suppresses it."""
    COMPLAINED = "complained"
    """The recipient marked it as spam."""


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
    """The service's, or the recipient's server's, own words."""


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
        case FeedbackKind.DELAYED:
            said = [each.get("diagnosticCode") for each in part.get("delayedRecipients", [])]
            words = next(filter(None, said), None) or part.get("delayType")
        case FeedbackKind.COMPLAINED:
            words = part.get("complaintFeedbackType")
        case _:
            words = None
    return str(words).strip()[:_DETAIL_CHARACTERS] if words else None
