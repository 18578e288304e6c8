"""The fold: the deliveries table's stream into sums, every record exactly once.

A shard's records have ascending sequence numbers, and Lambda delivers them in order, at least once: a batch may come
again, cut differently. One transaction adds a batch's differences and moves the shard's watermark; records at or below
the watermark are in the sums already.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.analytics.completion import ENDINGS, Completion
from chalicelib.analytics.facts import difference
from chalicelib.settings import settings
from chalicelib.store.client import dynamodb
from chalicelib.store.counters import Counters, rows_of
from chalicelib.store.deliveries import Delivery
from chalicelib.store.ids import CampaignId
from chalicelib.telemetry import logger

ROWS_PER_TRANSACTION = 90
"""Below DynamoDB's 100 actions a transaction, the watermark included."""

NAMES_PER_ROW = 200
"""An update names every sum that it adds to, and may be 4 KB long: hundreds of links in one batch would not fit."""

WATERMARK_LIFE_SECONDS = 7 * 24 * 3600
"""Far beyond the 24 hours that a stream keeps its records: no batch can come back after that."""


class StreamShardUnknown(Exception):
    """The event names no shard: set a tumbling window on the event source, without it nothing counts once."""


@dataclass(frozen=True, slots=True)
class Change:
    """One stream record: a delivery before and after."""

    sequence: int
    campaign_id: CampaignId
    old: Delivery | None
    new: Delivery | None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Change":
        images = record["dynamodb"]
        old, new = (Delivery.from_item(images[name]) if images.get(name) else None for name in ("OldImage", "NewImage"))
        known = new or old
        if known is None:
            raise ValueError("a stream record without images: the stream must carry NEW_AND_OLD_IMAGES")
        return cls(int(images["SequenceNumber"]), known.campaign_id, old, new)


def fold(shard: str, changes: Sequence[Change], counters: Counters, now: float) -> set[CampaignId]:
    """Add what is new among these changes of one shard; the campaigns whose sums changed.

    Safe to repeat, also after a crash at any point. Raises StoreUnavailable; nothing is then half added.
    """
    touched: set[CampaignId] = set()
    before = counters.watermark(shard)
    waiting = sorted((change for change in changes if change.sequence > before), key=lambda change: change.sequence)
    while waiting:
        taken, deltas = _one_transaction(waiting)
        after = waiting[taken - 1].sequence
        added = counters.add(
            shard,
            watermark_before=before,
            watermark_after=after,
            expires_at=int(now) + WATERMARK_LIFE_SECONDS,
            deltas=deltas,
        )
        if added:
            touched |= deltas.keys()
            before = after
            waiting = waiting[taken:]
        else:
            before = counters.watermark(shard)
            waiting = [change for change in waiting if change.sequence > before]
    return touched


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
    """Lambda's stream event: fold it, then see whether a campaign is done. An exception makes Lambda repeat it."""
    if event.get("Records"):
        shard = shard_of(event, settings().unnamed_stream_shard)
        changes = [Change.from_record(record) for record in event["Records"]]
        client, table = dynamodb(), settings().campaigns_table
        touched = fold_and_complete(shard, changes, Counters(client, table), Completion(client, table), clock())
        logger().info("folded", extra={"records": len(changes), "campaigns": len(touched)})
    return {"state": event.get("state", {})}
