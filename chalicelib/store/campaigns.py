"""Campaigns: what was written, for whom, and how far it is. Large texts lie beside the row, compressed, in pieces."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import Body, Campaign, CampaignStatus, LaunchedMail, Schedule, Wait
from chalicelib.model.errors import CampaignNotFound, Conflict
from chalicelib.model.ids import CampaignId, is_campaign_id
from chalicelib.model.lifecycle import GOING, Holds, Move
from chalicelib.model.times import time_text
from chalicelib.model.workspace import Workspace
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, noun_of, packed, to_item, unpacked
from chalicelib.store.statements import Put, Query, Statement, above, at_most, equals, lacks, missing, one_of
from chalicelib.store.table import TableStore, call
from chalicelib.store.workspace import read_workspace

_CHUNK_BYTES = 350_000
"""Below DynamoDB's 400 KB an item."""


class Campaigns(TableStore):
    """The campaigns themselves, in the campaigns table. Every method may raise StoreUnavailable."""

    def create(self, campaign: Campaign, body: Body) -> None:
        """Write a new campaign with its content, or nothing."""
        self._table.transact(self._table.put(encode(campaign)), *self._content(campaign, body))

    def find(self, campaign_id: CampaignId) -> Campaign | None:
        row = self._table.find(keys.campaign(campaign_id))
        return None if row is None else decode(row)

    def get(self, campaign_id: CampaignId) -> Campaign:
        """Raises CampaignNotFound."""
        campaign = self.find(campaign_id) if is_campaign_id(campaign_id) else None
        if campaign is None:
            raise CampaignNotFound("There is no campaign with this id.")
        return campaign

    def find_many(self, campaign_ids: Collection[CampaignId]) -> dict[CampaignId, Campaign]:
        wanted = [keys.campaign(each) for each in sorted(set(campaign_ids))]
        found = map(decode, self._table.find_many(wanted))
        return {campaign.campaign_id: campaign for campaign in found}

    def body(self, campaign: Campaign) -> Body:
        """The author's content of this version. Raises Conflict when it was replaced meanwhile."""
        body = self.find_blob(campaign, _content_name(campaign))
        if body is None:
            raise Conflict("the campaign was changed meanwhile")
        return noun_of(Body, unpacked(body))

    def update_draft(self, campaign: Campaign, body: Body, *, at: datetime) -> Campaign:
        """Replace a draft made from `campaign.version`. Raises Conflict when that is no longer how it stands."""
        newer = replace(campaign, version=campaign.version + 1, updated_at=at, status_reason=None, proof_waived=False)
        same_version, still_draft = equals("version", campaign.version), equals("status", CampaignStatus.DRAFT)
        put = self._table.put(encode(newer)).require(same_version, still_draft)
        if not self._table.transact(put, *self._content(newer, body)):
            raise Conflict("the campaign is no longer the draft that this change was made from")
        self._delete_content(campaign)
        return newer

    def delete(self, campaign: Campaign) -> bool:
        """Delete a campaign that was never launched, with its content; False when its status has changed meanwhile."""
        same_status = equals("status", campaign.status)
        deleted = self._table.transact(self._table.delete(keys.campaign(campaign.campaign_id)).require(same_status))
        if deleted:
            self._delete_content(campaign)
        return deleted

    def list_page(
        self, *, limit: int, position: str | None, newest_first: bool = True
    ) -> tuple[list[Campaign], str | None]:
        """Campaigns, newest or oldest first, and where to go on (None at the end)."""
        listed_campaigns = Query(key=equals("kind", "campaign"), index=keys.LISTING_INDEX, newest_first=newest_first)
        names, others = ("created_at", "pk"), {"kind": "campaign", "sk": "campaign"}
        rows, following = self._table.listed(listed_campaigns, names, limit=limit, position=position, **others)
        return [decode(row) for row in rows], following

    @staticmethod
    def position_after(campaign: Campaign) -> str:
        """Where `list_page` goes on behind this campaign."""
        return f"{time_text(campaign.created_at)} {campaign.campaign_id}"

    def fix_key(self, campaign_id: CampaignId, number: int) -> int:
        """Give the campaign its signing key, unless it has one; the number of the key that it has from now on."""
        row, _ = self._table.row_after(self._table.update(keys.campaign(campaign_id)).set_once(key_number=number))
        return int(row["key_number"]["N"])

    def move(
        self,
        campaign_id: CampaignId,
        move: Move,
        *,
        to: CampaignStatus | None = None,
        as_read: Campaign | None = None,
        reason: str | None = None,
        kind: str = "",
        also: Sequence[Statement] = (),
        **sets: Any,
    ) -> bool:
        """Move a campaign on; False when its status is none of `move.before`, or one of `move.holds` does not hold.

        `to`: which status, where the move leads to several. `as_read`: what `move.holds` compares with. `reason`: in
        place of the one of the status before. `kind`: of harm. `also`: further writes of the transaction. `sets`:
        further attributes; None removes one.
        """
        after = move.target(to)
        sets |= {"status": after, "status_reason": reason} | ({} if after in GOING else {"waiting": None})
        update = self._table.update(keys.campaign(campaign_id)).require(one_of("status", *move.before))
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
        return self._table.transact(update, *also)

    def record_waiting(self, campaign_id: CampaignId, wait: Wait) -> Campaign | None:
        """Note when a campaign that is going will be woken, unless it will be sooner; how it stands afterwards."""
        is_going, until = one_of("status", *GOING), ("waiting", "until")
        wakes_no_sooner = missing(until) | above(until, wait.until)
        update = self._table.update(keys.campaign(campaign_id)).set(waiting=asdict(wait))
        row, _ = self._table.row_after(update.require(is_going, wakes_no_sooner))
        return decode(row) if row else None

    def clear_waiting(self, campaign_id: CampaignId, until: datetime) -> bool:
        """Take back the note of this moment; False when there is none, or another."""
        same_wait = equals(("waiting", "until"), until)
        return self._table.write(self._table.update(keys.campaign(campaign_id)).remove("waiting").require(same_wait))

    def save_launched(self, campaign: Campaign, mail: LaunchedMail) -> None:
        """Keep what the reports say of a launched mail, apart from the compiled content, which is larger."""
        self.save_blob(campaign, "launched", packed(asdict(mail)))

    def find_launched(self, campaign: Campaign) -> LaunchedMail:
        """What was launched of this version; nothing before launch."""
        launched = self.find_blob(campaign, "launched")
        return LaunchedMail() if launched is None else noun_of(LaunchedMail, unpacked(launched))

    def workspace_of(self, campaign: Campaign) -> Workspace:
        """Whose theme and language the mail has: as it was at launch, or as it is now."""
        launched = self.find_launched(campaign).workspace if campaign.key_number is not None else None
        return launched or read_workspace(self._table)

    def save_blob(self, campaign: Campaign, name: str, data: bytes) -> None:
        """Keep something large that was made of this version of a campaign, unless it was made of a later one."""
        first, *others = self._blob(campaign, name, data)
        self._table.transact(first.require(missing("version") | at_most("version", campaign.version)), *others)

    def find_blob(self, campaign: Campaign, name: str) -> bytes | None:
        """None where nothing was made of this version. Earlier releases noted no version: theirs is of any."""
        pieces: list[bytes] = []
        expected = 1
        while len(pieces) < expected:
            found = self._table.find(keys.campaign_blob(campaign.campaign_id, name, len(pieces)))
            row = from_item(found or {})
            if found is None or row.get("version", campaign.version) != campaign.version:
                return None
            expected = row["pieces"]
            pieces.append(row["data"])
        return b"".join(pieces)

    def blob_version(self, campaign_id: CampaignId, name: str) -> int | None:
        """The version that it was made of; 0 where an earlier release did not note it, None where there is none."""
        row = self._table.find(keys.campaign_blob(campaign_id, name, 0))
        return None if row is None else from_item(row).get("version", 0)

    def _blob(self, campaign: Campaign, name: str, data: bytes) -> list[Put]:
        pieces = [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)]
        return [
            self._table.put(
                keys.campaign_blob(campaign.campaign_id, name, number)
                | to_item({"data": piece, "pieces": len(pieces), "version": campaign.version})
            )
            for number, piece in enumerate(pieces)
        ]

    def _content(self, campaign: Campaign, body: Body) -> list[Put]:
        return self._blob(campaign, _content_name(campaign), packed(asdict(body)))

    def _delete_content(self, campaign: Campaign) -> None:
        number, pieces = 0, 1
        while number < pieces:
            delete = self._table.delete(keys.campaign_blob(campaign.campaign_id, _content_name(campaign), number))
            answer = call(self._table.client.delete_item, **delete.arguments, ReturnValues="ALL_OLD")
            pieces = int(answer.get("Attributes", {}).get("pieces", {}).get("N", "0"))
            number += 1


def _content_name(campaign: Campaign) -> str:
    return f"content-{campaign.version}"


def encode(campaign: Campaign) -> Item:
    return keys.campaign(campaign.campaign_id) | to_item(asdict(campaign) | {"kind": "campaign"})


def decode(item: Item) -> Campaign:
    return noun_of(Campaign, from_item(item))
