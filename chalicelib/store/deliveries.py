"""Deliveries: one campaign's e-mail to one lead, the only truth about what happened to it.

    claim ── sending ──── sent ──────────────────┐
      │  ^      └────── record_failed ── failed  ├── opens, clicks and unsubscribing are first-time facts on top
      │  └ waiting ──── mark_for_retry ────┘     │
      └── skipped or failed at once ─────────────┘

Every fact is one conditional write that holds for its first caller only; nothing here is ever counted or summed. First
claims and their ends: claims.py; what the mail service reports: feedback.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, is_trace_id, shard_of
from chalicelib.model.verdicts import judged, says_something_new
from chalicelib.store import keys
from chalicelib.store.client import Client, Item
from chalicelib.store.delivery_rows import CLICK_MAPS, click_values, decode
from chalicelib.store.statements import (
    Condition,
    Query,
    Update,
    all_of,
    below,
    differs,
    equals,
    exists,
    has_size,
    is_not_empty,
    lacks,
    missing,
    one_of,
)
from chalicelib.store.table import TableStore

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
    unsubscribed: bool | None = None
    """With this mail's link."""
    bounced: bool | None = None
    """Permanently."""
    complained: bool | None = None

    def passes(self, delivery: Delivery) -> bool:
        """Whether a delivery that the engine let through is shown: clicks are judged here."""
        return self.clicked is None or self.clicked == bool(judged(delivery).persons)

    @property
    def condition(self) -> Condition:
        """The part that the engine judges; of `clicked`, only that something was clicked."""
        # Traces were never claimed: they belong to no lead.
        clauses = [exists("claimed_at")]
        if self.status is not None:
            clauses.append(equals("status", self.status))
        if self.clicked:
            clauses.append(is_not_empty("clicks"))
        if self.reason is not None:
            clauses.append(equals("reason", self.reason))
        for name in ("opened", "unsubscribed", "bounced", "complained"):
            wanted = getattr(self, name)
            if wanted is not None:
                clauses.append(exists(f"{name}_at") if wanted else missing(f"{name}_at"))
        return all_of(*clauses)


class Deliveries(TableStore):
    """The deliveries table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str, rule: BurstRule) -> None:
        super().__init__(client, table)
        self._rule = rule

    def claim_again(self, delivery: Delivery) -> bool:
        """Take the right to send (or to end at once) a delivery that waits to be sent again; True for one caller.

        That caller is known by its claim's nonce, also when its answer was lost and the write was repeated.
        """
        values = {name: getattr(delivery, name) for name in ("status", "nonce", "retried_at")}
        values |= {name: getattr(delivery, name) for name in ("email", "reason", "detail", "subject", "empty_links")}
        still_waits = equals("status", DeliveryStatus.WAITING)
        update = self._update(delivery.campaign_id, delivery.lead_id).set(values)
        refusal = self._table.refusal(update.require(still_waits))
        return refusal is None or refusal.get("nonce") == {"S": delivery.nonce}

    def release(self, claimed: Delivery) -> bool:
        """Give back a claim whose mail certainly did not leave, so that a later attempt may claim it again."""
        ours = (equals("status", DeliveryStatus.SENDING), _same_claim(claimed))
        key = keys.delivery(claimed.campaign_id, claimed.lead_id)
        if not claimed.retry:
            return self._table.write(self._table.delete(key).require(*ours, missing("retry")))
        # One that is sent again has a history, which stays: it waits as before.
        return self._table.write(self._table.update(key).set(status=DeliveryStatus.WAITING).require(*ours))

    def mark_for_retry(self, campaign_id: CampaignId, lead_id: LeadId, number: int) -> bool:
        """Let a failed delivery wait to be sent again; True once per request (`number`: 1, 2, ...)."""
        failed = equals("status", DeliveryStatus.FAILED)
        not_in_this_request = missing("retry") | below("retry", number)
        update = self._update(campaign_id, lead_id).set(status=DeliveryStatus.WAITING, retry=number)
        return self._table.write(update.remove("reason", "detail").require(failed, not_in_this_request))

    def record_failed(self, claimed: Delivery, *, reason: str, detail: str | None) -> bool:
        """End a delivery that stands at `sending`, unless another claim has taken it meanwhile."""
        update = self._update(claimed.campaign_id, claimed.lead_id)
        update.set(status=DeliveryStatus.FAILED, reason=reason, detail=detail or None)
        return self._table.write(update.require(equals("status", DeliveryStatus.SENDING), _same_claim(claimed)))

    def record_replanned(self, campaign_id: CampaignId, lead_id: LeadId, unit: str) -> bool:
        """Note that another planning unit counted the same lead too; True the first time, False for its own unit.

        Only on a delivery that stays: a first claim may still be given back. What counts never vanishes with a row, so
        that a recount that reads a bucket twice sees every change that counts (docs/decisions/0025).
        """
        ended = one_of("status", DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)
        stays = ended | exists("retry")
        other_unit, not_noted = differs("unit", unit), missing("replanned") | lacks("replanned", unit)
        update = self._update(campaign_id, lead_id).add(replanned={unit})
        return self._table.write(update.require(stays, other_unit, not_noted))

    def record_open(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, machine: str | None) -> bool:
        """Note the first pixel load: by anyone, or the first by a person. One conditional write."""
        update = self._update(campaign_id, lead_id)
        if machine is None:
            first = missing("opened_person_at")
            update.set(opened_person_at=at).set_once(opened_at=at)
        else:
            first = missing("opened_at")
            update.set(opened_at=at, opened_machine=machine)
        if is_trace_id(lead_id):
            # A trace begins with its first hit: its name was signed, and nothing was written down for it before.
            return self._table.write(update.set_once({name: {} for name in CLICK_MAPS}).require(first))
        delivery_exists = exists("lead_id")
        return self._table.write(update.require(delivery_exists, first))

    def record_click(self, campaign_id: CampaignId, lead_id: LeadId, link: str, click: Click) -> bool:
        """Note a click on a link: the first of a person, the first of a machine. True if it was noted.

        One conditional write. Only a person's click on a link that was clicked before may take a second one: when it
        changes who clicked, since what came before has turned out to be a scanner (model/verdicts.py).
        """
        if is_trace_id(lead_id):
            click = replace(click, url=None)  # where it differs per recipient, it would tell whose trace this is
        clicked = "clicks" if click.machine is None else "scans"
        delivery_exists, first = exists("lead_id"), missing((clicked, link))
        update = self._update(campaign_id, lead_id).set({(clicked, link): click_values(click)})
        is_not_erased = [missing("erased")] if click.url is not None else []
        refusal = self._table.refusal(update.require(delivery_exists, first, *is_not_erased))
        if refusal and "erased" in refusal and click.url is not None:
            return self.record_click(campaign_id, lead_id, link, replace(click, url=None))
        if refusal == {} and is_trace_id(lead_id):
            return self._begin_trace(campaign_id, lead_id, clicked, link, click)
        if refusal and click.machine is None:
            return self._record_later(self.from_row(refusal), link, click)
        return refusal is None

    def _begin_trace(self, campaign_id: CampaignId, trace: LeadId, clicked: str, link: str, click: Click) -> bool:
        """A trace whose first hit is a click, which needs a map to be put into: one more write, once."""
        maps = {name: {link: click_values(click)} if name == clicked else {} for name in CLICK_MAPS}
        return self._table.write(self._update(campaign_id, trace).set(maps).require(missing("lead_id")))

    def _record_later(self, before: Delivery, link: str, click: Click) -> bool:
        """Note one more click on a link, if that says something new; False also when another came in between."""
        if not says_something_new(before, link, click):
            return False
        known, later = len(before.later.get(link, ())), ("later", link)
        as_judged = has_size(later, known) if known else missing(later)
        update = self._update(before.campaign_id, before.lead_id).append(later, [click_values(click)])
        return self._table.write(update.require(as_judged))

    def record_unsubscribed(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime) -> bool:
        """Note that this mail's unsubscribe link was used."""
        delivery_exists, is_first = exists("lead_id"), missing("unsubscribed_at")
        update = self._update(campaign_id, lead_id).set(unsubscribed_at=at)
        return self._table.write(update.require(delivery_exists, is_first))

    def _update(self, campaign_id: CampaignId, lead_id: LeadId) -> Update:
        return self._table.update(keys.delivery(campaign_id, lead_id))

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
        of_lead, names = equals("lead_id", lead_id), ("claimed_at", "bucket")
        newest = Query(index=keys.BY_LEAD_INDEX, key=of_lead, newest_first=True)
        rows, following = self._table.listed(newest, names, limit=limit, position=position, lead_id=lead_id)
        wanted = [{"bucket": row["bucket"], "lead_id": row["lead_id"]} for row in rows]
        found = [self.from_row(row) for row in self._table.find_many(wanted)]
        return sorted(found, key=lambda each: each.claimed_at, reverse=True), following

    @staticmethod
    def time_of(position: str) -> datetime:
        """When the delivery was claimed behind which a list of a lead's deliveries goes on."""
        return datetime.fromisoformat(position.partition(" ")[0])


def _same_claim(delivery: Delivery) -> Condition:
    """The condition that nobody has claimed it since. Claims made by older versions have no nonce."""
    return equals("nonce", delivery.nonce) if delivery.nonce else missing("nonce")


def _bucket(
    campaign_id: CampaignId, shard: int, shown: DeliveryFilter | None = None, *, consistent: bool = False
) -> Query:
    key = equals("bucket", keys.bucket(campaign_id, shard))
    return Query(key=key, where=None if shown is None else shown.condition, consistent=consistent)
