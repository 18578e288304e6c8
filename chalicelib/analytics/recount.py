"""Recount: computes a campaign's sums from its deliveries, to test the fold and to repair its numbers.

A stream record that is still on its way must not be added to sums that include it already. So each bucket of a campaign
is read twice, and its fence is a moment between:

    read everything ── half a pause ── fence ── half a pause ── read again: nothing has changed
    created before the fence: in the sums that were read                    created after it: not in them

The fold skips records created before their bucket's fence, and adds the others. While the recount runs, it adds to the
old sums and records what it adds (store/recounts.py): of that, the part after the fences is added to the new sums
before they replace the old ones. So a bucket has to be quiet only between its two readings.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from chalicelib.analytics.facts import facts
from chalicelib.backoff import attempts
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.ids import CampaignId
from chalicelib.sqs import Queue
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans
from chalicelib.store.recounts import RecountJob, Recounts, RecountState
from chalicelib.telemetry import logger

SETTLE_SECONDS = 8.0
"""Pause between the two readings of a bucket. Half of it covers the difference between the stream's clock and ours and
the delay of a record after its write; AWS calls its time approximate and names no bound (docs/decisions/0025)."""

DELIVERIES_A_MESSAGE = 20_000
"""This many deliveries are read twice within a few seconds; a bucket, the smallest unit, may hold more."""

MOST_TRIES = 12
"""Times that a bucket is tried before the recount is given up, with growing pauses: 80 minutes in all. Each try but the
first is a message that the function sends to itself: Lambda ends such chains after some sixteen, unless the template
says `RecursiveLoop: Allow`. It does, but this does not rely on it (docs/decisions/0041)."""

RENEWED_AFTER = timedelta(hours=1)
"""A running recount of this age is restarted on request. The fold may have given up a batch since its fences
(template.yaml, MaximumRecordAgeInSeconds), and the result would lack that batch."""

GIVEN_UP_AFTER = timedelta(days=5)
"""A running recount of this age is given up: two days later its parts begin to expire (store/recounts.py)."""

_FIRST_PAUSE_SECONDS = 10
_PLACEMENTS = 20


@dataclass(frozen=True, slots=True)
class RecountMessage:
    """Sum these buckets of a campaign (0 to 63) for its recount of this number."""

    campaign_id: CampaignId
    recount: int
    buckets: Sequence[int]
    tries: int = 1


def begin_recount(
    campaign_id: CampaignId, now: datetime, recounts: Recounts, plans: Plans, plan_queue: Queue
) -> RecountJob:
    """Begin a recount, or resume one that was begun within the last hour: buckets not yet counted are enqueued again.

    Raises StoreUnavailable or QueueUnavailable; it may be repeated then.
    """
    job = recounts.find(campaign_id)
    if job is None or job.state is not RecountState.RUNNING or now - job.asked_at >= RENEWED_AFTER:
        job = recounts.begin(campaign_id, job, now)
    progress = plans.find_progress(campaign_id)
    messages = ceil((progress.planned if progress else 0) / DELIVERIES_A_MESSAGE)
    # At least one: if all buckets are counted, a message without buckets finishes the recount.
    messages = max(1, min(messages, len(job.missing)))
    plan_queue.put(RecountMessage(campaign_id, job.number, job.missing[number::messages]) for number in range(messages))
    return job


@dataclass(frozen=True, slots=True)
class Recount:
    """Works on one message at a time. Every step may be repeated."""

    _counters: Counters
    _recounts: Recounts
    _advance: Callable[[CampaignId], None]
    _deliveries: Deliveries
    _plan_queue: Queue
    _pause: Callable[[float], None] = time.sleep
    _clock: Callable[[], float] = time.time

    def work(self, message: RecountMessage) -> None:
        """Sum the buckets that are quiet, retry the others later, and finish when all are counted."""
        job = self._find_running(message)
        if job is None:
            self._advance(message.campaign_id)  # the function that finished it may have died before this
            return
        if self._now() - job.asked_at >= GIVEN_UP_AFTER:
            self._give_up(job)
            return
        missing = [bucket for bucket in message.buckets if bucket in job.missing]
        if missing:
            self._sum(job, missing)
            job = self._find_running(message)
            if job is None:
                return
            missing = [bucket for bucket in missing if bucket in job.missing]
        if not job.missing:
            self._finish(message)
        elif missing and message.tries < MOST_TRIES:
            later = replace(message, buckets=missing, tries=message.tries + 1)
            self._plan_queue.put_later([(later, _FIRST_PAUSE_SECONDS * 2 ** (message.tries - 1))])
        elif missing:
            self._give_up(job)

    def _give_up(self, job: RecountJob) -> None:
        self._recounts.give_up(job, self._now())
        logger().warning("recount_given_up", extra={"campaign_id": job.campaign_id, "buckets": job.missing})

    def _find_running(self, message: RecountMessage) -> RecountJob | None:
        job = self._recounts.find(message.campaign_id)
        is_it = job is not None and job.number == message.recount and job.state is RecountState.RUNNING
        return job if is_it else None

    def _sum(self, job: RecountJob, buckets: Sequence[int]) -> None:
        sums = {bucket: Counter[str]() for bucket in buckets}
        seen = {bucket: self._fingerprint(job.campaign_id, bucket, sums[bucket]) for bucket in buckets}
        before = self._clock()
        self._pause(SETTLE_SECONDS)
        fence = round((before + self._clock()) / 2)
        quiet = [bucket for bucket in buckets if self._fingerprint(job.campaign_id, bucket) == seen[bucket]]
        if quiet:
            total = sum((sums[bucket] for bucket in quiet), Counter[str]())
            self._recounts.record_part(job, quiet, fence, total, self._now())

    def _fingerprint(self, campaign_id: CampaignId, bucket: int, sums: Counter[str] | None = None) -> str:
        """Of a bucket's rows, whose facts are added to `sums`."""
        seen = hashlib.blake2b()
        for row in self._deliveries.iter_rows(campaign_id, bucket):
            seen.update(json.dumps(row, sort_keys=True).encode())
            if sums is not None:
                sums.update(facts(self._deliveries.from_row(row)))
        return seen.hexdigest()

    def _finish(self, message: RecountMessage) -> None:
        """Replace the sums, retrying while the fold adds to them."""
        for _ in attempts(_PLACEMENTS):
            before = self._counters.find(message.campaign_id)
            job = self._find_running(message)
            if job is None:
                return  # another message has finished it
            if self._recounts.finish(job, before, self._recounts.sums(job), self._now()):
                self._advance(job.campaign_id)
                logger().info("recounted", extra={"campaign_id": job.campaign_id, "recount": job.number})
                return
        raise StoreUnavailable("the campaign's sums kept changing")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
