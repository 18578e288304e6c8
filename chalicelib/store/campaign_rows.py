"""The row of a campaign."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chalicelib.model.campaign import Audience, Behavior, Campaign, CampaignStatus, Did, Schedule, Wait
from chalicelib.model.delivery import Tracking
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item

_TIMES = ("created_at", "updated_at", "launched_at", "completed_at")


def decode(item: Item) -> Campaign:
    values = from_item(item)
    values = {name: values[name] for name in Campaign.__dataclass_fields__ if name in values}
    audience = values.pop("audience")
    times = {name: time_from(values.pop(name, None)) for name in _TIMES}
    schedule = values.pop("schedule", None)
    waiting = values.pop("waiting", None)
    defaults: dict[str, Any] = {"from_name": None, "reply_to": None}
    return Campaign(
        **defaults
        | values
        | times
        | {
            "status": CampaignStatus(values["status"]),
            "tracking": Tracking(values.get("tracking", Tracking.FULL)),
            "audience": Audience(
                audience["entity"],
                tuple(audience["stages"]),
                tuple(audience["tags"]),
                tuple(Behavior(each["campaign_id"], Did(each["did"])) for each in audience.get("behavior", ())),
            ),
            "schedule": None if schedule is None else _schedule(schedule),
            "waiting": None
            if waiting is None
            else Wait(datetime.fromisoformat(waiting["until"]), waiting.get("reason")),
        }
    )


def encode(campaign: Campaign) -> Item:
    values = {name: getattr(campaign, name) for name in campaign.__dataclass_fields__}
    audience = campaign.audience
    behavior = [{"campaign_id": each.campaign_id, "did": each.did.value} for each in audience.behavior]
    values["audience"] = {"entity": audience.entity, "stages": audience.stages, "tags": audience.tags} | (
        {"behavior": behavior} if behavior else {}
    )
    values["status"] = campaign.status.value
    values["schedule"] = None if campaign.schedule is None else asdict(campaign.schedule)
    values["waiting"] = None if campaign.waiting is None else asdict(campaign.waiting)
    return keys.campaign(campaign.campaign_id) | to_item(values | {"kind": "campaign"})


def _schedule(values: Mapping[str, Any]) -> Schedule:
    return Schedule(values["schedule_id"], datetime.fromisoformat(values["at"]), values["local"], values["timezone"])
