"""The fold: adds the deliveries table's stream records to their campaigns' sums, each exactly once.

Lambda delivers a shard's records in order and at least once: a batch may be repeated, cut differently, and redriven
records come much later, out of order. One transaction adds a run of records and notes the run (store/applied_runs.py),
so that each is added once. A record too old to tell is not added, and its campaign asks for a recount.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.analytics.facts import difference
from chalicelib.analytics.sums import ENDINGS, LIMITS
from chalicelib.model.delivery import BurstRule
from chalicelib.model.errors import LeadflipError
from chalicelib.model.ids import CampaignId
from chalicelib.store.applied_runs import AppliedRuns
from chalicelib.store.counters import Addition, Basis, Counters, Sums, rows_of
from chalicelib.store.stream_records import Change
from chalicelib.telemetry import logger

ROWS_PER_TRANSACTION = 90
"""Below DynamoDB's 100 actions a transaction, the note of what was added included."""

NAMES_PER_ROW = 200
"""An update names every sum that it changes, and may be 4 KB long: hundreds of links in one batch would not fit."""

OLDEST_SECONDS = 2 * 24 * 3600
"""Older records are not added: a stream keeps its records for one day."""

NOTE_LIFE_SECONDS = 7 * 24 * 3600
"""How long a shard's note of added runs is kept after its last record: longer than OLDEST_SECONDS, so that a batch that
comes after the note has expired is refused for its age."""


class StreamShardUnknown(LeadflipError):
    """The event names no shard, so repeated records cannot be detected. Set a tumbling window on the event source."""


def fold(shard: str, changes: Sequence[Change], counters: Counters, now: float) -> set[CampaignId]:
    """Add the new ones of a shard's changes; the campaigns whose sums changed.

    Changes that a recount has counted are skipped (analytics/recount.py). May be repeated, also after a crash at any
    point. Raises StoreUnavailable; no change is then half added.
    """
    touched: set[CampaignId] = set()
    campaign_ids = {each.campaign_id for each in changes}
    expires_at = int(now) + NOTE_LIFE_SECONDS
    waiting = sorted(changes, key=lambda change: change.sequence)
    applied, bases = counters.read(shard, campaign_ids)
    while True:
        waiting = [each for each in waiting if bases[each.campaign_id].takes(each.created_at, each.bucket)]
        fresh, refused = _still_new(waiting, applied, now)
        batch = refused or fresh
        if not batch:
            return touched
        taken, additions = _one_transaction(batch, bases, asks_for_recount=bool(refused))
        after = applied if refused else applied.with_run(batch[0].sequence, batch[taken - 1].sequence)
        if not counters.add(
            shard, before=applied, after=after, expires_at=expires_at, additions=additions, bases=bases
        ):
            applied, bases = counters.read(shard, campaign_ids)
            continue
        if refused:
            logger().error("too_late_to_count", extra={"campaign_ids": sorted(additions), "shard": shard})
        else:
            touched |= additions.keys()
        done = {each.sequence for each in batch[:taken]}
        waiting, applied = [each for each in waiting if each.sequence not in done], after


def _still_new(changes: Sequence[Change], applied: AppliedRuns, now: float) -> tuple[list[Change], list[Change]]:
    """The changes to add, and those that are too old to tell whether they were added."""
    fresh: list[Change] = []
    refused: list[Change] = []
    for change in changes:
        state = applied.state_of(change.sequence)
        too_old = now - change.created_at > OLDEST_SECONDS
        if state == "forgotten" or (state == "new" and too_old):
            refused.append(change)
        elif state == "new":
            fresh.append(change)
    return fresh, refused


def _one_transaction(
    changes: Sequence[Change], bases: Mapping[CampaignId, Basis], *, asks_for_recount: bool
) -> tuple[int, dict[CampaignId, list[Addition]]]:
    """As many leading changes as fit into one transaction, and what they add, per campaign."""
    additions: dict[CampaignId, list[Addition]] = {}
    rows: dict[tuple[CampaignId, str], set[str]] = {}
    taken = 0
    for change in changes:
        delta: Sums = {"recount_due": 1} if asks_for_recount else difference(change.old, change.new)
        if delta:
            wanted: dict[str, list[str]] = rows_of(delta) | ({"added": []} if bases[change.campaign_id].recount else {})
            fuller = {
                (change.campaign_id, row): rows.get((change.campaign_id, row), set()).union(names)
                for row, names in wanted.items()
            }
            is_full = len(rows.keys() | fuller.keys()) > ROWS_PER_TRANSACTION or any(
                len(names) > NAMES_PER_ROW for names in fuller.values()
            )
            if taken and is_full:
                break
            rows |= fuller
            addition = Addition(change.created_at, change.bucket, delta)
            additions.setdefault(change.campaign_id, []).append(addition)
        taken += 1
    return taken, additions


def shard_of(event: Mapping[str, Any], unnamed_shard: str | None) -> str:
    """The shard that a stream event comes from, within its stream. Raises StreamShardUnknown."""
    shard = event.get("shardId") or unnamed_shard
    if not shard:
        raise StreamShardUnknown("the stream event carries no shardId; set TumblingWindowInSeconds on the event source")
    stream = event["Records"][0].get("eventSourceARN", "")
    return f"{stream}#{shard}"


def fold_and_check(
    shard: str,
    changes: Sequence[Change],
    counters: Counters,
    advance: Callable[[CampaignId], None],
    protect: Callable[[CampaignId], None],
    now: float,
) -> set[CampaignId]:
    """Fold, advance the campaigns that may be done, protect those that may do harm; those whose sums changed.

    Only the end of a delivery can end its campaign, so opens and clicks, which come one by one for weeks, do not check.
    What changed is read from the changes and not from what was added, so that a repeated batch checks again.
    """
    touched = fold(shard, changes, counters, now)
    changed = [(each.campaign_id, difference(each.old, each.new).keys()) for each in changes]
    for check, names in ((advance, ENDINGS), (protect, LIMITS.keys())):
        for campaign_id in {campaign_id for campaign_id, facts in changed if names & facts}:
            check(campaign_id)
    return touched


def fold_batch(
    event: dict[str, Any],
    counters: Counters,
    advance: Callable[[CampaignId], None],
    protect: Callable[[CampaignId], None],
    rule: BurstRule,
    unnamed_shard: str | None,
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Fold Lambda's stream event; then advance campaigns that may be done, and protect those that may do harm.

    Raises if the batch should be retried.
    """
    if event.get("Records"):
        shard = shard_of(event, unnamed_shard)
        changes = [Change.from_record(record, rule) for record in event["Records"]]
        touched = fold_and_check(shard, changes, counters, advance, protect, clock())
        logger().info("folded", extra={"records": len(changes), "campaigns": len(touched)})
    return {"state": event.get("state", {})}
