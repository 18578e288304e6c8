"""Reading bodies and parameters: what is wrong is named, whatever was sent."""

import json
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from chalice.app import MultiDict
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.campaign_moves import ScheduleBody
from chalicelib.api.campaigns import NewCampaign
from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.problems import Problem, problem_of
from chalicelib.api.http.registry import RESOURCES
from chalicelib.api.http.requests import InvalidParameters, media_type, read_body, read_query
from chalicelib.api.http.resources import operations
from chalicelib.api.imports import ImportQuery
from chalicelib.api.leads import LeadPatch, LeadQuery, NewLead
from chalicelib.api.rules import RulePatch
from chalicelib.api.suppressions import REMOVED, Listed, NewSuppressions, SuppressionsQuery
from chalicelib.api.tokens import NewToken
from chalicelib.model.errors import Invalid, InvalidPosition
from chalicelib.model.suppression import SuppressionReason


def refused(body: str | bytes, model: Any = NewLead) -> Problem:
    raw = body if isinstance(body, bytes) else body.encode()
    with pytest.raises(Invalid) as refusal:
        read_body(SimpleNamespace(raw_body=raw), model)  # type: ignore[arg-type]
    return problem_of(refusal.value, "r")


def fields(problem: Problem) -> set[str]:
    return {error["field"] for error in problem.members["errors"]}


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[31m", "a\u202eb", "\u200b", "x" * 101])
def test_a_token_has_a_name_that_can_be_read(name: str) -> None:
    assert fields(refused(json.dumps({"name": name}), NewToken)) == {"name"}


@pytest.mark.parametrize("body", ["", "{", "[1,", '{"entity": NaN', "\xff", "[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_400(body: str | bytes) -> None:
    assert refused(body).status == 400


@pytest.mark.parametrize(
    ("body", "faulty"),
    [
        ([], {"body"}),
        (None, {"body"}),
        ({}, {"entity", "stage"}),
        ({"entity": "a", "stage": "s", "stge": "x", "lead_id": "y"}, {"stge", "lead_id"}),
        ({"entity": 1, "stage": None}, {"entity", "stage"}),
        ({"entity": "a", "stage": "s", "tags": "x"}, {"tags"}),
        ({"entity": "a", "stage": "s", "tags": ["x", 1]}, {"tags[1]"}),
        ({"entity": "a", "stage": "s", "fields": {"x": []}}, {"fields.x"}),
        ({"entity": "a", "stage": "s", "fields": {"x": float("nan"), "y": float("inf")}}, {"fields.x", "fields.y"}),
    ],
)
def test_json_of_the_wrong_shape_is_422_naming_the_field(body: object, faulty: set[str]) -> None:
    problem = refused(json.dumps(body))
    assert problem.status == 422
    assert fields(problem) == faulty


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        (NewLead, {"entity": 1, "stage": "s", "x": 1}, "x is not known here; entity must be text"),
        (NewToken, {"name": " "}, "name must have at least 1 character"),
        (NewToken, {"name": "x" * 101}, "name must have at most 100 characters"),
        (
            NewToken,
            {"name": "a\nb", "scope": "all"},
            "name must be one line without control characters; ",
        ),
        (NewSuppressions, {"emails": []}, "emails must have at least 1 item"),
        (RulePatch, {"then": [{"action": "ada@example.com"}, {}]}, "then[0] must have a known 'action'; then[1] must "),
        (NewCampaign, {"utm": {"kind": "x"}}, "utm.kind is a name that must be 'source', 'medium', 'campaign', "),
        (ScheduleBody, {"at": "x", "timezone": "x", "proof": "waived"}, 'version is required with "proof": "waived"'),
    ],
)
def test_a_reason_completes_a_sentence_that_begins_with_the_field(model: Any, body: object, said: str) -> None:
    detail = str(refused(json.dumps(body), model).detail)
    assert detail.startswith(said)
    assert "ada@" not in detail


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"mapping": ["{"]}, "mapping must be JSON"),
        ({"defaults": ["[]"]}, "defaults must be an object"),
        ({"dry_run": ["perhaps"]}, "dry_run must be true or false"),
        ({"first_line": ["9" * 5_000]}, "first_line is too large"),
        ({"first_line": ["0"]}, "first_line must be greater than or equal to 1"),
    ],
)
def test_a_parameters_reason_does_so_too(query: dict[str, list[str]], said: str) -> None:
    with pytest.raises(InvalidParameters) as refusal:
        read_query(SimpleNamespace(query_params=MultiDict(query)), ImportQuery)  # type: ignore[arg-type]
    assert str(refusal.value) == said


def test_values_keep_their_types() -> None:
    body = {"fields": {"a": "5", "b": 5, "c": 5.5, "d": True, "e": None}}
    request: Any = SimpleNamespace(raw_body=json.dumps(body).encode())
    said = read_body(request, LeadPatch).said()
    assert json.dumps(said) == json.dumps(body)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    problem = refused(json.dumps({"entity": ["ada@example.com"], "stage": {"x": "ada@example.com"}}))
    assert "ada@" not in json.dumps(problem.body())


@pytest.mark.parametrize(
    ("query", "faulty"),
    [
        ({"limit": ["0"]}, "limit"),
        ({"limit": ["201"]}, "limit"),
        ({"limit": ["ten"]}, "limit"),
        ({"limit": ["1", "2"]}, "limit"),
        ({"entitiy": ["acme"]}, "entitiy"),
    ],
)
def test_a_wrong_parameter_is_400_naming_it(query: dict[str, list[str]], faulty: str) -> None:
    with pytest.raises(InvalidParameters) as refusal:
        read_query(SimpleNamespace(query_params=MultiDict(query)), LeadQuery)  # type: ignore[arg-type]
    problem = problem_of(refusal.value, "r")
    assert (problem.status, fields(problem)) == (400, {faulty})


def test_whatever_parameter_is_wrong_an_error_names_it_and_no_type_of_ours() -> None:
    queries = {each.query for each in operations(RESOURCES) if each.query is not None}
    assert len(queries) > 5
    for query in queries:
        names = {field.alias or name for name, field in query.model_fields.items()}
        wrong = MultiDict({name: ["\0", "\0"] for name in names})
        with pytest.raises(InvalidParameters) as refusal:
            read_query(SimpleNamespace(query_params=wrong), query)  # type: ignore[arg-type]
        problem = problem_of(refusal.value, "r")
        assert {name.partition("[")[0] for name in fields(problem)} <= names, problem.detail
    with pytest.raises(InvalidParameters, match=r"^reason must be 'hard_bounce', .* or 'removed'$"):
        read_query(SimpleNamespace(query_params=MultiDict({"reason": ["x"]})), SuppressionsQuery)  # type: ignore[arg-type]


def test_every_reason_of_a_suppression_can_be_asked_for() -> None:
    assert get_args(Listed) == (*SuppressionReason, REMOVED)


def test_a_media_type_is_read_without_its_parameters() -> None:
    request: Any = SimpleNamespace(headers={"content-type": "Text/CSV; header=present; charset=utf-8"})
    assert media_type(request) == "text/csv"


positions = st.text(min_size=1, max_size=60)


@given(positions)
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    try:
        position.encode()
    except UnicodeEncodeError:
        return
    cursor = LeadQuery(entity="acme").cursor_to(position)
    assert LeadQuery(entity="acme", cursor=cursor, limit=7).position() == position


@given(st.text(max_size=60))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidPosition):
        PageQuery(cursor=cursor).position()


def test_a_cursor_of_a_list_with_other_filters_is_refused() -> None:
    cursor = LeadQuery(entity="acme").cursor_to("0:lead_1")
    for other in (LeadQuery(entity="other", cursor=cursor), PageQuery(cursor=cursor)):
        with pytest.raises(InvalidPosition):
            other.position()


def test_a_cursor_with_one_changed_character_is_refused() -> None:
    cursor = PageQuery().cursor_to("0:lead_0123456789abcdef01234567")
    assert cursor is not None
    for place in range(len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(InvalidPosition):
            PageQuery(cursor=changed).position()
