"""Marks: why an address must not be mailed, since when, and how that came to be known."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
