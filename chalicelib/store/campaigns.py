"""Campaigns: what was written, for whom, and how far it is. Large texts lie beside the row, compressed, in pieces."""

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.store import keys
from chalicelib.store.client import (
    Conflict,
    Item,
    StoreError,
    batch_get,
    call,
    from_item,
    time_from,
    to_item,
    transact,
    write_if,
)
from chalicelib.store.delivery_items import Tracking
from chalicelib.store.ids import CampaignId

_CHUNK_BYTES = 350_000
"""Below DynamoDB's 400 KB an item."""


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    MISSED = "missed"
    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Audience:
    """Leads of one entity in any of these stages that carry all of these tags."""

    entity: str
    stages: tuple[str, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The author's content, as written."""

    html: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Campaign:
    campaign_id: CampaignId
    title: str
    subject: str
    from_email: str
    from_name: str | None
    reply_to: str | None
    audience: Audience
    status: CampaignStatus
    version: int
    """Counts the author's changes; an update names the version it was made from."""
    created_at: datetime
    updated_at: datetime
    utm: Mapping[str, str] = field(default_factory=dict)
    tracking: Tracking = Tracking.FULL
    launched_at: datetime | None = None
    """When the audience was taken."""
    key_number: int | None = None
    """The signing key of its delivery ids and links, fixed at launch."""
    completed_at: datetime | None = None

    @classmethod
    def from_item(cls, item: Item) -> Self:
        values = from_item(item)
        values = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        audience = values.pop("audience")
        times = {name: time_from(values.pop(name, None)) for name in _TIMES}
        defaults: dict[str, Any] = {"from_name": None, "reply_to": None}
        return cls(
            **defaults
            | values
            | times
            | {
                "status": CampaignStatus(values["status"]),
                "tracking": Tracking(values.get("tracking", Tracking.FULL)),
                "audience": Audience(audience["entity"], tuple(audience["stages"]), tuple(audience["tags"])),
            }
        )


_TIMES = ("created_at", "updated_at", "launched_at", "completed_at")


def _to_item(campaign: Campaign) -> Item:
    values = {name: getattr(campaign, name) for name in campaign.__dataclass_fields__}
    audience = campaign.audience
    values["audience"] = {"entity": audience.entity, "stages": audience.stages, "tags": audience.tags}
    values["status"] = campaign.status.value
    return keys.campaign(campaign.campaign_id) | to_item(values | {"kind": "campaign"})


class Campaigns:
    """The campaigns themselves, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, campaign: Campaign, body: Body) -> None:
        """Write a new campaign with its content, or nothing."""
        put = {"Put": {"TableName": self._table, "Item": _to_item(campaign)}}
        if not transact(self._client, [put, *self._put_blob(campaign.campaign_id, _content(campaign), _pack(body))]):
            raise StoreError("a campaign's first writing cannot fail a condition")

    def find(self, campaign_id: CampaignId) -> Campaign | None:
        answer = call(self._client.get_item, TableName=self._table, Key=keys.campaign(campaign_id), ConsistentRead=True)
        return Campaign.from_item(answer["Item"]) if "Item" in answer else None

    def find_many(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, Campaign]:
        wanted = [keys.campaign(each) for each in sorted(set(campaign_ids))]
        found = [Campaign.from_item(item) for item in batch_get(self._client, self._table, wanted)]
        return {campaign.campaign_id: campaign for campaign in found}

    def body(self, campaign: Campaign) -> Body:
        """The author's content of this version. Raises Conflict when it was replaced meanwhile."""
        packed = self.find_blob(campaign.campaign_id, _content(campaign))
        if packed is None:
            raise Conflict("the campaign was changed meanwhile")
        values = json.loads(zlib.decompress(packed))
        return Body(values["html"], values["text"])

    def update_draft(self, campaign: Campaign, body: Body, *, at: datetime) -> Campaign:
        """Replace a draft made from `campaign.version`. Raises Conflict when that is no longer how it stands."""
        newer = replace(campaign, version=campaign.version + 1, updated_at=at)
        same_version = "version = :version"
        still_draft = "#status = :draft"
        put = {
            "Put": {
                "TableName": self._table,
                "Item": _to_item(newer),
                "ConditionExpression": f"{same_version} AND {still_draft}",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": to_item({":version": campaign.version, ":draft": "draft"}),
            }
        }
        if not transact(self._client, [put, *self._put_blob(newer.campaign_id, _content(newer), _pack(body))]):
            raise Conflict("the campaign is no longer the draft that this change was made from")
        self._delete_blob(campaign.campaign_id, _content(campaign))
        return newer

    def delete_draft(self, campaign: Campaign) -> bool:
        """Delete a draft with its content; False when it is no longer a draft."""
        deleted = write_if(
            self._client.delete_item,
            TableName=self._table,
            Key=keys.campaign(campaign.campaign_id),
            ConditionExpression="#status = :draft",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item({":draft": "draft"}),
        )
        if deleted:
            self._delete_blob(campaign.campaign_id, _content(campaign))
        return deleted

    def list_page(self, *, limit: int, position: str | None) -> tuple[list[Campaign], str | None]:
        """Campaigns, newest first, and where to go on (None at the end)."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": keys.LISTING_INDEX,
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": "campaign"}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if position is not None:
            created_at, _, campaign_id = position.partition(" ")
            listed = {"kind": {"S": "campaign"}, "created_at": {"S": created_at}}
            query["ExclusiveStartKey"] = keys.campaign(CampaignId(campaign_id)) | listed
        answer = call(self._client.query, **query)
        last = answer.get("LastEvaluatedKey")
        following = f"{last['created_at']['S']} {last['pk']['S']}" if last else None
        return [Campaign.from_item(item) for item in answer["Items"]], following

    def fix_key(self, campaign_id: CampaignId, number: int) -> int:
        """Give the campaign its signing key, unless it has one; the number of the key that it has from now on."""
        answer = call(
            self._client.update_item,
            TableName=self._table,
            Key=keys.campaign(campaign_id),
            UpdateExpression="SET key_number = if_not_exists(key_number, :number)",
            ExpressionAttributeValues={":number": {"N": str(number)}},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["key_number"]["N"])

    def change_status(
        self,
        campaign_id: CampaignId,
        before: Sequence[CampaignStatus],
        after: CampaignStatus,
        *,
        version: int | None = None,
        **times: datetime,
    ) -> bool:
        """Move from one of the statuses `before` to `after`, setting `times`; False when it was in another.

        With `version`, also False when the author's content is no longer that version.
        """
        values = {":after": after.value} | {f":before{number}": status.value for number, status in enumerate(before)}
        sets = ["#status = :after"] + [f"{name} = :{name}" for name in times]
        condition = f"#status IN ({', '.join(f':before{number}' for number in range(len(before)))})"
        typed = to_item(values | {f":{name}": moment for name, moment in times.items()})
        if version is not None:
            condition += " AND version = :version"
            typed |= to_item({":version": version})
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.campaign(campaign_id),
            UpdateExpression="SET " + ", ".join(sets),
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=typed,
        )

    def save_blob(self, campaign_id: CampaignId, name: str, data: bytes) -> None:
        """Keep something large of a campaign. The first one written under a name stays: all workers read the same."""
        pieces = self._put_blob(campaign_id, name, data)
        pieces[0]["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
        transact(self._client, pieces)

    def _put_blob(self, campaign_id: CampaignId, name: str, data: bytes) -> list[dict[str, Any]]:
        pieces = [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)]
        return [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": keys.campaign_blob(campaign_id, name, number)
                    | {"data": {"B": piece}, "pieces": {"N": str(len(pieces))}},
                }
            }
            for number, piece in enumerate(pieces)
        ]

    def find_blob(self, campaign_id: CampaignId, name: str) -> bytes | None:
        pieces: list[bytes] = []
        expected = 1
        while len(pieces) < expected:
            key = keys.campaign_blob(campaign_id, name, len(pieces))
            answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
            if "Item" not in answer:
                return None
            expected = int(answer["Item"]["pieces"]["N"])
            pieces.append(answer["Item"]["data"]["B"])
        return b"".join(pieces)

    def _delete_blob(self, campaign_id: CampaignId, name: str) -> None:
        number, more = 0, True
        while more:
            answer = call(
                self._client.delete_item,
                TableName=self._table,
                Key=keys.campaign_blob(campaign_id, name, number),
                ReturnValues="ALL_OLD",
            )
            number += 1
            more = number < int(answer.get("Attributes", {}).get("pieces", {}).get("N", "0"))


def _content(campaign: Campaign) -> str:
    return f"content-{campaign.version}"


def _pack(body: Body) -> bytes:
    return zlib.compress(json.dumps({"html": body.html, "text": body.text}).encode())
