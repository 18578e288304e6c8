"""Tokens on a real engine: told once, kept as hashes, refused at once when revoked."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.model.access import Scope
from chalicelib.model.times import time_text
from chalicelib.store.access import LastFullToken, Tokens, hash_of
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
    assert api.context.tokens.use(secret, api.context.now()) == token


def listed(api: ApiClient, token_id: str) -> Any:
    (found,) = (each for each in api("GET", "/v1/tokens").json["items"] if each["token_id"] == token_id)
    return found


def test_the_list_says_which_token_asks_and_when_each_was_used_to_the_hour(api: ApiClient) -> None:
    issued, began = issue(api), api.context.now()
    assert (issued["used_at"], listed(api, issued["token_id"])["used_at"]) == (None, None)
    used = []
    for minutes in (0, 59, 61):
        api.context.now = partial(began.__add__, timedelta(minutes=minutes))
        assert status(api, issued["token"]) == 200
        used.append(listed(api, issued["token_id"])["used_at"])
    assert used == [time_text(began), time_text(began), time_text(began + timedelta(minutes=61))]
    current = [each["current"] for each in api("GET", "/v1/tokens").json["items"]]
    assert current == [True, False]


def test_a_revoked_token_is_not_brought_back_by_its_last_use(api: ApiClient) -> None:
    token, secret = api.context.tokens.issue("x", Scope.READ, api.context.now())
    find = api.context.dynamodb.get_item

    class RevokedMeanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(api.context.dynamodb, name)

        def get_item(self, **arguments: Any) -> Any:
            answer = find(**arguments)
            api.context.tokens.revoke(token.token_id)
            return answer

    slow: Any = RevokedMeanwhile()
    Tokens(slow, api.context.settings.campaigns_table).use(secret, api.context.now())
    assert [each.name for each in api.context.tokens.list_all()] == ["test"]


def test_a_read_token_may_not_list_tokens(api: ApiClient) -> None:
    assert (
        api("GET", "/v1/tokens", headers={"Authorization": f"Bearer {issue(api, scope='read')['token']}"}).status == 403
    )


def test_two_tokens_revoked_at_once_are_not_the_last_two(api: ApiClient) -> None:
    """Each is the other's reason to be revoked; the list of both is read before either is."""
    first = next(iter(api.context.tokens.list_all()))
    second, _ = api.context.tokens.issue("x", Scope.FULL, api.context.now())
    client: Any = api.context.dynamodb

    class OtherRevokedMeanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def query(self, **arguments: Any) -> Any:
            answer = client.query(**arguments)
            api.context.tokens.revoke(first.token_id)
            return answer

    slow: Any = OtherRevokedMeanwhile()
    with pytest.raises(LastFullToken):
        Tokens(slow, api.context.settings.campaigns_table).revoke(second.token_id)
    assert [each.token_id for each in api.context.tokens.list_all()] == [second.token_id]


def test_the_last_full_token_stays(api: ApiClient) -> None:
    own = next(each["token_id"] for each in api("GET", "/v1/tokens").json["items"])
    reading = issue(api, scope="read")
    refused = api("DELETE", f"/v1/tokens/{own}")
    assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:last-full-token")
    other = issue(api)
    assert api("DELETE", f"/v1/tokens/{reading['token_id']}").status == 204
    assert api("DELETE", f"/v1/tokens/{own}").status == 204
    assert api("GET", "/v1/tokens").status == 401
    assert status(api, other["token"]) == 200


def test_a_tokens_id_says_nothing_of_its_secret_and_earlier_ids_stay(
    api: ApiClient, dynamodb: Any, tables: TableNames
) -> None:
    issued = issue(api)
    digest = hash_of(issued["token"])
    assert issued["token_id"].removeprefix("tok_") not in digest
    earlier = {
        "pk": {"S": f"token#{'0' * 64}"},
        "sk": {"S": "token"},
        "kind": {"S": "token"},
        "token_id": {"S": f"tok_{'0' * 24}"},
        "name": {"S": "before"},
        "scope": {"S": "full"},
        "created_at": {"S": "2026-01-01T00:00:00.000Z"},
    }
    dynamodb.put_item(TableName=tables.campaigns, Item=earlier)
    assert listed(api, f"tok_{'0' * 24}")["name"] == "before"
    assert api("DELETE", f"/v1/tokens/tok_{'0' * 24}").status == 204
