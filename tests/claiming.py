"""Claims and endings of single deliveries, written as the sender writes them (store/claims.py)."""

import secrets
from dataclasses import replace
from datetime import datetime

from chalicelib.model.delivery import Delivery
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.deliveries import Deliveries


def claims_of(deliveries: Deliveries) -> Claims:
    """The claims of the same table."""
    return Claims(deliveries._table.client, deliveries._table.name)


def record_claim(deliveries: Deliveries, delivery: Delivery) -> bool:
    """True for the first caller. A claim without a nonce gets one."""
    named = replace(delivery, nonce=delivery.nonce or secrets.token_hex(8))
    (is_first,), _ = claims_of(deliveries).claim_and_record([named], [])
    return is_first


def record_sent(
    deliveries: Deliveries, campaign_id: CampaignId, lead_id: LeadId, *, at: datetime, message_id: str, subject: str
) -> bool:
    """End whatever claim stands on the row. True the first time."""
    claimed = deliveries.find(campaign_id, lead_id)
    if claimed is None:
        return False
    values = {"status": "sent", "sent_at": at, "message_id": message_id, "subject": subject}
    _, (is_first,) = claims_of(deliveries).claim_and_record([], [Ending(claimed, values)])
    return is_first
