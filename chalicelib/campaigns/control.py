"""Pause, resume and cancel, while workers are at it. They see it within a second or two (sending/may_send.py).

planning ─┬─ pause ── paused ── resume ── planning or sending: every unit of the plan is gone through once more,
sending  ─┘             │                 and who has no finished delivery is enqueued again (plan.py)
scheduled, missed ──────┴─ cancel ── cancelled: what has left stays counted, the rest stays pending and never leaves
"""

from chalicelib.campaigns.schedule import Schedules, forget_schedule
from chalicelib.campaigns.statuses import GOING, get_campaign, require_status
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.errors import Conflict
from chalicelib.model.ids import CampaignId
from chalicelib.sending.queues import LaunchMessage, LaunchTask
from chalicelib.sqs import Queue, QueueUnavailable
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.plans import Plans

_CANCELLABLE = (CampaignStatus.SCHEDULED, CampaignStatus.MISSED, *GOING, CampaignStatus.PAUSED)


def pause(campaigns: Campaigns, campaign_id: CampaignId, reason: str | None = None) -> Campaign:
    """Let nothing more leave; `reason` is told to the marketer. A paused campaign stays as it is, reason and all.

    Raises CampaignNotFound, WrongStatus, Conflict.
    """
    campaign = get_campaign(campaigns, campaign_id)
    if campaign.status is CampaignStatus.PAUSED:
        return campaign
    require_status(campaign, GOING, "paused")
    if not campaigns.change_status(campaign_id, GOING, CampaignStatus.PAUSED, reason=reason):
        raise Conflict("The campaign has moved on meanwhile.")
    return get_campaign(campaigns, campaign_id)


class Control:
    def __init__(self, campaigns: Campaigns, plans: Plans, launch_queue: Queue, schedules: Schedules) -> None:
        self._campaigns = campaigns
        self._plans = plans
        self._launch_queue = launch_queue
        self._schedules = schedules

    def pause(self, campaign_id: CampaignId) -> Campaign:
        """By a person. Raises CampaignNotFound, WrongStatus, Conflict."""
        return pause(self._campaigns, campaign_id)

    def resume(self, campaign_id: CampaignId) -> Campaign:
        """Go on where it was paused; nobody is sent to twice.

        A campaign that is going is gone through all the same: whoever resumed it before may have died before the queue
        had the message. Raises CampaignNotFound, WrongStatus, Conflict, QueueUnavailable (the campaign is paused then).
        """
        paused = get_campaign(self._campaigns, campaign_id)
        if paused.status in GOING:
            self._launch_queue.put([LaunchMessage(campaign_id, LaunchTask.RESUME)])
            return paused
        require_status(paused, [CampaignStatus.PAUSED], "resumed")
        progress = self._plans.find_progress(campaign_id)
        going = CampaignStatus.SENDING if progress and progress.complete else CampaignStatus.PLANNING
        if not self._campaigns.change_status(campaign_id, [CampaignStatus.PAUSED], going):
            raise Conflict("The campaign has moved on meanwhile.")
        try:
            self._launch_queue.put([LaunchMessage(campaign_id, LaunchTask.RESUME)])
        except QueueUnavailable:
            self._campaigns.change_status(campaign_id, GOING, CampaignStatus.PAUSED, reason=paused.status_reason)
            raise
        return get_campaign(self._campaigns, campaign_id)

    def cancel(self, campaign_id: CampaignId) -> Campaign:
        """Let nothing more leave, for good; its schedule is deleted. Raises CampaignNotFound, WrongStatus, Conflict."""
        campaign = get_campaign(self._campaigns, campaign_id)
        if campaign.status is CampaignStatus.CANCELLED:
            return campaign
        require_status(campaign, _CANCELLABLE, "cancelled")
        if not self._campaigns.change_status(campaign_id, _CANCELLABLE, CampaignStatus.CANCELLED):
            raise Conflict("The campaign has moved on meanwhile.")
        forget_schedule(self._schedules, campaign)
        return get_campaign(self._campaigns, campaign_id)
