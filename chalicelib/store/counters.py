"""Sums of facts per campaign. Written by the fold and by recount, by nobody else.

Rows of one campaign: `counters` (the totals and failures by reason), `counters#links` (per link), `counters#delays`
(time to open), and one `counters#hours#<day>` per day, so that the row that every batch writes stays small.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.store import keys
from chalicelib.store.applied import Applied
from chalicelib.store.client import Item, batch_get, call, from_item, transact
from chalicelib.store.ids import CampaignId

Sums = Mapping[str, int]
"""Fact names and their sums, e.g. {"sent": 3, "link/1/clicked": 2, "hour/2026-11-23T10/opened": 1}."""


@dataclass(frozen=True, slots=True)
class CampaignCounters:
    sums: Sums
    folds: int
    """How often something was added or replaced: unchanged means nothing happened in between."""


def rows_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Fact names by the row they are kept in."""
    rows: dict[str, list[str]] = {}
    for name in names:
        if name.startswith("link/"):
            row = "counters#links"
        elif name.startswith("hour/"):
            row = f"counters#hours#{name[5:15]}"
        elif name.startswith("delay/"):
            row = "counters#delays"
        else:
            row = "counters"
        rows.setdefault(row, []).append(name)
    return rows


class Counters:
    """The sums, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, campaign_id: CampaignId) -> CampaignCounters:
        """All sums of a campaign, read consistently; empty before the first fold."""
        sums: dict[str, int] = {}
        folds = 0
        for item in self._rows(campaign_id):
            values = from_item(item)
            folds += values.pop("folds", 0)
            sums |= {name: value for name, value in values.items() if name not in ("pk", "sk") and value}
        return CampaignCounters(sums, folds)

    def find_totals(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, Sums]:
        """The totals alone of many campaigns, 100 a call, eventually consistent; absent before the first fold."""
        wanted = [keys.counters(each, "counters") for each in sorted(set(campaign_ids))]
        found: dict[CampaignId, Sums] = {}
        for item in batch_get(self._client, self._table, wanted):
            values = from_item(item)
            found[CampaignId(values["pk"])] = {
                name: value for name, value in values.items() if name not in ("pk", "sk", "folds")
            }
        return found

    def _rows(self, campaign_id: CampaignId) -> list[Item]:
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :counters)",
            "ExpressionAttributeValues": {":pk": {"S": campaign_id}, ":counters": {"S": "counters"}},
            "ConsistentRead": True,
        }
        items: list[Item] = []
        while True:
            answer = call(self._client.query, **query)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def applied(self, shard: str) -> Applied:
        """Which of this shard's records are in the sums."""
        answer = call(self._client.get_item, TableName=self._table, Key=keys.watermark(shard), ConsistentRead=True)
        return Applied.from_text(answer["Item"]["applied"]["S"]) if "Item" in answer else Applied()

    def add(
        self,
        shard: str,
        *,
        before: Applied,
        after: Applied,
        expires_at: int,
        deltas: Mapping[CampaignId, Sums],
    ) -> bool:
        """Add a run's differences and note the run, all or nothing.

        False when what is noted is no longer `before`: another invocation has added records of this shard.
        At most 99 rows (see `rows_of`). `expires_at`: epoch seconds after which the note may vanish.
        """
        mark = keys.watermark(shard) | {"applied": {"S": after.to_text()}, "expires_at": {"N": str(expires_at)}}
        put: dict[str, Any] = {"TableName": self._table, "Item": mark}
        if before == Applied():
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "applied = :before"
            put["ExpressionAttributeValues"] = {":before": {"S": before.to_text()}}
        updates = [
            self._add_row(campaign_id, row, {name: sums[name] for name in names})
            for campaign_id, sums in deltas.items()
            for row, names in rows_of(sums).items()
        ]
        return transact(self._client, [{"Put": put}, *updates])

    def ask_for_recount(self, campaign_id: CampaignId) -> None:
        """Leave a sum that no recount finds, `recount_due`: something came that could no longer be counted once."""
        transact(self._client, [self._add_row(campaign_id, "counters", {"recount_due": 1})])

    def _add_row(self, campaign_id: CampaignId, row: str, sums: Sums) -> dict[str, Any]:
        names = {f"#n{number}": name for number, name in enumerate(sums)}
        values = {f":n{number}": {"N": str(sum_)} for number, sum_ in enumerate(sums.values())}
        parts = [f"#n{number} :n{number}" for number in range(len(sums))]
        return {
            "Update": {
                "TableName": self._table,
                "Key": keys.counters(campaign_id, row),
                "UpdateExpression": "ADD folds :one, " + ", ".join(parts),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values | {":one": {"N": "1"}},
            }
        }

    def replace(self, campaign_id: CampaignId, before: CampaignCounters, sums: Sums) -> bool:
        """Put these sums in place of `before`; False when something was added meanwhile."""
        rows = {item["sk"]["S"]: item for item in self._rows(campaign_id)}
        wanted = rows_of(sums)
        if sum(int(item["folds"]["N"]) for item in rows.values()) != before.folds:
            return False
        puts = []
        for row in sorted(rows.keys() | wanted.keys()):
            values = {name: {"N": str(sums[name])} for name in wanted.get(row, [])}
            folds = int(rows[row]["folds"]["N"]) if row in rows else 0
            item = keys.counters(campaign_id, row) | values | {"folds": {"N": str(folds + 1)}}
            put: dict[str, Any] = {"TableName": self._table, "Item": item}
            if row in rows:
                put["ConditionExpression"] = "folds = :folds"
                put["ExpressionAttributeValues"] = {":folds": {"N": str(folds)}}
            else:
                put["ConditionExpression"] = "attribute_not_exists(pk)"
            puts.append({"Put": put})
        return not puts or transact(self._client, puts)
