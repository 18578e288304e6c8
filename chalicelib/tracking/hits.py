"""A hit: what one request means, and how it is recorded without ever being lost.

record ── store ── first or not: done
   └─ store unavailable, or no keys to verify it with ── hits queue ── replay ── store
          └─ queue unavailable too ── one structured line in the log, which `make replay-hits` brings back
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.model.delivery import Click
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.times import time_text
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count
from chalicelib.tracking.circuit_breaker import CircuitBreaker, CircuitOpen
from chalicelib.tracking.delivery_ids import DeliveryName, link_is_genuine, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource

NOT_PARKED = "hit_not_parked"
"""Message of the log line that is all there is of a hit."""


class HitKind(StrEnum):
    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Hit:
    """A genuine request's meaning, free of anything that would identify the requester's device."""

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
    """What a request says, before its delivery id and signature are verified."""

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
        return None if name is None else self.of(name, keys)

    def of(self, name: DeliveryName, keys: KeyRingSource) -> Hit | None:
        """The hit, once its delivery id is known to be genuine; None when its link is forged."""
        if self.kind is not HitKind.CLICK:
            return Hit(self.kind, name.campaign_id, name.lead_id, self.at, machine=self.machine, source=self.source)
        link, destination = self.link or "", self.destination or ""
        if not link_is_genuine(name, keys, link, destination, self.signature or ""):
            return None
        differs_per_recipient = link.endswith("m")
        url = destination if differs_per_recipient else None
        return Hit(HitKind.CLICK, name.campaign_id, name.lead_id, self.at, self.machine, link, url)


def to_values(hit: Hit | UnverifiedHit) -> dict[str, str]:
    """The hit as JSON may hold it."""
    return {name: value for name, value in asdict(hit).items() if value is not None} | {"at": time_text(hit.at)}


def from_values(values: Mapping[str, Any]) -> Hit | UnverifiedHit:
    """Read what `to_values` gave. Raises ValueError, KeyError or TypeError when it is no hit."""
    given = {**values, "kind": HitKind(values["kind"]), "at": datetime.fromisoformat(values["at"])}
    return UnverifiedHit(**given) if "delivery_id" in given else Hit(**given)


def apply(hit: Hit, deliveries: Deliveries, leads: Leads) -> bool:
    """Write the hit to the store; True if it was the first of its kind. Raises StoreError. May be repeated."""
    if hit.kind is HitKind.OPEN:
        return deliveries.record_open(hit.campaign_id, hit.lead_id, at=hit.at, machine=hit.machine)
    if hit.kind is HitKind.CLICK and hit.link is not None:
        click = Click(at=hit.at, url=hit.url, machine=hit.machine)
        return deliveries.record_click(hit.campaign_id, hit.lead_id, hit.link, click)
    # The lead first: what matters is that no further mail leaves; a replay completes the rest. If the lead was deleted,
    # this raises, and the replay (replay.py) unsubscribes the address.
    leads.unsubscribe(hit.lead_id, at=hit.at, source=hit.source or "link", campaign_id=hit.campaign_id)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)


class HitRecorder:
    """`apply` writes a hit to the store and says whether it was the first; `park` puts a text on the hits queue."""

    def __init__(
        self,
        apply: Callable[[Hit], bool],
        park: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._apply = CircuitBreaker(apply, clock)
        self._park = CircuitBreaker(park, clock)

    def record(self, hit: Hit | UnverifiedHit) -> None:
        """Apply, park or log a hit; never raises."""
        if isinstance(hit, UnverifiedHit):
            self._keep(hit, "no keys to verify it with")
            return
        try:
            is_first = self._apply(hit)
        except Exception as error:
            self._keep(hit, _words(error))
            return
        metrics = {"Hits": 1, "FirstHits": 1} if is_first else {"Hits": 1}
        machine: dict[str, Any] = {} if hit.machine is None else {"machine": hit.machine}
        count("hit", metrics, kind=hit.kind.value, **machine)

    def _keep(self, hit: Hit | UnverifiedHit, reason: str) -> None:
        """Park or log a hit that cannot be applied now."""
        values, kind = to_values(hit), hit.kind.value
        try:
            self._park(json.dumps(values))
        except Exception as error:
            queue = _words(error)
            count(NOT_PARKED, {"HitsLogged": 1}, kind=kind, level="ERROR", reason=reason, queue=queue, hit=values)
        else:
            count("hit_parked", {"HitsParked": 1}, kind=kind, level="WARNING", reason=reason)


def _words(error: Exception) -> str:
    return "timed out a moment ago" if isinstance(error, CircuitOpen) else f"{type(error).__name__}: {error}"
