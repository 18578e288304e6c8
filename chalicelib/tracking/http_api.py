"""Handles the HTTP API's requests (payload format 2.0) for the tracking routes; answers forged ids from memory."""

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs

from chalicelib.tracking.delivery_ids import DeliveryName, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource, KeyRingUnavailable

Router = Callable[[dict[str, Any], Any], dict[str, Any]]
Identity = DeliveryName | Literal["unverified", "forged"]
"""What a request's delivery id is found to be; unverified while there are no keys to check it with."""

_ROUTES = {"o": "/t/o/{delivery_id}", "c": "/t/c/{delivery_id}", "u": "/t/u/{delivery_id}"}
_SUFFIXES = {"o": ".gif"}
_REMEMBERED_METHODS = ("GET", "HEAD", "POST")

# The content types that Chalice accepts: a mail client may send any other, or none, and must get no error for it.
FORM = "application/x-www-form-urlencoded"
_ANY = "application/json"

PLAIN_NOT_FOUND = {
    "statusCode": 404,
    "headers": {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
    "body": "Not found\n",
}


class HttpApi:
    """Answers requests with a router for the REST proxy form (the Chalice app).

    The router gives the same answer to every forged id, so it is asked once per route and method: a flood of forged ids
    costs a fiftieth of a hit each (measured: `make bench`).
    """

    def __init__(self, router: Router, keys: KeyRingSource) -> None:
        self._router = router
        self._keys = keys
        self._refusals: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = path_of(event)
        if path is None:
            return PLAIN_NOT_FOUND
        route, delivery_id = path
        identity, method = self._identify(delivery_id), event["requestContext"]["http"]["method"]
        refusal = self._refusals.get((route, method)) if identity == "forged" else None
        if refusal is not None:
            return refusal
        answer = self._router(to_rest_event(event, route, delivery_id, identity), context)
        if identity == "forged" and method in _REMEMBERED_METHODS and answer["statusCode"] < 500:
            self._refusals[route, method] = answer
        return answer

    def _identify(self, delivery_id: str) -> Identity:
        try:
            return read_delivery_id(delivery_id, self._keys) or "forged"
        except KeyRingUnavailable:
            return "unverified"


def path_of(event: dict[str, Any]) -> tuple[str, str] | None:
    """The route and the delivery id of a request for `/t/o/{id}[.gif]`, `/t/c/{id}` or `/t/u/{id}`; None for any other.

    A custom domain's mapping path may come first: according to the API Gateway developer guide it does not ("Lambda
    proxy integrations for HTTP APIs"), in events that others have published it does.
    """
    parts = event["rawPath"].strip("/").split("/")[-3:]
    if len(parts) != 3 or parts[0] != "t" or parts[1] not in _ROUTES:
        return None
    return _ROUTES[parts[1]], parts[2].removesuffix(_SUFFIXES.get(parts[1], ""))


def to_rest_event(event: dict[str, Any], route: str, delivery_id: str, identity: Identity) -> dict[str, Any]:
    """A request in the REST proxy form, with its identity in the request's context.

    The query is parsed from `rawQueryString`: format 2.0 joins repeated parameters with commas.
    Source: API Gateway developer guide, "Lambda proxy integrations for HTTP APIs".
    """
    method = event["requestContext"]["http"]["method"]
    query = parse_qs(event.get("rawQueryString", ""), keep_blank_values=True)
    return {
        "httpMethod": method,
        "path": event["rawPath"],
        "headers": {**event.get("headers", {}), "content-type": FORM if method == "POST" else _ANY},
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"delivery_id": delivery_id},
        "stageVariables": None,
        "body": event.get("body"),
        "isBase64Encoded": event.get("isBase64Encoded", False),
        "requestContext": {"httpMethod": method, "resourcePath": route, "delivery_identity": identity},
    }
