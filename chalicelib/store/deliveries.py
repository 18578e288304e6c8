"""Deliveries: one campaign's e-mail to one lead, the only truth about what happened to it.

    claim ── sending ── record_sent ──── sent ───┐
      │         └────── record_failed ── failed  ├── opens, clicks and unsubscribing are first-time facts on top
      └── skipped or failed at once ─────────────┘

Every fact is one conditional write that holds for its first caller only; nothing here is ever counted or summed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.store import keys
from chalicelib.store.client import Item, batch_get, call, from_item, time_from, time_text, to_item, write_if
from chalicelib.store.ids import CampaignId, LeadId


class DeliveryStatus(StrEnum):
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Click:
    """The first click on one link, by a person or by a machine."""

    at: datetime
    url: str | None
    """The destination, where it differs per recipient; a link without merge tags is known to the campaign."""
    machine: str | None = None
    """Why a machine is assumed; None for a person."""


@dataclass(frozen=True, slots=True)
class Delivery:
    campaign_id: CampaignId
    lead_id: LeadId
    status: DeliveryStatus
    claimed_at: datetime
    unit: str
    """The planning unit that brought this lead."""
    email: str | None = None
    subject: str | None = None
    reason: str | None = None
    """Why it failed or was skipped: a word of the closed vocabulary in sending/reasons.py."""
    detail: str | None = None
    """The mail service's own words."""
    sent_at: datetime | None = None
    message_id: str | None = None
    opened_at: datetime | None = None
    """First pixel load that counts, by anyone."""
    opened_person_at: datetime | None = None
    opened_machine: str | None = None
    """Why the first load is taken for a machine's."""
    clicks: Mapping[str, Click] = field(default_factory=dict)
    """First click of a person, by link id."""
    scans: Mapping[str, Click] = field(default_factory=dict)
    """First click of a machine, by link id."""
    unsubscribed_at: datetime | None = None
    replanned: frozenset[str] = frozenset()
    """Further planning units that brought the same lead (it changed stage while the campaign was planned)."""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read a row or a stream image."""
        values = from_item(item)
        claimed_at = time_from(values["claimed_at"])
        assert claimed_at is not None  # noqa: S101 - written by every claim
        return cls(
            campaign_id=keys.campaign_of_bucket(values["bucket"]),
            lead_id=values["lead_id"],
            status=DeliveryStatus(values["status"]),
            claimed_at=claimed_at,
            unit=values["unit"],
            email=values.get("email"),
            subject=values.get("subject"),
            reason=values.get("reason"),
            detail=values.get("detail"),
            sent_at=time_from(values.get("sent_at")),
            message_id=values.get("message_id"),
            opened_at=time_from(values.get("opened_at")),
            opened_person_at=time_from(values.get("opened_person_at")),
            opened_machine=values.get("opened_machine"),
            clicks=_clicks(values.get("clicks", {})),
            scans=_clicks(values.get("scans", {})),
            unsubscribed_at=time_from(values.get("unsubscribed_at")),
            replanned=frozenset(values.get("replanned", ())),
        )


def _clicks(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Click]:
    clicks = {}
    for link, value in values.items():
        at = time_from(value["at"])
        assert at is not None  # noqa: S101 - written with every click
        clicks[link] = Click(at=at, url=value.get("url"), machine=value.get("machine"))
    return clicks


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a list shows; None means all."""

    status: DeliveryStatus | None = None
    opened: bool | None = None
    clicked: bool | None = None


class Deliveries:
    """The deliveries table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, delivery: Delivery) -> bool:
        """Take the right to send one delivery (or to end it at once); True for exactly one caller, ever.

        One conditional put (1 write unit, and 1 for the lead's index).
        """
        values: dict[str, Any] = {
            "status": delivery.status.value,
            "claimed_at": delivery.claimed_at,
            "unit": delivery.unit,
            "email": delivery.email,
            "subject": delivery.subject,
            "reason": delivery.reason,
            "detail": delivery.detail,
            "clicks": {},
            "scans": {},
        }
        key = keys.delivery(delivery.campaign_id, delivery.lead_id)
        delivery_not_exist = "attribute_not_exists(lead_id)"
        return write_if(
            self._client.put_item,
            TableName=self._table,
            Item=key | to_item(values),
            ConditionExpression=delivery_not_exist,
        )

    def release(self, campaign_id: CampaignId, lead_id: LeadId, claimed_at: datetime) -> bool:
        """Give back a claim whose mail certainly did not leave, so that a later attempt may claim it again."""
        return write_if(
            self._client.delete_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            ConditionExpression="#status = :sending AND claimed_at = :claimed_at",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item({":sending": "sending", ":claimed_at": claimed_at}),
        )

    def record_sent(
        self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, message_id: str, subject: str
    ) -> bool:
        return self._finish(
            campaign_id, lead_id, {"status": "sent", "sent_at": at, "message_id": message_id, "subject": subject}
        )

    def record_failed(
        self, campaign_id: CampaignId, lead_id: LeadId, *, reason: str, detail: str | None, subject: str | None
    ) -> bool:
        return self._finish(
            campaign_id, lead_id, {"status": "failed", "reason": reason, "detail": detail, "subject": subject}
        )

    def _finish(self, campaign_id: CampaignId, lead_id: LeadId, values: Mapping[str, Any]) -> bool:
        given = {name: value for name, value in values.items() if value is not None}
        still_sending = "#status = :sending"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
            ConditionExpression=still_sending,
            ExpressionAttributeNames={f"#{name}": name for name in given},
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in given.items()})
            | {":sending": {"S": "sending"}},
        )

    def record_replanned(self, campaign_id: CampaignId, lead_id: LeadId, unit: str) -> bool:
        """Note that another planning unit counted the same lead too; True the first time, False for its own unit."""
        other_unit = "#unit <> :unit"
        not_noted = "(attribute_not_exists(replanned) OR NOT contains(replanned, :unit))"
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="ADD replanned :units",
            ConditionExpression=f"{other_unit} AND {not_noted}",
            ExpressionAttributeNames={"#unit": "unit"},
            ExpressionAttributeValues={":unit": {"S": unit}, ":units": {"SS": [unit]}},
        )

    def record_open(self, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, machine: str | None) -> bool:
        """Note the first pixel load: by anyone, or the first by a person. One conditional write."""
        delivery_exists = "attribute_exists(lead_id)"
        values: Item = {":at": {"S": time_text(at)}}
        if machine is None:
            update = "SET opened_person_at = :at, opened_at = if_not_exists(opened_at, :at)"
            first = "attribute_not_exists(opened_person_at)"
        else:
            update = "SET opened_at = :at, opened_machine = :machine"
            first = "attribute_not_exists(opened_at)"
            values[":machine"] = {"S": machine}
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=update,
            ConditionExpression=f"{delivery_exists} AND {first}",
            ExpressionAttributeValues=values,
        )

    def record_click(self, campaign_id: CampaignId, lead_id: LeadId, link: str, click: Click) -> bool:
        """Note the first click on one link, persons and machines apart. One conditional write."""
        delivery_exists = "attribute_exists(lead_id)"
        clicked = "clicks.#link" if click.machine is None else "scans.#link"
        first = f"attribute_not_exists({clicked})"
        value = to_item({"at": click.at, "url": click.url, "machine": click.machine})
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=f"SET {clicked} = :click",
            ConditionExpression=f"{delivery_exists} AND {first}",
            ExpressionAttributeNames={"#link": link},
            ExpressionAttributeValues={":click": {"M": value}},
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
        return Delivery.from_item(answer["Item"]) if "Item" in answer else None

    def iter_campaign(self, campaign_id: CampaignId) -> Iterator[Delivery]:
        """Every delivery of a campaign, bucket by bucket, read consistently."""
        for shard in range(keys.DELIVERY_SHARDS):
            start: Item | None = {}
            while start is not None:
                items, start = self._bucket_page(campaign_id, shard, start, limit=None, consistent=True)
                yield from map(Delivery.from_item, items)

    def list_page(
        self, campaign_id: CampaignId, shown: DeliveryFilter, *, limit: int, position: str | None
    ) -> tuple[list[Delivery], str | None]:
        """Up to `limit` deliveries in a stable order, and where to go on (None at the end)."""
        found: list[Delivery] = []
        shard_text, _, lead_text = (position or "0").partition(":")
        shard = int(shard_text)
        start: Item | None = keys.delivery(campaign_id, LeadId(lead_text)) if lead_text else {}
        while shard < keys.DELIVERY_SHARDS:
            while start is not None and len(found) < limit:
                items, start = self._bucket_page(campaign_id, shard, start, limit=limit - len(found), shown=shown)
                found += map(Delivery.from_item, items)
            if start is not None:
                return found, f"{shard}:{start['lead_id']['S'] if start else ''}"
            shard, start = shard + 1, {}
        return found, None

    def _bucket_page(
        self,
        campaign_id: CampaignId,
        shard: int,
        start: Item,
        *,
        limit: int | None,
        consistent: bool = False,
        shown: DeliveryFilter | None = None,
    ) -> tuple[list[Item], Item | None]:
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
        return answer["Items"], answer.get("LastEvaluatedKey")

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
        found = [Delivery.from_item(item) for item in batch_get(self._client, self._table, wanted)]
        last = answer.get("LastEvaluatedKey")
        following = f"{last['claimed_at']['S']} {last['bucket']['S']}" if last else None
        return sorted(found, key=lambda each: each.claimed_at, reverse=True), following


def _restrict(query: dict[str, Any], shown: DeliveryFilter) -> None:
    clauses = []
    values = query["ExpressionAttributeValues"]
    if shown.status is not None:
        clauses.append("#status = :status")
        query["ExpressionAttributeNames"]["#status"] = "status"
        values[":status"] = {"S": shown.status.value}
    if shown.opened is not None:
        clauses.append(f"attribute_{'exists' if shown.opened else 'not_exists'}(opened_at)")
    if shown.clicked is not None:
        clauses.append(f"size(clicks) {'>' if shown.clicked else '='} :none")
        values[":none"] = {"N": "0"}
    if clauses:
        query["FilterExpression"] = " AND ".join(clauses)
