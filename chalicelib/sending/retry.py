"""Send failed deliveries again, when a marketer asks for it, and each of them at most once per request.

request ── sent -> sending ── per shard: failed -> waiting, marked with the request's number ── send queue ── as ever

Nothing but a request takes a delivery out of `failed`, and the mark lets it do so once. What is waiting is pending
again: the sums say so before a campaign can count as sent anew (store/retries.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection

from chalicelib.analytics.completion import Completion
from chalicelib.campaigns.statuses import get_campaign, require_status
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.errors import Conflict, Conflicting
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.reasons import FailureReason
from chalicelib.sending.queues import LEADS_PER_MESSAGE, LaunchMessage, LaunchTask, RetryMessage, SendMessage
from chalicelib.sending.waiting import OwnQueue
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.retries import Retries
from chalicelib.telemetry import logger

CERTAINLY_NOT_SENT = frozenset(FailureReason) - {FailureReason.OUTCOME_UNKNOWN}
"""What is sent again when no reason is named: a mail whose outcome is unknown may have left."""


class NothingToRetry(Conflicting, problem="nothing-to-retry", title="There is nothing to send again"):
    """No delivery of the campaign has failed for such a reason."""


class RetryFailed:
    """The marketer's side: the request."""

    def __init__(self, campaigns: Campaigns, retries: Retries, counters: Counters, launch_queue: Queue) -> None:
        self._campaigns = campaigns
        self._retries = retries
        self._counters = counters
        self._launch_queue = launch_queue

    def retry_failed(self, campaign_id: CampaignId, reasons: Collection[FailureReason]) -> Campaign:
        """Set out to send again what failed for these reasons (none named: CERTAINLY_NOT_SENT).

        Repeating it while its deliveries are still being marked (the caller got no answer) is the same request. Raises
        CampaignNotFound, WrongStatus, NothingToRetry, Conflict, QueueUnavailable (repeat it then).
        """
        asked = frozenset(reason.value for reason in reasons or CERTAINLY_NOT_SENT)
        campaign = get_campaign(self._campaigns, campaign_id)
        running = self._retries.find(campaign_id) if campaign.status is CampaignStatus.SENDING else None
        if running is None or running.is_marked or running.reasons != asked:
            require_status(campaign, [CampaignStatus.SENT], "retried")
            sums = self._counters.find(campaign_id).sums
            failed = {name.removeprefix("reason/") for name in sums if name.startswith("reason/")}
            if not failed & asked:
                hint = " To retry deliveries that may have been sent already, name the reason outcome_unknown."
                other = hint if FailureReason.OUTCOME_UNKNOWN in failed - asked else ""
                raise NothingToRetry(f"None of its deliveries has failed for such a reason.{other}")
            if not self._retries.begin(campaign, asked):
                raise Conflict("The campaign has moved on meanwhile.")
        self._launch_queue.put([LaunchMessage(campaign_id, LaunchTask.RETRY)])
        return get_campaign(self._campaigns, campaign_id)


class MarkFailed:
    """The workers' side: one shard at a time. Every step may be repeated."""

    def __init__(
        self,
        campaigns: Campaigns,
        retries: Retries,
        deliveries: Deliveries,
        send_queue: Queue,
        own_queue: OwnQueue,
        completion: Completion,
    ) -> None:
        self._campaigns = campaigns
        self._retries = retries
        self._deliveries = deliveries
        self._send_queue = send_queue
        self._own_queue = own_queue
        self._completion = completion

    def mark(self, message: RetryMessage, time_is_short: Callable[[], bool]) -> None:
        """Mark a shard's failed deliveries and enqueue them; what time does not suffice for, a new message does."""
        campaign_id, shard = message.campaign_id, message.retry_shard
        campaign, retry = self._campaigns.find(campaign_id), self._retries.find(campaign_id)
        if campaign is None or campaign.status is not CampaignStatus.SENDING or retry is None:
            logger().info("retry_ignored", extra={"campaign_id": campaign_id})
            return
        for delivery in self._deliveries.iter_shard(campaign_id, shard, status=DeliveryStatus.FAILED):
            if time_is_short():
                self._own_queue.put_back([(message, 0)], message.returned)
                return
            if delivery.reason in retry.reasons:
                self._deliveries.mark_for_retry(campaign_id, delivery.lead_id, retry.number)
        # Read anew: also what a predecessor marked, who died before it was enqueued.
        marked = [each for each in self._deliveries.iter_shard(campaign_id, shard) if each.retry == retry.number]
        self._enqueue(campaign_id, marked)
        self._retries.record_shard(campaign_id, shard, retry.number, len(marked))
        self._completion.advance(campaign_id)

    def _enqueue(self, campaign_id: CampaignId, marked: Collection[Delivery]) -> None:
        by_unit: dict[str, list[LeadId]] = defaultdict(list)
        for delivery in marked:
            # One at `sending` is settled, and not sent again: its message may have been dropped for a wait.
            if delivery.status in (DeliveryStatus.WAITING, DeliveryStatus.SENDING):
                by_unit[delivery.unit].append(delivery.lead_id)
        self._send_queue.put(
            SendMessage(campaign_id, unit, tuple(group))
            for unit, lead_ids in by_unit.items()
            for group in groups(lead_ids, LEADS_PER_MESSAGE)
        )
