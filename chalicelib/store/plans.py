"""How far the planning of a campaign is: one row per unit, one per page of it, and the sum of all pages.

    record_page n ── enqueue page n ── record_page n+1 ── ... ── record_unit_done

A page's leads are written down, with their number added to Total in the same transaction, before any of them is
enqueued. When a function dies, the next one enqueues the same page again and goes on. Pages stay: they say who is in
the audience when a campaign is resumed or woken, whether or not the messages still exist (0033, 0040):

    |1 ... finished|        ... enqueued|        ... page|
     nobody pending  may be unfinished    not enqueued yet

And a request to send failed deliveries again: which ones, and how far they are marked.

    request ── per shard: mark the deliveries, then record_shard ── ... ── all marked and all counted: may finish again

How many were marked is written down with each shard's end, and every mark is a fact that the fold counts. A campaign is
done again when both numbers agree: before, its sums may still be those of the time before the request.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chalicelib.model.ids import ID_BYTES, CampaignId, LeadId, id_bytes, lead_id_from
from chalicelib.model.plan import PARTS_OF_A_UNIT, PlanProgress, PlanUnit
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, noun_of, to_item
from chalicelib.store.statements import Put, Update, below, equals, exists, missing
from chalicelib.store.table import TableStore


@dataclass(frozen=True, slots=True)
class Retry:
    """A campaign's last request."""

    number: int
    """1, 2, ...: a delivery keeps the number of the last request that it was part of."""
    reasons: frozenset[str]
    """Which failures it is about."""
    shards_done: int
    marked: int
    """Deliveries marked so far, in the shards that are done."""

    @property
    def is_marked(self) -> bool:
        return self.shards_done == keys.DELIVERY_SHARDS


class Plans(TableStore):
    """Planning records, in the campaigns table. Every method may raise StoreUnavailable."""

    def begin(self, campaign_id: CampaignId, units: int) -> bool:
        row = keys.plan_progress(campaign_id) | to_item({"units": units, "units_done": 0, "planned": 0})
        return self._table.write(self._table.put(row).require(missing("pk")))

    def find_progress(self, campaign_id: CampaignId) -> PlanProgress | None:
        row = self._table.find(keys.plan_progress(campaign_id))
        return None if row is None else _progress(row)

    def find_many_progress(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, PlanProgress]:
        """Of those campaigns that were launched; 100 a call, eventually consistent."""
        wanted = [keys.plan_progress(each) for each in sorted(set(campaign_ids))]
        return {CampaignId(row["pk"]["S"]): _progress(row) for row in self._table.find_many(wanted)}

    def unit(self, campaign_id: CampaignId, unit: str) -> PlanUnit:
        found = self._table.find(keys.plan_unit(campaign_id, unit))
        if found is None:
            return PlanUnit(page=0, after=None, done=False)
        row = from_item(found)
        page, done = row["page"], "done" in row
        enqueued = row.get("enqueued", page if done else page - 1)  # as far as rows of an earlier release tell it
        return PlanUnit(page, row.get("after"), done, enqueued, row.get("finished", 0))

    def page_leads(self, campaign_id: CampaignId, unit: str, page: int) -> tuple[LeadId, ...]:
        """The leads of a page (1, 2, ...) as they were written down; none when it was not."""
        row = self._table.find(keys.plan_page(campaign_id, unit, page))
        packed: bytes = row["leads"]["B"] if row else b""
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
        is_next = missing("pk") if page == 1 else equals("page", page - 1)
        cursor = self._unit(campaign_id, unit).set(page=page, enqueued=enqueued, after=after).require(is_next)
        if after is None:
            cursor.remove("after")
        leads = keys.plan_page(campaign_id, unit, page) | to_item({"leads": b"".join(map(id_bytes, lead_ids))})
        seen = _parts_before(after, PARTS_OF_A_UNIT) - _parts_before(start, 0)
        progress = self._progress(campaign_id).add(planned=len(lead_ids), parts_seen=seen)
        return self._table.transact(cursor, self._table.put(leads), progress)

    def record_cursor(self, campaign_id: CampaignId, unit: str, *, enqueued: int, finished: int) -> None:
        """Note how far the unit's pages are enqueued and finished."""
        self._table.write(self._unit(campaign_id, unit).set(enqueued=enqueued, finished=finished))

    def record_unit_done(self, campaign_id: CampaignId, unit: str, *, enqueued: int = 0) -> bool:
        done = self._unit(campaign_id, unit).set(done=True, enqueued=enqueued)
        return self._table.transact(
            done.require(exists("pk"), missing("done")), self._progress(campaign_id).add(units_done=1)
        )

    def _unit(self, campaign_id: CampaignId, unit: str) -> Update:
        return self._table.update(keys.plan_unit(campaign_id, unit))

    def _progress(self, campaign_id: CampaignId) -> Update:
        return self._table.update(keys.plan_progress(campaign_id))


class Retries(TableStore):
    """Requests to retry, in the campaigns table. Every method may raise StoreUnavailable."""

    def first_row(self, campaign_id: CampaignId, number: int, reasons: Collection[str]) -> Put:
        """The write of a new request, to be made together with the campaign's move."""
        row = to_item({"number": number, "shards_done": 0, "marked": 0, "reasons": frozenset(reasons)})
        return self._table.put(keys.retry(campaign_id) | row)

    def find(self, campaign_id: CampaignId) -> Retry | None:
        row = self._table.find(keys.retry(campaign_id))
        return None if row is None else noun_of(Retry, {"reasons": ()} | from_item(row))

    def record_shard(self, campaign_id: CampaignId, shard: int, number: int, marked: int) -> bool:
        """Note that all of a shard's deliveries are marked, and how many; True the first time in this request."""
        not_noted, same_request = missing("pk") | below("number", number), equals("number", number)
        done = self._table.put(keys.retry_shard(campaign_id, shard) | to_item({"number": number})).require(not_noted)
        sums = self._table.update(keys.retry(campaign_id)).add(shards_done=1, marked=marked).require(same_request)
        return self._table.transact(done, sums)


def _parts_before(lead_id: LeadId | None, otherwise: int) -> int:
    return otherwise if lead_id is None else int.from_bytes(id_bytes(lead_id)[:2])


def _progress(row: Item) -> PlanProgress:
    return noun_of(PlanProgress, from_item(row))
