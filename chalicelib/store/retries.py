"""A request to send a campaign's failed deliveries again: which ones, and how far they are marked.

    request ── per shard: mark the deliveries, then record_shard ── ... ── all marked and all counted: may finish again

How many were marked is written down with each shard's end, and every mark is a fact that the fold counts. A campaign is
done again when both numbers agree: before, its sums may still be those of the time before the request.
"""

from collections.abc import Collection
from dataclasses import dataclass

from chalicelib.model.ids import CampaignId
from chalicelib.store import keys
from chalicelib.store.client import from_item, to_item
from chalicelib.store.statements import Put, below, equals, missing
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


class Retries(TableStore):
    """Requests to retry, in the campaigns table. Every method may raise StoreUnavailable."""

    def first_row(self, campaign_id: CampaignId, number: int, reasons: Collection[str]) -> Put:
        """The write of a new request, to be made together with the campaign's move."""
        row = to_item({"number": number, "shards_done": 0, "marked": 0, "reasons": frozenset(reasons)})
        return self._table.put(keys.retry(campaign_id) | row)

    def find(self, campaign_id: CampaignId) -> Retry | None:
        row = self._table.find(keys.retry(campaign_id))
        if row is None:
            return None
        values = from_item(row)
        return Retry(values["number"], frozenset(values.get("reasons", ())), values["shards_done"], values["marked"])

    def record_shard(self, campaign_id: CampaignId, shard: int, number: int, marked: int) -> bool:
        """Note that all of a shard's deliveries are marked, and how many; True the first time in this request."""
        not_noted, same_request = missing("pk") | below("number", number), equals("number", number)
        done = self._table.put(keys.retry_shard(campaign_id, shard) | to_item({"number": number})).require(not_noted)
        sums = self._table.update(keys.retry(campaign_id)).add(shards_done=1, marked=marked).require(same_request)
        return self._table.transact(done, sums)
