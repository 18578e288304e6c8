"""Suppression: why an address must not be mailed, since when, and how that became known; and how it was lifted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    """The address does not exist, or takes no mail for good."""
    COMPLAINT = "complaint"
    """Its owner reported our mail as spam."""
    UNSUBSCRIBED = "unsubscribed"
    """Its owner has left an entity's mail."""


@dataclass(frozen=True, slots=True)
class Mark:
    reason: SuppressionReason
    at: datetime
    source: str
    """How it became known: `link`, `one_click`, `api`, `complaint` or `bounce`."""
    campaign_id: str | None = None
    """Whose mail it was about."""


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """All that is kept of one address."""

    everywhere: tuple[Mark, ...]
    """Reasons that hold for every entity, the first one first."""
    unsubscribed: Mapping[str, Mark]
    """By entity."""


@dataclass(frozen=True, slots=True)
class Resubscription:
    """Mail to a lead was allowed again."""

    at: datetime
    by: str
    """The name of the API token that asked for it."""
    reason: str
