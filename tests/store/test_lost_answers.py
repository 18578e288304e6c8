"""Answers lost on the way back from the engine: the clients ask again, and nothing is lost, done twice or said falsely.

Every story is told once undisturbed, and once for every answer of it that can be lost. What is seen must be the same.
Three ways of losing: one answer, so that the client repeats the request; all from one on, so that the client gives up
and whoever called it (a queue, a person) repeats the whole; one, while somebody else writes before the repetition.
Claims and hits go by SignedCalls, all else by the SDK, with the patience that they have in production.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.model.delivery import BurstRule
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.messages import SendMessage
from chalicelib.sending.budget import LOOK_SECONDS, MustWait
from chalicelib.store.deliveries import Deliveries
from tests.lossy_wire import LossyWire
from tests.stand_in import StandIn
from tests.store import stories_of_campaigns, stories_of_leads, stories_of_sending  # noqa: F401
from tests.store.conftest import TablePool
from tests.store.interruptions import INTERRUPTED, Interrupted
from tests.store.lossy_world import (
    REPEATED,
    STORIES,
    Clients,
    LossyWorld,
    Told,
    clients_over,
    tell,
)

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("few_shards")]


@pytest.fixture
def wire(dynamodb: Any) -> Iterator[LossyWire]:
    with LossyWire(dynamodb.meta.endpoint_url) as started:
        yield started


@pytest.fixture
def clients(wire: LossyWire) -> Iterator[Clients]:
    with clients_over(wire) as made:
        yield made


@pytest.fixture
def fresh(table_pool: TablePool, clients: Clients) -> Iterator[Callable[[], LossyWorld]]:
    """Worlds with tables of their own."""
    with ExitStack() as in_use:
        yield lambda: LossyWorld(clients, in_use.enter_context(table_pool.tables()))


@pytest.fixture
def world(fresh: Callable[[], LossyWorld]) -> LossyWorld:
    return fresh()


def name_of(function: Callable[..., Any]) -> str:
    return function.__name__


@pytest.mark.parametrize("told", STORIES, ids=name_of)
def test_a_lost_answer_is_asked_for_again_and_changes_nothing(
    told: Told, wire: LossyWire, fresh: Callable[[], LossyWorld]
) -> None:
    undisturbed, answers = tell(told(fresh()), wire, lambda number: False)
    assert answers
    for lost in range(1, answers + 1):
        seen, _ = tell(told(fresh()), wire, lambda number: number == lost)  # noqa: B023
        assert seen == undisturbed, f"answer {lost} of {answers} lost"


@pytest.mark.parametrize("told", REPEATED, ids=name_of)
def test_what_was_given_up_for_lost_answers_is_completed_by_its_repetition(
    told: Told, wire: LossyWire, fresh: Callable[[], LossyWorld]
) -> None:
    undisturbed, answers = tell(told(fresh()), wire, lambda number: False)
    for first in range(1, answers + 1):
        seen, _ = tell(told(fresh()), wire, lambda number: number >= first, again_after=(StoreUnavailable,))  # noqa: B023
        assert seen == undisturbed, f"answers from {first} of {answers} on lost"


@pytest.mark.parametrize("arrange", INTERRUPTED, ids=name_of)
def test_a_late_repetition_leaves_alone_what_others_wrote_since(
    arrange: Callable[[LossyWorld], Interrupted], wire: LossyWire, world: LossyWorld
) -> None:
    interrupted = arrange(world)
    happened: list[Any] = []
    wire.lose(lambda number: number == interrupted.lost, lambda: happened.append(interrupted.meanwhile()))
    interrupted.act()
    wire.lose_nothing()
    assert happened, "the answer that was to be lost never came"
    assert interrupted.seen() == interrupted.expected


def test_a_lost_answer_costs_turns_and_quota_for_a_minute_and_never_passes_the_quota(
    wire: LossyWire, fresh: Callable[[], LossyWorld]
) -> None:
    for lost in range(1, 9):
        world, taken = fresh(), 0
        wire.lose(lambda number: number == lost)  # noqa: B023
        for _ in range(12):
            with suppress(MustWait):
                taken += len(world.budget.take(5, 0.01))
            assert taken <= 20
            world.now += timedelta(seconds=0.5)
        assert taken >= 10, "the limits were asked for at once, and at most one take was counted twice"
        for _ in range(3):
            world.now += timedelta(seconds=LOOK_SECONDS + 1)
            world.limits = replace(world.limits, sent_24_hours=taken)
            with suppress(MustWait):
                taken += len(world.budget.take(20, 0.001))
        assert taken == 20
        wire.lose_nothing()


class ThrottlesEndings:
    """The engine as it is when the row of the mail before is throttled, and the row of the next one is not."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.throttles = True

    def batch_execute_statement(self, Statements: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if not self.throttles or not Statements[0]["Statement"].startswith("UPDATE"):
            answer: dict[str, Any] = self._client.batch_execute_statement(Statements=Statements)
            return answer
        others = self._client.batch_execute_statement(Statements=Statements[1:])["Responses"] if Statements[1:] else []
        return {"Responses": [{"Error": {"Code": "ThrottlingError"}}, *others]}


def test_a_claim_that_was_made_while_the_end_before_it_was_throttled_is_given_back(
    world: LossyWorld, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.store.claims._ATTEMPTS", 1)
    throttling = ThrottlesEndings(clients.sender)
    world.claims_client = throttling
    worker = world.make_worker()
    leads = [world.lead(number).lead_id for number in (1, 2)]
    message = SendMessage(world.launched(), "0.0", tuple(leads))
    with pytest.raises(StoreUnavailable):
        world.deliver_message(message, worker)
    throttling.throttles = False
    rests = world.deliver_message(message, worker)
    assert world.addresses() == ["lead1@example.com", "lead2@example.com"]
    assert [rest.lead_ids for rest in rests] == [(leads[0],)], "what left without its end noted waits for a report"


class LosesClaims(StandIn):
    """The engine as it is when a claim's answer is lost, its repetition refused, and then no row can be read."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def batch_execute_statement(self, Statements: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self._client.batch_execute_statement(Statements=Statements)
        return {"Responses": [{"Error": {"Code": "DuplicateItem"}} for _ in Statements]}

    def get_item(self, **arguments: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="the engine")


def test_a_claim_that_cannot_be_recognized_as_ours_is_given_back(world: LossyWorld, clients: Clients) -> None:
    """Left at `sending`, the mail would count as failed with an unknown outcome, though it certainly never left."""
    lead, campaign_id = world.lead(1), world.launched()
    message = SendMessage(campaign_id, "0.0", (lead.lead_id,))
    whole, losing = world.deliveries, LosesClaims(clients.sender)
    world.claims_client = losing
    world.deliveries = Deliveries(LosesClaims(clients.client), world.tables.deliveries, BurstRule())
    with pytest.raises(StoreUnavailable):
        world.deliver_message(message, world.make_worker())
    assert whole.find(campaign_id, lead.lead_id) is None
    world.claims_client, world.deliveries = clients.sender, whole
    assert world.deliver_message(message, world.make_worker()) == []
    assert world.addresses() == ["lead1@example.com"]
