"""Send now: from draft to planning, and a message on the launch queue.

StartError
├── AudienceIsEmpty   nobody would receive it
└── (CampaignNotFound, NotADraft come from drafts.py)
"""

from datetime import datetime

from chalicelib.sending.drafts import Drafts, NotADraft
from chalicelib.sending.queues import LaunchMessage, Queue, QueueUnavailable
from chalicelib.store.campaigns import Campaign, Campaigns, CampaignStatus
from chalicelib.store.client import Conflict
from chalicelib.store.ids import CampaignId
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans


class StartError(Exception):
    """Root of what this module raises."""


class AudienceIsEmpty(StartError):
    """Nobody matches the audience."""


class Start:
    def __init__(self, campaigns: Campaigns, plans: Plans, leads: Leads, launch_queue: Queue) -> None:
        self._campaigns = campaigns
        self._drafts = Drafts(campaigns)
        self._plans = plans
        self._leads = leads
        self._launch_queue = launch_queue

    def send_now(self, campaign_id: CampaignId, now: datetime) -> Campaign:
        """Set a draft going; the campaign in planning.

        Repeating it is harmless: a campaign that stands in planning without a plan (its starter died before the queue
        had the message) is put on the queue again. Raises CampaignNotFound, NotADraft, AudienceIsEmpty, Conflict when
        the draft is being changed, QueueUnavailable (the campaign is a draft again then).
        """
        campaign = self._drafts.get(campaign_id).campaign
        if campaign.status is CampaignStatus.PLANNING and self._plans.find_progress(campaign_id) is None:
            self._launch_queue.put([LaunchMessage(campaign_id)])
            return campaign
        if campaign.status is not CampaignStatus.DRAFT:
            raise NotADraft(campaign.status)
        audience = campaign.audience
        if not self._leads.count_audience(audience.entity, audience.stages, audience.tags):
            raise AudienceIsEmpty("No lead matches this audience, or all who do are unsubscribed.")
        to_planning = self._campaigns.change_status(
            campaign_id,
            [CampaignStatus.DRAFT],
            CampaignStatus.PLANNING,
            version=campaign.version,
            launched_at=now,
        )
        if not to_planning:
            raise Conflict("The campaign was changed or sent meanwhile.")
        try:
            self._launch_queue.put([LaunchMessage(campaign_id)])
        except QueueUnavailable:
            self._campaigns.change_status(campaign_id, [CampaignStatus.PLANNING], CampaignStatus.DRAFT)
            raise
        return self._drafts.get(campaign_id).campaign
