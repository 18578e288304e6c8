"""The HTTP API's events in the REST proxy form."""

from typing import Any

import pytest

from chalicelib.tracking.http_api import path_of, to_rest_event


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
    return to_rest_event(event, *path)


def test_a_pixel_becomes_its_route() -> None:
    event = rest_event(http_event("/t/o/abc.gif", method="HEAD"))
    assert event["requestContext"]["resourcePath"] == "/t/o/{delivery_id}"
    assert event["requestContext"]["httpMethod"] == "HEAD"
    assert event["pathParameters"] == {"delivery_id": "abc.gif"}


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
