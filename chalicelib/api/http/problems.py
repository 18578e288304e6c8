"""Errors as RFC 9457 problem details: the one place that turns what went wrong into an answer.

    {"type": "urn:leadflip:problem:invalid-request", "title": "The request is not valid", "status": 422,
     "detail": "subject is needed", "errors": [{"field": "subject", "reason": "is needed"}]}

A resource says which of its domain errors is which `ProblemType`; GENERAL holds those that may happen anywhere. What is
in neither is our own fault: a 500 that names the request, and a log line with the trace.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from chalicelib.sqs import QueueUnavailable
from chalicelib.store.client import Conflict, InvalidPosition, StoreUnavailable
from chalicelib.telemetry import logger
from chalicelib.tracking.key_ring import KeyRingUnavailable

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem detail. `members` are further members of the body, `errors` among them."""

    status: int
    slug: str
    title: str
    detail: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": type_uri(self.slug), "title": self.title, "status": self.status}
        if self.detail is not None:
            body["detail"] = self.detail
        return {**body, **self.members}


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What one kind of error is to a client. `members` reads further members of the body from the error."""

    status: int
    slug: str
    title: str
    members: Callable[[Any], Mapping[str, Any]] = lambda error: {}
    headers: Mapping[str, str] = field(default_factory=dict)

    def of(self, error: Exception) -> Problem:
        """The problem of one error; its text becomes the detail, so it must be fit for clients."""
        return Problem(self.status, self.slug, self.title, str(error) or None, self.members(error), self.headers)

    def plain(self) -> Problem:
        """The problem without a word about the case at hand."""
        return Problem(self.status, self.slug, self.title, headers=self.headers)

    def saying(self, detail: str, headers: Mapping[str, str] | None = None) -> "ApiProblem":
        """The problem, found on the way to an operation."""
        return ApiProblem(replace(self.plain(), detail=detail, headers={**self.headers, **(headers or {})}))


ProblemTypes = Mapping[type[Exception], ProblemType]


class ApiProblem(Exception):
    """A problem that the door itself finds."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


INTERNAL = ProblemType(500, "internal", "Something went wrong on our side")
INVALID_BODY = ProblemType(422, "invalid-request", "The request is not valid")
INVALID_PARAMETERS = ProblemType(400, "invalid-request", "The request is not valid")
UNAVAILABLE = ProblemType(503, "unavailable", "The service cannot answer right now", headers={"Retry-After": "2"})
_TRY_AGAIN = "Repeat the request in a few seconds. What is repeated with an Idempotency-Key is done once."
GENERAL: ProblemTypes = {
    StoreUnavailable: UNAVAILABLE,
    KeyRingUnavailable: UNAVAILABLE,
    QueueUnavailable: UNAVAILABLE,
    Conflict: ProblemType(409, "conflict", "The thing changed meanwhile"),
    InvalidPosition: ProblemType(400, "invalid-cursor", "The cursor is not one of this list"),
}


def type_uri(slug: str) -> str:
    """A name, not an address: RFC 9457 lets a type identify without being fetched."""
    return f"urn:leadflip:problem:{slug}"


def field_errors(errors: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The member `errors` from pairs of field and reason."""
    return {"errors": [{"field": name, "reason": reason} for name, reason in errors]}


def invalid(kind: ProblemType, errors: Iterable[tuple[str, str]]) -> ApiProblem:
    """A request whose fields or parameters are not right."""
    faults = list(errors)
    detail = "; ".join(f"{name} {reason}" for name, reason in faults[:3])
    return ApiProblem(Problem(kind.status, kind.slug, kind.title, detail, field_errors(faults)))


def problem_of(error: Exception, types: ProblemTypes, request_id: str) -> Problem:
    """What to answer for any error; unknown ones are logged with their trace and answered without a word of it."""
    if isinstance(error, ApiProblem):
        return error.problem
    for kind in type(error).__mro__:
        if issubclass(kind, Exception) and (known := types.get(kind) or GENERAL.get(kind)):
            if known.status >= 500:
                logger().warning("request failed", exc_info=error, extra={"request_id": request_id})
            # The engine's own words are for the log.
            return known.of(error) if known.status < 500 else replace(known.plain(), detail=_TRY_AGAIN)
    logger().error("unexpected error", exc_info=error, extra={"request_id": request_id})
    detail = "The operator finds it in the logs by this request id."
    return replace(INTERNAL.plain(), detail=detail, members={"request_id": request_id})


def framework_problem(status: int) -> ProblemType:
    """Chalice's own refusals (a wrong media type) in our form."""
    phrase = HTTPStatus(status).phrase
    return ProblemType(status, phrase.lower().replace(" ", "-"), phrase)
