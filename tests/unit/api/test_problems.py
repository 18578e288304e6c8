"""Errors as problem details."""

import json
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.api.http.answers import problem_answer, to_response
from chalicelib.api.http.authentication import Forbidden
from chalicelib.api.http.problems import problem_of
from chalicelib.api.http.requests import InvalidBody, InvalidParameters
from chalicelib.campaigns.launched_content import ContentNotReady
from chalicelib.model.errors import (
    Conflict,
    Fault,
    InvalidPosition,
    LeadflipError,
    LeadNotFound,
    StoreError,
    StoreUnavailable,
    TooLong,
)
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sqs import QueueUnavailable
from chalicelib.tracking.key_ring import KeyRingUnavailable


def body(error: Exception) -> dict[str, Any]:
    answer = problem_answer(problem_of(error, "request-1"))
    assert answer.content_type == "application/problem+json"
    parsed: dict[str, Any] = json.loads(answer.payload())
    assert parsed["status"] == answer.status
    assert {"type", "title", "status"} <= set(parsed)
    return parsed


@pytest.mark.parametrize("error", [RuntimeError, StoreError, ContentNotReady, LeadflipError])
def test_a_defect_says_only_the_request_id(error: type[Exception]) -> None:
    secret = "ada@example.com"
    answered = body(error(secret))
    assert (answered["status"], answered["request_id"]) == (500, "request-1")
    assert answered["type"] == "urn:leadflip:problem:internal"
    assert secret not in json.dumps(answered)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(StoreUnavailable, "2"), (KeyRingUnavailable, "2"), (QueueUnavailable, "5"), (SchedulerUnavailable, "5")],
)
def test_a_service_that_does_not_answer_is_503_to_be_tried_again_without_its_words(
    error: type[Exception], seconds: str
) -> None:
    problem = problem_of(error("Connection to 10.0.0.1 lost"), "r")
    assert (problem.status, problem.slug, problem.headers) == (503, "unavailable", {"Retry-After": seconds})
    assert (
        problem.detail == "Repeat the request in a few seconds. What is repeated with an Idempotency-Key is done once."
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LeadNotFound("There is no lead with this id."), 404),
        (Conflict("It changed."), 409),
        (InvalidBody([Fault("stage", "is required")]), 422),
        (InvalidParameters([Fault("limit", "must be a whole number")]), 400),
        (InvalidPosition("The cursor is mangled."), 400),
        (Forbidden("This token may only read."), 403),
    ],
)
def test_the_kind_of_an_error_decides_the_status(error: LeadflipError, status: int) -> None:
    answered = body(error)
    assert answered["status"] == status
    assert answered["type"] == f"urn:leadflip:problem:{error.problem}"
    assert (answered["title"], answered["detail"]) == (error.title, str(error))


def test_a_class_is_told_as_its_parent_unless_it_says_otherwise() -> None:
    class Busy(Conflict):
        pass

    class Heavy(TooLong, problem="heavy", title="It is too heavy"):
        faults = (Fault("stage", "is heavy"),)

    assert body(Busy("Busy."))["type"] == "urn:leadflip:problem:conflict"
    answered = body(Heavy("Heavy."))
    assert (answered["status"], answered["type"]) == (413, "urn:leadflip:problem:heavy")
    assert answered["errors"] == [{"field": "stage", "reason": "is heavy"}]


def test_a_place_is_told_where_there_is_one() -> None:
    answered = body(InvalidBody([Fault("html", "is not closed", 3, 7), Fault("subject", "is empty")]))
    assert answered["errors"] == [
        {"field": "html", "reason": "is not closed", "line": 3, "column": 7},
        {"field": "subject", "reason": "is empty"},
    ]


def test_an_invalid_request_names_every_field() -> None:
    answered = body(InvalidBody([Fault(f"f{number}", "is required") for number in range(5)]))
    assert [error["field"] for error in answered["errors"]] == ["f0", "f1", "f2", "f3", "f4"]
    assert answered["detail"] == "f0 is required; f1 is required; f2 is required"


def test_a_refusal_tells_what_to_present() -> None:
    problem = problem_of(Forbidden("This token may only read.", 'Bearer scope="full"'), "r")
    assert problem.headers == {"WWW-Authenticate": 'Bearer scope="full"'}


@pytest.mark.parametrize("binary_types", [["*/*"], ["image/*"]])
def test_a_problem_is_sent_with_and_without_binary_types(binary_types: list[str]) -> None:
    app = Chalice("test", configure_logs=False)
    app.api.binary_types = binary_types
    answer = problem_answer(problem_of(Conflict("ü"), "r"))
    raw = to_response(answer, app).to_dict(app.api.binary_types)
    json.dumps(raw)
    assert raw.get("isBase64Encoded", False) is (binary_types == ["*/*"])
