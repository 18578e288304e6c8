"""Mark failed deliveries to be sent again, each at most once per request (campaigns/lifecycle.py, `retry_failed`).

request: sent -> sending ── per shard: failed -> waiting, marked with the request's number ── send queue

Nothing else takes a delivery out of `failed`, and the mark lets a request do so once. A waiting delivery is pending
again: the sums say so before the campaign can count as sent again (store/plans.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.messages import LEADS_PER_MESSAGE, RetryMessage, SendMessage
from chalicelib.sending.waiting import OwnQueue
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Retries
from chalicelib.telemetry import logger


class MarkFailed:
    """Handles retry messages, one shard of deliveries each. Every step may be repeated."""

    def __init__(
        self,
        campaigns: Campaigns,
        retries: Retries,
        deliveries: Deliveries,
        send_queue: Queue,
        own_queue: OwnQueue,
        advance: Callable[[CampaignId], None],
    ) -> None:
        self._campaigns = campaigns
        self._retries = retries
        self._deliveries = deliveries
        self._send_queue = send_queue
        self._own_queue = own_queue
        self._advance = advance

    def mark(self, message: RetryMessage, time_is_short: Callable[[], bool]) -> None:
        """Mark a shard's failed deliveries and enqueue them; when time is short, a new message does the rest."""
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
        # Read again: includes what a worker marked that died before enqueueing it.
        marked = [each for each in self._deliveries.iter_shard(campaign_id, shard) if each.retry == retry.number]
        self._enqueue(campaign_id, marked)
        self._retries.record_shard(campaign_id, shard, retry.number, len(marked))
        self._advance(campaign_id)

    def _enqueue(self, campaign_id: CampaignId, marked: Collection[Delivery]) -> None:
        by_unit: dict[str, list[LeadId]] = defaultdict(list)
        for delivery in marked:
            # One at `sending` is settled and not sent again: its message may have been dropped for a wait.
            if delivery.status in (DeliveryStatus.WAITING, DeliveryStatus.SENDING):
                by_unit[delivery.unit].append(delivery.lead_id)
        self._send_queue.put(
            SendMessage(campaign_id, unit, tuple(group))
            for unit, lead_ids in by_unit.items()
            for group in groups(lead_ids, LEADS_PER_MESSAGE)
        )
