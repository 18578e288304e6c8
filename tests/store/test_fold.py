"""The fold and recount on a real engine: every change counts exactly once, however its batch is delivered."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.analytics import fold as folding
from chalicelib.analytics.facts import difference
from chalicelib.analytics.fold import StreamShardUnknown, fold, shard_of
from chalicelib.analytics.recount import MOST_TRIES, RENEWED_AFTER
from chalicelib.model import ids
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, new_campaign_id, new_lead_id
from chalicelib.store import keys
from chalicelib.store.applied_runs import RUNS_KEPT
from chalicelib.store.client import to_item
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans
from chalicelib.store.recounts import RecountState
from chalicelib.store.stream_records import Change
from local.tables import TableNames, read_template
from tests.claiming import record_claim, record_sent
from tests.recounting import Recounter, add
from tests.stand_in import StandIn
from tests.store.test_control import ControlledWorld

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ControlledWorld:
    return ControlledWorld(dynamodb, tables)


@pytest.fixture
def counters(dynamodb: Any, tables: TableNames) -> Counters:
    return Counters(dynamodb, tables.campaigns)


def history(campaign_id: CampaignId, chance: random.Random, first: int = 1, leads: int = 12) -> list[Change]:
    """What a stream would bring of a small campaign: claims, endings, opens and clicks in a random order."""
    changes: list[Change] = []
    current: dict[str, Delivery | None] = {new_lead_id(): None for _ in range(leads)}
    for number in range(first, first + leads * 5):
        lead_id = chance.choice(list(current))
        old = current[lead_id]
        at = NOW + timedelta(minutes=number)
        if old is None:
            new = Delivery(campaign_id, lead_id, DeliveryStatus.SENDING, at, "0.0")  # type: ignore[arg-type]
        else:
            failed = replace(old, status=DeliveryStatus.FAILED, reason="rejected")
            link = chance.choice(["1", "2"])
            new = chance.choice(
                [
                    replace(old, status=DeliveryStatus.SENT) if old.status is DeliveryStatus.SENDING else old,
                    failed if old.status is DeliveryStatus.SENDING else old,
                    replace(old, opened_at=old.opened_at or at),
                    replace(old, clicks={link: Click(at, None)} | dict(old.clicks)),
                    replace(old, scans={link: Click(at, None, "tool")} | dict(old.scans)),
                ]
            )
        current[lead_id] = new
        changes.append(Change(number, campaign_id, old, new, 0.0))
    return changes


def expected(changes: list[Change]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for change in changes:
        for name, number in difference(change.old, change.new).items():
            sums[name] = sums.get(name, 0) + number
    return {name: number for name, number in sums.items() if number}


def replayed(changes: list[Change], chance: random.Random) -> Iterator[list[Change]]:
    """The shard's records as Lambda may bring them: in order, but repeated from earlier places and cut anew."""
    done = 0
    while done < len(changes):
        start = chance.randint(max(0, done - 10), done)
        end = chance.randint(done, min(len(changes), done + 9)) + 1
        batch = changes[start:end]
        chance.shuffle(batch)
        yield batch
        done = max(done, min(end, len(changes)))
    yield from ([*changes], [*changes])


@pytest.mark.parametrize("seed", range(5))
def test_batches_replayed_recut_and_shuffled_count_once(counters: Counters, seed: int) -> None:
    chance, campaign_id = random.Random(seed), new_campaign_id()
    changes = history(campaign_id, chance)
    for batch in replayed(changes, chance):
        fold("stream#shard-1", batch, counters, now=0)
    assert dict(counters.find(campaign_id).sums) == expected(changes)


def test_a_batch_that_was_given_up_and_comes_after_newer_ones_is_added(counters: Counters) -> None:
    campaign_id = new_campaign_id()
    changes = history(campaign_id, random.Random(2))
    skipped, newer = changes[:20], changes[20:]
    for start in range(0, len(newer), 5):
        fold("a", newer[start : start + 5], counters, now=0)
    for batch in (skipped[7:15], skipped[:10], skipped[10:], changes):
        fold("a", batch, counters, now=0)
    assert dict(counters.find(campaign_id).sums) == expected(changes)


def test_what_is_too_late_to_tell_is_not_added_and_asks_for_a_recount(counters: Counters) -> None:
    campaign_id = new_campaign_id()
    changes = history(campaign_id, random.Random(4))
    assert len(changes) > RUNS_KEPT + 1
    for change in changes[1:]:
        fold("a", [change], counters, now=0)
    fold("a", [changes[0]], counters, now=0)
    fold("a", [changes[1]], counters, now=0)
    sums = dict(counters.find(campaign_id).sums)
    assert sums.pop("recount_due") == 2
    assert sums == expected(changes[1:])


def test_a_batch_that_outlived_the_note_of_it_is_refused(counters: Counters, dynamodb: Any, tables: TableNames) -> None:
    campaign_id = new_campaign_id()
    changes = history(campaign_id, random.Random(5))
    fold("a", changes, counters, now=60)
    dynamodb.delete_item(TableName=tables.campaigns, Key=keys.applied_runs("a"))  # as its time to live does
    fold("a", changes, counters, now=folding.NOTE_LIFE_SECONDS + 60)
    sums = dict(counters.find(campaign_id).sums)
    assert sums.pop("recount_due") == len(changes)
    assert sums == expected(changes)


def test_a_note_outlives_every_record_that_is_still_taken() -> None:
    assert folding.NOTE_LIFE_SECONDS > 2 * folding.OLDEST_SECONDS


def test_two_shards_count_into_one_campaign(counters: Counters) -> None:
    chance, campaign_id = random.Random(1), new_campaign_id()
    left, right = history(campaign_id, chance), history(campaign_id, chance, first=500)
    for shard, changes in (("a", left), ("b", right), ("a", left), ("b", right)):
        fold(shard, changes, counters, now=0)
    assert dict(counters.find(campaign_id).sums) == expected([*left, *right])


def test_a_batch_of_many_campaigns_takes_several_transactions(
    counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "ROWS_PER_TRANSACTION", 5)
    campaigns = [new_campaign_id() for _ in range(12)]
    changes = [
        Change(number, each, None, Delivery(each, new_lead_id(), DeliveryStatus.SENT, NOW, "0.0", opened_at=NOW), 0.0)
        for number, each in enumerate(campaigns, start=1)
    ]
    assert fold("a", changes, counters, now=0) == set(campaigns)
    for each in campaigns:
        assert dict(counters.find(each).sums) == {"sent": 1, "opened": 1, "opened_machine_only": 1} | {
            "hour/2026-11-23T12/opened": 1
        }


class DiesAfterWriting(StandIn):
    """The engine's client whose process dies just after a transaction was written, the first or a later one."""

    def __init__(self, client: Any, number: int = 1) -> None:
        self._client = client
        self.writes_left = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        answer = self._client.transact_write_items(**arguments)
        self.writes_left -= 1
        if self.writes_left == 0:
            raise KeyboardInterrupt
        return answer


def test_a_fold_that_dies_after_its_write_is_not_counted_again(dynamodb: Any, tables: TableNames) -> None:
    client = DiesAfterWriting(dynamodb)
    counters, campaign_id = Counters(client, tables.campaigns), new_campaign_id()
    changes = history(campaign_id, random.Random(3))
    with pytest.raises(KeyboardInterrupt):
        fold("a", changes, counters, now=0)
    fold("a", changes, counters, now=0)
    assert dict(counters.find(campaign_id).sums) == expected(changes)


def test_a_stream_event_without_a_shard_is_refused_unless_one_is_assumed() -> None:
    event = {"Records": [{"eventSourceARN": "arn:stream"}]}
    with pytest.raises(StreamShardUnknown, match="TumblingWindow"):
        shard_of(event, None)
    assert shard_of(event, "local") == "arn:stream#local"
    assert shard_of(event | {"shardId": "shardId-7"}, "local") == "arn:stream#shardId-7"


def sent_and_opened(dynamodb: Any, tables: TableNames) -> CampaignId:
    deliveries, campaign_id = Deliveries(dynamodb, tables.deliveries, BurstRule()), new_campaign_id()
    for _ in range(3):
        delivery = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0")
        record_claim(deliveries, delivery)
        record_sent(deliveries, campaign_id, delivery.lead_id, at=NOW, message_id="m", subject="s")
    deliveries.record_open(campaign_id, delivery.lead_id, at=NOW, machine=None)
    return campaign_id


@pytest.fixture
def recounter(dynamodb: Any, tables: TableNames) -> Recounter:
    return Recounter(dynamodb, tables.deliveries, tables.campaigns)


def test_recount_puts_wrong_numbers_right_and_leaves_right_ones(
    dynamodb: Any, tables: TableNames, counters: Counters, recounter: Recounter
) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)
    add(counters, campaign_id, {"sent": 7, "x": 1})
    job = recounter.repair(campaign_id)
    right = {"sent": 3, "opened": 1, "hour/2026-11-23T12/opened": 1, "delay/0": 1}
    assert dict(counters.find(campaign_id).sums) == right
    assert (job.state, job.repaired, job.progress) == (RecountState.DONE, True, 1.0)
    assert (job.before, job.after) == ({"sent": 7, "x": 1}, {"sent": 3, "opened": 1})
    again = recounter.repair(campaign_id)
    assert (again.number, again.repaired, again.before) == (2, False, job.after)
    assert dict(counters.find(campaign_id).sums) == right


def test_recount_answers_who_asks_for_it(
    dynamodb: Any, tables: TableNames, counters: Counters, recounter: Recounter
) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)
    add(counters, campaign_id, {"recount_due": 1})
    assert recounter.repair(campaign_id).repaired
    assert "recount_due" not in counters.find(campaign_id).sums


def test_what_is_added_during_a_recount_is_in_the_numbers_that_it_leaves(
    dynamodb: Any, tables: TableNames, counters: Counters
) -> None:
    campaign_id, deliveries = sent_and_opened(dynamodb, tables), Deliveries(dynamodb, tables.deliveries, BurstRule())
    known = list(deliveries.iter_campaign(campaign_id))
    recounter = Recounter(dynamodb, tables.deliveries, tables.campaigns, clock=lambda: 100.0)
    recounter.begin(campaign_id)
    # All but the first bucket are summed; then one of these is sent a mail, whose record comes at once ...
    (message,) = recounter.messages.bodies
    recounter.messages.bodies[0] = message | {"buckets": message["buckets"][1:]}
    recounter.work()
    new = delivery_in(campaign_id, 1, sent_at=NOW)
    record_claim(deliveries, new)
    fold("a", [Change(1, campaign_id, None, new, 101.0)], counters, now=101)
    recounter.messages.bodies.append(message)
    recounter.work()
    # ... and those of the others only afterwards.
    late = [Change(2 + number, campaign_id, None, each, 99.0) for number, each in enumerate(known)]
    fold("a", late, counters, now=101)
    assert dict(counters.find(campaign_id).sums) == recounter.sums(campaign_id)
    assert counters.find(campaign_id).sums["sent"] == 4


@pytest.mark.parametrize(("written_at", "stamped_at"), [(99.9, 102.0), (108.1, 105.0)])
def test_the_streams_clock_may_be_three_seconds_off(
    dynamodb: Any, tables: TableNames, counters: Counters, written_at: float, stamped_at: float
) -> None:
    campaign_id, deliveries = sent_and_opened(dynamodb, tables), Deliveries(dynamodb, tables.deliveries, BurstRule())
    now = 100.0

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    new = delivery_in(campaign_id, 1)
    change = Change(1, campaign_id, None, new, stamped_at)
    if written_at < now:
        record_claim(deliveries, new)
    recounter = Recounter(dynamodb, tables.deliveries, tables.campaigns, pause=passes, clock=lambda: now)
    recounter.repair(campaign_id)
    if written_at > now:
        record_claim(deliveries, new)
    fold("a", [change], counters, now=now)
    assert dict(counters.find(campaign_id).sums) == recounter.sums(campaign_id)


def delivery_in(campaign_id: CampaignId, bucket: int, **said: Any) -> Delivery:
    lead_id = next(each for each in iter(new_lead_id, None) if ids.shard_of(each, keys.DELIVERY_SHARDS) == bucket)
    return Delivery(campaign_id, lead_id, DeliveryStatus.SENT, NOW, "0.0", **said)


def test_buckets_that_are_not_quiet_are_tried_again_and_given_up_in_the_end(
    dynamodb: Any, tables: TableNames, counters: Counters
) -> None:
    campaign_id, deliveries = sent_and_opened(dynamodb, tables), Deliveries(dynamodb, tables.deliveries, BurstRule())
    add(counters, campaign_id, {"sent": 7})

    def somebody_is_claimed(seconds: float) -> None:
        record_claim(deliveries, delivery_in(campaign_id, 5))

    busy = Recounter(dynamodb, tables.deliveries, tables.campaigns, pause=somebody_is_claimed)
    busy.begin(campaign_id)
    busy.work()
    job = busy.recounts.find(campaign_id)
    assert job is not None
    assert job.missing == [5]
    assert busy.messages.bodies == [{"campaign_id": campaign_id, "recount": 1, "buckets": [5], "tries": 2}]
    job = busy.repair(campaign_id)
    assert (job.state, job.repaired) == (RecountState.GIVEN_UP, None)
    assert dict(counters.find(campaign_id).sums) == {"sent": 7}
    # Nobody listens any longer to what is added, and the next recount begins anew.
    assert counters.read("a", [campaign_id])[1][campaign_id].recount == 0
    quiet = Recounter(dynamodb, tables.deliveries, tables.campaigns)
    assert quiet.repair(campaign_id).repaired
    assert dict(counters.find(campaign_id).sums) == quiet.sums(campaign_id)


def test_a_recounts_messages_are_fewer_than_lambda_lets_follow_each_other() -> None:
    # The API's invocation begins the chain. Source: AWS, Lambda recursive loop detection, "approximately 16 times".
    assert 1 + MOST_TRIES < 16


def test_a_recount_is_begun_anew_from_the_age_on_at_which_the_fold_gives_up_a_batch() -> None:
    fold_events = read_template()["Resources"]["Fold"]["Properties"]["Events"]
    (stream,) = fold_events.values()
    assert stream["Properties"]["MaximumRecordAgeInSeconds"] == RENEWED_AFTER.total_seconds()


def test_a_recount_that_is_asked_for_again_is_the_same_and_goes_on_with_what_is_missing(
    dynamodb: Any, tables: TableNames, recounter: Recounter
) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)
    assert recounter.begin(campaign_id).number == 1
    recounter.messages.bodies[0]["buckets"] = [3, 4]
    recounter.work()
    again = recounter.begin(campaign_id)
    assert (again.number, again.progress) == (1, 2 / keys.DELIVERY_SHARDS)
    assert {3, 4}.isdisjoint(recounter.messages.bodies[-1]["buckets"])
    assert recounter.repair(campaign_id).state is RecountState.DONE


class Clocked:
    """A recount whose clock a test moves on."""

    def __init__(self, dynamodb: Any, tables: TableNames) -> None:
        self.now = 1_000_000.0
        names = tables.deliveries, tables.campaigns
        self.recounter = Recounter(dynamodb, *names, clock=lambda: self.now)

    def sum_half(self, campaign_id: CampaignId) -> None:
        """Begin a recount of which half the buckets are summed; the message for the others stays."""
        self.recounter.begin(campaign_id)
        (message,) = self.recounter.messages.bodies
        self.recounter.messages.bodies[:] = [message | {"buckets": message["buckets"][: keys.DELIVERY_SHARDS // 2]}]
        self.recounter.work()
        self.recounter.messages.bodies.append(message)


def test_a_message_of_a_recount_whose_parts_may_have_vanished_gives_it_up(
    dynamodb: Any, tables: TableNames, counters: Counters
) -> None:
    campaign_id, clocked = sent_and_opened(dynamodb, tables), Clocked(dynamodb, tables)
    recounter = clocked.recounter
    recounter.repair(campaign_id)
    right = dict(counters.find(campaign_id).sums)
    assert right["sent"] == 3
    clocked.sum_half(campaign_id)
    vanish_parts(dynamodb, tables, campaign_id)
    clocked.now += 8 * 24 * 3600
    recounter.work()  # from PlanDeadLetters, which keep it for fourteen days
    assert dict(counters.find(campaign_id).sums) == right
    job = recounter.recounts.find(campaign_id)
    assert job is not None
    assert job.state is RecountState.GIVEN_UP
    assert recounter.repair(campaign_id).repaired is False


def vanish_parts(dynamodb: Any, tables: TableNames, campaign_id: CampaignId) -> None:
    """As their time to live does."""
    rows = dynamodb.scan(TableName=tables.campaigns, ConsistentRead=True)["Items"]
    parts = [row for row in rows if row["pk"]["S"] == campaign_id and row["sk"]["S"].startswith("recount#")]
    assert all("expires_at" in row for row in parts)
    assert parts
    for row in parts:
        dynamodb.delete_item(TableName=tables.campaigns, Key={"pk": row["pk"], "sk": row["sk"]})


def test_a_recount_that_is_asked_for_when_the_fold_may_have_given_up_a_batch_begins_anew(
    dynamodb: Any, tables: TableNames, counters: Counters
) -> None:
    campaign_id, clocked = sent_and_opened(dynamodb, tables), Clocked(dynamodb, tables)
    recounter = clocked.recounter
    recounter.repair(campaign_id)
    clocked.sum_half(campaign_id)
    # A mail of a bucket that is summed already; its record is given up after an hour, and so in no sum.
    assert record_claim(Deliveries(dynamodb, tables.deliveries, BurstRule()), delivery_in(campaign_id, 1, sent_at=NOW))
    clocked.now += 3601
    job = recounter.repair(campaign_id)
    assert (job.number, job.state, job.repaired) == (3, RecountState.DONE, True)
    assert dict(counters.find(campaign_id).sums) == recounter.sums(campaign_id)
    assert counters.find(campaign_id).sums["sent"] == 4


def test_a_large_campaign_is_cut_into_messages_of_some_twenty_thousand_deliveries(
    dynamodb: Any, tables: TableNames, recounter: Recounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "DELIVERY_SHARDS", 64)
    campaign_id, plans = new_campaign_id(), Plans(dynamodb, tables.campaigns)
    for planned, messages in ((0, 1), (100_000, 5), (10_000_000, 64)):
        dynamodb.put_item(
            TableName=tables.campaigns,
            Item=keys.plan_progress(campaign_id) | to_item({"units": 1, "units_done": 1, "planned": planned}),
        )
        assert plans.find_progress(campaign_id) is not None
        recounter.begin(campaign_id)
        taken = [each["buckets"] for each in recounter.messages.bodies]
        assert len(taken) == messages
        assert sorted(bucket for buckets in taken for bucket in buckets) == list(range(64))
        recounter.messages.bodies.clear()


def test_hits_on_more_days_than_a_transaction_has_actions_are_recounted(
    dynamodb: Any, tables: TableNames, counters: Counters, recounter: Recounter
) -> None:
    campaign_id, deliveries = new_campaign_id(), Deliveries(dynamodb, tables.deliveries, BurstRule())
    for day in range(130):
        at = NOW + timedelta(days=day)
        delivery = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENT, NOW, "0.0")
        assert record_claim(deliveries, delivery)
        assert deliveries.record_open(campaign_id, delivery.lead_id, at=at, machine=None)
    assert recounter.repair(campaign_id).repaired
    assert dict(counters.find(campaign_id).sums) == recounter.sums(campaign_id)
    assert len([name for name in counters.find(campaign_id).sums if name.startswith("hour/")]) == 130


def test_a_campaign_whose_last_ends_were_lost_is_sent_once_it_is_recounted(
    world: ControlledWorld, dynamodb: Any, tables: TableNames
) -> None:
    campaign_id = world.set_off(3)
    world.work()
    assert world.campaign(campaign_id).status == "sending"
    # Its function dies when the sums are in place, before it has looked what they mean for the campaign.
    recounter = Recounter(DiesAfterWriting(dynamodb, 3), tables.deliveries, tables.campaigns)
    recounter.begin(campaign_id)
    with pytest.raises(KeyboardInterrupt):
        recounter.work()
    assert world.counters.find(campaign_id).sums["sent"] == 3
    assert world.campaign(campaign_id).status == "sending"
    recounter.work()
    assert world.campaign(campaign_id).status == "sent"
