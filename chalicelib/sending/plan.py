"""Plan: one unit of an audience, page by page, into send messages; and failed deliveries, shard by shard, once more.

A page is written down before it is enqueued (store/plans.py), so that after a crash it is enqueued again. Enqueueing
leads twice is harmless, since a delivery can be claimed only once.

A paused campaign's messages are dropped, here and by the senders; a waiting one's by the senders. Resuming or waking
brings every unit here again with `again_from` set: of the pages enqueued before, unfinished leads are enqueued again.

No more is enqueued than the sending quota allows, because after a wait everything enqueued is looked at again. The
audience is written down to its end regardless; if pages are left over, the campaign is woken for them.

    retry: sent -> sending ── per shard: failed -> waiting, marked with the request's number ── send queue

Nothing else takes a delivery out of `failed`, and the mark lets each request do so once (campaigns/control.py,
`retry_failed`). A waiting delivery is pending again: the sums say so before the campaign can count as sent again
(store/plans.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from chalicelib.analytics.recount import Recount, RecountMessage
from chalicelib.crm.audience import Audiences
from chalicelib.crm.erasure import Eraser
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lifecycle import GOING
from chalicelib.model.messages import LEADS_PER_MESSAGE, EraseMessage, PlanMessage, RetryMessage, SendMessage
from chalicelib.model.plan import PlanUnit
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.sqs import Failures, Queue, Record, for_each_record, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans, Retries
from chalicelib.telemetry import logger

_SHORT_MS = 15_000
"""With less time left, planning hands over to a new message."""
_WITHOUT_SCHEDULER_SECONDS = 600


@dataclass(slots=True)
class _Work:
    """How far one invocation has come with a unit. Pages are numbered 1, 2, ..."""

    message: PlanMessage
    time_is_short: Callable[[], bool]
    unit: PlanUnit
    """As it was found."""
    again: int
    """The next page to look through for unfinished leads."""
    enqueued: int
    finished: int
    page: int
    """The last page written down."""
    room: float
    """How many more leads may be enqueued."""

    @property
    def is_bringing_back(self) -> bool:
        return self.again <= self.unit.enqueued


@dataclass(frozen=True, slots=True)
class Plan:
    _campaigns: Campaigns
    _audiences: Audiences
    _deliveries: Deliveries
    _plans: Plans
    _retries: Retries
    _own_queue: OwnQueue
    _send_queue: Queue
    _advance: Callable[[CampaignId], None]
    _wakes: Wakes

    def plan(self, message: PlanMessage, time_is_short: Callable[[], bool]) -> None:
        """Plan a unit to its end, or until time is short: then a new message continues after the last page written."""
        campaign = self._find_going(message.campaign_id)
        if campaign is None:
            return
        unit = self._plans.unit(message.campaign_id, message.unit)
        again_from = unit.enqueued + 1 if message.again_from is None else max(message.again_from, unit.finished + 1)
        room = inf if message.most is None else message.most
        work = _Work(message, time_is_short, unit, again_from, unit.enqueued, unit.finished, unit.page, room)
        if self._bring_back(work) and self._enqueue_written(work) and self._read_audience(work, campaign):
            self._advance(message.campaign_id)
            if work.is_bringing_back or work.enqueued < work.page:
                self._be_woken(message)

    def mark_failed(self, message: RetryMessage, time_is_short: Callable[[], bool]) -> None:
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
        by_unit: dict[str, list[LeadId]] = defaultdict(list)
        for delivery in marked:
            # One at `sending` is settled and not sent again: its message may have been dropped for a wait.
            if delivery.status in (DeliveryStatus.WAITING, DeliveryStatus.SENDING):
                by_unit[delivery.unit].append(delivery.lead_id)
        self._send_queue.put(
            each for unit, lead_ids in by_unit.items() for each in _send_messages(campaign_id, unit, lead_ids)
        )
        self._retries.record_shard(campaign_id, shard, retry.number, len(marked))
        self._advance(campaign_id)

    def _bring_back(self, work: _Work) -> bool:
        """After a pause or a wait: enqueue again what is unfinished of the pages that were enqueued before."""
        while work.is_bringing_back and work.room > 0:
            if self._must_end(work):
                return False
            unfinished = self._unfinished(work.message, work.again)
            self._enqueue(work, unfinished)
            if not unfinished and work.finished == work.again - 1:
                work.finished = work.again
            work.again += 1
        return True

    def _enqueue_written(self, work: _Work) -> bool:
        """Enqueue the pages that were written down and not enqueued."""
        while work.enqueued < work.page and work.room > 0:
            if self._must_end(work):
                return False
            page = self._plans.page_leads(work.message.campaign_id, work.message.unit, work.enqueued + 1)
            self._enqueue(work, page)
            work.enqueued += 1
        return True

    def _read_audience(self, work: _Work, campaign: Campaign) -> bool:
        """Write down the audience's further pages, and enqueue them while there is room."""
        message, unit, audience = work.message, work.unit, campaign.audience
        after, more = unit.after, not unit.done and (work.page == 0 or unit.after is not None)
        while more:
            if (work.page > 0 or work.time_is_short()) and self._must_end(work):
                return False
            start = after
            planned, after = self._audiences.page(audience, audience.stages[message.stage], message.shard, start)
            work.page += 1
            if not self._plans.record_page(
                message.campaign_id, message.unit, work.page, planned, after, start=start, enqueued=work.enqueued
            ):
                if work.is_bringing_back:  # which the other invocation need not know of
                    self._be_woken(message)
                return False  # another invocation of the same message is ahead; it finishes the unit
            if work.enqueued == work.page - 1 and work.room > 0:
                self._enqueue(work, planned)
                work.enqueued = work.page
            more = after is not None
        if unit.done or not self._plans.record_unit_done(message.campaign_id, message.unit, enqueued=work.enqueued):
            self._record_cursor(work)
        return True

    def _must_end(self, work: _Work) -> bool:
        """Whether to stop: time is short, or the campaign is not going any more and nothing is to be continued."""
        if not work.time_is_short():
            return self._find_going(work.message.campaign_id) is None
        self._record_cursor(work)
        again_from = work.again if work.is_bringing_back else None
        most = None if work.room == inf else max(0, int(work.room))
        rest = replace(work.message, again_from=again_from, most=most)
        self._own_queue.put_back([(rest, 0)], work.message.returned)
        return True

    def _record_cursor(self, work: _Work) -> None:
        if (work.enqueued, work.finished) != (work.unit.enqueued, work.unit.finished):
            unit = work.message.unit
            self._plans.record_cursor(work.message.campaign_id, unit, enqueued=work.enqueued, finished=work.finished)

    def _be_woken(self, message: PlanMessage) -> None:
        """Have the campaign woken for what is left over, once the mails allowed by now have left."""
        if not self._wakes.wait(message.campaign_id, datetime.fromtimestamp(message.wakes_at, UTC), None):
            self._own_queue.put_back([(replace(message, most=0), _WITHOUT_SCHEDULER_SECONDS)], message.returned)

    def _find_going(self, campaign_id: CampaignId) -> Campaign | None:
        """The campaign, if it may be planned; read each time, since it may be paused at any moment."""
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in GOING:
            logger().info("plan_ignored", extra={"campaign_id": campaign_id})
            return None
        return campaign

    def _unfinished(self, message: PlanMessage, page: int) -> list[LeadId]:
        planned = self._plans.page_leads(message.campaign_id, message.unit, page)
        begun = self._deliveries.find_many(message.campaign_id, planned)
        return [each for each in planned if each not in begun or begun[each].awaits(message.unit)]

    def _enqueue(self, work: _Work, lead_ids: Collection[LeadId]) -> None:
        self._send_queue.put(_send_messages(work.message.campaign_id, work.message.unit, lead_ids))
        work.room -= len(lead_ids)


def _send_messages(campaign_id: CampaignId, unit: str, lead_ids: Collection[LeadId]) -> Iterator[SendMessage]:
    return (SendMessage(campaign_id, unit, tuple(group)) for group in groups(lead_ids, LEADS_PER_MESSAGE))


def plan_pages(event: dict[str, Any], context: Any, plan: Plan, recount: Recount, eraser: Eraser) -> Failures:
    """Handles Lambda's SQS event of the plan queue: pages to plan, failures to retry, buckets to recount, erasures."""

    def time_is_short() -> bool:
        return bool(context.get_remaining_time_in_millis() < _SHORT_MS)

    def handle(record: Record) -> None:
        body = record.json_body
        if "recount" in body:
            recount.work(RecountMessage(**body))
        elif "erase" in body:
            eraser.forget(EraseMessage(**body), time_is_short)
        elif "retry_shard" in body:
            plan.mark_failed(RetryMessage(**body), time_is_short)
        else:
            plan.plan(PlanMessage(**body), time_is_short)

    return for_each_record(event, handle)
