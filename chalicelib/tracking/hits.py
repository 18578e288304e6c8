"""A hit: what one request means, and where it is written to."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.model.delivery import Click
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.times import time_text
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.tracking.delivery_ids import link_is_genuine, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource


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


@dataclass(frozen=True, slots=True)
class UnverifiedHit:
    """A request as it was written, while there were no keys to verify it with."""

    kind: HitKind
    delivery_id: str
    at: datetime
    machine: str | None = None
    link: str | None = None
    destination: str | None = None
    signature: str | None = None
    source: str | None = None

    def verified(self, keys: KeyRingSource) -> Hit | None:
        """The hit that it is; None when it is forged. Raises KeyRingUnavailable."""
        name = read_delivery_id(self.delivery_id, keys)
        if name is None:
            return None
        if self.kind is not HitKind.CLICK:
            return Hit(self.kind, name.campaign_id, name.lead_id, self.at, machine=self.machine, source=self.source)
        link, destination = self.link or "", self.destination or ""
        if not link_is_genuine(name, keys, link, destination, self.signature or ""):
            return None
        return click_of(name.campaign_id, name.lead_id, link, destination, at=self.at, machine=self.machine)


def click_of(
    campaign_id: CampaignId, lead_id: LeadId, link: str, destination: str, *, at: datetime, machine: str | None
) -> Hit:
    """The hit of a click whose link is genuine."""
    differs_per_recipient = link.endswith("m")
    url = destination if differs_per_recipient else None
    return Hit(HitKind.CLICK, campaign_id, lead_id, at, machine=machine, link=link, url=url)


def to_values(hit: Hit | UnverifiedHit) -> dict[str, str]:
    """The hit as JSON may hold it."""
    return {name: value for name, value in asdict(hit).items() if value is not None} | {"at": time_text(hit.at)}


def from_values(values: Mapping[str, Any]) -> Hit | UnverifiedHit:
    """Read back what `to_values` gave. Raises ValueError, KeyError or TypeError when it is no hit."""
    given = {**values, "kind": HitKind(values["kind"]), "at": datetime.fromisoformat(values["at"])}
    return UnverifiedHit(**given) if "delivery_id" in given else Hit(**given)


def to_json(hit: Hit | UnverifiedHit) -> str:
    return json.dumps(to_values(hit))


def from_json(text: str) -> Hit | UnverifiedHit:
    return from_values(json.loads(text))


def apply(hit: Hit, deliveries: Deliveries, leads: Leads) -> bool:
    """Write the hit to where it belongs; True if it was the first of its kind. Raises StoreError.

    Applied again, it changes nothing: a hit may be parked, logged and replayed as often as that is safe.
    """
    if hit.kind is HitKind.OPEN:
        return deliveries.record_open(hit.campaign_id, hit.lead_id, at=hit.at, machine=hit.machine)
    if hit.kind is HitKind.CLICK and hit.link is not None:
        click = Click(at=hit.at, url=hit.url, machine=hit.machine)
        return deliveries.record_click(hit.campaign_id, hit.lead_id, hit.link, click)
    # The lead first: what matters is that no further mail leaves; a replay completes the rest. A lead that is gone
    # makes the hit fail: who has its address now is found by the replay (departed.py), not by the recipients' door.
    leads.unsubscribe(hit.lead_id, at=hit.at, source=hit.source or "link", campaign_id=hit.campaign_id)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)
