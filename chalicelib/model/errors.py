"""Every error that the product raises, in one tree. The kind says what the caller can do, and decides the HTTP status.

LeadflipError
├── Missing                404  the thing that was named does not exist
├── Conflicting            409  the present state of things does not allow it
├── Invalid                422  something that was sent has to be corrected first; `faults` says what
│   ├── Unreadable         400  it cannot be read at all
│   └── TooLong            413  it is more than one request takes
├── Refused                403  the caller may not do it
│   └── Unauthenticated    401  it is not known who the caller is
├── Unavailable            503  something that is needed does not answer; the same call may be repeated
└── StoreError                  what the store raises; by itself a defect of ours, as is any other exception (500)

The other classes stand beside the code that raises them. One that clients of the API meet says on its class line what
they are told (RFC 9457): `problem`, the last part of the problem's type, and `title`. Its text becomes the detail, so
it must be fit for clients. Names that begin with an underscore are private to a module and never leave it.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

MAX_REASON = 400
"""Characters that an answer or a row shows of a reason: it may quote what an author wrote, of any length."""


class Fault(NamedTuple):
    """One thing to correct; line and column (1-based) where it is within a text.

    The reason completes a sentence that begins with the field ("has no @"). With a place, or from the pre-send
    check, it is a sentence of its own.
    """

    field: str
    reason: str
    line: int | None = None
    column: int | None = None

    def brief(self) -> "Fault":
        """The same, with a reason of at most MAX_REASON characters."""
        cut = self.reason if len(self.reason) <= MAX_REASON else f"{self.reason[: MAX_REASON - 1]}…"
        return self._replace(reason=cut)

    def __str__(self) -> str:
        place = f" at line {self.line}, column {self.column}:" if self.line is not None else ""
        return f"{self.field}{place} {self.reason}"


class LeadflipError(Exception):
    """Root of all errors."""

    problem: ClassVar[str] = ""
    title: ClassVar[str] = ""
    faults: Sequence[Fault] = ()
    """What has to be corrected, where it is a matter of fields."""
    retry_after_seconds: ClassVar[int | None] = None

    def __init_subclass__(cls, problem: str = "", title: str = "") -> None:
        super().__init_subclass__()
        if problem:
            cls.problem, cls.title = problem, title

    def members(self) -> dict[str, object]:
        """What a program learns besides the text: further members of the problem."""
        errors = [{name: said for name, said in each._asdict().items() if said is not None} for each in self.faults]
        return {"errors": errors} if errors else {}


class Missing(LeadflipError):
    """The thing that was named does not exist."""


class Conflicting(LeadflipError):
    """The present state of things does not allow it."""


class Invalid(LeadflipError):
    """Something that was sent has to be corrected first."""


class Unreadable(Invalid):
    """What was sent cannot be read at all."""


class TooLong(Invalid):
    """What was sent is more than one request takes."""


class InvalidFields(Invalid):
    """Some fields are wrong; the text names the first three."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults[:3])))
        self.faults = tuple(faults)


class Refused(LeadflipError):
    """The caller may not do it. `challenge`: what it has to present instead (WWW-Authenticate, RFC 9110, 11.6.1)."""

    def __init__(self, message: str, challenge: str = "") -> None:
        super().__init__(message)
        self.challenge = challenge


class Unauthenticated(Refused):
    """It is not known who the caller is."""


class Unavailable(LeadflipError, problem="unavailable", title="The service cannot answer right now"):
    """Something that is needed does not answer; the same call may be repeated."""

    retry_after_seconds = 2


class StoreError(LeadflipError):
    """Root of what the store raises."""


class StoreUnavailable(StoreError, Unavailable):
    """The engine refused, throttled or did not answer; the call may be repeated."""


class Conflict(StoreError, Conflicting, problem="conflict", title="The thing changed meanwhile"):
    """A precondition no longer holds: somebody else was faster."""


class InvalidPosition(StoreError, Unreadable, problem="invalid-cursor", title="The cursor is not one of this list"):
    """A list was asked to go on from a place that it never named."""


class CampaignNotFound(Missing, problem="campaign-not-found", title="There is no such campaign"):
    """No campaign has this id."""


class LeadNotFound(Missing, problem="lead-not-found", title="There is no such lead"):
    """No lead has this id."""
