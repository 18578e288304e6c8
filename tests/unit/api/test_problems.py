"""Errors as problem details."""

import json
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.api.http.answers import problem_answer, to_response
from chalicelib.api.http.problems import INVALID_BODY, ProblemType, field_errors, invalid, problem_of
from chalicelib.sqs import QueueUnavailable
from chalicelib.store.client import Conflict, StoreError, StoreUnavailable
from chalicelib.tracking.key_ring import KeyRingUnavailable


def body(error: Exception, types: Any = None) -> dict[str, Any]:
    answer = problem_answer(problem_of(error, types or {}, "request-1"))
    assert answer.content_type == "application/problem+json"
    parsed: dict[str, Any] = json.loads(answer.payload())
    assert parsed["status"] == answer.status
    assert {"type", "title", "status"} <= set(parsed)
    return parsed


def test_an_unknown_error_says_only_the_request_id() -> None:
    secret = "ada@example.com"
    answered = body(RuntimeError(secret))
    assert (answered["status"], answered["request_id"]) == (500, "request-1")
    assert secret not in json.dumps(answered)


@pytest.mark.parametrize("error", [StoreUnavailable("Connection to 10.0.0.1 lost"), QueueUnavailable("10.0.0.1")])
def test_a_service_that_does_not_answer_is_503_to_be_tried_again_without_its_words(error: Exception) -> None:
    problem = problem_of(error, {}, "r")
    assert (problem.status, problem.headers["Retry-After"]) == (503, "2")
    assert (
        problem.detail == "Repeat the request in a few seconds. What is repeated with an Idempotency-Key is done once."
    )


def test_a_key_ring_that_cannot_be_read_is_503_to_be_tried_again() -> None:
    problem = problem_of(KeyRingUnavailable(), {}, "r")
    assert (problem.status, problem.headers["Retry-After"]) == (503, "2")


def test_a_broken_query_of_ours_is_our_fault() -> None:
    assert body(StoreError("ValidationException"))["status"] == 500


def test_the_nearest_known_ancestor_of_an_error_decides() -> None:
    class Busy(Conflict):
        pass

    assert body(Busy("Busy."))["type"] == "urn:leadflip:problem:conflict"
    own = {Busy: ProblemType(423, "busy", "It is busy", lambda error: field_errors([("stage", "is busy")]))}
    answered = body(Busy("Busy."), own)
    assert (answered["status"], answered["errors"]) == (423, [{"field": "stage", "reason": "is busy"}])


def test_an_invalid_request_names_every_field() -> None:
    answered = body(invalid(INVALID_BODY, [(f"f{number}", "is needed") for number in range(5)]))
    assert [error["field"] for error in answered["errors"]] == ["f0", "f1", "f2", "f3", "f4"]


@pytest.mark.parametrize("binary_types", [["*/*"], ["image/*"]])
def test_a_problem_leaves_through_a_door_with_and_without_binary_types(binary_types: list[str]) -> None:
    app = Chalice("test", configure_logs=False)
    app.api.binary_types = binary_types
    answer = problem_answer(problem_of(Conflict("ü"), {}, "r"))
    raw = to_response(answer, app).to_dict(app.api.binary_types)
    json.dumps(raw)
    assert raw.get("isBase64Encoded", False) is (binary_types == ["*/*"])
