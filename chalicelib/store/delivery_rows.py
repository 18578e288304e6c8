"""The row of a delivery: the only truth about what happened to it."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, known, to_item

CLICK_MAPS = ("clicks", "later", "scans")
"""Attributes that are maps by link id, and must be there before a click can be put into them."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = tuple(each.name for each in fields(Delivery) if each.name.endswith("_at"))


def decode(item: Mapping[str, Any], rule: BurstRule) -> Delivery:
    """Read a row or a stream image."""
    row = from_item(item)
    values = known(row, Delivery)
    values |= {name: time_from(row[name]) for name in _TIMES if name in row}
    values |= {
        "campaign_id": keys.campaign_of_bucket(row["bucket"]),
        # A trace begins with a hit and knows nothing of a sending.
        "status": DeliveryStatus(row.get("status", DeliveryStatus.SENT)),
        "claimed_at": values.get("claimed_at", _NEVER),
        "unit": row.get("unit", ""),
        "tracking": Tracking(row.get("tracking", Tracking.FULL)),
        "clicks": {link: _click(value) for link, value in row.get("clicks", {}).items()},
        "later": {link: tuple(map(_click, several)) for link, several in row.get("later", {}).items()},
        "scans": {link: _click(value) for link, value in row.get("scans", {}).items()},
        "replanned": frozenset(row.get("replanned", ())),
    }
    return Delivery(**values, rule=rule)


def encode(delivery: Delivery) -> Item:
    """The row of a delivery that was just claimed, with the maps that clicks are put into."""
    values: dict[str, Any] = {
        "status": delivery.status.value,
        "claimed_at": delivery.claimed_at,
        "unit": delivery.unit,
        "nonce": delivery.nonce or None,
        "tracking": None if delivery.tracking is Tracking.FULL else delivery.tracking.value,
        "email": delivery.email,
        "subject": delivery.subject,
        "reason": delivery.reason,
        "detail": delivery.detail,
        "empty_links": delivery.empty_links or None,
        **{name: {} for name in CLICK_MAPS},
    }
    return keys.delivery(delivery.campaign_id, delivery.lead_id) | to_item(values)


def click_values(click: Click) -> dict[str, Any]:
    return {"at": click.at, "url": click.url, "machine": click.machine}


def _click(value: Mapping[str, Any]) -> Click:
    return Click(at=time_from(value["at"]), url=value.get("url"), machine=value.get("machine"))
