"""Replays hits that could not be recorded at once. A hit may be replayed any number of times."""

from enum import StrEnum
from typing import Any

from chalicelib.model.errors import LeadNotFound
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.sqs import Failures, Record, for_each_record
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger
from chalicelib.tracking.hits import Hit, UnverifiedHit, apply, from_values
from chalicelib.tracking.key_ring import KeyRingSource


class ReplayOutcome(StrEnum):
    FIRST = "first"
    """Counted now."""
    KNOWN = "known"
    """Counted before, or by another hit."""
    FORGED = "forged"
    """Its id or signature is wrong."""


def replay(
    hit: Hit | UnverifiedHit, keys: KeyRingSource, deliveries: Deliveries, leads: Leads, campaigns: Campaigns
) -> ReplayOutcome:
    """Apply a hit that was kept. Raises StoreError or KeyRingUnavailable. May be repeated."""
    genuine = hit.verified(keys) if isinstance(hit, UnverifiedHit) else hit
    if genuine is None:
        return ReplayOutcome.FORGED
    try:
        is_first = apply(genuine, deliveries, leads)
    except LeadNotFound:
        is_first = _unsubscribe_address(genuine, deliveries, leads, campaigns)
    return ReplayOutcome.FIRST if is_first else ReplayOutcome.KNOWN


def _unsubscribe_address(hit: Hit, deliveries: Deliveries, leads: Leads, campaigns: Campaigns) -> bool:
    """Unsubscribe the address of a deleted lead's mail from the entity that sent it; True the first time.

    The address may have been imported again under another id: who has it now is unsubscribed too.
    """
    delivery = deliveries.find(hit.campaign_id, hit.lead_id)
    campaign = campaigns.find(hit.campaign_id)
    if delivery is None or delivery.suppressible is None or campaign is None:
        logger().warning("nobody_to_unsubscribe", extra={"campaign_id": hit.campaign_id})
        return False
    mark = Mark(SuppressionReason.UNSUBSCRIBED, hit.at, hit.source or "link", hit.campaign_id)
    leads.suppressions.unsubscribe_deleted(campaign.audience.entity, delivery.suppressible, mark)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)


def replay_parked(
    event: dict[str, Any], keys: KeyRingSource, deliveries: Deliveries, leads: Leads, campaigns: Campaigns
) -> Failures:
    """Handles Lambda's SQS event of parked hits; each that fails goes back to the queue.

    With the recipients' short timeouts, ten messages fit into the function's time even while the database stalls.
    """

    def replay_record(record: Record) -> None:
        outcome = replay(from_values(record.json_body), keys, deliveries, leads, campaigns)
        logger().info("hit_replayed", extra={"outcome": outcome.value})

    return for_each_record(event, replay_record)
