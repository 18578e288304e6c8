"""The moves that marketers ask for, by model/lifecycle.py: load, decide, one conditional write, say what happened."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.analytics.sums import failures_of
from chalicelib.campaigns.account import AccountState, Hindrance, SendingAccount
from chalicelib.campaigns.proving import require_proof
from chalicelib.campaigns.schedule import forget_schedule, moment_of
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
