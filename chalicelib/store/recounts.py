"""A recount of a campaign: how far it is, what it has summed so far, and what the fold has added meanwhile.

begin ── record_part: buckets, their fence, the sum of their facts ── ... ── all 64 buckets: repair or confirm
  └───── Counters.add writes every addition down, beside the parts ──────────┘
                                                        └── give_up, when hits come too fast
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.model.ids import CampaignId
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, call, from_item, query_all, to_item, transact
from chalicelib.store.counters import Addition, CampaignCounters, Counters, Sums, packed, rows_of, unpacked

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
    """By bucket that is summed: epoch seconds between its two equal readings."""
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

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._counters = Counters(client, table)

    def find(self, campaign_id: CampaignId) -> RecountJob | None:
        key = keys.recount(campaign_id)
        answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return None
        values = from_item(answer["Item"])
        asked_at = time_from(values["asked_at"])
        assert asked_at is not None  # noqa: S101 - every recount has it
        return RecountJob(
            campaign_id,
            values["number"],
            RecountState(values["state"]),
            asked_at,
            {int(bucket): fence for bucket, fence in values["fences"].items()},
            time_from(values.get("finished_at")),
            values.get("repaired"),
            values.get("before"),
            values.get("after"),
        )

    def begin(self, campaign_id: CampaignId, last: RecountJob | None, now: datetime) -> RecountJob:
        """The next one after `last`, whoever has begun it: additions are written down from now on."""
        number = last.number + 1 if last else 1
        row = {"number": number, "state": RecountState.RUNNING.value, "asked_at": now, "fences": {}}
        put: dict[str, Any] = {"TableName": self._table, "Item": keys.recount(campaign_id) | to_item(row)}
        if last:
            put["ConditionExpression"] = "#number = :last"
            put["ExpressionAttributeNames"] = {"#number": "number"}
            put["ExpressionAttributeValues"] = to_item({":last": last.number})
        else:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        listening = self._listening(campaign_id, "SET recount = :number", "", number=number)
        transact(self._client, [{"Put": put}, listening])
        begun = self.find(campaign_id)
        assert begun is not None  # noqa: S101 - it was begun just now
        return begun

    def record_part(self, job: RecountJob, buckets: Collection[int], fence: int, sums: Sums, now: datetime) -> bool:
        """Note what these buckets' deliveries add up to; False when one of them was noted before, or the job ended."""
        names = {f"#b{bucket}": str(bucket) for bucket in buckets}
        not_noted = " AND ".join(f"attribute_not_exists(fences.{name})" for name in names)
        sets = "SET " + ", ".join(f"fences.{name} = :fence" for name in names)
        update = self._update_job(job, sets, {":fence": fence}, names, not_noted)
        key = keys.recount_part(job.campaign_id, job.number, f"sums#{min(buckets)}")
        expires_at = int(now.timestamp()) + _PART_LIFE_SECONDS
        item = key | {"sums": packed(sums), "expires_at": {"N": str(expires_at)}}
        return transact(self._client, [{"Put": {"TableName": self._table, "Item": item}}, update])

    def sums(self, job: RecountJob) -> Sums:
        """The parts' sums, and of what the fold has added meanwhile that which was created after its bucket's fence."""
        sums: Counter[str] = Counter()
        for row in self._parts(job):
            if "sums" in row:
                sums.update(unpacked(row["sums"]))
            else:
                for addition in (Addition(*each) for each in unpacked(row["added"])):
                    if addition.created_at >= job.fences[addition.bucket]:
                        sums.update(addition.delta)
        return {name: number for name, number in sums.items() if number}

    def finish(self, job: RecountJob, before: CampaignCounters, sums: Sums, now: datetime) -> bool:
        """Put these sums in place of `before`, if they differ; False when something was added since."""
        is_wrong = sums != before.sums
        found = {"repaired": is_wrong, "before": _totals(before.sums), "after": _totals(sums)}
        ended = self._ended(job, RecountState.DONE, now, found)
        if not is_wrong:
            condition = "folds = :folds"
            listening = self._listening(job.campaign_id, "REMOVE recount", condition, folds=before.folds)
            return transact(self._client, [listening, ended])
        fences = [job.fences[bucket] for bucket in range(keys.DELIVERY_SHARDS)]
        return self._counters.replace(job.campaign_id, before, sums, fences, [ended])

    def give_up(self, job: RecountJob, now: datetime) -> bool:
        """Leave the sums as they are."""
        listening = self._listening(job.campaign_id, "REMOVE recount", "recount = :number", number=job.number)
        return transact(self._client, [listening, self._ended(job, RecountState.GIVEN_UP, now)])

    def _parts(self, job: RecountJob) -> list[Item]:
        prefix = keys.recount_part(job.campaign_id, job.number, "")
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": prefix["pk"], ":prefix": prefix["sk"]},
            "ConsistentRead": True,
        }
        return list(query_all(self._client, query))

    def _ended(
        self, job: RecountJob, state: RecountState, now: datetime, found: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        names = {f"#{name}": name for name in ("finished_at", *(found or ()))}
        sets = "SET " + ", ".join(["#state = :ended", *(f"{name} = :{name[1:]}" for name in names)])
        values = {f":{name}": value for name, value in (found or {}).items()}
        return self._update_job(job, sets, {":ended": state.value, ":finished_at": now, **values}, names)

    def _update_job(
        self,
        job: RecountJob,
        expression: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
        also: str = "",
    ) -> dict[str, Any]:
        """Change a recount that is still running."""
        running = "#number = :number AND #state = :running"
        return {
            "Update": {
                "TableName": self._table,
                "Key": keys.recount(job.campaign_id),
                "UpdateExpression": expression,
                "ConditionExpression": f"{running} AND {also}" if also else running,
                "ExpressionAttributeNames": {"#number": "number", "#state": "state", **(names or {})},
                "ExpressionAttributeValues": to_item(
                    {":number": job.number, ":running": RecountState.RUNNING.value, **values}
                ),
            }
        }

    def _listening(self, campaign_id: CampaignId, expression: str, condition: str, **values: int) -> dict[str, Any]:
        """Have the fold write down what it adds from now on, or no longer."""
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.counters(campaign_id, "counters"),
            "UpdateExpression": f"{expression} ADD folds :one",
            "ExpressionAttributeValues": to_item({":one": 1, **{f":{name}": value for name, value in values.items()}}),
        }
        return {"Update": update | ({"ConditionExpression": condition} if condition else {})}


def _totals(sums: Sums) -> dict[str, int]:
    """Those of the first row, without what single links and hours have."""
    return {name: sums[name] for name in rows_of(sums)["counters"]}
