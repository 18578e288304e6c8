"""Makes a campaign's moves, by model/lifecycle.py: load, decide, one conditional write, say what happened."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.analytics.sums import are_all_finished, are_all_marked, failures_of, harm_of
from chalicelib.campaigns.account import AccountState, Hindrance, SendingAccount
from chalicelib.campaigns.completeness import Incomplete
from chalicelib.campaigns.proving import require_proof
from chalicelib.campaigns.schedule import forget_schedule, moment_of, why_missed
from chalicelib.content.errors import ContentInvalid, NotProven
from chalicelib.crm.audience import Audiences
from chalicelib.model import lifecycle
from chalicelib.model.campaign import Campaign, CampaignStatus, Schedule
from chalicelib.model.errors import Conflict, Conflicting, Fault, Invalid
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING, Move, require_version
from chalicelib.model.messages import LaunchMessage, LaunchTask
from chalicelib.model.reasons import FailureReason
from chalicelib.scheduler import Schedules
from chalicelib.sqs import Queue, QueueUnavailable
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.plans import Plans, Retries
from chalicelib.telemetry import count, logger

if TYPE_CHECKING:
    from chalicelib.content.compiled import CompiledContent
    from chalicelib.content.proof import Proof

CERTAINLY_NOT_SENT = frozenset(FailureReason) - {FailureReason.OUTCOME_UNKNOWN}
"""What is sent again when no reason is named: a mail whose outcome is unknown may have left."""


class AudienceIsEmpty(Invalid, problem="audience-is-empty", title="Nobody would receive this campaign"):
    """Nobody matches the audience."""

    faults = (Fault("audience", "matches nobody"),)


class SendingDisabled(Conflicting, problem="sending-disabled", title="The mail service lets no mail leave"):
    """The mail service lets no mail leave; the text says what to do."""


class NothingToRetry(Conflicting, problem="nothing-to-retry", title="There is nothing to send again"):
    """No delivery of the campaign has failed for such a reason."""


@dataclass(frozen=True, slots=True)
class Control:
    """The marketer's moves. Each answers the campaign as it is then, and may be repeated after a lost answer.

    Where a worker died, or a queue did not answer, between the move and its message, asking again sends the message.
    """

    _campaigns: Campaigns
    _plans: Plans
    _counters: Counters
    _retries: Retries
    _audiences: Audiences
    _account: SendingAccount
    _launch_queue: Queue
    _schedules: Schedules
    _prove: "Callable[[Campaign], tuple[Proof, CompiledContent]]"
    """Raises Incomplete, ContentInvalid, Conflict."""
    _require_sender: "Callable[[Campaign, CompiledContent, AccountState | None, Collection[str]], None]"
    """Raises SenderNotVerified, BulkSenderRulesNotMet."""

    def send_now(
        self, campaign_id: CampaignId, now: datetime, *, version: int | None = None, waived: Collection[str] = ()
    ) -> Campaign:
        """Send what is a draft, scheduled or missed; with `proof` and `bulk_sender_rules` waived, although these fail.

        `version`: the only one to be sent. Raises CampaignNotFound, WrongStatus, Incomplete, AudienceIsEmpty,
        SendingDisabled, ContentInvalid, NotProven, SenderNotVerified, BulkSenderRulesNotMet, Conflict (another
        version), QueueUnavailable (the campaign is as before then).
        """
        campaign = self._campaigns.get(campaign_id)
        if campaign.status is CampaignStatus.PLANNING and self._plans.find_progress(campaign_id) is None:
            self._launch_queue.put([LaunchMessage(campaign_id)])
            return campaign
        lifecycle.SEND.require(campaign)
        require_version(campaign, version)
        proof, compiled = self._prove(campaign)
        if self._audiences.is_empty(campaign.audience):
            raise AudienceIsEmpty("No lead matches this audience, or all who do are unsubscribed.")
        account = self._account.state()
        if account is not None and account.hindrance is Hindrance.SENDING_DISABLED:
            raise SendingDisabled(Hindrance.SENDING_DISABLED.value)
        proof_waived = require_proof(proof, waive_proof="proof" in waived)
        self._require_sender(campaign, compiled, account, waived)
        self._move(campaign, lifecycle.SEND, launched_at=now, proof_waived=proof_waived)
        self._enqueue(LaunchMessage(campaign_id), campaign, lifecycle.REVERT)
        return self._without_schedule(campaign)

    def schedule(
        self,
        campaign_id: CampaignId,
        local: str,
        timezone: str,
        now: datetime,
        *,
        version: int | None = None,
        waived: Collection[str] = (),
    ) -> Campaign:
        """Have a campaign sent later, in place of an earlier schedule, or again after it was missed.

        A schedule is created before the campaign names it, and the earlier one deleted afterwards: one left behind in
        between fires and does nothing. Raises InvalidTime, SchedulerUnavailable, and as `send_now` of the content.
        """
        campaign = self._campaigns.get(campaign_id)
        lifecycle.SCHEDULE.require(campaign)
        require_version(campaign, version)
        schedule = Schedule(secrets.token_hex(6), moment_of(local, timezone, now), local, timezone)
        proof, compiled = self._prove(campaign)
        proof_waived = require_proof(proof, waive_proof="proof" in waived)
        self._require_sender(campaign, compiled, self._account.state(), waived)
        self._schedules.create(campaign_id, schedule.schedule_id, schedule.at)
        try:
            self._move(campaign, lifecycle.SCHEDULE, schedule=schedule, proof_waived=proof_waived)
        except Conflict:
            self._schedules.delete(campaign_id, schedule.schedule_id)
            raise
        return self._without_schedule(campaign)

    def unschedule(self, campaign_id: CampaignId) -> Campaign:
        """Make it a draft again. Raises CampaignNotFound, WrongStatus, Conflict."""
        campaign = self._campaigns.get(campaign_id)
        self._move(campaign, lifecycle.UNSCHEDULE, schedule=None, proof_waived=False)
        return self._without_schedule(campaign)

    def pause(self, campaign_id: CampaignId) -> Campaign:
        """Let no more mails leave; workers see it within a second or two (sending/may_send.py).

        A paused campaign stays as it is, its reason included. Raises CampaignNotFound, WrongStatus, Conflict.
        """
        campaign = self._campaigns.get(campaign_id)
        if campaign.status is CampaignStatus.PAUSED:
            return campaign
        self._move(campaign, lifecycle.PAUSE)
        return self._campaigns.get(campaign_id)

    def resume(self, campaign_id: CampaignId) -> Campaign:
        """Go on where it was paused; nobody is mailed twice.

        The planner enqueues the leads that have no finished delivery.
        Raises CampaignNotFound, WrongStatus, Conflict, QueueUnavailable (the campaign is paused then).
        """
        campaign = self._campaigns.get(campaign_id)
        message = LaunchMessage(campaign_id, LaunchTask.RESUME)
        if campaign.status in GOING:
            self._launch_queue.put([message])
            return campaign
        progress = self._plans.find_progress(campaign_id)
        is_planned = progress is not None and progress.complete
        self._move(campaign, lifecycle.RESUME, to=CampaignStatus.SENDING if is_planned else CampaignStatus.PLANNING)
        self._enqueue(message, campaign, lifecycle.PAUSE)
        return self._campaigns.get(campaign_id)

    def cancel(self, campaign_id: CampaignId) -> Campaign:
        """Let no more mails leave, for good; its schedule is deleted. Raises CampaignNotFound, WrongStatus, Conflict.

        What has left stays counted, the rest stays pending.
        """
        campaign = self._campaigns.get(campaign_id)
        if campaign.status is CampaignStatus.CANCELLED:
            return campaign
        self._move(campaign, lifecycle.CANCEL)
        return self._without_schedule(campaign)

    def retry_failed(self, campaign_id: CampaignId, reasons: Collection[FailureReason]) -> Campaign:
        """Send again what failed for these reasons (none named: CERTAINLY_NOT_SENT), each at most once per request.

        The planner marks the deliveries (sending/plan.py). Repeated meanwhile, it is the same request. Raises
        CampaignNotFound, WrongStatus, NothingToRetry, Conflict, QueueUnavailable (repeat it then).
        """
        asked = frozenset(reason.value for reason in reasons or CERTAINLY_NOT_SENT)
        campaign = self._campaigns.get(campaign_id)
        running = self._retries.find(campaign_id) if campaign.status is CampaignStatus.SENDING else None
        if running is None or running.is_marked or running.reasons != asked:
            lifecycle.RETRY.require(campaign)
            failed = failures_of(self._counters.find(campaign_id).sums).keys()
            if not failed & asked:
                hint = " To retry deliveries that may have been sent already, name the reason outcome_unknown."
                other = hint if FailureReason.OUTCOME_UNKNOWN in failed - asked else ""
                raise NothingToRetry(f"None of its deliveries has failed for such a reason.{other}")
            number = campaign.retry + 1
            request = self._retries.first_row(campaign_id, number, asked)
            self._move(campaign, lifecycle.RETRY, also=[request], retry=number, completed_at=None)
        self._launch_queue.put([LaunchMessage(campaign_id, LaunchTask.RETRY)])
        return self._campaigns.get(campaign_id)

    def _move(self, campaign: Campaign, move: Move, **said: Any) -> None:
        """Raises WrongStatus, Conflict."""
        move.require(campaign)
        if not self._campaigns.move(campaign.campaign_id, move, as_read=campaign, **said):
            what = "was changed or sent" if set(move.before) <= set(lifecycle.UNSENT) else "has moved on"
            raise Conflict(f"The campaign {what} meanwhile.")

    def _enqueue(self, message: LaunchMessage, campaign: Campaign, back: Move) -> None:
        """Raises QueueUnavailable, with the campaign back in the status and for the reason that it was read in."""
        try:
            self._launch_queue.put([message])
        except QueueUnavailable:
            reason, waived = campaign.status_reason, campaign.proof_waived
            self._campaigns.move(
                campaign.campaign_id, back, to=campaign.status, as_read=campaign, reason=reason, proof_waived=waived
            )
            raise

    def _without_schedule(self, before: Campaign) -> Campaign:
        """The campaign as it is now, with the schedule deleted that counted before."""
        forget_schedule(self._schedules, before)
        return self._campaigns.get(before.campaign_id)


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
    reason = f"{words}. See {fault}."
    if campaigns.move(campaign_id, lifecycle.REVERT, to=back, as_read=campaign, reason=reason, proof_waived=False):
        logger().warning(kind, extra={"campaign_id": campaign_id, "problem": str(fault)})


def pause_refused(campaigns: Campaigns, campaign_id: CampaignId, words: str) -> None:
    """Pause a campaign whose mails the mail service refuses; `words` say why, and what to do before it is resumed."""
    if campaigns.move(campaign_id, lifecycle.PAUSE, reason=f"Paused automatically. {words} Then resume the campaign."):
        _say_paused(campaign_id, "mail_service", words)


def _say_paused(campaign_id: CampaignId, kind: str, reason: str) -> None:
    paused = {"CampaignsPaused": 1}
    count("campaign_paused", paused, kind=kind, level="WARNING", campaign_id=campaign_id, reason=reason)
