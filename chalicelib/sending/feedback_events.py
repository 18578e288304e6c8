"""What a mail service reports of a mail after it took it: one event for every service, in our own words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FeedbackKind(StrEnum):
    REJECTED = "rejected"
    """The service has taken the message, and then refused to send it (a virus in it)."""
    DELAYED = "delayed"
    """The recipient's server does not take it for now; the service keeps trying."""
    DELIVERED = "delivered"
    """The recipient's server has taken it. What it does with it nobody says."""
    BOUNCED_SOFT = "bounced_soft"
    """It came back for a reason that may pass: mailbox full, too large, an out-of-office answer."""
    BOUNCED_HARD = "bounced_hard"
    """It came back for good: there is no such address, or the service keeps from mailing it."""
    COMPLAINED = "complained"
    """The recipient called it spam."""


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    kind: FeedbackKind
    at: datetime
    """When it happened, by the service's clock; aware UTC."""
    delivery_id: str
    """The tag that our message carried, as it came: not verified yet."""
    sent_at: datetime
    """When the service took the message; aware UTC."""
    message_id: str
    """The service's own name of the message."""
    subject: str | None
    """Of the message, decoded; None where the service does not say."""
    detail: str | None
    """The service's, or the recipient's server's, own words."""
