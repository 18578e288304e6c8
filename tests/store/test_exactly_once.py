"""Whatever happens to deliveries, and however the stream brings it: the counters are what a recount finds.

Random histories are written to a real engine; what its stream would carry is cut into batches that come repeated,
re-cut, shuffled and late, on two shards at once, to folds that die before and after their write. Recounts come in
between, die likewise, and find records on their way that they have counted already.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.analytics.fold import fold
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id, new_trace_id
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.stream_records import Change
from local.tables import TableNames
from tests.recounting import Recounter, add
from tests.stand_in import StandIn

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("few_shards")]

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
LINKS = ("1", "2", "3m", "4")
_names = count()


@dataclass(frozen=True)
class Deed:
    """Something that happens to one of a campaign's leads; `at` seconds after noon, in whatever order it is written."""

    what: str
    lead: int
    at: int
    link: str


deeds = st.builds(
    Deed,
    what=st.sampled_from(
        (
            *("claim", "claim", "sent", "sent", "failed", "failed", "skipped", "release", "replanned", "unsubscribed"),
            *("retry", "claim again", "accepted", "rejected", "delivered", "bounced", "soft bounce", "complained"),
            *("open", "proxy", "click", "click", "click", "scan", "sweep", "trace open", "trace click"),
        )
    ),
    lead=st.integers(0, 3),
    at=st.integers(0, 12) | st.integers(0, 20_000),
    link=st.sampled_from(LINKS),
)
histories = st.lists(deeds, min_size=5, max_size=40)
chances = st.integers(0, 2**32).map(Random)


@dataclass
class Stream:
    """What the deliveries table's stream carries, on two shards."""

    dynamodb: Any
    table: str
    campaign_id: CampaignId = field(default_factory=new_campaign_id)
    leads: list[LeadId] = field(default_factory=lambda: [new_lead_id() for _ in range(4)])
    traces: list[LeadId] = field(default_factory=lambda: [new_trace_id() for _ in range(4)])
    shards: tuple[list[Change], list[Change]] = field(default_factory=lambda: ([], []))
    clock: Callable[[], float] = lambda: 0.0
    _sequence: int = 1_000
    _claimed: dict[LeadId, Delivery] = field(default_factory=dict)
    """What a sender remembers that it has claimed last, whether it still stands or not."""

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.dynamodb, self.table, BurstRule())
        self.reports = FeedbackRecords(self.dynamodb, self.table, BurstRule())
        self.claims = Claims(self.dynamodb, self.table)

    def write(self, deed: Deed, chance: Random) -> None:
        """Do it, and carry what changed; a write that changed nothing is in no stream."""
        lead_id = (self.traces if deed.what.startswith("trace") else self.leads)[deed.lead]
        for change in self._changes(deed, lead_id):
            old = self.deliveries.find(self.campaign_id, lead_id)
            change()
            new = self.deliveries.find(self.campaign_id, lead_id)
            if old != new:
                self._sequence += chance.choice([1, 1, 7, 90_000])
                created_at = float(int(self.clock()))
                self.shards[deed.lead % 2].append(Change(self._sequence, self.campaign_id, old, new, created_at))

    def _claim(self, claim: Delivery) -> None:
        (is_first,), _ = self.claims.claim_and_record([claim], [])
        if is_first:
            self._claimed[claim.lead_id] = claim

    def _claim_again(self, claim: Delivery) -> None:
        if self.deliveries.claim_again(claim):
            self._claimed[claim.lead_id] = claim

    def _end(self, claim: Delivery, **values: Any) -> None:
        self.claims.claim_and_record([], [Ending(claim, values)])

    def _changes(self, deed: Deed, lead_id: LeadId) -> list[Callable[[], object]]:
        table, reports, ids = self.deliveries, self.reports, (self.campaign_id, lead_id)
        at, number = NOW + timedelta(seconds=deed.at), deed.at % 3
        nonce, tracking = f"{deed.at}-{self._sequence}", list(Tracking)[number]
        claim = Delivery(*ids, DeliveryStatus.SENDING, NOW, "0.0", nonce=nonce, tracking=tracking)
        claimed = self._claimed.get(lead_id, claim)
        reason = ("rejected", "invalid_address", "outcome_unknown")[number]
        message_id = f"m-{deed.at % 2}"
        click = Click(at, "https://x.example/" if deed.link.endswith("m") else None)
        sweep = [Click(at + timedelta(milliseconds=200 * each), None) for each in range(len(LINKS))]
        one: dict[str, Callable[[], object]] = {
            "claim": lambda: self._claim(claim),
            "skipped": lambda: self._claim(replace(claim, status=DeliveryStatus.SKIPPED, reason="unsubscribed")),
            "sent": lambda: self._end(claimed, status="sent", sent_at=at, message_id=message_id, subject="s"),
            "failed": lambda: self._end(claimed, status="failed", reason=reason),
            "release": lambda: table.release(claimed),
            "retry": lambda: table.mark_for_retry(*ids, number + 1),
            "claim again": lambda: self._claim_again(replace(claim, retried_at=at, retry=number + 1)),
            "accepted": lambda: reports.record_accepted(
                *ids, at, message_id=message_id, subject="s", unknown="outcome_unknown"
            ),
            "rejected": lambda: reports.record_rejected(*ids, message_id=message_id, reason="rejected", detail=None),
            "delivered": lambda: reports.record(*ids, FeedbackKind.DELIVERED, at),
            "bounced": lambda: reports.record(*ids, FeedbackKind.BOUNCED_HARD, at),
            "soft bounce": lambda: reports.record(*ids, FeedbackKind.BOUNCED_SOFT, at, "full"),
            "complained": lambda: reports.record(*ids, FeedbackKind.COMPLAINED, at),
            "replanned": lambda: table.record_replanned(*ids, f"{deed.at}.0"),
            "unsubscribed": lambda: table.record_unsubscribed(*ids, at=at),
            "open": lambda: table.record_open(*ids, at=at, machine=None),
            "proxy": lambda: table.record_open(*ids, at=at, machine="privacy_proxy"),
            "click": lambda: table.record_click(*ids, deed.link, click),
            "scan": lambda: table.record_click(*ids, deed.link, replace(click, machine="tool")),
        }
        one |= {"trace open": one["open"], "trace click": one["click"]}
        if deed.what == "sweep":
            return [
                lambda link=link, each=each: table.record_click(*ids, link, each)  # type: ignore[misc]
                for link, each in zip(LINKS, sweep, strict=True)
            ]
        return [one[deed.what]]


class Dies(BaseException):
    """The function's process ended here."""


class MortalClient(StandIn):
    """The engine's client in a process that may die before or after it writes."""

    def __init__(self, client: Any, chance: Random) -> None:
        self._client = client
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        if self._chance.random() < 0.15:
            raise Dies
        answer = self._client.transact_write_items(**arguments)
        if self._chance.random() < 0.15:
            raise Dies
        return answer


def batches_of(changes: list[Change], chance: Random) -> list[list[Change]]:
    """Everything at least once: cut, cut anew, repeated, some late, each batch shuffled, in a random order."""
    batches = []
    for _ in range(chance.choice([1, 2])):
        start = 0
        while start < len(changes):
            end = start + chance.randint(1, 6)
            batches.append(changes[start:end])
            start = end
    for _ in range(3):
        start = chance.randint(0, len(changes))
        batches.append(changes[start : start + chance.randint(1, 12)])
    if chance.random() < 0.8:
        # Mostly in order, as Lambda does it, with a few that come at another time.
        late = [batch for batch in batches if chance.random() < 0.25]
        batches = [batch for batch in batches if batch not in late] + late
    else:
        chance.shuffle(batches)
    for batch in batches:
        chance.shuffle(batch)
    return [batch for batch in batches if batch]


def deliver(shard: str, changes: list[Change], client: Any, table: str, chance: Random) -> None:
    """As Lambda: a batch whose function died or failed comes again, at once or after others."""
    waiting = batches_of(list(changes), chance)
    while waiting:
        batch = waiting.pop(0)
        try:
            fold(shard, batch, Counters(MortalClient(client, chance), table), now=0)
        except (Dies, StoreUnavailable):
            waiting.insert(chance.choice([0, 0, len(waiting)]), batch)


def counters_equal_recount(history: list[Deed], chance: Random, dynamodb: Any, tables: TableNames) -> None:
    stream = Stream(dynamodb, tables.deliveries)
    for deed in history:
        stream.write(deed, chance)
    name = f"stream-{next(_names)}"
    with ThreadPoolExecutor(2) as threads:
        folding = [
            threads.submit(deliver, f"{name}#{number}", changes, dynamodb, tables.campaigns, Random(chance.random()))
            for number, changes in enumerate(stream.shards)
        ]
        for each in folding:
            each.result()
    counted = dict(Counters(dynamodb, tables.campaigns).find(stream.campaign_id).sums)
    assert counted == Recounter(dynamodb, tables.deliveries, tables.campaigns).sums(stream.campaign_id)


class Life:
    """A campaign's days, one thing after another: writes, batches of its stream that come at any time, recounts."""

    def __init__(self, history: list[Deed], chance: Random, dynamodb: Any, tables: TableNames) -> None:
        self.now = 1_000_000.0
        self._chance = chance
        self._deeds = list(history)
        # The stream's clock is three seconds off, and a record's time rounded down.
        self.stream = Stream(dynamodb, tables.deliveries, clock=lambda: self.now + chance.uniform(-3, 3))
        self._mortal = MortalClient(dynamodb, chance)
        self.counters = Counters(dynamodb, tables.campaigns)
        names = tables.deliveries, tables.campaigns
        self.recounter = Recounter(self._mortal, *names, self._settles, lambda: self.now)
        self.oracle = Recounter(dynamodb, *names)
        self._table = tables.campaigns
        self._seen = [0, 0]
        self._name = f"stream-{next(_names)}"
        self.on_their_way: list[tuple[int, list[Change]]] = []

    def live(self, *what: str) -> None:
        """Until everything is written and no recount is under way."""
        while self._deeds or self.recounter.messages.bodies:
            self.now += self._chance.choice([0.2, 20])
            match self._chance.choice(("write",) * 4 + ("batch",) * 3 + ("work", "work", "recount", *what)):
                case "write":
                    self._write()
                case "batch":
                    self._take_a_batch()
                case "recount" if self._deeds:
                    self._survives(lambda: self.recounter.begin(self.stream.campaign_id))
                case "work" if self.recounter.messages.bodies:
                    self._survives(self.recounter.work)
                case "wrong":
                    add(self.counters, self.stream.campaign_id, {"sent": 3})

    def recount(self) -> None:
        """One that is not disturbed, but for deaths."""
        self.now += 20
        while not self._survives(lambda: self.recounter.begin(self.stream.campaign_id)):
            pass
        while self.recounter.messages.bodies:
            self._survives(self.recounter.work)

    def lose(self) -> None:
        """What Lambda has given up."""
        self.on_their_way = [each for each in self.on_their_way if self._chance.random() < 0.5]
        self._seen = [len(changes) for changes in self.stream.shards]

    def end(self) -> None:
        """What is still on its way comes, and some of it once more."""
        self._chance.shuffle(self.on_their_way)
        for number, batch in self.on_their_way + [each for each in self.on_their_way if self._chance.random() < 0.5]:
            self._fold(number, batch)
        for number, changes in enumerate(self.stream.shards):
            self._fold(number, changes[self._seen[number] :])

    def is_right(self) -> bool:
        return self.counters.find(self.stream.campaign_id).sums == self.oracle.sums(self.stream.campaign_id)

    def _write(self) -> None:
        if self._deeds:
            self.stream.write(self._deeds.pop(0), self._chance)

    def _take_a_batch(self) -> None:
        """New records of a shard, or some that were tried before; folded, or left on their way."""
        number = self._chance.randint(0, 1)
        changes, seen = self.stream.shards[number], self._seen[number]
        batch = changes[seen : seen + self._chance.randint(1, 6)]
        self._seen[number] += len(batch)
        if batch:
            self.on_their_way.append((number, batch))
        if self.on_their_way and self._chance.random() < 0.6:
            self._fold(*self.on_their_way.pop(self._chance.randrange(len(self.on_their_way))))

    def _settles(self, seconds: float) -> None:
        """What happens between a recount's two readings: batches come, and now and then something is written."""
        self.now += seconds / 2
        self._take_a_batch()
        if self._chance.random() < 0.5:
            self._write()
        self.now += seconds / 2

    def _fold(self, number: int, batch: list[Change]) -> None:
        shard, counters = f"{self._name}#{number}", Counters(self._mortal, self._table)
        while not self._survives(lambda: fold(shard, batch, counters, self.now)):
            pass

    @staticmethod
    def _survives(act: Callable[[], object]) -> bool:
        try:
            act()
        except Dies:
            return False
        return True


_FIXTURES_ARE_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=12, deadline=None, suppress_health_check=_FIXTURES_ARE_SHARED, derandomize=True)
@given(history=histories, chance=st.randoms(use_true_random=False))
def test_counters_equal_a_recount_whatever_happens(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    counters_equal_recount(history, chance, dynamodb, tables)


@pytest.mark.soak
@settings(max_examples=150, deadline=None, suppress_health_check=_FIXTURES_ARE_SHARED)
@given(history=st.lists(deeds, min_size=20, max_size=80), chance=st.randoms(use_true_random=False))
def test_counters_equal_a_recount_whatever_happens_for_long(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    counters_equal_recount(history, chance, dynamodb, tables)


_RECOUNTS = settings(
    deadline=None,
    suppress_health_check=_FIXTURES_ARE_SHARED,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a failing history is seconds long: shrinking it would take an hour
)


def recounts_in_between_change_nothing(history: list[Deed], chance: Random, dynamodb: Any, tables: TableNames) -> None:
    life = Life(history, chance, dynamodb, tables)
    life.live()
    life.end()
    assert life.is_right()


def a_recount_heals_whatever_was_lost(history: list[Deed], chance: Random, dynamodb: Any, tables: TableNames) -> None:
    life = Life(history, chance, dynamodb, tables)
    life.live("wrong")
    life.lose()
    life.recount()
    life.recount()  # the first may have been the rest of one that began before something was lost
    assert life.is_right()
    life.end()
    assert life.is_right()


@settings(_RECOUNTS, max_examples=5)
@given(history=histories, chance=chances)
def test_recounts_in_between_change_nothing(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    recounts_in_between_change_nothing(history, chance, dynamodb, tables)


@settings(_RECOUNTS, max_examples=4)
@given(history=histories, chance=chances)
def test_a_recount_heals_whatever_was_lost(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    a_recount_heals_whatever_was_lost(history, chance, dynamodb, tables)


def test_a_claim_that_comes_and_goes_between_a_recounts_readings_leaves_nothing(
    dynamodb: Any, tables: TableNames
) -> None:
    now = 100.0
    stream = Stream(dynamodb, tables.deliveries, clock=lambda: now)

    def pause(seconds: float) -> None:
        nonlocal now
        ends_at = now + seconds
        for what in ("claim", "replanned"):
            now += 1
            stream.write(Deed(what, 0, 1, LINKS[0]), Random(0))
        now = ends_at - 1
        stream.write(Deed("release", 0, 1, LINKS[0]), Random(0))
        now = ends_at

    counters = Counters(dynamodb, tables.campaigns)
    recounter = Recounter(dynamodb, tables.deliveries, tables.campaigns, pause, lambda: now)
    add(counters, stream.campaign_id, {"sent": 3})
    assert recounter.repair(stream.campaign_id).repaired
    fold(f"stream-{next(_names)}", stream.shards[0], counters, now=now)
    assert counters.find(stream.campaign_id).sums == recounter.sums(stream.campaign_id)


@pytest.mark.soak
@settings(_RECOUNTS, max_examples=100, derandomize=False)
@given(history=st.lists(deeds, min_size=20, max_size=60), chance=chances)
def test_recounts_in_between_change_nothing_for_long(
    dynamodb: Any, tables: TableNames, history: list[Deed], chance: Random
) -> None:
    recounts_in_between_change_nothing(history, chance, dynamodb, tables)
    a_recount_heals_whatever_was_lost(history, chance, dynamodb, tables)
