"""Marks: why an address must not be mailed, since when, and how that came to be known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.store.client import from_item, time_from, to_item


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    """The address does not exist, or takes no mail for good."""
    COMPLAINT = "complaint"
    """Its owner has called our mail spam."""
    UNSUBSCRIBED = "unsubscribed"
    """Its owner has left an entity's mail."""


@dataclass(frozen=True, slots=True)
class Mark:
    reason: SuppressionReason
    at: datetime
    source: str
    """How it came to be known: `link`, `one_click`, `api`, `complaint` or `bounce`."""
    campaign_id: str | None = None
    """Whose mail it was about."""


def encode(mark: Mark) -> dict[str, Any]:
    said = {"reason": mark.reason.value, "at": mark.at, "source": mark.source, "campaign_id": mark.campaign_id}
    return {"M": to_item(said)}


def decode(value: Mapping[str, Any]) -> Mark:
    values = from_item(value["M"])
    at = time_from(values["at"])
    assert at is not None  # noqa: S101 - every mark has it
    return Mark(SuppressionReason(values["reason"]), at, values["source"], values.get("campaign_id"))
