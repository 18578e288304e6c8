"""Plan: one unit of an audience, page by page, into send messages.

A page is written down before it is enqueued (store/plans.py); whoever comes after a crash enqueues it again. Leads
enqueued twice are harmless, since a delivery can be claimed only once.

A paused campaign's messages are dropped, here and by the senders; its resuming brings every unit here once more, with
`again_from` set: then the pages written down are gone through, and those of their leads who are not finished enqueued.
"""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.analytics.completion import Completion
from chalicelib.crm.audience import Audiences
from chalicelib.sending.queues import LEADS_PER_MESSAGE, PlanMessage, SendMessage
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaign, Campaigns, CampaignStatus
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.ids import LeadId
from chalicelib.store.plans import Plans
from chalicelib.telemetry import logger


class Plan:
    def __init__(
        self,
        campaigns: Campaigns,
        audiences: Audiences,
        deliveries: Deliveries,
        plans: Plans,
        plan_queue: Queue,
        send_queue: Queue,
        completion: Completion,
    ) -> None:
        self._campaigns = campaigns
        self._audiences = audiences
        self._deliveries = deliveries
        self._plans = plans
        self._plan_queue = plan_queue
        self._send_queue = send_queue
        self._completion = completion

    def plan(self, message: PlanMessage, time_is_short: Callable[[], bool]) -> None:
        """Plan a unit to its end, or until time is short: then a new message carries on from the page written last."""
        campaign = self._find_going(message)
        if campaign is None:
            return
        unit = self._plans.unit(message.campaign_id, message.unit)
        if message.again_from is not None:
            for page in range(message.again_from, unit.page + 1):
                if time_is_short():
                    self._plan_queue.put([replace(message, again_from=page)])
                    return
                if self._find_going(message) is None:
                    return
                self._enqueue_unfinished(message, page)
        elif unit.page and not unit.done:
            self._enqueue(message, self._plans.page_leads(message.campaign_id, message.unit, unit.page))
        page, after, more = unit.page, unit.after, not unit.done and (unit.page == 0 or unit.after is not None)
        while more:
            if time_is_short():
                self._plan_queue.put([replace(message, again_from=None)])
                return
            if page > unit.page and self._find_going(message) is None:
                return
            start = after
            audience = campaign.audience
            lead_ids, after = self._audiences.page(audience, audience.stages[message.stage], message.shard, start)
            page += 1
            if not self._plans.record_page(message.campaign_id, message.unit, page, lead_ids, after, start=start):
                return  # another invocation of the same message is ahead; it finishes the unit
            self._enqueue(message, lead_ids)
            more = after is not None
        self._plans.record_unit_done(message.campaign_id, message.unit)
        self._completion.advance(message.campaign_id)

    def _find_going(self, message: PlanMessage) -> Campaign | None:
        """The campaign, unless there is nothing to plan of it now; read anew, since it may be paused at any moment."""
        campaign = self._campaigns.find(message.campaign_id)
        if campaign is None or campaign.status not in (CampaignStatus.PLANNING, CampaignStatus.SENDING):
            logger().info("plan_ignored", extra={"campaign_id": message.campaign_id})
            return None
        return campaign

    def _enqueue_unfinished(self, message: PlanMessage, page: int) -> None:
        planned = self._plans.page_leads(message.campaign_id, message.unit, page)
        begun = self._deliveries.find_many(message.campaign_id, planned)
        self._enqueue(message, [each for each in planned if each not in begun or begun[each].awaits(message.unit)])

    def _enqueue(self, message: PlanMessage, lead_ids: list[LeadId] | tuple[LeadId, ...]) -> None:
        self._send_queue.put(
            SendMessage(message.campaign_id, message.unit, tuple(group))
            for group in groups(lead_ids, LEADS_PER_MESSAGE)
        )
