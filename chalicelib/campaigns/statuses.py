"""What may be done with a campaign as it stands."""

from collections.abc import Collection

from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.errors import CampaignNotFound, Conflicting
from chalicelib.model.ids import CampaignId, is_campaign_id
from chalicelib.store.campaigns import Campaigns

GOING = (CampaignStatus.PLANNING, CampaignStatus.SENDING)
LAUNCHED = (*GOING, CampaignStatus.PAUSED, CampaignStatus.SENT, CampaignStatus.CANCELLED)
"""Those whose mails have left, or are leaving."""


class WrongStatus(Conflicting, problem="wrong-status", title="The campaign's status does not allow this"):
    """What was asked for is not to be had in the campaign's status."""


def get_campaign(campaigns: Campaigns, campaign_id: CampaignId) -> Campaign:
    """Raises CampaignNotFound."""
    campaign = campaigns.find(campaign_id) if is_campaign_id(campaign_id) else None
    if campaign is None:
        raise CampaignNotFound("There is no campaign with this id.")
    return campaign


def require_status(campaign: Campaign, allowed: Collection[CampaignStatus], done: str) -> None:
    """`done` is what cannot be done otherwise: "paused". Raises WrongStatus."""
    if campaign.status not in allowed:
        which = " or ".join(status.value for status in allowed)
        raise WrongStatus(f"The campaign is {campaign.status.value}; it can be {done} only while it is {which}.")
