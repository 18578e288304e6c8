"""The fold: the deliveries table's stream into sums, every record exactly once.

Lambda delivers a shard's records in order and at least once: a batch may come again, cut differently, and what Lambda
gave up may be brought much later, out of order. One transaction adds a run of records and notes the run
(store/applied.py), so that each is added once; one that is too old to tell is not, and its campaign asks for a recount.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.analytics.breaker import LIMITS, Breaker
from chalicelib.analytics.completion import ENDINGS, Completion
from chalicelib.analytics.facts import difference
from chalicelib.settings import settings
from chalicelib.store.applied import Applied
from chalicelib.store.client import dynamodb
from chalicelib.store.counters import Counters, rows_of
from chalicelib.store.ids import CampaignId
from chalicelib.store.stream_records import Change
from chalicelib.telemetry import logger

ROWS_PER_TRANSACTION = 90
"""Below DynamoDB's 100 actions a transaction, the note of what was added included."""

NAMES_PER_ROW = 200
"""An update names every sum that it adds to, and may be 4 KB long: hundreds of links in one batch would not fit."""

OLDEST_SECONDS = 2 * 24 * 3600
"""Records older than this are not added any more: a stream keeps them for one day."""

NOTE_LIFE_SECONDS = 7 * 24 * 3600
"""How long a shard's note of what was added outlives its last record. Longer than any record is taken: a batch that
comes when the note has vanished is refused for its age."""


class StreamShardUnknown(Exception):
    """The event names no shard: set a tumbling window on the event source, without it nothing counts once."""


def fold(shard: str, changes: Sequence[Change], counters: Counters, now: float) -> set[CampaignId]:
    """Add what is new among these changes of one shard; the campaigns whose sums changed.

    Safe to repeat, also after a crash at any point. Raises StoreUnavailable; nothing is then half added.
    """
    touched: set[CampaignId] = set()
    waiting = sorted(changes, key=lambda change: change.sequence)
    applied = counters.applied(shard)
    while waiting:
        waiting, refused = _still_new(waiting, applied, now)
        for campaign_id in refused:
            logger().error("too_late_to_count", extra={"campaign_id": campaign_id, "shard": shard})
            counters.ask_for_recount(campaign_id)
        if not waiting:
            break
        taken, deltas = _one_transaction(waiting)
        after = applied.with_run(waiting[0].sequence, waiting[taken - 1].sequence)
        added = counters.add(shard, before=applied, after=after, expires_at=int(now) + NOTE_LIFE_SECONDS, deltas=deltas)
        if added:
            touched |= deltas.keys()
            waiting, applied = waiting[taken:], after
        else:
            applied = counters.applied(shard)
    return touched


def _still_new(changes: Sequence[Change], applied: Applied, now: float) -> tuple[list[Change], set[CampaignId]]:
    """Those that are to be added, and the campaigns of those that nobody can tell any more."""
    fresh: list[Change] = []
    refused: set[CampaignId] = set()
    for change in changes:
        state = applied.state_of(change.sequence)
        too_old = change.created_at is not None and now - change.created_at > OLDEST_SECONDS
        if state == "forgotten" or (state == "new" and too_old):
            refused.add(change.campaign_id)
        elif state == "new":
            fresh.append(change)
    return fresh, refused


def _one_transaction(changes: Sequence[Change]) -> tuple[int, dict[CampaignId, Mapping[str, int]]]:
    """As many leading changes as fit into one transaction, and their differences per campaign."""
    sums: dict[CampaignId, Counter[str]] = {}
    rows: dict[tuple[CampaignId, str], set[str]] = {}
    taken = 0
    for change in changes:
        delta = difference(change.old, change.new)
        fuller = {
            (change.campaign_id, row): rows.get((change.campaign_id, row), set()).union(names)
            for row, names in rows_of(delta).items()
        }
        is_full = len(rows.keys() | fuller.keys()) > ROWS_PER_TRANSACTION or any(
            len(names) > NAMES_PER_ROW for names in fuller.values()
        )
        if taken and is_full:
            break
        rows |= fuller
        sums.setdefault(change.campaign_id, Counter()).update(delta)
        taken += 1
    deltas = {
        campaign: {name: number for name, number in counted.items() if number} for campaign, counted in sums.items()
    }
    return taken, {campaign: delta for campaign, delta in deltas.items() if delta}


def shard_of(event: Mapping[str, Any], unnamed_shard: str | None) -> str:
    """The shard that a stream event comes from, within its stream. Raises StreamShardUnknown."""
    shard = event.get("shardId") or unnamed_shard
    if not shard:
        raise StreamShardUnknown("the stream event carries no shardId; set TumblingWindowInSeconds on the event source")
    stream = event["Records"][0].get("eventSourceARN", "")
    return f"{stream}#{shard}"


def fold_and_complete(
    shard: str, changes: Sequence[Change], counters: Counters, completion: Completion, now: float
) -> set[CampaignId]:
    """Fold, then see whether a campaign is done; the campaigns whose sums changed.

    Only the end of a delivery can be the end of its campaign: opens and clicks, which come one by one for weeks, do not
    look. What ended is read from the changes and not from what was added, so that a repeated batch looks again.
    """
    touched = fold(shard, changes, counters, now)
    for campaign_id in {each.campaign_id for each in changes if ENDINGS & difference(each.old, each.new).keys()}:
        completion.advance(campaign_id)
    return touched


def fold_batch(event: dict[str, Any], clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """Lambda's stream event: fold it, then see which campaigns are done, and which do harm.

    An exception makes Lambda repeat it.
    """
    if event.get("Records"):
        shard = shard_of(event, settings().unnamed_stream_shard)
        changes = [Change.from_record(record) for record in event["Records"]]
        client, table = dynamodb(), settings().campaigns_table
        touched = fold_and_complete(shard, changes, Counters(client, table), Completion(client, table), clock())
        harmed = {each.campaign_id for each in changes if LIMITS.keys() & difference(each.old, each.new).keys()}
        Breaker(client, table).look(harmed)
        logger().info("folded", extra={"records": len(changes), "campaigns": len(touched)})
    return {"state": event.get("state", {})}
