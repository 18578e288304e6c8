"""The row of a delivery: the only truth about what happened to it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item

CLICK_MAPS = ("clicks", "later", "scans")
"""Attributes that are maps by link id, and must be there before a click can be put into them."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def decode(item: Mapping[str, Any], rule: BurstRule) -> Delivery:
    """Read a row or a stream image."""
    values = from_item(item)
    return Delivery(
        campaign_id=keys.campaign_of_bucket(values["bucket"]),
        lead_id=values["lead_id"],
        # A trace begins with a hit and knows nothing of a sending.
        status=DeliveryStatus(values.get("status", DeliveryStatus.SENT)),
        claimed_at=time_from(values["claimed_at"]) if "claimed_at" in values else _NEVER,
        unit=values.get("unit", ""),
        nonce=values.get("nonce", ""),
        tracking=Tracking(values.get("tracking", Tracking.FULL)),
        email=values.get("email"),
        subject=values.get("subject"),
        reason=values.get("reason"),
        detail=values.get("detail"),
        empty_links=values.get("empty_links", 0),
        sent_at=time_from(values.get("sent_at")),
        message_id=values.get("message_id"),
        opened_at=time_from(values.get("opened_at")),
        opened_person_at=time_from(values.get("opened_person_at")),
        opened_machine=values.get("opened_machine"),
        clicks={link: _click(value) for link, value in values.get("clicks", {}).items()},
        later={link: tuple(map(_click, several)) for link, several in values.get("later", {}).items()},
        scans={link: _click(value) for link, value in values.get("scans", {}).items()},
        unsubscribed_at=time_from(values.get("unsubscribed_at")),
        delayed_at=time_from(values.get("delayed_at")),
        delay_detail=values.get("delay_detail"),
        delivered_at=time_from(values.get("delivered_at")),
        bounced_at=time_from(values.get("bounced_at")),
        bounce_detail=values.get("bounce_detail"),
        bounced_soft_at=time_from(values.get("bounced_soft_at")),
        bounce_soft_detail=values.get("bounce_soft_detail"),
        complained_at=time_from(values.get("complained_at")),
        retry=values.get("retry", 0),
        retried_at=time_from(values.get("retried_at")),
        replanned=frozenset(values.get("replanned", ())),
        rule=rule,
    )


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
