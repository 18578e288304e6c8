"""`Idempotency-Key` on a real engine: done once, answered the same."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.store.idempotency import KEPT_SECONDS, MAX_BYTES, RUNNING_SECONDS, Asked, Idempotency, KeptAnswer
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.lossy_wire import LossyWire
from tests.store.lossy_world import clients_over

LEAD = {"entity": "acme", "stage": "New"}


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def post(api: ApiClient, body: Any = LEAD, key: str = "key-1", url: str = "/v1/leads") -> Reply:
    return api("POST", url, body, {"Idempotency-Key": key})


def count(api: ApiClient) -> int:
    return len(api("GET", "/v1/leads").json["items"])


def test_the_same_request_again_gets_the_first_answer(api: ApiClient) -> None:
    first, second = post(api), post(api)
    assert (second.status, second.json, second.headers["Location"]) == (201, first.json, first.headers["Location"])
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert count(api) == 1


def test_another_request_with_the_key_is_422(api: ApiClient) -> None:
    post(api)
    assert post(api, {**LEAD, "stage": "Hot"}).status == 422
    assert post(api, {"name": "x"}, url="/v1/tokens").status == 422


def test_another_key_and_another_caller_are_not_concerned(api: ApiClient) -> None:
    first = post(api).json
    assert post(api, key="key-2").json != first
    other = ApiClient(api.context).sign_in()
    assert post(other).json != first


def test_many_at_once_are_done_once(api: ApiClient) -> None:
    # An app has one current request, as a function on AWS does: every thread gets an app of its own.
    def attempt(_: int) -> Reply:
        client = ApiClient(api.context)
        client.token = api.token
        return post(client)

    with ThreadPoolExecutor(8) as threads:
        statuses = [reply.status for reply in threads.map(attempt, range(8))]
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(api) == 1


def test_a_refused_request_leaves_the_key_free(api: ApiClient) -> None:
    assert post(api, {"entity": "acme"}).status == 422
    assert post(api).status == 201


def test_a_running_request_is_409(api: ApiClient) -> None:
    first = post(api)
    store = api.context.idempotency
    caller = api.context.tokens.list_all()[0].token_id
    store.release(caller, "key-1")
    asked = store.claim(caller, "key-1", "another", api.context.now())
    assert (first.status, asked) == (201, None)
    assert post(api).status == 422
    assert store.claim(caller, "key-1", "another", api.context.now()) == Asked("another", None)


def test_a_token_is_not_kept_for_its_key(api: ApiClient, dynamodb: Any, tables: TableNames) -> None:
    first = post(api, {"name": "x"}, url="/v1/tokens")
    again = post(api, {"name": "x"}, url="/v1/tokens")
    assert (first.status, again.status) == (201, 409)
    kept = [row["body"]["B"] for row in dynamodb.scan(TableName=tables.campaigns)["Items"] if "body" in row]
    assert [zlib.decompress(body) for body in kept] == [b""]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel"])
def test_a_key_of_the_wrong_form_is_400(api: ApiClient, key: str) -> None:
    assert post(api, key=key).status == 400


def test_a_key_on_a_get_means_nothing(api: ApiClient) -> None:
    assert api("GET", "/v1/leads", headers={"Idempotency-Key": "a b"}).status == 200


def test_answers_end_after_a_day_and_claims_when_nobody_can_be_answering(dynamodb: Any, tables: TableNames) -> None:
    store = Idempotency(dynamodb, tables.campaigns)
    now = context_of(dynamodb, tables).now()
    assert store.claim("tok", "key", "print", now) is None
    assert store.claim("tok", "key", "print", now + timedelta(seconds=RUNNING_SECONDS - 1)) == Asked("print", None)
    later = now + timedelta(seconds=RUNNING_SECONDS + 1)
    assert store.claim("tok", "key", "print", later) is None
    answer = KeptAnswer(200, {"Content-Type": "application/json"}, "ü".encode())
    assert store.keep("tok", "key", answer, now)
    assert store.claim("tok", "key", "print", later + timedelta(seconds=KEPT_SECONDS - 1)) == Asked("print", answer)
    assert store.claim("tok", "key", "print", later + timedelta(seconds=KEPT_SECONDS + 1)) is None


def test_an_answer_too_large_to_keep_frees_the_key(dynamodb: Any, tables: TableNames) -> None:
    store = Idempotency(dynamodb, tables.campaigns)
    now = context_of(dynamodb, tables).now()
    assert store.claim("tok", "key", "print", now) is None
    incompressible = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") for n in range(MAX_BYTES // 3))
    assert not store.keep("tok", "key", KeptAnswer(200, {}, incompressible), now)
    assert store.claim("tok", "key", "print", now) is None


@pytest.mark.one_engine
def test_a_claim_whose_answer_is_lost_is_still_ours(dynamodb: Any, tables: TableNames) -> None:
    with LossyWire(dynamodb.meta.endpoint_url) as wire, clients_over(wire) as clients:
        api = ApiClient(context_of(clients.client, tables)).sign_in()
        wire.lose(lambda number: number == 1)
        first = post(api)
        wire.lose_nothing()
        assert (first.status, post(api).json) == (201, first.json)
