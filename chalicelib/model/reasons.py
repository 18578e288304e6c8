"""Why a delivery was not sent, or waits: a closed vocabulary, and what each word means to a marketer."""

from enum import StrEnum


class FailureReason(StrEnum):
    MISSING_ADDRESS = "missing_address"
    """The lead has no e-mail address."""
    INVALID_ADDRESS = "invalid_address"
    """The mail service does not accept the lead's address as one."""
    REJECTED = "rejected"
    """The mail service refused the message; the delivery's detail has its words."""
    RENDERING_FAILED = "rendering_failed"
    """The content could not be rendered for this lead."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The worker died after handing the mail over and before recording it; it may have left."""


class SkipReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    """The lead unsubscribed between planning and sending."""
    SUPPRESSED = "suppressed"
    """The lead's address bounced, or its owner complained of a mail, between planning and sending."""
    LEAD_DELETED = "lead_deleted"
    """The lead was deleted between planning and sending."""


class WaitReason(StrEnum):
    """Why mails wait; each of these ends by itself.

    A row may hold a word of another release: it is read as MAIL_SERVICE.
    """

    RATE = "rate"
    """The mail service takes no more mails at the moment."""
    QUOTA = "quota"
    """The mail service takes no more mails within 24 hours."""
    PUT_OFF = "put_off"
    """The server takes this recipient's mail later (greylisting, a full mailbox); other mails may leave."""
    MAIL_SERVICE = "mail_service"
    """The mail service is unreachable or answers with errors."""

    @classmethod
    def _missing_(cls, value: object) -> "WaitReason":
        return cls.MAIL_SERVICE
