"""The messages between launch, plan and send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.store.ids import CampaignId, LeadId

LEADS_PER_MESSAGE = 10
"""Leads that one send message names: few enough that a redelivered message repeats little."""


class LaunchTask(StrEnum):
    LAUNCH = "launch"
    """Begin it."""
    RESUME = "resume"
    """Bring back what pausing has let drop."""
    RETRY = "retry"
    """Have failed deliveries sent again."""


@dataclass(frozen=True, slots=True)
class LaunchMessage:
    campaign_id: CampaignId
    task: LaunchTask = LaunchTask.LAUNCH
    schedule_id: str | None = None
    """The schedule that fired, where one did."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "LaunchMessage":
        return cls(body["campaign_id"], LaunchTask(body.get("task", LaunchTask.LAUNCH)), body.get("schedule_id"))


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """Plan one unit: the audience's stage number `stage` (0, 1, ...) and one shard of it."""

    campaign_id: CampaignId
    stage: int
    shard: int
    again_from: int | None = None
    """Also bring back what is unfinished of the pages from this one on (1, 2, ...): the campaign was resumed."""

    @property
    def unit(self) -> str:
        return f"{self.stage}.{self.shard}"


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Have the failed deliveries of one shard (0 to 63) sent again."""

    campaign_id: CampaignId
    retry_shard: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    campaign_id: CampaignId
    unit: str
    lead_ids: tuple[LeadId, ...]
    put_off: int = 0
    """How often the mail server has put exactly these leads' mails off."""

    @classmethod
    def from_json(cls, text: str) -> "SendMessage":
        values = json.loads(text)
        return cls(values["campaign_id"], values["unit"], tuple(values["lead_ids"]), values.get("put_off", 0))
