"""The recipients' door as the HTTP API knocks at it: what is forged is turned away before the router sees it."""

from collections.abc import Callable
from typing import Any

from chalicelib.tracking.delivery_ids import read_delivery_id
from chalicelib.tracking.http_api import PLAIN_NOT_FOUND, method_of, path_of, to_rest_event
from chalicelib.tracking.key_ring import KeyRingSource, KeyRingUnavailable

Router = Callable[[dict[str, Any], Any], dict[str, Any]]

_REMEMBERED_METHODS = ("GET", "HEAD", "POST")


class Door:
    """Requests in the HTTP API's form, answered by a router for the REST proxy form (the Chalice app).

    To every forged id the router gives the same answer, so it is asked once per route and method: a stranger's flood
    costs a fiftieth of a hit (measured: `make bench`).
    """

    def __init__(self, router: Router, keys: KeyRingSource) -> None:
        self._router = router
        self._keys = keys
        self._refusals: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = path_of(event)
        if path is None:
            return PLAIN_NOT_FOUND
        if not self._is_forged(path[1]):
            return self._router(to_rest_event(event, *path), context)
        asked = (path[0], method_of(event))
        refusal = self._refusals.get(asked)
        if refusal is None:
            refusal = self._router(to_rest_event(event, *path), context)
            if asked[1] in _REMEMBERED_METHODS:
                self._refusals[asked] = refusal
        return refusal

    def _is_forged(self, delivery_id: str) -> bool:
        try:
            return read_delivery_id(delivery_id.removesuffix(".gif"), self._keys) is None
        except KeyRingUnavailable:
            return False  # perhaps not: the routes know what to do about it
