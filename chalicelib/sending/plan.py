"""Plan: one unit of an audience, page by page, into send messages.

A page is written down before it is enqueued (store/plans.py); whoever comes after a crash enqueues it again. Leads
enqueued twice are harmless, since a delivery can be claimed only once.

A paused campaign's messages are dropped, here and by the senders; so are a waiting one's, by the senders. Resuming or
waking brings every unit here once more, with `again_from` set: then the pages that were enqueued and may be unfinished
are gone through, and those of their leads who are not finished enqueued again.

No more is enqueued than the sending quota lets leave, since whatever was enqueued has to be looked at after a wait; the
audience is written down to its end all the same. Where pages are left over, the campaign is woken for them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf

from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.messages import LEADS_PER_MESSAGE, PlanMessage, SendMessage
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans
from chalicelib.telemetry import logger

_WITHOUT_SCHEDULER_SECONDS = 600


class Plan:
    def __init__(
        self,
        campaigns: Campaigns,
        audiences: Audiences,
        deliveries: Deliveries,
        plans: Plans,
        own_queue: OwnQueue,
        send_queue: Queue,
        advance: Callable[[CampaignId], None],
        wakes: Wakes,
    ) -> None:
        self._campaigns = campaigns
        self._audiences = audiences
        self._deliveries = deliveries
        self._plans = plans
        self._own_queue = own_queue
        self._send_queue = send_queue
        self._advance = advance
        self._wakes = wakes

    def plan(self, message: PlanMessage, time_is_short: Callable[[], bool]) -> None:
        """Plan a unit to its end, or until time is short: then a new message carries on from the page written last."""
        campaign = self._find_going(message)
        if campaign is None:
            return
        unit = self._plans.unit(message.campaign_id, message.unit)
        room = inf if message.most is None else message.most
        page, enqueued, finished = unit.page, unit.enqueued, unit.finished
        again = unit.enqueued + 1 if message.again_from is None else max(message.again_from, unit.finished + 1)

        def note_cursor() -> None:
            if (enqueued, finished) != (unit.enqueued, unit.finished):
                self._plans.record_cursor(message.campaign_id, message.unit, enqueued=enqueued, finished=finished)

        def must_end() -> bool:
            """When time is short; or when the campaign is not going any more, and nothing is to be carried on."""
            if not time_is_short():
                return self._find_going(message) is None
            note_cursor()
            again_from = again if again <= unit.enqueued else None
            most = None if room == inf else max(0, int(room))
            self._own_queue.put_back([(replace(message, again_from=again_from, most=most), 0)], message.returned)
            return True

        while again <= unit.enqueued and room > 0:
            if must_end():
                return
            unfinished = self._unfinished(message, again)
            self._enqueue(message, unfinished)
            room -= len(unfinished)
            if not unfinished and finished == again - 1:
                finished = again
            again += 1
        while enqueued < page and room > 0:
            if must_end():
                return
            lead_ids = self._plans.page_leads(message.campaign_id, message.unit, enqueued + 1)
            self._enqueue(message, lead_ids)
            enqueued, room = enqueued + 1, room - len(lead_ids)
        after, more = unit.after, not unit.done and (page == 0 or unit.after is not None)
        while more:
            if (page > 0 or time_is_short()) and must_end():
                return
            start, audience = after, campaign.audience
            planned, after = self._audiences.page(audience, audience.stages[message.stage], message.shard, start)
            page += 1
            if not self._plans.record_page(
                message.campaign_id, message.unit, page, planned, after, start=start, enqueued=enqueued
            ):
                if again <= unit.enqueued:  # of which who is ahead need not know
                    self._be_woken(message)
                return  # another invocation of the same message is ahead; it finishes the unit
            if enqueued == page - 1 and room > 0:
                self._enqueue(message, planned)
                enqueued, room = page, room - len(planned)
            more = after is not None
        if unit.done or not self._plans.record_unit_done(message.campaign_id, message.unit, enqueued=enqueued):
            note_cursor()
        self._advance(message.campaign_id)
        if again <= unit.enqueued or enqueued < page:
            self._be_woken(message)

    def _be_woken(self, message: PlanMessage) -> None:
        """For what is left over, when the mails that may leave by now have left."""
        try:
            self._wakes.wait(message.campaign_id, datetime.fromtimestamp(message.wakes_at, UTC), None)
        except SchedulerUnavailable:
            logger().warning("cannot_wait", exc_info=True, extra={"campaign_id": message.campaign_id})
            self._own_queue.put_back([(replace(message, most=0), _WITHOUT_SCHEDULER_SECONDS)], message.returned)

    def _find_going(self, message: PlanMessage) -> Campaign | None:
        """The campaign, unless there is nothing to plan of it now; read anew, since it may be paused at any moment."""
        campaign = self._campaigns.find(message.campaign_id)
        if campaign is None or campaign.status not in (CampaignStatus.PLANNING, CampaignStatus.SENDING):
            logger().info("plan_ignored", extra={"campaign_id": message.campaign_id})
            return None
        return campaign

    def _unfinished(self, message: PlanMessage, page: int) -> list[LeadId]:
        planned = self._plans.page_leads(message.campaign_id, message.unit, page)
        begun = self._deliveries.find_many(message.campaign_id, planned)
        return [each for each in planned if each not in begun or begun[each].awaits(message.unit)]

    def _enqueue(self, message: PlanMessage, lead_ids: list[LeadId] | tuple[LeadId, ...]) -> None:
        self._send_queue.put(
            SendMessage(message.campaign_id, message.unit, tuple(group))
            for group in groups(lead_ids, LEADS_PER_MESSAGE)
        )
