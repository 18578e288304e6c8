"""Campaigns: what was written, for whom, and how far it is. Large texts lie beside the row, compressed, in pieces."""

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import (
    Body,
    Campaign,
    CampaignStatus,
    LaunchedLink,
    LaunchedMail,
    Schedule,
    Wait,
)
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING, Holds, Move
from chalicelib.model.times import time_text
from chalicelib.store import keys
from chalicelib.store.campaign_rows import decode, encode
from chalicelib.store.client import Conflict, StoreError, batch_get, call, row_after, transact, write_if
from chalicelib.store.statements import Delete, Put, Update, above, equals, lacks, missing, one_of

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

    def move(
        self,
        campaign_id: CampaignId,
        move: Move,
        *,
        to: CampaignStatus | None = None,
        as_read: Campaign | None = None,
        reason: str | None = None,
        kind: str = "",
        also: Sequence[dict[str, Any]] = (),
        **sets: Any,
    ) -> bool:
        """Move a campaign on; False when its status is none of `move.before`, or one of `move.holds` does not hold.

        `to`: which status, where the move leads to several. `as_read`: what `move.holds` compares with. `reason`: in
        place of the one of the status before. `kind`: of harm. `also`: further writes of the transaction. `sets`:
        further attributes; None removes one.
        """
        after = move.target(to)
        sets |= {"status": after, "status_reason": reason} | ({} if after in GOING else {"waiting": None})
        update = Update(self._table, keys.campaign(campaign_id)).require(one_of("status", *move.before))
        update.set({name: asdict(value) if isinstance(value, Schedule) else value for name, value in sets.items()})
        update.remove(*(name for name, value in sets.items() if value is None))
        holding = {Holds.FIRST_OF_ITS_KIND: missing("tripped") | lacks("tripped", kind)}
        if as_read is not None:
            schedule_id = as_read.schedule and as_read.schedule.schedule_id
            holding |= {
                Holds.SAME_STATUS: equals("status", as_read.status),
                Holds.SAME_VERSION: equals("version", as_read.version),
                Holds.SAME_SCHEDULE: equals(("schedule", "schedule_id"), schedule_id),
                Holds.SAME_RETRY: equals("retry", as_read.retry),
            }
        update.require(*(holding[each] for each in move.holds))
        if Holds.FIRST_OF_ITS_KIND in move.holds:
            update.add(tripped={kind})
        return transact(self._client, [update.action, *also])

    def record_waiting(self, campaign_id: CampaignId, wait: Wait) -> Campaign | None:
        """Note when a campaign that is going will be woken, unless it will be sooner; how it stands afterwards."""
        is_going, until = one_of("status", *GOING), ("waiting", "until")
        wakes_no_sooner = missing(until) | above(until, wait.until)
        update = Update(self._table, keys.campaign(campaign_id)).set(waiting=asdict(wait))
        row, _ = row_after(self._client.update_item, **update.require(is_going, wakes_no_sooner).arguments)
        return decode(row) if row else None

    def clear_waiting(self, campaign_id: CampaignId, until: datetime) -> bool:
        """Take back the note of this moment; False when there is none, or another."""
        same_wait = equals(("waiting", "until"), until)
        clear = Update(self._table, keys.campaign(campaign_id)).remove("waiting").require(same_wait)
        return write_if(self._client.update_item, **clear.arguments)

    def save_launched(self, campaign_id: CampaignId, mail: LaunchedMail) -> None:
        """Keep what the reports say of a launched mail, apart from the compiled content, which is larger."""
        self.save_blob(campaign_id, "launched", zlib.compress(json.dumps(asdict(mail)).encode()))

    def find_launched(self, campaign_id: CampaignId) -> LaunchedMail:
        """What was launched; no links and no size before launch."""
        packed = self.find_blob(campaign_id, "launched")
        if packed is None:
            return LaunchedMail()
        values = json.loads(zlib.decompress(packed))
        return LaunchedMail(tuple(LaunchedLink(**link) for link in values["links"]), values["html_bytes"])

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
