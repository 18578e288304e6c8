"""The messages between launch, plan and send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.model.ids import CampaignId, LeadId

LEADS_PER_MESSAGE = 10
"""Leads that one send message names: few enough that a redelivered message repeats little."""


class LaunchTask(StrEnum):
    LAUNCH = "launch"
    """Begin it."""
    RESUME = "resume"
    """Bring back what pausing has let drop."""
    RETRY = "retry"
    """Have failed deliveries sent again."""
    WAKE = "wake"
    """Go on after a wait: bring back what was dropped, and enqueue what was not yet (docs/decisions/0040)."""


@dataclass(frozen=True, slots=True)
class LaunchMessage:
    campaign_id: CampaignId
    task: LaunchTask = LaunchTask.LAUNCH
    schedule_id: str | None = None
    """The schedule that fired, where one did."""
    until: float | None = None
    """To wake: the end of which wait, in epoch seconds."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "LaunchMessage":
        task = LaunchTask(body.get("task", LaunchTask.LAUNCH))
        return cls(body["campaign_id"], task, body.get("schedule_id"), body.get("until"))


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """Plan one unit: the audience's stage number `stage` (0, 1, ...) and one shard of it."""

    campaign_id: CampaignId
    stage: int
    shard: int
    again_from: int | None = None
    """The campaign was resumed or woken: bring back what is unfinished of the pages from this one on (1, 2, ...)."""
    most: int | None = None
    """No more pages are enqueued beyond this number of leads; None: no limit."""
    wakes_at: float = 0
    """When the rest may be looked at, in epoch seconds."""
    returned: int = 0
    """How often plan messages came back in a row (waiting.py)."""

    @property
    def unit(self) -> str:
        return f"{self.stage}.{self.shard}"


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Have the failed deliveries of one shard (0 to 63) sent again."""

    campaign_id: CampaignId
    retry_shard: int
    returned: int = 0


@dataclass(frozen=True, slots=True)
class EraseMessage:
    """Look once more for personal data of an erased lead."""

    erase: LeadId
    address: str | None
    """Its last one: a report that read it before the erasure may have suppressed it since."""


@dataclass(frozen=True, slots=True)
class SendMessage:
    campaign_id: CampaignId
    unit: str
    lead_ids: tuple[LeadId, ...]
    put_off: int = 0
    """How often the mail server has put exactly these leads' mails off."""
    returned: int = 0
    """How often it came back in a row, or another message of its batch did."""
    waits: int = 0
    """How often in a row it waited briefly for what all mails wait for, and none of its own left."""

    @classmethod
    def from_json(cls, text: str) -> "SendMessage":
        values = json.loads(text)
        return cls(**values | {"lead_ids": tuple(values["lead_ids"])})
