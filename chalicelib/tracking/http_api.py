"""The HTTP API's event (payload format 2.0) in the REST proxy form that Chalice's router reads."""

from typing import Any
from urllib.parse import parse_qs

_ROUTES = {"o": "/t/o/{delivery_id}", "c": "/t/c/{delivery_id}", "u": "/t/u/{delivery_id}"}

# What Chalice takes: a mail client may send any other type, or none, and is to get no error for it.
_FORM = "application/x-www-form-urlencoded"
_ANY = "application/json"


def path_of(event: dict[str, Any]) -> tuple[str, str] | None:
    """The route and the delivery id of a request for `/t/{o,c,u}/{delivery_id}`; None for any other path.

    The path by which a domain is mapped to the API may stand before it: by the API Gateway developer guide it does not
    ("Lambda proxy integrations for HTTP APIs"), by others' accounts of their events it does.
    """
    parts = event["rawPath"].strip("/").split("/")[-3:]
    if len(parts) != 3 or parts[0] != "t" or parts[1] not in _ROUTES:
        return None
    return _ROUTES[parts[1]], parts[2]


def method_of(event: dict[str, Any]) -> str:
    return str(event["requestContext"]["http"]["method"])


def to_rest_event(event: dict[str, Any], route: str, delivery_id: str) -> dict[str, Any]:
    """The REST proxy form of a request whose path was read.

    The query is parsed from `rawQueryString`: format 2.0 joins repeated parameters with commas.
    Source: API Gateway developer guide, "Lambda proxy integrations for HTTP APIs".
    """
    method = method_of(event)
    query = parse_qs(event.get("rawQueryString", ""), keep_blank_values=True)
    return {
        "httpMethod": method,
        "path": event["rawPath"],
        "headers": {**event.get("headers", {}), "content-type": _FORM if method == "POST" else _ANY},
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"delivery_id": delivery_id},
        "stageVariables": None,
        "body": event.get("body"),
        "isBase64Encoded": event.get("isBase64Encoded", False),
        "requestContext": {"httpMethod": method, "resourcePath": route, "identity": {}},
    }


PLAIN_NOT_FOUND = {
    "statusCode": 404,
    "headers": {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"},
    "body": "Not found\n",
}
