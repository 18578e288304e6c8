"""Recounts of campaigns: their progress, what they have summed so far, and what the fold has added meanwhile.

begin ── record_part: buckets, their fence, the sum of their facts ── ... ── all 64 buckets: repair or confirm
  └───── Counters.add writes every addition down, beside the parts ──────────┘
                                                        └── give_up, when hits come too fast
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.model.ids import CampaignId
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, noun_of, packed, to_item, unpacked
from chalicelib.store.counters import Addition, CampaignCounters, Counters, Sums, rows_of
from chalicelib.store.statements import Query, Update, begins_with, equals, missing
from chalicelib.store.table import Table

_PART_LIFE_SECONDS = 7 * 24 * 3600


class RecountState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class RecountJob:
    """A campaign's last recount."""

    campaign_id: CampaignId
    number: int
    """1, 2, ..."""
    state: RecountState
    asked_at: datetime
    fences: Mapping[int, int]
    """By bucket that has been summed: epoch seconds between its two equal readings."""
    finished_at: datetime | None = None
    repaired: bool | None = None
    """Whether any number was wrong; None until it is done."""
    before: dict[str, int] | None = None
    """The totals that it found, and those that it left; None until it is done."""
    after: dict[str, int] | None = None

    @property
    def missing(self) -> list[int]:
        """The buckets that are still to be summed."""
        return [each for each in range(keys.DELIVERY_SHARDS) if each not in self.fences]

    @property
    def progress(self) -> float:
        """How much of it is summed, from 0 to 1."""
        return len(self.fences) / keys.DELIVERY_SHARDS


class Recounts:
    """Recounts, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str) -> None:
        self._table = Table(client, table)
        self._counters = Counters(client, table)

    def find(self, campaign_id: CampaignId) -> RecountJob | None:
        row = self._table.find(keys.recount(campaign_id))
        return None if row is None else noun_of(RecountJob, from_item(row), campaign_id=campaign_id)

    def begin(self, campaign_id: CampaignId, last: RecountJob | None, now: datetime) -> RecountJob:
        """The next one after `last`, begun here or elsewhere: additions are written down from now on."""
        number = last.number + 1 if last else 1
        row = {"number": number, "state": RecountState.RUNNING, "asked_at": now, "fences": {}}
        put = self._table.put(keys.recount(campaign_id) | to_item(row))
        put.require(equals("number", last.number) if last else missing("pk"))
        self._table.transact(put, self._sums(campaign_id).set(recount=number))
        begun = self.find(campaign_id)
        assert begun is not None  # noqa: S101 - it was begun just now
        return begun

    def record_part(self, job: RecountJob, buckets: Collection[int], fence: int, sums: Sums, now: datetime) -> bool:
        """Note what these buckets' deliveries add up to; False when one of them was noted before, or the job ended."""
        update = self._running(job)
        for bucket in map(str, buckets):
            not_noted = missing(("fences", bucket))
            update.set({("fences", bucket): fence}).require(not_noted)
        key = keys.recount_part(job.campaign_id, job.number, f"sums#{min(buckets)}")
        expires_at = int(now.timestamp()) + _PART_LIFE_SECONDS
        part = self._table.put(key | to_item({"sums": packed(sums), "expires_at": expires_at}))
        return self._table.transact(part, update)

    def sums(self, job: RecountJob) -> Sums:
        """The parts' sums, and of what the fold has added meanwhile that which was created after its bucket's fence."""
        sums: Counter[str] = Counter()
        for row in self._parts(job):
            if "sums" in row:
                sums.update(unpacked(row["sums"]["B"]))
            else:
                for addition in (Addition(*each) for each in unpacked(row["added"]["B"])):
                    if addition.created_at >= job.fences[addition.bucket]:
                        sums.update(addition.delta)
        return {name: number for name, number in sums.items() if number}

    def finish(self, job: RecountJob, before: CampaignCounters, sums: Sums, now: datetime) -> bool:
        """Put these sums in place of `before`, if they differ; False when something was added since."""
        is_wrong = sums != before.sums
        ended = self._ended(job, RecountState.DONE, now)
        ended.set(repaired=is_wrong, before=_totals(before.sums), after=_totals(sums))
        if not is_wrong:
            nothing_added = equals("folds", before.folds)
            return self._table.transact(self._sums(job.campaign_id).remove("recount").require(nothing_added), ended)
        fences = [job.fences[bucket] for bucket in range(keys.DELIVERY_SHARDS)]
        return self._counters.replace(job.campaign_id, before, sums, fences, [ended])

    def give_up(self, job: RecountJob, now: datetime) -> bool:
        """Leave the sums as they are."""
        same_recount = equals("recount", job.number)
        sums = self._sums(job.campaign_id).remove("recount").require(same_recount)
        return self._table.transact(sums, self._ended(job, RecountState.GIVEN_UP, now))

    def _parts(self, job: RecountJob) -> Iterator[Item]:
        prefix = from_item(keys.recount_part(job.campaign_id, job.number, ""))
        parts = equals("pk", prefix["pk"]) & begins_with("sk", prefix["sk"])
        return self._table.query(Query(key=parts, consistent=True))

    def _ended(self, job: RecountJob, state: RecountState, now: datetime) -> Update:
        return self._running(job).set(state=state, finished_at=now)

    def _running(self, job: RecountJob) -> Update:
        """A change of a recount that is still running."""
        same_recount, still_running = equals("number", job.number), equals("state", RecountState.RUNNING)
        return self._table.update(keys.recount(job.campaign_id)).require(same_recount, still_running)

    def _sums(self, campaign_id: CampaignId) -> Update:
        """A change of the sums' first row, which says whether the fold writes down what it adds."""
        return self._table.update(keys.counters(campaign_id, "counters")).add(folds=1)


def _totals(sums: Sums) -> dict[str, int]:
    """Those of the first row, without what single links and hours have."""
    return {name: sums[name] for name in rows_of(sums)["counters"]}
