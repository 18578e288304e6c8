"""The HTTP API's events in the REST proxy form; forged ids are refused without asking the routes each time."""

from typing import Any

import pytest

from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.tracking.delivery_ids import DeliveryName, make_delivery_id
from chalicelib.tracking.http_api import HttpApi, Identity, path_of, to_rest_event
from chalicelib.tracking.key_ring import KeyRingSource

KEYS = KeyRingSource(lambda: '{"current": 1, "1": "the key"}')


def away() -> str:
    raise OSError("the vault is away")


def http_event(path: str, query: str = "", method: str = "GET") -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"user-agent": "a person's"},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }


def rest_event(event: dict[str, Any]) -> dict[str, Any]:
    path = path_of(event)
    assert path is not None
    return to_rest_event(event, *path, "unverified")


def test_a_pixel_becomes_its_route() -> None:
    event = rest_event(http_event("/t/o/abc.gif", method="HEAD"))
    assert event["requestContext"]["resourcePath"] == "/t/o/{delivery_id}"
    assert event["requestContext"]["httpMethod"] == "HEAD"
    assert event["pathParameters"] == {"delivery_id": "abc"}


def test_a_destination_with_commas_and_plus_signs_arrives_whole() -> None:
    query = "l=1&u=https%3A%2F%2Fx.example%2F%3Fa%3D1%2C2%26b%3D1%2B1%26c%3D%252B&s=sig"
    event = rest_event(http_event("/t/c/abc", query))
    assert event["multiValueQueryStringParameters"]["u"] == ["https://x.example/?a=1,2&b=1+1&c=%2B"]


def test_the_path_that_an_operator_maps_to_the_api_may_stand_before_the_route() -> None:
    """By AWS's guide it is not in `rawPath`, by other accounts it is; an operator may map `/mail/leads` to the API."""
    event = rest_event(http_event("/mail/leads/t/c/abc"))
    assert event["requestContext"]["resourcePath"] == "/t/c/{delivery_id}"
    assert event["pathParameters"] == {"delivery_id": "abc"}


@pytest.mark.parametrize("path", ["/", "/t", "/t/o", "/t/x/abc", "/t/o/abc/def", "/v1/leads", "/t/o/"])
def test_other_paths_are_not_ours(path: str) -> None:
    assert path_of(http_event(path)) is None


@pytest.mark.parametrize("sent", [{}, {"content-type": "text/plain"}, {"content-type": "application/octet-stream"}])
def test_a_content_type_never_keeps_a_recipient_out(sent: dict[str, str]) -> None:
    for method, taken in (("GET", "application/json"), ("POST", "application/x-www-form-urlencoded")):
        event = rest_event(http_event("/t/u/abc", method=method) | {"headers": sent})
        assert event["headers"]["content-type"] == taken


class Routes:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str, str]] = []
        self.identities: list[Identity] = []

    def __call__(self, request: dict[str, Any], context: Any) -> dict[str, Any]:
        context = request["requestContext"]
        delivery_id = request["pathParameters"]["delivery_id"]
        self.asked.append((context["resourcePath"], request["httpMethod"], delivery_id))
        self.identities.append(context["delivery_identity"])
        return {"statusCode": self.status, "asked": self.asked[-1]}


def forged() -> str:
    return make_delivery_id(b"a guess", 1, new_campaign_id(), new_lead_id())


@pytest.mark.parametrize("suffix", ["", ".gif"])
def test_every_genuine_id_reaches_the_routes_with_what_it_says(suffix: str) -> None:
    routes = Routes()
    api = HttpApi(routes, KEYS)
    names = [DeliveryName(new_campaign_id(), new_lead_id(), 1) for _ in range(3)]
    ids = [make_delivery_id(b"the key", 1, name.campaign_id, name.lead_id) for name in names]
    for each in ids:
        api.answer(http_event(f"/t/o/{each}{suffix}"), None)
    assert [delivery_id for _, _, delivery_id in routes.asked] == ids
    assert routes.identities == names


@pytest.mark.parametrize("letter", "cu")
def test_only_the_pixel_may_end_like_an_image(letter: str) -> None:
    routes = Routes()
    genuine = make_delivery_id(b"the key", 1, new_campaign_id(), new_lead_id())
    HttpApi(routes, KEYS).answer(http_event(f"/t/{letter}/{genuine}.gif"), None)
    assert routes.identities == ["forged"]


def test_a_flood_of_forged_ids_asks_the_routes_once_per_route_and_method() -> None:
    routes = Routes()
    api = HttpApi(routes, KEYS)
    for letter in "ocu":
        for method in ("GET", "HEAD", "POST"):
            answers = [api.answer(http_event(f"/t/{letter}/{forged()}", method=method), None) for _ in range(50)]
            assert all(answer is answers[0] for answer in answers)
            assert answers[0]["asked"][:2] == (f"/t/{letter}/{{delivery_id}}", method)
    assert len(routes.asked) == 9


def test_an_error_of_ours_is_not_given_to_all_that_come_later() -> None:
    routes = Routes()
    api = HttpApi(routes, KEYS)
    routes.status = 500
    api.answer(http_event(f"/t/c/{forged()}"), None)
    routes.status = 404
    assert api.answer(http_event(f"/t/c/{forged()}"), None)["statusCode"] == 404


def test_invented_methods_fill_no_memory() -> None:
    routes = Routes()
    api = HttpApi(routes, KEYS)
    for number in range(20):
        api.answer(http_event(f"/t/o/{forged()}", method=f"METHOD{number}"), None)
    assert len(routes.asked) == 20


def test_without_keys_the_routes_decide() -> None:
    routes = Routes()
    api = HttpApi(routes, KeyRingSource(away))
    for _ in range(3):
        api.answer(http_event(f"/t/o/{forged()}"), None)
    assert routes.identities == ["unverified"] * 3


def test_what_has_no_ids_form_is_forged_without_keys_too() -> None:
    routes = Routes()
    api = HttpApi(routes, KeyRingSource(away))
    for text in ("abc", "A" * 47, "A" * 49, "+" * 48):
        api.answer(http_event(f"/t/c/{text}"), None)
    assert routes.identities == ["forged"]


def test_other_paths_are_nobodys() -> None:
    routes = Routes()
    assert HttpApi(routes, KEYS).answer(http_event("/t/x/abc"), None)["statusCode"] == 404
    assert not routes.asked
