"""Who may come in, and what those who may not are told, before any database is asked."""

from typing import Any

import pytest
from chalice import Chalice

from chalicelib.api.http.resources import Operation, Resource
from chalicelib.api.leads import NewLead
from tests.api_client import ApiClient, context_of


@pytest.fixture(scope="module")
def api() -> ApiClient:
    return ApiClient(context_of(None))


def test_health_needs_no_token(api: ApiClient) -> None:
    reply = api("GET", "/v1/health")
    assert (reply.status, reply.json["status"]) == (200, "ok")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer lf_short", "Bearer xx_" + "a" * 43, "lf_" + "a" * 43],
)
@pytest.mark.parametrize("url", ["/v1/leads", "/v1/tokens", "/v1/campaigns", "/v1/nothing"])
def test_without_a_well_formed_token_there_is_401(api: ApiClient, url: str, header: str | None) -> None:
    reply = api("GET", url, headers={} if header is None else {"Authorization": header})
    assert (reply.status, reply.json["status"]) == (401, 401)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_no_browser_guesses_what_an_answer_is(api: ApiClient) -> None:
    answers = [
        api("GET", "/v1/health"),
        api("GET", "/v1/openapi.json"),
        api("GET", "/v1/nothing"),
        api("GET", "/v1/leads"),
        api("POST", "/v1/health"),
    ]
    assert [answer.status for answer in answers] == [200, 200, 401, 401, 401]
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}


def test_a_media_type_matters_where_there_may_be_a_body_alone(api: ApiClient) -> None:
    assert api("GET", "/v1/health", headers={"Content-Type": "text/plain"}).status == 200


def test_routes_of_others_are_left_alone(api: ApiClient) -> None:
    @api.app.route("/t/o/{delivery_id}", methods=["GET"])
    def pixel(delivery_id: str) -> str:
        return delivery_id

    assert api("GET", "/t/o/abc").body == "abc"


def client_of(api: ApiClient, resource: Resource) -> ApiClient:
    client = ApiClient(api.context)
    client.app = Chalice(resource.name, configure_logs=False)
    client.app.register_blueprint(resource.blueprint(client.app, lambda: api.context))
    return client


def test_a_handler_may_read_only_what_it_declares(api: ApiClient) -> None:
    odd = Resource("odd")

    @Operation(odd, "POST", "/odd")
    def read_undeclared(call: Any) -> Any:
        return call.body(NewLead)

    assert client_of(api, odd)("POST", "/odd", {}).status == 500


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("body", "answered"),
    [
        (None, (204, None)),
        (" {} ", (204, None)),
        ("null", (204, None)),
        ({"reason": "holidays"}, (422, "reason is not known here")),
        ([], (422, "body must be an object")),
        ("no json", (400, None)),
    ],
)
def test_members_that_an_operation_would_not_read_are_refused(
    api: ApiClient, method: str, body: Any, answered: tuple[int, str | None]
) -> None:
    plain, done = Resource("plain"), list[str]()
    Operation(plain, method, "/pause", status=204)(lambda call: done.append("paused"))
    reply = client_of(api, plain)(method, "/pause", body)
    assert reply.status == answered[0]
    assert answered[1] is None or reply.json["detail"] == answered[1]
    assert done == ["paused"] * (answered[0] == 204)
