"""Campaigns: what was written, for whom, and how far it is. Large texts lie beside the row, compressed, in pieces."""

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import Audience, Behavior, Body, Campaign, CampaignStatus, Did, Schedule, Wait
from chalicelib.model.errors import Conflict, StoreError
from chalicelib.model.ids import CampaignId
from chalicelib.model.times import time_text
from chalicelib.store import keys
from chalicelib.store.campaign_rows import decode, encode, encode_schedule, encode_wait
from chalicelib.store.client import batch_get, call, row_after, to_item, transact, write_if

__all__ = ["Audience", "Behavior", "Body", "Campaign", "CampaignStatus", "Campaigns", "Did", "Schedule", "Wait"]

_CHUNK_BYTES = 350_000
"""Below DynamoDB's 400 KB an item."""


class Campaigns:
    """The campaigns themselves, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, campaign: Campaign, body: Body) -> None:
        """Write a new campaign with its content, or nothing."""
        put = {"Put": {"TableName": self._table, "Item": encode(campaign)}}
        if not transact(self._client, [put, *self._put_blob(campaign.campaign_id, _content(campaign), _pack(body))]):
            raise StoreError("a campaign's first writing cannot fail a condition")

    def find(self, campaign_id: CampaignId) -> Campaign | None:
        answer = call(self._client.get_item, TableName=self._table, Key=keys.campaign(campaign_id), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def find_many(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, Campaign]:
        wanted = [keys.campaign(each) for each in sorted(set(campaign_ids))]
        found = [decode(item) for item in batch_get(self._client, self._table, wanted)]
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
        newer = replace(campaign, version=campaign.version + 1, updated_at=at, status_reason=None)
        same_version = "version = :version"
        still_draft = "#status = :draft"
        put = {
            "Put": {
                "TableName": self._table,
                "Item": encode(newer),
                "ConditionExpression": f"{same_version} AND {still_draft}",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": to_item({":version": campaign.version, ":draft": "draft"}),
            }
        }
        if not transact(self._client, [put, *self._put_blob(newer.campaign_id, _content(newer), _pack(body))]):
            raise Conflict("the campaign is no longer the draft that this change was made from")
        self._delete_blob(campaign.campaign_id, _content(campaign))
        return newer

    def delete(self, campaign: Campaign) -> bool:
        """Delete a campaign that was never launched, with its content; False when its status has changed meanwhile."""
        delete = {
            "TableName": self._table,
            "Key": keys.campaign(campaign.campaign_id),
            "ConditionExpression": "#status = :status",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item({":status": campaign.status.value}),
        }
        deleted = transact(self._client, [{"Delete": delete}])
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
        return [decode(item) for item in answer["Items"]], following

    @staticmethod
    def position_after(campaign: Campaign) -> str:
        """Where `list_page` goes on behind this campaign."""
        return f"{time_text(campaign.created_at)} {campaign.campaign_id}"

    def fix_key(self, campaign_id: CampaignId, number: int) -> int:
        """Give the campaign its signing key, unless it has one; the number of the key that it has from now on."""
        answer = call(
            self._client.update_item,
            TableName=self._table,
            Key=keys.campaign(campaign_id),
            UpdateExpression="SET key_number = if_not_exists(key_number, :number)",
            ExpressionAttributeValues={":number": {"N": str(number)}},
            ReturnValues="ALL_NEW",
        )
        return int(answer["Attributes"]["key_number"]["N"])

    def change_status(
        self,
        campaign_id: CampaignId,
        before: Sequence[CampaignStatus],
        after: CampaignStatus,
        *,
        reason: str | None = None,
        version: int | None = None,
        schedule_id: str | None = None,
        **times: datetime,
    ) -> bool:
        """Move from one of the statuses `before` to `after`, setting `times`; False when it was in another.

        `reason` says why, and takes the place of what was said of the status before. With `version`, also False when
        the author's content is no longer that version; with `schedule_id`, when another schedule counts by now.
        """
        change = _Change(self._table, campaign_id)
        change.status(before, after, reason)
        if after not in (CampaignStatus.PLANNING, CampaignStatus.SENDING):
            change.remove("waiting")  # it is not going any more
        for name, moment in times.items():
            change.set(name, moment)
        if version is not None:
            change.require("version", version)
        if schedule_id is not None:
            change.require("schedule.schedule_id", schedule_id)
        return transact(self._client, [{"Update": change.update()}])

    def set_schedule(self, campaign_id: CampaignId, before: Sequence[CampaignStatus], schedule: Schedule) -> bool:
        """Make this the schedule that counts; False when the campaign was in none of the statuses `before`."""
        change = _Change(self._table, campaign_id)
        change.status(before, CampaignStatus.SCHEDULED, None)
        change.set("schedule", encode_schedule(schedule))
        return transact(self._client, [{"Update": change.update()}])

    def drop_schedule(
        self, campaign_id: CampaignId, schedule_id: str, before: Sequence[CampaignStatus], after: CampaignStatus
    ) -> bool:
        """Let no schedule count, if this one does; False when the campaign was in none of the statuses `before`."""
        change = _Change(self._table, campaign_id)
        change.status(before, after, None)
        change.require("schedule.schedule_id", schedule_id)
        change.remove("schedule")
        return transact(self._client, [{"Update": change.update()}])

    def record_waiting(self, campaign_id: CampaignId, wait: Wait) -> Campaign | None:
        """Note when a campaign that is going will be woken, unless it will be sooner; how it stands afterwards."""
        change = _Change(self._table, campaign_id)
        change.require_status([CampaignStatus.PLANNING, CampaignStatus.SENDING])
        change.set("waiting", encode_wait(wait))
        change.require_later("waiting.until", wait.until)
        row, _ = row_after(self._client.update_item, **change.update())
        return decode(row) if row else None

    def clear_waiting(self, campaign_id: CampaignId, until: datetime) -> bool:
        """Take back the note of this moment; False when there is none, or another."""
        change = _Change(self._table, campaign_id)
        change.remove("waiting")
        change.require("waiting.until", until)
        return write_if(self._client.update_item, **change.update())

    def begin_retry(self, campaign: Campaign, other: dict[str, Any]) -> bool:
        """From sent back to sending, counting one more retry, together with another write; False when it has begun."""
        change = _Change(self._table, campaign.campaign_id)
        change.status([CampaignStatus.SENT], CampaignStatus.SENDING, None)
        change.set("retry", campaign.retry + 1)
        change.require("retry", campaign.retry)
        change.remove("completed_at")
        return transact(self._client, [{"Update": change.update()}, other])

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


class _Change:
    """One conditional update of a campaign's row, clause by clause. A dot in a name leads into a map."""

    def __init__(self, table: str, campaign_id: CampaignId) -> None:
        self._target = {"TableName": table, "Key": keys.campaign(campaign_id)}
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._conditions: list[str] = []

    def status(self, before: Sequence[CampaignStatus], after: CampaignStatus, reason: str | None) -> None:
        self.set("status", after.value)
        self.require_status(before)
        if reason is None:
            self.remove("status_reason")
        else:
            self.set("status_reason", reason)

    def require_status(self, allowed: Sequence[CampaignStatus]) -> None:
        values = [self._value(each.value) for each in allowed]
        self._conditions.append(f"{self._name('status')} IN ({', '.join(values)})")

    def set(self, name: str, value: Any) -> None:
        self._sets.append(f"{self._name(name)} = {self._value(value)}")

    def remove(self, name: str) -> None:
        self._removes.append(self._name(name))

    def require(self, name: str, value: Any) -> None:
        self._conditions.append(f"{self._name(name)} = {self._value(value)}")

    def require_later(self, name: str, moment: datetime) -> None:
        """Missing, or later than this."""
        path = self._name(name)
        self._conditions.append(f"(attribute_not_exists({path}) OR {path} > {self._value(moment)})")

    def update(self) -> dict[str, Any]:
        """The arguments of UpdateItem, or of an Update in a transaction."""
        sets = f"SET {', '.join(self._sets)} " if self._sets else ""
        removes = f"REMOVE {', '.join(self._removes)}" if self._removes else ""
        return self._target | {
            "UpdateExpression": f"{sets}{removes}",
            "ConditionExpression": " AND ".join(self._conditions),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": to_item(self._values),
        }

    def _name(self, path: str) -> str:
        parts = path.split(".")
        self._names |= {f"#{part}": part for part in parts}
        return ".".join(f"#{part}" for part in parts)

    def _value(self, value: Any) -> str:
        name = f":v{len(self._values)}"
        self._values[name] = value
        return name
