"""Unsubscribing by the mail of a lead that is gone: by the address the mail went to, in the entity that sent it.

Such a lead may have been imported again meanwhile, under another id: who has the address now is unsubscribed too.
"""

from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger
from chalicelib.tracking.hits import Hit


def unsubscribe_departed(hit: Hit, deliveries: Deliveries, leads: Leads, campaigns: Campaigns) -> bool:
    """True if this mail's link was used for the first time. Raises StoreError; it may be repeated."""
    delivery = deliveries.find(hit.campaign_id, hit.lead_id)
    campaign = campaigns.find(hit.campaign_id)
    if delivery is None or delivery.email is None or campaign is None:
        logger().warning("nobody_to_unsubscribe", extra={"campaign_id": hit.campaign_id})
        return False
    mark = Mark(SuppressionReason.UNSUBSCRIBED, hit.at, hit.source or "link", hit.campaign_id)
    leads.suppressions.unsubscribe_departed(campaign.audience.entity, delivery.email, mark)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)
