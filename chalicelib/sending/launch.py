"""Launch: freeze the content, count the planning units, and enqueue each of them. Every step may be repeated."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from chalicelib.campaigns import launched_content as content
from chalicelib.campaigns.account import SendingAccount
from chalicelib.campaigns.completeness import Incomplete, require_complete
from chalicelib.campaigns.lifecycle import fire, return_to_author
from chalicelib.campaigns.proving import compile_both, prove_both, require_proof, result_of
from chalicelib.content.compiled import BothForms
from chalicelib.content.errors import ContentInvalid, NotProven
from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING
from chalicelib.model.messages import LaunchMessage, LaunchTask, PlanMessage, RetryMessage
from chalicelib.sending.budget import Budget, MustWait
from chalicelib.sending.waiting import LOOKS_AGAIN_AFTER, Wakes, looks_again_at
from chalicelib.sqs import Failures, Queue, Record, for_each_record
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.plans import Plans, Retries
from chalicelib.telemetry import logger
from chalicelib.tracking.key_ring import KeyRingSource

if TYPE_CHECKING:
    from chalicelib.content.proof import Proof

_PROVE = partial(prove_both, at_launch=True)


@dataclass(frozen=True, slots=True)
class Launch:
    _campaigns: Campaigns
    _audiences: Audiences
    _account: SendingAccount
    _plans: Plans
    _retries: Retries
    _plan_queue: Queue
    _keys: KeyRingSource
    _tracking_url: str
    _budget: Budget
    _wakes: Wakes
    _prove: Callable[[BothForms], "Proof"] = _PROVE

    def handle(self, message: LaunchMessage, now: datetime) -> None:
        """Do what a launch message says. Raises if it should be retried."""
        campaign_id = message.campaign_id
        if message.schedule_id is not None:
            if fire(self._campaigns, self._audiences, self._account, campaign_id, message.schedule_id, now):
                self.launch(campaign_id, now)
        elif message.task is LaunchTask.LAUNCH:
            self.launch(campaign_id, now)
        elif message.task is not LaunchTask.WAKE or self._may_go_on(campaign_id, message.until or 0, now):
            self._bring_back(campaign_id, message.task, now)

    def launch(self, campaign_id: CampaignId, now: datetime) -> None:
        """Compile and prove a campaign's content, unless that is done, and enqueue its plan messages."""
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status is not CampaignStatus.PLANNING:
            logger().warning("launch_ignored", extra={"campaign_id": campaign_id})
            return
        if not self._is_saved(campaign):
            try:
                self._save(campaign)
            except (Incomplete, ContentInvalid, NotProven) as error:
                return_to_author(self._campaigns, campaign, error)
                return
        units = _units(campaign)
        self._plans.begin(campaign_id, units=units)
        self._plan(campaign, None, now)
        logger().info("launched", extra={"campaign_id": campaign_id, "units": units})

    def _is_saved(self, campaign: Campaign) -> bool:
        """Whether an earlier run has saved this version, so that its mails may be leaving.

        Earlier releases noted no version: theirs is this one if leads are planned already.
        """
        version = self._campaigns.blob_version(campaign.campaign_id, "compiled")
        if version != 0:
            return version == campaign.version
        progress = self._plans.find_progress(campaign.campaign_id)
        return progress is not None and progress.planned > 0

    def _save(self, campaign: Campaign) -> None:
        """Compile, prove and save the content. Raises Incomplete, ContentInvalid, NotProven unless it was waived."""
        body = self._campaigns.body(campaign)
        require_complete(campaign, body)
        key_number = self._campaigns.fix_key(campaign.campaign_id, self._keys.newest().current)
        tracking = content.tracking_of(self._keys, self._tracking_url, campaign.campaign_id, key_number)
        workspace = self._campaigns.workspace_of(campaign)
        source = content.source_of(campaign, body, workspace)
        mail = compile_both(source, tracking, campaign.tracking)
        proof = self._prove(mail)
        require_proof(proof, waive_proof=campaign.proof_waived)
        content.save(self._campaigns, campaign, mail, result_of(proof, mail), workspace)

    def _may_go_on(self, campaign_id: CampaignId, until: float, now: datetime) -> bool:
        """End a wait, or extend it while no mail may leave. May be repeated after a crash.

        A wait with another end has its own schedule. Without the scheduler the planner checks again later.
        """
        campaign = self._campaigns.find(campaign_id)
        if campaign is not None and campaign.waiting is not None:
            if campaign.waiting.until.timestamp() != until:
                return not self._wakes.make_sure_of(campaign)
            self._campaigns.clear_waiting(campaign_id, campaign.waiting.until)
        try:
            self._budget.allowance()
        except MustWait as must:
            at, reason = looks_again_at(must.waiting, now), must.waiting.reason.value
            return not self._wakes.wait(campaign_id, at, reason)
        return True

    def _bring_back(self, campaign_id: CampaignId, task: LaunchTask, now: datetime) -> None:
        """Enqueue everything unfinished after a pause or a wait, only failed deliveries after a request to retry."""
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in GOING:
            logger().info("launch_ignored", extra={"campaign_id": campaign_id, "task": task.value})
            return
        if self._plans.find_progress(campaign_id) is None:
            self.launch(campaign_id, now)  # paused before it was launched
            return
        if task is not LaunchTask.RETRY:
            self._plan(campaign, 1, now)
        retry = self._retries.find(campaign_id)
        if retry is not None and (not retry.is_marked or task is not LaunchTask.RETRY):
            self._plan_queue.put(RetryMessage(campaign_id, shard) for shard in range(keys.DELIVERY_SHARDS))
        logger().info("brought_back", extra={"campaign_id": campaign_id, "task": task.value})

    def _plan(self, campaign: Campaign, again_from: int | None, now: datetime) -> None:
        try:
            mails, seconds = self._budget.allowance()
            # Twice the time that the allowed mails take: other campaigns may be sending as well.
            wakes_at = now + max(LOOKS_AGAIN_AFTER, timedelta(seconds=2 * seconds))
        except MustWait as must:
            mails, wakes_at = 0, looks_again_at(must.waiting, now)
        most = None if mails is None else ceil(mails / _units(campaign))
        self._plan_queue.put(
            PlanMessage(campaign.campaign_id, stage, shard, again_from, most, wakes_at.timestamp())
            for stage in range(len(campaign.audience.stages))
            for shard in range(keys.AUDIENCE_SHARDS)
        )


def _units(campaign: Campaign) -> int:
    """Of planning: one per stage and shard."""
    return len(campaign.audience.stages) * keys.AUDIENCE_SHARDS


def launch_campaigns(event: dict[str, Any], launch: Launch) -> Failures:
    """Handles Lambda's SQS event of launch messages."""

    def handle(record: Record) -> None:
        launch.handle(LaunchMessage.of(record.json_body), datetime.now(UTC))

    return for_each_record(event, handle)
