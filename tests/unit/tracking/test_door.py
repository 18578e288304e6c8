"""The door turns forged ids away with the routes' own answer, and asks the routes for everything else."""

from typing import Any

import pytest

from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.tracking.delivery_ids import make_delivery_id
from chalicelib.tracking.door import Door
from chalicelib.tracking.key_ring import KeyRingSource

KEYS = KeyRingSource(lambda: '{"current": 1, "1": "the key"}')


def away() -> str:
    raise OSError("the vault is away")


class Routes:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, request: dict[str, Any], context: Any) -> dict[str, Any]:
        context = request["requestContext"]
        delivery_id = request["pathParameters"]["delivery_id"]
        self.asked.append((context["resourcePath"], request["httpMethod"], delivery_id))
        return {"statusCode": 200, "asked": self.asked[-1]}


def event(path: str, method: str = "GET") -> dict[str, Any]:
    return {
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": method}},
    }


def genuine() -> str:
    return make_delivery_id(b"the key", 1, new_campaign_id(), new_lead_id())


def forged() -> str:
    return make_delivery_id(b"a guess", 1, new_campaign_id(), new_lead_id())


@pytest.mark.parametrize("suffix", ["", ".gif"])
def test_every_genuine_id_reaches_the_routes(suffix: str) -> None:
    routes = Routes()
    door = Door(routes, KEYS)
    ids = [genuine() + suffix for _ in range(3)]
    for each in ids:
        door.answer(event(f"/t/o/{each}"), None)
    assert [delivery_id for _, _, delivery_id in routes.asked] == ids


def test_a_flood_of_forged_ids_asks_the_routes_once_per_route_and_method() -> None:
    routes = Routes()
    door = Door(routes, KEYS)
    for letter in "ocu":
        for method in ("GET", "HEAD", "POST"):
            answers = [door.answer(event(f"/t/{letter}/{forged()}", method), None) for _ in range(50)]
            assert all(answer is answers[0] for answer in answers)
            assert answers[0]["asked"][:2] == (f"/t/{letter}/{{delivery_id}}", method)
    assert len(routes.asked) == 9


def test_invented_methods_fill_no_memory() -> None:
    routes = Routes()
    door = Door(routes, KEYS)
    for number in range(20):
        door.answer(event(f"/t/o/{forged()}", f"METHOD{number}"), None)
    assert len(routes.asked) == 20


def test_without_keys_the_routes_decide() -> None:
    routes = Routes()
    door = Door(routes, KeyRingSource(away))
    for _ in range(3):
        door.answer(event(f"/t/o/{forged()}"), None)
    assert len(routes.asked) == 3


def test_other_paths_are_nobodys() -> None:
    routes = Routes()
    assert Door(routes, KEYS).answer(event("/t/x/abc"), None)["statusCode"] == 404
    assert not routes.asked
