"""What the tables' streams carry: a delivery before and after, a campaign before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import BurstRule, Delivery
from chalicelib.model.ids import CampaignId, shard_of
from chalicelib.store import campaigns, delivery_rows, keys
from chalicelib.store.client import Item

Noun = TypeVar("Noun")


@dataclass(frozen=True, slots=True)
class Change:
    """One stream record: a delivery before and after."""

    sequence: int
    campaign_id: CampaignId
    old: Delivery | None
    new: Delivery | None
    created_at: float
    """Epoch seconds by the stream's clock, rounded down to whole ones. Source: AWS, DynamoDB Streams, StreamRecord."""

    @property
    def bucket(self) -> int:
        """Which of its campaign's partitions the delivery is in, 0 to 63."""
        known = self.new or self.old
        assert known is not None  # noqa: S101 - every record has an image
        return shard_of(known.lead_id, keys.DELIVERY_SHARDS)

    @classmethod
    def from_record(cls, record: Mapping[str, Any], rule: BurstRule) -> "Change":
        images = record["dynamodb"]
        old, new = _before_and_after(record, lambda image: delivery_rows.decode(image, rule))
        known = new or old
        if known is None:
            raise ValueError("a stream record without images: the stream must carry NEW_AND_OLD_IMAGES")
        created_at = float(images["ApproximateCreationDateTime"])
        return cls(int(images["SequenceNumber"]), known.campaign_id, old, new, created_at)


def campaign_before_and_after(record: Mapping[str, Any]) -> tuple[Campaign | None, Campaign | None]:
    """Of one stream record; None where the campaign did not exist."""
    return _before_and_after(record, campaigns.decode)


def _before_and_after(record: Mapping[str, Any], decode: Callable[[Item], Noun]) -> tuple[Noun | None, Noun | None]:
    images = record["dynamodb"]
    old, new = (decode(images[name]) if images.get(name) else None for name in ("OldImage", "NewImage"))
    return old, new


def is_of_delivery(record: Mapping[str, Any]) -> bool:
    """Whether a record is of the deliveries table; else it is of the campaigns table."""
    return "bucket" in record["dynamodb"]["Keys"]
