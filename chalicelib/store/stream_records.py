"""What the deliveries table's stream carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.store.delivery_items import Delivery
from chalicelib.store.ids import CampaignId


@dataclass(frozen=True, slots=True)
class Change:
    """One stream record: a delivery before and after."""

    sequence: int
    campaign_id: CampaignId
    old: Delivery | None
    new: Delivery | None
    created_at: float | None = None
    """Epoch seconds, by the stream's clock; None where only the order is known."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Change":
        images = record["dynamodb"]
        old, new = (Delivery.from_item(images[name]) if images.get(name) else None for name in ("OldImage", "NewImage"))
        known = new or old
        if known is None:
            raise ValueError("a stream record without images: the stream must carry NEW_AND_OLD_IMAGES")
        created_at = float(images["ApproximateCreationDateTime"])
        return cls(int(images["SequenceNumber"]), known.campaign_id, old, new, created_at)
