"""The play book of misfortunes: what the next sends meet instead of a plain acceptance."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from local.inbox.addresses import bare_address


class FaultKind(StrEnum):
    """What happens; in brackets what the SES API answers, then the SMTP server (`status`, `message` change both)."""

    THROTTLE = "throttle"  # not kept (429 TooManyRequestsException; 454)
    QUOTA = "quota"  # not kept (400 LimitExceededException; 454)
    ERROR = "error"  # not kept (500 InternalServiceErrorException; 451)
    REJECT = "reject"  # not kept (400 MessageRejected; 554)
    STALL = "stall"  # after `seconds` it is accepted; by SES also when the client has gone, by SMTP only if it waits
    DROP = "drop"  # kept, then the connection breaks: the client cannot know
    DROP_UNKEPT = "drop_unkept"  # the connection breaks, nothing is kept


class MailProtocol(StrEnum):
    SES = "ses"
    SMTP = "smtp"


class SmtpMoment(StrEnum):
    RCPT = "rcpt"
    DATA = "data"


class Fault(BaseModel):
    """One entry of the book."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    count: int | None = Field(default=None, ge=1)  # how many sends it meets; None: all from now on
    protocol: MailProtocol | None = None  # None: both
    to: str | None = None  # only sends with this recipient (case-insensitive)
    seconds: float = Field(default=0.0, ge=0, le=600)  # wait this long first
    status: int | None = Field(default=None, ge=400, le=599)  # another HTTP status or SMTP code
    message: str | None = Field(default=None, pattern=r"^[\x20-\x7e]+$")  # other words
    at: SmtpMoment = SmtpMoment.DATA  # when the SMTP server plays it: answering RCPT TO or the end of DATA
    played: int = Field(default=0, ge=0)  # how many sends it has met

    def meets(self, protocol: MailProtocol, recipients: Iterable[str], moment: SmtpMoment) -> bool:
        if self.count is not None and self.played >= self.count:
            return False
        if self.protocol not in (None, protocol) or self.at is not moment:
            return False
        return self.to is None or self.to.lower() in {bare_address(recipient).lower() for recipient in recipients}


class FaultBook(BaseModel):
    """The faults in order; a send meets the first one that fits and has not been used up."""

    model_config = ConfigDict(extra="forbid")

    faults: list[Fault] = Field(default_factory=list)

    def next_for(
        self, protocol: MailProtocol, recipients: Iterable[str], moment: SmtpMoment = SmtpMoment.DATA
    ) -> Fault | None:
        """The fault that this send meets, counted as played; None for an undisturbed send."""
        for fault in self.faults:
            if fault.meets(protocol, recipients, moment):
                fault.played += 1
                return fault
        return None
