"""Reads deliveries: one by one, a campaign's, a lead's; for reports, recounts and pages."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, shard_of
from chalicelib.model.verdicts import judged
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, to_item
from chalicelib.store.delivery_rows import decode
from chalicelib.store.statements import Condition, Query, all_of, equals, exists, missing
from chalicelib.store.table import Table

_READ_FOR_A_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a list shows; None means all."""

    status: DeliveryStatus | None = None
    opened: bool | None = None
    clicked: bool | None = None
    """By a person."""
    reason: str | None = None
    """Why it failed or was skipped."""

    def passes(self, delivery: Delivery) -> bool:
        """Whether a delivery that the engine let through is shown: clicks are judged here."""
        return self.clicked is None or self.clicked == bool(judged(delivery).persons)

    @property
    def condition(self) -> Condition:
        """The part that the engine judges."""
        # Traces were never claimed: they belong to no lead.
        clauses = [exists("claimed_at")]
        if self.status is not None:
            clauses.append(equals("status", self.status))
        if self.opened is not None:
            clauses.append(exists("opened_at") if self.opened else missing("opened_at"))
        if self.reason is not None:
            clauses.append(equals("reason", self.reason))
        return all_of(*clauses)


class DeliveryLists:
    """The deliveries table, for reading. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str, rule: BurstRule) -> None:
        self._table = Table(client, table)
        self._rule = rule

    def from_row(self, row: Mapping[str, Any]) -> Delivery:
        return decode(row, self._rule)

    def find(self, campaign_id: CampaignId, lead_id: LeadId) -> Delivery | None:
        row = self._table.find(keys.delivery(campaign_id, lead_id))
        return None if row is None else self.from_row(row)

    def find_many(self, campaign_id: CampaignId, lead_ids: Iterable[LeadId]) -> dict[LeadId, Delivery]:
        """The deliveries that there are of these leads, read consistently; 100 a request."""
        found = self.find_each((campaign_id, lead_id) for lead_id in lead_ids)
        return {lead_id: delivery for (_, lead_id), delivery in found.items()}

    def find_each(self, names: Iterable[tuple[CampaignId, LeadId]]) -> dict[tuple[CampaignId, LeadId], Delivery]:
        """The deliveries that there are of these campaigns to these leads, read consistently; 100 a request."""
        wanted = [keys.delivery(*each) for each in sorted(set(names))]
        found = map(self.from_row, self._table.find_many(wanted, consistent=True))
        return {(delivery.campaign_id, delivery.lead_id): delivery for delivery in found}

    def iter_campaign(self, campaign_id: CampaignId) -> Iterator[Delivery]:
        """Every delivery of a campaign and every trace, bucket by bucket, read consistently."""
        for shard in range(keys.DELIVERY_SHARDS):
            yield from self.iter_shard(campaign_id, shard)

    def iter_shard(
        self, campaign_id: CampaignId, shard: int, *, status: DeliveryStatus | None = None
    ) -> Iterator[Delivery]:
        """The deliveries of one bucket (0 to 63), read consistently; its traces too, unless a status is asked for."""
        shown = None if status is None else DeliveryFilter(status)
        return map(self.from_row, self._table.query(_bucket(campaign_id, shard, shown, consistent=True)))

    def iter_rows(self, campaign_id: CampaignId, shard: int) -> Iterator[Item]:
        """The rows of one bucket (0 to 63), in the order of their keys, read consistently."""
        return self._table.query(_bucket(campaign_id, shard, consistent=True))

    def list_page(
        self, campaign_id: CampaignId, shown: DeliveryFilter, *, limit: int, position: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Up to `limit` deliveries in a stable order, and where to go on (None at the end).

        Where a filter passes few of them there may be fewer, even none, before the end: a page looks at some ten
        thousand deliveries at most, so that no campaign is too large for one answer.
        """
        found: list[Delivery] = []
        read = 0
        shard_text, _, lead_text = (position or "0").partition(":")
        start = keys.delivery(campaign_id, LeadId(lead_text)) if lead_text else None
        for shard in range(int(shard_text), keys.DELIVERY_SHARDS):
            bucket = _bucket(campaign_id, shard, shown)
            while True:
                wanted = limit - len(found)
                if not wanted or read >= _READ_FOR_A_PAGE:
                    return found, f"{shard}:{start['lead_id']['S'] if start else ''}"
                # Reads grow with every miss, so that a filter that passes few does not take a call for each.
                rows, start, looked_at = self._table.page(bucket, limit=max(wanted, read - len(found)), start=start)
                read += looked_at
                passed = [each for each in map(self.from_row, rows) if shown.passes(each)]
                if len(passed) > wanted:
                    start = keys.delivery(campaign_id, passed[wanted - 1].lead_id)
                found += passed[:wanted]
                if start is None:
                    break
        return found, None

    @staticmethod
    def position_after(delivery: Delivery) -> str:
        """Where `list_page` goes on behind this delivery."""
        return f"{shard_of(delivery.lead_id, keys.DELIVERY_SHARDS)}:{delivery.lead_id}"

    def list_of_lead(self, lead_id: LeadId, *, limit: int, position: str | None) -> tuple[list[Delivery], str | None]:
        """One lead's deliveries, newest first, and where to go on (None at the end)."""
        start = None
        if position is not None:
            claimed_at, _, bucket = position.partition(" ")
            start = to_item({"bucket": bucket, "lead_id": lead_id, "claimed_at": claimed_at})
        listed = Query(index=keys.BY_LEAD_INDEX, key=equals("lead_id", lead_id), newest_first=True)
        rows, last, _ = self._table.page(listed, limit=limit, start=start)
        wanted = [{"bucket": row["bucket"], "lead_id": row["lead_id"]} for row in rows]
        found = [self.from_row(row) for row in self._table.find_many(wanted)]
        following = f"{last['claimed_at']['S']} {last['bucket']['S']}" if last else None
        return sorted(found, key=lambda each: each.claimed_at, reverse=True), following

    @staticmethod
    def time_of(position: str) -> datetime:
        """When the delivery was claimed behind which a list of a lead's deliveries goes on."""
        return datetime.fromisoformat(position.partition(" ")[0])


def _bucket(
    campaign_id: CampaignId, shard: int, shown: DeliveryFilter | None = None, *, consistent: bool = False
) -> Query:
    key = equals("bucket", keys.bucket(campaign_id, shard))
    return Query(key=key, where=None if shown is None else shown.condition, consistent=consistent)
