"""Deliveries: one campaign's e-mail to one lead, the only truth about what happened to it.

    claim ── sending ── record_sent ──── sent ───┐
      │  ^      └────── record_failed ── failed  ├── opens, clicks and unsubscribing are first-time facts on top
      │  └ waiting ──── mark_for_retry ────┘     │
      └── skipped or failed at once ─────────────┘

Every fact is one conditional write that holds for its first caller only; nothing here is ever counted or summed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.ids import CampaignId, LeadId, is_trace_id, shard_of
from chalicelib.model.times import time_text
from chalicelib.model.verdicts import judged, says_something_new
from chalicelib.store import keys
from chalicelib.store.client import Item, batch_get, call, refused_by, to_item, write_if
from chalicelib.store.delivery_rows import CLICK_MAPS, decode, encode, encode_click

__all__ = ["Click", "Deliveries", "Delivery", "DeliveryFilter", "DeliveryStatus", "Tracking"]

_LOOKED_AT_FOR_A_PAGE = 10_000


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
        """The part that the engine cannot judge."""
        return self.clicked is None or self.clicked == bool(judged(delivery).persons)


class Deliveries:
    """The deliveries table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str, rule: BurstRule) -> None:
        self._client = client
        self._table = table
        self._rule = rule

    def from_row(self, row: Mapping[str, Any]) -> Delivery:
        return decode(row, self._rule)

    def claim(self, delivery: Delivery) -> bool:
        """Take the right to send one delivery (or to end it at once); True for exactly one caller, ever.

        One conditional put (1 write unit, and 1 for the lead's index).
        """
        delivery_not_exist = "attribute_not_exists(lead_id)"
        return write_if(
            self._client.put_item,
            TableName=self._table,
            Item=encode(delivery),
            ConditionExpression=delivery_not_exist,
        )

    def claim_again(self, delivery: Delivery) -> bool:
        """Take the right to send (or to end at once) a delivery that waits to be sent again; True for one caller.

        That caller is known by its claim's nonce, also when its answer was lost and the write was repeated.
        """
        values = {"status": delivery.status.value, "nonce": delivery.nonce, "retried_at": delivery.retried_at}
        values |= {name: getattr(delivery, name) for name in ("email", "reason", "detail", "subject", "empty_links")}
        given = {name: value for name, value in values.items() if value is not None}
        refused = self._change(delivery.campaign_id, delivery.lead_id, given, if_status=DeliveryStatus.WAITING)
        return refused is None or refused.get("nonce") == {"S": delivery.nonce}

    def release(self, claimed: Delivery) -> bool:
        """Give back a claim whose mail certainly did not leave, so that a later attempt may claim it again."""
        same_claim, nonce = _same_claim(claimed)
        ours = f"#status = :sending AND {same_claim}"
        values: Item = nonce | {":sending": {"S": "sending"}}
        claim = {
            "TableName": self._table,
            "Key": keys.delivery(claimed.campaign_id, claimed.lead_id),
            "ExpressionAttributeNames": {"#status": "status"},
        }
        if not claimed.retry:
            return write_if(
                self._client.delete_item,
                ConditionExpression=f"{ours} AND attribute_not_exists(retry)",
                ExpressionAttributeValues=values,
                **claim,
            )
        return write_if(
            # One that is sent again has a history, which stays: it waits as before.
            self._client.update_item,
            UpdateExpression="SET #status = :waiting",
            ConditionExpression=ours,
            ExpressionAttributeValues=values | {":waiting": {"S": "waiting"}},
            **claim,
        )

    def mark_for_retry(self, campaign_id: CampaignId, lead_id: LeadId, number: int) -> bool:
        """Let a failed delivery wait to be sent again; True once per request (`number`: 1, 2, ...)."""
        failed = "#status = :failed"
        not_in_this_request = "(attribute_not_exists(retry) OR retry < :number)"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="SET #status = :waiting, retry = :number REMOVE #reason, #detail",
            ConditionExpression=f"{failed} AND {not_in_this_request}",
            ExpressionAttributeNames={"#status": "status", "#reason": "reason", "#detail": "detail"},
            ExpressionAttributeValues=to_item({":failed": "failed", ":waiting": "waiting", ":number": number}),
        )

    def record_sent(
        self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, message_id: str, subject: str
    ) -> bool:
        given = {"status": "sent", "sent_at": at, "message_id": message_id, "subject": subject}
        return self._change(campaign_id, lead_id, given, if_status=DeliveryStatus.SENDING) is None

    def record_failed(self, claimed: Delivery, *, reason: str, detail: str | None) -> bool:
        """End a delivery that stands at `sending`, unless another claim has taken it meanwhile."""
        given = {"status": "failed", "reason": reason} | ({"detail": detail} if detail else {})
        ids, same_claim = (claimed.campaign_id, claimed.lead_id), _same_claim(claimed)
        return self._change(*ids, given, if_status=DeliveryStatus.SENDING, condition=same_claim) is None

    def _change(
        self,
        campaign_id: CampaignId,
        lead_id: LeadId,
        given: Mapping[str, Any],
        *,
        if_status: DeliveryStatus,
        condition: tuple[str, Item] = ("attribute_exists(lead_id)", {}),
    ) -> Item | None:
        """Change a delivery in this status: None, or the row that is in another (empty: there is none)."""
        further, values = condition
        return refused_by(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
            ConditionExpression=f"#status = :if_status AND {further}",
            ExpressionAttributeNames={f"#{name}": name for name in given},
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in given.items()})
            | {":if_status": {"S": if_status.value}}
            | values,
        )

    def record_replanned(self, campaign_id: CampaignId, lead_id: LeadId, unit: str) -> bool:
        """Note that another planning unit counted the same lead too; True the first time, False for its own unit.

        Only on a delivery that stays: a first claim may still be given back. What counts never vanishes with a row, so
        that a recount that reads a bucket twice sees every change that counts (docs/decisions/0025).
        """
        stays = "(#status IN (:sent, :failed, :skipped) OR attribute_exists(retry))"
        other_unit = "#unit <> :unit"
        not_noted = "(attribute_not_exists(replanned) OR NOT contains(replanned, :unit))"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="ADD replanned :units",
            ConditionExpression=f"{stays} AND {other_unit} AND {not_noted}",
            ExpressionAttributeNames={"#status": "status", "#unit": "unit"},
            ExpressionAttributeValues={":unit": {"S": unit}, ":units": {"SS": [unit]}}
            | to_item({f":{status}": status for status in ("sent", "failed", "skipped")}),
        )

    def record_open(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, machine: str | None) -> bool:
        """Note the first pixel load: by anyone, or the first by a person. One conditional write."""
        if machine is None:
            sets = "opened_person_at = :at, opened_at = if_not_exists(opened_at, :at)"
            first = "attribute_not_exists(opened_person_at)"
        else:
            sets = "opened_at = :at, opened_machine = :machine"
            first = "attribute_not_exists(opened_at)"
        values: Item = {":at": {"S": time_text(at)}} | ({":machine": {"S": machine}} if machine else {})
        if is_trace_id(lead_id):
            # A trace begins with its first hit: its name was signed, and nothing was written down for it before.
            sets += "".join(f", {name} = if_not_exists({name}, :{name})" for name in CLICK_MAPS)
            values |= {f":{name}": {"M": {}} for name in CLICK_MAPS}
            condition = first
        else:
            delivery_exists = "attribute_exists(lead_id)"
            condition = f"{delivery_exists} AND {first}"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=f"SET {sets}",
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )

    def record_click(self, campaign_id: CampaignId, lead_id: LeadId, link: str, click: Click) -> bool:
        """Note a click on a link: the first of a person, the first of a machine. True if it was noted.

        One conditional write. Only a person's click on a link that was clicked before may take a second one: when it
        changes who clicked, since what came before has turned out to be a scanner (model/verdicts.py).
        """
        if is_trace_id(lead_id):
            click = replace(click, url=None)  # where it differs per recipient, it would tell whose trace this is
        clicked = "clicks" if click.machine is None else "scans"
        delivery_exists = "attribute_exists(lead_id)"
        first = f"attribute_not_exists({clicked}.#link)"
        refused = refused_by(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=f"SET {clicked}.#link = :click",
            ConditionExpression=f"{delivery_exists} AND {first}",
            ExpressionAttributeNames={"#link": link},
            ExpressionAttributeValues={":click": encode_click(click)},
        )
        if refused == {} and is_trace_id(lead_id):
            return self._begin_trace(campaign_id, lead_id, clicked, link, click)
        if refused and click.machine is None:
            return self._record_later(self.from_row(refused), link, click)
        return refused is None

    def _begin_trace(self, campaign_id: CampaignId, trace: LeadId, clicked: str, link: str, click: Click) -> bool:
        """A trace whose first hit is a click, which needs a map to be put into: one more write, once."""
        maps: dict[str, Item] = {name: {link: encode_click(click)} if name == clicked else {} for name in CLICK_MAPS}
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, trace),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in maps),
            ConditionExpression="attribute_not_exists(lead_id)",
            ExpressionAttributeValues={f":{name}": {"M": value} for name, value in maps.items()},
        )

    def _record_later(self, before: Delivery, link: str, click: Click) -> bool:
        """Note one more click on a link, if that says something new; False also when another came in between."""
        if not says_something_new(before, link, click):
            return False
        known = len(before.later.get(link, ()))
        as_judged = "size(later.#link) = :known" if known else "attribute_not_exists(later.#link)"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(before.campaign_id, before.lead_id),
            UpdateExpression="SET later.#link = list_append(if_not_exists(later.#link, :none), :click)",
            ConditionExpression=as_judged,
            ExpressionAttributeNames={"#link": link},
            ExpressionAttributeValues={":click": {"L": [encode_click(click)]}, ":none": {"L": []}}
            | ({":known": {"N": str(known)}} if known else {}),
        )

    def record_unsubscribed(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime) -> bool:
        """Note that this mail's unsubscribe link was used."""
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="SET unsubscribed_at = :at",
            ConditionExpression="attribute_exists(lead_id) AND attribute_not_exists(unsubscribed_at)",
            ExpressionAttributeValues={":at": {"S": time_text(at)}},
        )

    def find(self, campaign_id: CampaignId, lead_id: LeadId) -> Delivery | None:
        answer = call(
            self._client.get_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            ConsistentRead=True,
        )
        return self.from_row(answer["Item"]) if "Item" in answer else None

    def find_many(self, campaign_id: CampaignId, lead_ids: Iterable[LeadId]) -> dict[LeadId, Delivery]:
        """The deliveries that there are of these leads, read consistently; 100 a request."""
        found = self.find_each((campaign_id, lead_id) for lead_id in lead_ids)
        return {lead_id: delivery for (_, lead_id), delivery in found.items()}

    def find_each(self, names: Iterable[tuple[CampaignId, LeadId]]) -> dict[tuple[CampaignId, LeadId], Delivery]:
        """The deliveries that there are of these campaigns to these leads, read consistently; 100 a request."""
        wanted = [keys.delivery(*each) for each in sorted(set(names))]
        found = map(self.from_row, batch_get(self._client, self._table, wanted, consistent=True))
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
        return map(self.from_row, self.iter_rows(campaign_id, shard, shown))

    def iter_rows(self, campaign_id: CampaignId, shard: int, shown: DeliveryFilter | None = None) -> Iterator[Item]:
        """The rows of one bucket (0 to 63), in the order of their keys, read consistently."""
        start: Item | None = {}
        while start is not None:
            items, start, _ = self._bucket_page(campaign_id, shard, start, limit=None, consistent=True, shown=shown)
            yield from items

    def list_page(
        self, campaign_id: CampaignId, shown: DeliveryFilter, *, limit: int, position: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Up to `limit` deliveries in a stable order, and where to go on (None at the end).

        Where a filter passes few of them there may be fewer, even none, before the end: a page looks at some ten
        thousand deliveries at most, so that no campaign is too large for one answer.
        """
        found: list[Delivery] = []
        looked_at = 0
        shard_text, _, lead_text = (position or "0").partition(":")
        shard = int(shard_text)
        start: Item | None = keys.delivery(campaign_id, LeadId(lead_text)) if lead_text else {}
        while shard < keys.DELIVERY_SHARDS:
            while start is not None:
                wanted = limit - len(found)
                if not wanted or looked_at >= _LOOKED_AT_FOR_A_PAGE:
                    return found, f"{shard}:{start['lead_id']['S'] if start else ''}"
                # Reads grow with every miss, so that a filter that passes few does not take a call for each.
                count = max(wanted, looked_at - len(found))
                items, start, looked = self._bucket_page(campaign_id, shard, start, limit=count, shown=shown)
                looked_at += looked
                passed = [each for each in map(self.from_row, items) if shown.passes(each)]
                if len(passed) > wanted:
                    start = keys.delivery(campaign_id, passed[wanted - 1].lead_id)
                found += passed[:wanted]
            shard, start = shard + 1, {}
        return found, None

    @staticmethod
    def position_after(delivery: Delivery) -> str:
        """Where `list_page` goes on behind this delivery."""
        return f"{shard_of(delivery.lead_id, keys.DELIVERY_SHARDS)}:{delivery.lead_id}"

    def _bucket_page(
        self,
        campaign_id: CampaignId,
        shard: int,
        start: Item,
        *,
        limit: int | None,
        consistent: bool = False,
        shown: DeliveryFilter | None = None,
    ) -> tuple[list[Item], Item | None, int]:
        """Deliveries of one bucket, where to go on, and how many were looked at."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": {"#bucket": "bucket"},
            "ExpressionAttributeValues": {":bucket": {"S": keys.bucket(campaign_id, shard)}},
            "ConsistentRead": consistent,
        }
        if limit is not None:
            query["Limit"] = limit
        if start:
            query["ExclusiveStartKey"] = start
        if shown is not None:
            _restrict(query, shown)
        answer = call(self._client.query, **query)
        return answer["Items"], answer.get("LastEvaluatedKey"), answer["ScannedCount"]

    def list_of_lead(self, lead_id: LeadId, *, limit: int, position: str | None) -> tuple[list[Delivery], str | None]:
        """One lead's deliveries, newest first, and where to go on (None at the end)."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": keys.BY_LEAD_INDEX,
            "KeyConditionExpression": "lead_id = :lead_id",
            "ExpressionAttributeValues": {":lead_id": {"S": lead_id}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if position is not None:
            claimed_at, _, bucket = position.partition(" ")
            last_seen = {"bucket": bucket, "lead_id": lead_id, "claimed_at": claimed_at}
            query["ExclusiveStartKey"] = to_item(last_seen)
        answer = call(self._client.query, **query)
        wanted = [{"bucket": item["bucket"], "lead_id": item["lead_id"]} for item in answer["Items"]]
        found = [self.from_row(item) for item in batch_get(self._client, self._table, wanted)]
        last = answer.get("LastEvaluatedKey")
        following = f"{last['claimed_at']['S']} {last['bucket']['S']}" if last else None
        return sorted(found, key=lambda each: each.claimed_at, reverse=True), following

    @staticmethod
    def time_of(position: str) -> datetime:
        """When the delivery was taken up behind which a list of a lead's deliveries goes on."""
        return datetime.fromisoformat(position.partition(" ")[0])


def _same_claim(delivery: Delivery) -> tuple[str, Item]:
    """The condition that nobody has claimed it since, and its values. Claims made by older versions have no nonce."""
    if delivery.nonce:
        return "nonce = :same_nonce", {":same_nonce": {"S": delivery.nonce}}
    return "attribute_not_exists(nonce)", {}


def _restrict(query: dict[str, Any], shown: DeliveryFilter) -> None:
    # Traces were never claimed: they are nobody's delivery.
    clauses = ["attribute_exists(claimed_at)"]
    if shown.status is not None:
        clauses.append("#status = :status")
        query["ExpressionAttributeNames"]["#status"] = "status"
        query["ExpressionAttributeValues"][":status"] = {"S": shown.status.value}
    if shown.opened is not None:
        clauses.append(f"attribute_{'exists' if shown.opened else 'not_exists'}(opened_at)")
    if shown.reason is not None:
        clauses.append("reason = :reason")
        query["ExpressionAttributeValues"][":reason"] = {"S": shown.reason}
    query["FilterExpression"] = " AND ".join(clauses)
