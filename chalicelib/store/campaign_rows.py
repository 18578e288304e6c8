"""The row of a campaign."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import Audience, Behavior, Campaign, CampaignStatus, Did, Schedule, Wait
from chalicelib.model.delivery import Tracking
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item


def encode(campaign: Campaign) -> Item:
    return keys.campaign(campaign.campaign_id) | to_item(asdict(campaign) | {"kind": "campaign"})


def decode(item: Item) -> Campaign:
    row = from_item(item)
    known = {name: row[name] for name in Campaign.__dataclass_fields__ if name in row}
    return Campaign(**known | {name: read(row[name]) for name, read in _READ.items() if name in row})


def _audience(values: Mapping[str, Any]) -> Audience:
    behavior = tuple(Behavior(each["campaign_id"], Did(each["did"])) for each in values.get("behavior", ()))
    return Audience(values["entity"], tuple(values["stages"]), tuple(values["tags"]), behavior)


_READ: Mapping[str, Callable[[Any], object]] = {
    "audience": _audience,
    "status": CampaignStatus,
    "tracking": Tracking,
    "created_at": time_from,
    "updated_at": time_from,
    "launched_at": time_from,
    "completed_at": time_from,
    "schedule": lambda values: Schedule(**values | {"at": datetime.fromisoformat(values["at"])}),
    "waiting": lambda values: Wait(datetime.fromisoformat(values["until"]), values.get("reason")),
}
"""What is not kept as it is."""
