"""The row of a delivery: the only truth about what happened to it."""

from collections.abc import Mapping
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, noun_of, to_item

CLICK_MAPS = ("clicks", "later", "scans")
"""Attributes that are maps by link id, and must be there before a click can be put into them."""

_CLAIMED = ("status", "claimed_at", "unit", "email", "subject", "reason", "detail")
_OF_A_TRACE = {"status": DeliveryStatus.SENT, "claimed_at": "1970-01-01T00:00:00Z", "unit": ""}
"""A trace begins with a hit and knows nothing of a sending."""


def decode(item: Mapping[str, Any], rule: BurstRule) -> Delivery:
    """Read a row or a stream image."""
    row = _OF_A_TRACE | from_item(item)
    return noun_of(Delivery, row, campaign_id=keys.campaign_of_bucket(row["bucket"]), rule=rule)


def encode(delivery: Delivery) -> Item:
    """The row of a delivery that was just claimed, with the maps that clicks are put into."""
    values: dict[str, Any] = {name: getattr(delivery, name) for name in _CLAIMED}
    values |= {"nonce": delivery.nonce or None, "empty_links": delivery.empty_links or None}
    values |= {"tracking": None if delivery.tracking is Tracking.FULL else delivery.tracking}
    values |= {name: {} for name in CLICK_MAPS}
    return keys.delivery(delivery.campaign_id, delivery.lead_id) | to_item(values)


def click_values(click: Click) -> dict[str, Any]:
    return {"at": click.at, "url": click.url, "machine": click.machine}
