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
from chalicelib.analytics.recount import Recount
from chalicelib.store import keys
from chalicelib.store.applied import RUNS_KEPT, Applied
from chalicelib.store.client import Conflict
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Click, Deliveries, Delivery, DeliveryStatus
from chalicelib.store.ids import CampaignId, new_campaign_id, new_lead_id
from chalicelib.store.stream_records import Change
from local.tables import TableNames

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


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
        changes.append(Change(number, campaign_id, old, new))
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
    changes = [replace(each, created_at=0.0) for each in history(campaign_id, random.Random(5))]
    fold("a", changes, counters, now=60)
    dynamodb.delete_item(TableName=tables.campaigns, Key=keys.watermark("a"))  # as its time to live does
    fold("a", changes, counters, now=folding.NOTE_LIFE_SECONDS + 60)
    sums = dict(counters.find(campaign_id).sums)
    assert sums.pop("recount_due") == 1
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
        Change(number, each, None, Delivery(each, new_lead_id(), DeliveryStatus.SENT, NOW, "0.0", opened_at=NOW))
        for number, each in enumerate(campaigns, start=1)
    ]
    assert fold("a", changes, counters, now=0) == set(campaigns)
    for each in campaigns:
        assert dict(counters.find(each).sums) == {"sent": 1, "opened": 1, "opened_machine_only": 1} | {
            "hour/2026-11-23T12/opened": 1
        }


class DiesAfterWriting:
    """The engine's client whose process dies just after one transaction was written."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.dies = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        answer = self._client.transact_write_items(**arguments)
        if self.dies:
            self.dies = False
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
    deliveries, campaign_id = Deliveries(dynamodb, tables.deliveries), new_campaign_id()
    for _ in range(3):
        delivery = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0")
        deliveries.claim(delivery)
        deliveries.record_sent(campaign_id, delivery.lead_id, at=NOW, message_id="m", subject="s")
    deliveries.record_open(campaign_id, delivery.lead_id, at=NOW, machine=None)
    return campaign_id


def test_recount_puts_wrong_numbers_right_and_leaves_right_ones(
    dynamodb: Any, tables: TableNames, counters: Counters
) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)
    recount = Recount(dynamodb, tables.deliveries, tables.campaigns)
    counters.add(
        "a", before=Applied(), after=Applied().with_run(1, 1), expires_at=0, deltas={campaign_id: {"sent": 7, "x": 1}}
    )
    repaired = recount.repair(campaign_id, pause=lambda seconds: None)
    assert repaired.repaired
    assert dict(counters.find(campaign_id).sums) == {
        "sent": 3,
        "opened": 1,
        "hour/2026-11-23T12/opened": 1,
        "delay/0": 1,
    }
    assert not recount.repair(campaign_id, pause=lambda seconds: None).repaired


def test_recount_answers_who_asks_for_it(dynamodb: Any, tables: TableNames, counters: Counters) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)
    counters.ask_for_recount(campaign_id)
    assert (
        Recount(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id, pause=lambda seconds: None).repaired
    )
    assert "recount_due" not in counters.find(campaign_id).sums


def test_recount_waits_for_quiet(dynamodb: Any, tables: TableNames, counters: Counters) -> None:
    campaign_id = sent_and_opened(dynamodb, tables)

    def a_fold_comes_in(seconds: float) -> None:
        counters.add(
            "a", before=Applied(), after=Applied().with_run(1, 1), expires_at=0, deltas={campaign_id: {"sent": 1}}
        )

    with pytest.raises(Conflict):
        Recount(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id, pause=a_fold_comes_in)
    assert dict(counters.find(campaign_id).sums) == {"sent": 1}
