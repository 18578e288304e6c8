"""Campaigns: what was written, for whom, and how far it is. Large texts lie beside the row, compressed, in pieces."""

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import Audience, Behavior, Body, Campaign, CampaignStatus, Did, Schedule, Wait
from chalicelib.model.ids import CampaignId
from chalicelib.model.times import time_text
from chalicelib.store import keys
from chalicelib.store.campaign_rows import decode, encode, encode_schedule, encode_wait
from chalicelib.store.client import Conflict, StoreError, batch_get, call, row_after, transact, write_if
from chalicelib.store.statements import Delete, Put, Update, above, equals, missing, one_of

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
        same_version, still_draft = equals("version", campaign.version), equals("status", CampaignStatus.DRAFT)
        put = Put(self._table, encode(newer)).require(same_version, still_draft).action
        if not transact(self._client, [put, *self._put_blob(newer.campaign_id, _content(newer), _pack(body))]):
            raise Conflict("the campaign is no longer the draft that this change was made from")
        self._delete_blob(campaign.campaign_id, _content(campaign))
        return newer

    def delete(self, campaign: Campaign) -> bool:
        """Delete a campaign that was never launched, with its content; False when its status has changed meanwhile."""
        same_status = equals("status", campaign.status)
        delete = Delete(self._table, keys.campaign(campaign.campaign_id)).require(same_status)
        deleted = transact(self._client, [delete.action])
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
        fix = Update(self._table, keys.campaign(campaign_id)).set_once(key_number=number)
        answer = call(self._client.update_item, **fix.arguments, ReturnValues="ALL_NEW")
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
        change.set(times)
        if version is not None:
            change.require(equals("version", version))
        if schedule_id is not None:
            change.require(equals(("schedule", "schedule_id"), schedule_id))
        return transact(self._client, [change.action])

    def set_schedule(self, campaign_id: CampaignId, before: Sequence[CampaignStatus], schedule: Schedule) -> bool:
        """Make this the schedule that counts; False when the campaign was in none of the statuses `before`."""
        change = _Change(self._table, campaign_id)
        change.status(before, CampaignStatus.SCHEDULED, None)
        change.set(schedule=encode_schedule(schedule))
        return transact(self._client, [change.action])

    def drop_schedule(
        self, campaign_id: CampaignId, schedule_id: str, before: Sequence[CampaignStatus], after: CampaignStatus
    ) -> bool:
        """Let no schedule count, if this one does; False when the campaign was in none of the statuses `before`."""
        change = _Change(self._table, campaign_id)
        change.status(before, after, None)
        change.require(equals(("schedule", "schedule_id"), schedule_id))
        change.remove("schedule")
        return transact(self._client, [change.action])

    def record_waiting(self, campaign_id: CampaignId, wait: Wait) -> Campaign | None:
        """Note when a campaign that is going will be woken, unless it will be sooner; how it stands afterwards."""
        change = _Change(self._table, campaign_id)
        is_going = one_of("status", CampaignStatus.PLANNING, CampaignStatus.SENDING)
        wakes_no_sooner = missing(("waiting", "until")) | above(("waiting", "until"), wait.until)
        change.set(waiting=encode_wait(wait)).require(is_going, wakes_no_sooner)
        row, _ = row_after(self._client.update_item, **change.arguments)
        return decode(row) if row else None

    def clear_waiting(self, campaign_id: CampaignId, until: datetime) -> bool:
        """Take back the note of this moment; False when there is none, or another."""
        change = _Change(self._table, campaign_id)
        change.remove("waiting")
        change.require(equals(("waiting", "until"), until))
        return write_if(self._client.update_item, **change.arguments)

    def begin_retry(self, campaign: Campaign, other: dict[str, Any]) -> bool:
        """From sent back to sending, counting one more retry, together with another write; False when it has begun."""
        change = _Change(self._table, campaign.campaign_id)
        change.status([CampaignStatus.SENT], CampaignStatus.SENDING, None)
        change.set(retry=campaign.retry + 1).remove("completed_at").require(equals("retry", campaign.retry))
        return transact(self._client, [change.action, other])

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


class _Change(Update):
    """One conditional update of a campaign's row."""

    def __init__(self, table: str, campaign_id: CampaignId) -> None:
        super().__init__(table, keys.campaign(campaign_id))

    def status(self, before: Sequence[CampaignStatus], after: CampaignStatus, reason: str | None) -> None:
        """Move from one of these to another, for this reason."""
        self.set(status=after, status_reason=reason).require(one_of("status", *before))
        if reason is None:
            self.remove("status_reason")
