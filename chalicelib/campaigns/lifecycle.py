"""The moves that nobody asks for, by model/lifecycle.py: workers make them when they are due."""

from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.analytics.sums import are_all_finished, are_all_marked, harm_of
from chalicelib.campaigns.account import SendingAccount
from chalicelib.campaigns.completeness import Incomplete
from chalicelib.campaigns.schedule import why_missed
from chalicelib.content.errors import ContentInvalid, NotProven
from chalicelib.crm.audience import Audiences
from chalicelib.model import lifecycle
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.plans import Plans, Retries
from chalicelib.telemetry import count, logger


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The moves that nobody asks for: workers call these whenever they may be due. Safe to repeat."""

    _campaigns: Campaigns
    _plans: Plans
    _counters: Counters
    _retries: Retries

    def advance(self, campaign_id: CampaignId) -> None:
        """planning -> sending when the whole audience is planned, sending -> sent when nothing is pending.

        Planning writes its end and then looks at the sums; the fold writes the sums and then looks at the planning.
        Both read consistently, so whichever is last sees both.
        """
        progress = self._plans.find_progress(campaign_id)
        if progress is None or not progress.complete:
            return
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in GOING:
            return
        if campaign.status is CampaignStatus.PLANNING:
            self._campaigns.move(campaign_id, lifecycle.START_SENDING)
        sums = self._counters.find(campaign_id).sums
        if not are_all_finished(progress, sums) or not are_all_marked(self._retries.find(campaign_id), sums):
            return
        if self._campaigns.move(campaign_id, lifecycle.FINISH, completed_at=datetime.now(UTC)):
            logger().info("campaign_sent", extra={"campaign_id": campaign_id, "sums": dict(sums)})

    def protect(self, campaign_id: CampaignId) -> None:
        """Pause the campaign if its bounces or complaints have passed a limit, once for each of them."""
        for harm in harm_of(self._counters.find(campaign_id).sums):
            if self._campaigns.move(campaign_id, lifecycle.PROTECT, reason=harm.reason, kind=harm.kind):
                _say_paused(campaign_id, harm.kind, harm.reason)


def fire(
    campaigns: Campaigns,
    audiences: Audiences,
    account: SendingAccount,
    campaign_id: CampaignId,
    schedule_id: str,
    now: datetime,
) -> bool:
    """Handle a schedule whose time has come: whether the campaign is to be launched now.

    A schedule that no longer counts does nothing. Repeated after its function died, it goes on where that was.
    """
    campaign = campaigns.find(campaign_id)
    if campaign is None or campaign.schedule is None or campaign.schedule.schedule_id != schedule_id:
        logger().info("stale_schedule", extra={"campaign_id": campaign_id})
        return False
    if campaign.status is CampaignStatus.PLANNING:
        return True
    reason = why_missed(campaign, audiences, account, now)
    if reason is None:
        return campaigns.move(campaign_id, lifecycle.FIRE, as_read=campaign, launched_at=now)
    missed = campaigns.move(campaign_id, lifecycle.MISS, as_read=campaign, reason=reason)
    logger().warning("schedule_missed" if missed else "stale_schedule", extra={"campaign_id": campaign_id})
    return False


def return_to_author(
    campaigns: Campaigns, campaign: Campaign, problem: Incomplete | ContentInvalid | NotProven
) -> None:
    """Give a campaign back that cannot be sent as it is; what other releases accepted may not be valid or proven."""
    back = CampaignStatus.DRAFT if campaign.schedule is None else CampaignStatus.MISSED
    kind, words = "content_invalid", "Correct the content before you send it"
    if isinstance(problem, Incomplete):
        kind, words = "incomplete", "Complete the campaign before you send it"
    elif isinstance(problem, NotProven):
        kind, words = "not_proven", "The check could not confirm this email, so it was not sent"
    campaign_id, fault = campaign.campaign_id, problem.faults[0].brief()
    reason = f"{words}: {fault}."
    if campaigns.move(campaign_id, lifecycle.REVERT, to=back, as_read=campaign, reason=reason, proof_waived=False):
        logger().warning(kind, extra={"campaign_id": campaign_id, "problem": str(fault)})


def pause_refused(campaigns: Campaigns, campaign_id: CampaignId, words: str) -> None:
    """Pause a campaign whose mails the mail service refuses; `words` say why, and what to do before it is resumed."""
    if campaigns.move(campaign_id, lifecycle.PAUSE, reason=f"Paused automatically. {words} Then resume the campaign."):
        _say_paused(campaign_id, "mail_service", words)


def _say_paused(campaign_id: CampaignId, kind: str, reason: str) -> None:
    paused = {"CampaignsPaused": 1}
    count("campaign_paused", paused, kind=kind, level="WARNING", campaign_id=campaign_id, reason=reason)
