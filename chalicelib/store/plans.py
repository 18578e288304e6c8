"""How far the planning of a campaign is: one row per unit, one per page of it, and the sum of all pages.

    record_page n ── enqueue page n ── record_page n+1 ── ... ── record_unit_done

A page's leads are written down, with their number added to Total in the same transaction, before any of them is
enqueued. A function that dies anywhere is followed by one that enqueues the same page again and goes on. Pages stay:
they say who is in the audience when a campaign is resumed or woken, whatever has become of the messages (0033, 0040):

    |1 ... finished|        ... enqueued|        ... page|
     nobody pending  may be unfinished    not enqueued yet
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model.ids import ID_BYTES, CampaignId, LeadId, lead_bytes, lead_id_from
from chalicelib.store import keys
from chalicelib.store.client import Item, batch_get, call, from_item, to_item, transact, write_if

PARTS_OF_A_UNIT = 2**16


@dataclass(frozen=True, slots=True)
class PlanUnit:
    """One (stage, shard) of an audience, as far as it is planned."""

    page: int
    """Number of the last page written down; 0 before the first."""
    after: LeadId | None
    """The last lead looked at, behind which the next page begins; None when that page was the last."""
    done: bool
    enqueued: int = 0
    """Number of the last page that was certainly enqueued; so are all before it."""
    finished: int = 0
    """Number of the last page up to which everybody's delivery was found ended. A retry may make one pending again."""


@dataclass(frozen=True, slots=True)
class PlanProgress:
    units: int
    units_done: int
    planned: int
    """Leads planned so far, a lead counted once per unit that brought it."""
    parts_seen: int = 0
    """Of the ids' range in every unit, cut into so many parts (`PARTS_OF_A_UNIT`)."""

    @property
    def complete(self) -> bool:
        return self.units_done == self.units

    @property
    def share(self) -> float:
        """How much of the audience was looked through, from 0 to 1: ids are random, so their range tells it."""
        return 1.0 if self.complete else min(self.parts_seen / (self.units * PARTS_OF_A_UNIT), 0.99)


class Plans:
    """Planning records, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def begin(self, campaign_id: CampaignId, units: int) -> bool:
        return write_if(
            self._client.put_item,
            TableName=self._table,
            Item=keys.plan_progress(campaign_id)
            | {"units": {"N": str(units)}, "units_done": {"N": "0"}, "planned": {"N": "0"}},
            ConditionExpression="attribute_not_exists(pk)",
        )

    def find_progress(self, campaign_id: CampaignId) -> PlanProgress | None:
        key = keys.plan_progress(campaign_id)
        answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return None
        return _progress(answer["Item"])

    def find_many_progress(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, PlanProgress]:
        """Of those campaigns that were launched; 100 a call, eventually consistent."""
        wanted = [keys.plan_progress(each) for each in sorted(set(campaign_ids))]
        return {CampaignId(row["pk"]["S"]): _progress(row) for row in batch_get(self._client, self._table, wanted)}

    def unit(self, campaign_id: CampaignId, unit: str) -> PlanUnit:
        key = keys.plan_unit(campaign_id, unit)
        answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return PlanUnit(page=0, after=None, done=False)
        row = from_item(answer["Item"])
        page, done = row["page"], "done" in row
        enqueued = row.get("enqueued", page if done else page - 1)  # as far as rows of an earlier release tell it
        return PlanUnit(page, row.get("after"), done, enqueued, row.get("finished", 0))

    def page_leads(self, campaign_id: CampaignId, unit: str, page: int) -> tuple[LeadId, ...]:
        """The leads of a page (1, 2, ...) as they were written down; none when it was not."""
        key = keys.plan_page(campaign_id, unit, page)
        answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        packed: bytes = answer["Item"]["leads"]["B"] if "Item" in answer else b""
        return tuple(lead_id_from(packed[start : start + ID_BYTES]) for start in range(0, len(packed), ID_BYTES))

    def record_page(
        self,
        campaign_id: CampaignId,
        unit: str,
        page: int,
        lead_ids: Sequence[LeadId],
        after: LeadId | None,
        *,
        start: LeadId | None = None,
        enqueued: int = 0,
    ) -> bool:
        """Write down page `page` (1, 2, ...) and add its leads to the total; False when it is written down already.

        `start` and `after`: the leads looked at last before this page and in it, None for the first and last page.
        `enqueued`: the last page enqueued before.
        """
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": keys.plan_unit(campaign_id, unit),
            "UpdateExpression": "SET page = :page, enqueued = :enqueued"
            + (" REMOVE #after" if after is None else ", #after = :after"),
            "ExpressionAttributeNames": {"#after": "after"},
            "ConditionExpression": "attribute_not_exists(pk)" if page == 1 else "page = :page_before",
            "ExpressionAttributeValues": to_item({":page": page, ":enqueued": enqueued, ":after": after})
            | ({} if page == 1 else to_item({":page_before": page - 1})),
        }
        leads = keys.plan_page(campaign_id, unit, page) | {"leads": {"B": b"".join(map(lead_bytes, lead_ids))}}
        put_leads = {"Put": {"TableName": self._table, "Item": leads}}
        seen = _parts_before(after, PARTS_OF_A_UNIT) - _parts_before(start, 0)
        progress = self._add(campaign_id, {"planned": len(lead_ids), "parts_seen": seen})
        return transact(self._client, [{"Update": update}, put_leads, progress])

    def record_cursor(self, campaign_id: CampaignId, unit: str, *, enqueued: int, finished: int) -> None:
        """Note how far the unit's pages are enqueued and finished."""
        call(
            self._client.update_item,
            TableName=self._table,
            Key=keys.plan_unit(campaign_id, unit),
            UpdateExpression="SET enqueued = :enqueued, finished = :finished",
            ExpressionAttributeValues=to_item({":enqueued": enqueued, ":finished": finished}),
        )

    def record_unit_done(self, campaign_id: CampaignId, unit: str, *, enqueued: int = 0) -> bool:
        done = {
            "TableName": self._table,
            "Key": keys.plan_unit(campaign_id, unit),
            "UpdateExpression": "SET done = :done, enqueued = :enqueued",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(done)",
            "ExpressionAttributeValues": to_item({":done": True, ":enqueued": enqueued}),
        }
        return transact(self._client, [{"Update": done}, self._add(campaign_id, {"units_done": 1})])

    def _add(self, campaign_id: CampaignId, numbers: Mapping[str, int]) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": keys.plan_progress(campaign_id),
                "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in numbers),
                "ExpressionAttributeValues": {f":{name}": {"N": str(number)} for name, number in numbers.items()},
            }
        }


def _parts_before(lead_id: LeadId | None, otherwise: int) -> int:
    return otherwise if lead_id is None else int.from_bytes(lead_bytes(lead_id)[:2])


def _progress(row: Item) -> PlanProgress:
    values = from_item(row)
    return PlanProgress(values["units"], values["units_done"], values["planned"], values.get("parts_seen", 0))
