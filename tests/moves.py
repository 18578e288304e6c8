"""Campaigns as tests need them: brought to a status by the moves that lead there."""

from typing import Any

from chalicelib.campaigns.lifecycle import Lifecycle
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import FINISH, SEND, START_SENDING
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.plans import Plans, Retries


def lifecycle_of(client: Any, table: str) -> Lifecycle:
    return Lifecycle(Campaigns(client, table), Plans(client, table), Counters(client, table), Retries(client, table))


def bring_to(campaigns: Campaigns, campaign_id: CampaignId, status: CampaignStatus, **sets: Any) -> None:
    """From a draft, or any status between, to planning, sending or sent; the last move sets what is named."""
    campaign = campaigns.find(campaign_id)
    assert campaign is not None
    for move in (SEND, START_SENDING, FINISH):
        if campaign.status in move.before:
            last = status in move.after
            assert campaigns.move(campaign_id, move, as_read=campaign, **(sets if last else {}))
            if last:
                return
            campaign = campaigns.find(campaign_id)
            assert campaign is not None
