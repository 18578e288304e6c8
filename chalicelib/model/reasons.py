"""Why a delivery did not leave: a closed vocabulary, and what each word means to a marketer."""

from enum import StrEnum


class FailureReason(StrEnum):
    MISSING_ADDRESS = "missing_address"
    """The lead has no e-mail address."""
    INVALID_ADDRESS = "invalid_address"
    """The mail service cannot read the lead's address."""
    REJECTED = "rejected"
    """The mail service refused the message; its words are kept in the delivery's detail."""
    RENDERING_FAILED = "rendering_failed"
    """The content could not be rendered for this lead."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The sender died between handing over and noting it; whether the mail left is not known."""


class SkipReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    """The lead unsubscribed between planning and sending."""
    SUPPRESSED = "suppressed"
    """The lead's address bounced, or its owner complained of a mail, between planning and sending."""
    LEAD_DELETED = "lead_deleted"
    """The lead was deleted between planning and sending."""


class WaitReason(StrEnum):
    """Why mails that could leave do not leave yet; each of these ends by itself.

    A word of another release, which a row may hold, is read as MAIL_SERVICE.
    """

    RATE = "rate"
    """The mail service takes no more mails at the moment."""
    QUOTA = "quota"
    """The mail service takes no more mails within 24 hours."""
    PUT_OFF = "put_off"
    """A recipient's mail is not taken for now (greylisting, a full mailbox); other mails may leave."""
    MAIL_SERVICE = "mail_service"
    """The mail service cannot be reached or does not answer as it should."""

    @classmethod
    def _missing_(cls, value: object) -> "WaitReason":
        return cls.MAIL_SERVICE
