"""Tokens on a real engine: told once, kept as hashes, refused at once when revoked."""

import re
from typing import Any

import pytest

from chalicelib.model.access import Scope
from local.tables import TableNames
from tests.api_client import ApiClient, context_of


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def issue(api: ApiClient, **said: Any) -> Any:
    reply = api("POST", "/v1/tokens", {"name": "script", **said})
    assert reply.status == 201
    return reply.json


def status(api: ApiClient, token: str, method: str = "GET") -> int:
    return api(method, "/v1/leads", {} if method == "POST" else None, {"Authorization": f"Bearer {token}"}).status


def test_an_issued_token_is_accepted(api: ApiClient) -> None:
    issued = issue(api)
    assert re.fullmatch(r"lf_[A-Za-z0-9_-]{43}", issued["token"])
    assert status(api, issued["token"]) == 200
    assert api("GET", "/v1/leads", headers={"Authorization": f"bearer {issued['token']}"}).status == 200


def test_an_unknown_token_of_the_right_form_is_401(api: ApiClient) -> None:
    assert status(api, "lf_" + "a" * 43) == 401


def test_a_read_token_may_only_look(api: ApiClient) -> None:
    token = issue(api, scope="read")["token"]
    assert status(api, token) == 200
    refused = api("POST", "/v1/leads", {"entity": "a", "stage": "b"}, {"Authorization": f"Bearer {token}"})
    assert (refused.status, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert api("DELETE", "/v1/tokens/tok_x", headers={"Authorization": f"Bearer {token}"}).status == 403


def test_a_revoked_token_is_refused_at_once(api: ApiClient) -> None:
    issued = issue(api)
    assert api("DELETE", f"/v1/tokens/{issued['token_id']}").status == 204
    assert status(api, issued["token"]) == 401
    assert api("DELETE", f"/v1/tokens/{issued['token_id']}").status == 404


def test_the_list_and_the_table_never_hold_a_token(api: ApiClient, dynamodb: Any, tables: TableNames) -> None:
    issued = issue(api, name="ops laptop", scope="read")
    listed = api("GET", "/v1/tokens").json
    assert {name: issued[name] for name in issued if name != "token"} in listed["items"]
    assert listed["cursor"] is None
    table = str(dynamodb.scan(TableName=tables.campaigns)["Items"])
    for text in (str(listed), table):
        assert issued["token"] not in text
        assert issued["token"][3:] not in text


@pytest.mark.parametrize(
    ("body", "field"), [({}, "name"), ({"name": ""}, "name"), ({"name": "a", "scope": "all"}, "scope")]
)
def test_a_wrong_wish_names_the_field(api: ApiClient, body: dict[str, str], field: str) -> None:
    reply = api("POST", "/v1/tokens", body)
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)


def test_scopes_are_remembered(api: ApiClient) -> None:
    token, secret = api.context.tokens.issue("x", Scope.READ, api.context.now())
    assert api.context.tokens.find(secret) == token
