"""Errors as RFC 9457 problem details: the one place that turns an exception into an answer.

    {"type": "urn:leadflip:problem:invalid-request", "title": "The request is not valid", "status": 422,
     "detail": "subject is required", "errors": [{"field": "subject", "reason": "is required"}]}

An error's kind (model/errors.py) decides the status, its class the type and title. Any other exception is a defect of
ours: a 500 that names the request, and a log line with the trace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from chalicelib.model.errors import (
    Conflicting,
    Invalid,
    LeadflipError,
    Missing,
    Refused,
    TooLong,
    Unauthenticated,
    Unavailable,
    Unreadable,
)
from chalicelib.telemetry import logger

CONTENT_TYPE = "application/problem+json"
_STATUS: Mapping[type, int] = {
    Missing: 404,
    Conflicting: 409,
    Invalid: 422,
    Unreadable: 400,
    TooLong: 413,
    Refused: 403,
    Unauthenticated: 401,
    Unavailable: 503,
}
_TRY_AGAIN = "Repeat the request in a few seconds. What is repeated with an Idempotency-Key is done once."


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
        # The type is a name, not an address: RFC 9457 lets it identify without being fetched.
        body: dict[str, Any] = {"type": f"urn:leadflip:problem:{self.slug}", "title": self.title, "status": self.status}
        if self.detail is not None:
            body["detail"] = self.detail
        return {**body, **self.members}


INTERNAL = Problem(500, "internal", "Something went wrong on our side")


def problem_type(error: type[LeadflipError]) -> Problem:
    """What all errors of a class have in common; INTERNAL for a class without a problem type."""
    status = next((_STATUS[kind] for kind in error.__mro__ if kind in _STATUS), 0)
    return Problem(status, error.problem, error.title) if error.problem else INTERNAL


def problem_of(error: Exception, request_id: str) -> Problem:
    """The answer to any error. A defect is logged with its trace; the client is told the request's id only."""
    known = problem_type(type(error)) if isinstance(error, LeadflipError) else INTERNAL
    if not isinstance(error, LeadflipError) or known is INTERNAL:
        logger().error("unexpected error", exc_info=error, extra={"request_id": request_id})
        detail = "The operator finds it in the logs by this request id."
        return replace(known, detail=detail, members={"request_id": request_id})
    headers = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, Unavailable):
        # The service's message is for the log.
        logger().warning("request failed", exc_info=error, extra={"request_id": request_id})
        return replace(known, detail=_TRY_AGAIN, headers=headers)
    if isinstance(error, Refused) and error.challenge:
        headers["WWW-Authenticate"] = error.challenge
    return replace(known, detail=str(error) or None, members=error.members(), headers=headers)


def framework_problem(status: int) -> Problem:
    """Chalice's own refusals (a wrong media type) in our form."""
    phrase = HTTPStatus(status).phrase
    return Problem(status, phrase.lower().replace(" ", "-"), phrase)
