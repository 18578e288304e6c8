"""Send now: from draft to planning, and a message on the launch queue."""

from datetime import datetime

from chalicelib.campaigns.account import Hindrance, SendingAccount
from chalicelib.campaigns.schedule import UNSENT, Schedules, forget_schedule
from chalicelib.campaigns.statuses import get_campaign, require_status
from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.errors import Conflict, Conflicting, Fault, Invalid
from chalicelib.model.ids import CampaignId
from chalicelib.sending.queues import LaunchMessage
from chalicelib.sqs import Queue, QueueUnavailable
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.plans import Plans


class AudienceIsEmpty(Invalid, problem="audience-is-empty", title="Nobody would receive this campaign"):
    """Nobody matches the audience."""

    faults = (Fault("audience", "matches nobody"),)


class SendingDisabled(Conflicting, problem="sending-disabled", title="The mail service lets no mail leave"):
    """The mail service lets nothing leave; the text says what to do."""


class Start:
    def __init__(
        self,
        campaigns: Campaigns,
        plans: Plans,
        audiences: Audiences,
        account: SendingAccount,
        launch_queue: Queue,
        schedules: Schedules,
    ) -> None:
        self._campaigns = campaigns
        self._plans = plans
        self._audiences = audiences
        self._account = account
        self._launch_queue = launch_queue
        self._schedules = schedules

    def send_now(self, campaign_id: CampaignId, now: datetime) -> Campaign:
        """Set a draft going, also one that waits for its schedule or has missed it; the campaign in planning.

        Repeating it is harmless: a campaign that stands in planning without a plan (its starter died before the queue
        had the message) is put on the queue again. Raises CampaignNotFound, WrongStatus, AudienceIsEmpty,
        SendingDisabled, Conflict when the draft is being changed, QueueUnavailable (the campaign is what it was before
        then).
        """
        campaign = get_campaign(self._campaigns, campaign_id)
        if campaign.status is CampaignStatus.PLANNING and self._plans.find_progress(campaign_id) is None:
            self._launch_queue.put([LaunchMessage(campaign_id)])
            return campaign
        require_status(campaign, UNSENT, "sent")
        if self._audiences.is_empty(campaign.audience):
            raise AudienceIsEmpty("No lead matches this audience, or all who do are unsubscribed.")
        if self._account.hindrance() is Hindrance.SENDING_DISABLED:
            raise SendingDisabled(Hindrance.SENDING_DISABLED.value)
        to_planning = self._campaigns.change_status(
            campaign_id, [campaign.status], CampaignStatus.PLANNING, version=campaign.version, launched_at=now
        )
        if not to_planning:
            raise Conflict("The campaign was changed or sent meanwhile.")
        try:
            self._launch_queue.put([LaunchMessage(campaign_id)])
        except QueueUnavailable:
            reason = campaign.status_reason
            self._campaigns.change_status(campaign_id, [CampaignStatus.PLANNING], campaign.status, reason=reason)
            raise
        forget_schedule(self._schedules, campaign)
        return get_campaign(self._campaigns, campaign_id)
