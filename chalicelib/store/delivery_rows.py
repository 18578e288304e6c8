"""The row of a delivery: the only truth about what happened to it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, Readers, from_item, noun_of, to_item

CLICK_MAPS = ("clicks", "later", "scans")
"""Attributes that are maps by link id, and must be there before a click can be put into them."""

_OF_A_TRACE = {"status": DeliveryStatus.SENT, "claimed_at": "1970-01-01T00:00:00Z", "unit": ""}
"""A trace begins with a hit and knows nothing of a sending."""


def decode(item: Mapping[str, Any], rule: BurstRule) -> Delivery:
    """Read a row or a stream image."""
    row = _OF_A_TRACE | from_item(item)
    return noun_of(Delivery, row, _READ, campaign_id=keys.campaign_of_bucket(row["bucket"]), rule=rule)


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


def _clicks(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Click]:
    return {link: _click(value) for link, value in values.items()}


_READ: Readers = {
    **{each.name: time_from for each in fields(Delivery) if each.name.endswith("_at")},
    "status": DeliveryStatus,
    "tracking": Tracking,
    "clicks": _clicks,
    "later": lambda values: {link: tuple(map(_click, several)) for link, several in values.items()},
    "scans": _clicks,
    "replanned": frozenset,
}
