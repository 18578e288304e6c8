"""A hit, from the request to the delivery: one conditional write, and two safety nets when that fails.

record ── store ── first or not: done
   └─ store unavailable ── hits queue ── replay ── store
          └─ queue unavailable too ── one structured log line, which `replay` takes as well
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.store.client import StoreUnavailable, time_text
from chalicelib.store.deliveries import Click, Deliveries
from chalicelib.store.ids import CampaignId, LeadId
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger


class HitKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Hit:
    """What one request means, free of anything that would identify the requester's machine."""

    kind: HitKind
    campaign_id: CampaignId
    lead_id: LeadId
    at: datetime
    machine: str | None = None
    """Why a machine is assumed; None for a person."""
    link: str | None = None
    """Of a click: the link's id."""
    url: str | None = None
    """Of a click: the destination, where it differs per recipient."""
    source: str | None = None
    """Of unsubscribing: `link` (the page's form) or `one_click` (RFC 8058)."""

    def to_json(self) -> str:
        values = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(values | {"at": time_text(self.at)})

    @classmethod
    def from_json(cls, text: str) -> "Hit":
        values = json.loads(text)
        return cls(**values | {"kind": HitKind(values["kind"]), "at": datetime.fromisoformat(values["at"])})


def apply(hit: Hit, deliveries: Deliveries, leads: Leads) -> bool:
    """Write the hit to where it belongs; True if it was the first of its kind. Raises StoreUnavailable."""
    if hit.kind is HitKind.OPEN:
        return deliveries.record_open(hit.campaign_id, hit.lead_id, at=hit.at, machine=hit.machine)
    if hit.kind is HitKind.CLICK and hit.link is not None:
        click = Click(at=hit.at, url=hit.url, machine=hit.machine)
        return deliveries.record_click(hit.campaign_id, hit.lead_id, hit.link, click)
    # The lead first: what matters is that no further mail leaves; a replay completes the rest.
    leads.unsubscribe(hit.lead_id, at=hit.at, source=hit.source or "link", campaign_id=hit.campaign_id)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)


def record(hit: Hit, deliveries: Deliveries, leads: Leads, park: Callable[[str], None]) -> None:
    """Apply the hit, or park it (`park` puts a text on the hits queue), or log it: never lost, never raised."""
    try:
        first = apply(hit, deliveries, leads)
    except StoreUnavailable:
        try:
            park(hit.to_json())
        except Exception:
            logger().exception("hit_not_parked", extra={"hit": hit.to_json()})
        else:
            logger().warning("hit_parked", extra={"kind": hit.kind.value})
        return
    logger().info("hit", extra={"kind": hit.kind.value, "first": first, "machine": hit.machine})
