"""What a mail service reports of a mail that it was given."""

from enum import StrEnum


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
