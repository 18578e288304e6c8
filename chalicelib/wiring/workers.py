"""What queues and streams feed. What only one function needs is imported where it is made."""

from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from chalicelib.model.ids import CampaignId
from chalicelib.sdk import quick_client
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.settings import settings
from chalicelib.sqs import Queue
from chalicelib.store.client import dynamodb
from chalicelib.store.deliveries import Deliveries
from chalicelib.wiring.stores import Stores

if TYPE_CHECKING:
    from chalicelib.analytics.recount import Recount
    from chalicelib.automation.automate import Automation
    from chalicelib.automation.publish import Publisher
    from chalicelib.campaigns.lifecycle import Lifecycle
    from chalicelib.sending.feedback import Feedback
    from chalicelib.sending.launch import Launch
    from chalicelib.sending.plan import Plan
    from chalicelib.sending.send import Send


_CONTENTS_KEPT = 8
"""Compiled contents kept in a sender's memory: a few megabytes."""


@cache
def workers() -> "Workers":
    """With a client that is patient with the tables, since nobody waits."""
    return Workers(settings(), dynamodb())


@cache
def candidates_queue() -> Queue:
    """Apart from the workers: the function that fills it touches no table."""
    return Queue(quick_client("sqs"), settings().candidates_queue_url)


class Workers(Stores):
    @cached_property
    def send_queue(self) -> Queue:
        return Queue(self.sqs, self.settings.send_queue_url)

    @cached_property
    def wakes(self) -> Wakes:
        return Wakes(self.campaigns, self.schedules, self.settings.launch_queue_arn)

    @property
    def launch(self) -> "Launch":
        """A new one each time: how much is planned depends on the quota that is left now."""
        from chalicelib.sending.launch import Launch

        return Launch(
            self.campaigns,
            self.audiences,
            self.sending_account,
            self.plans,
            self.retries,
            self.plan_queue,
            self.keys,
            self.settings.tracking_url,
            self.make_budget(),
            self.wakes,
        )

    @cached_property
    def plan(self) -> "Plan":
        from chalicelib.sending.plan import Plan

        return Plan(
            self.campaigns,
            self.audiences,
            self.deliveries,
            self.plans,
            self.retries,
            OwnQueue(self.plan_queue, self.settings.plan_queue_arn, self.schedules),
            self.send_queue,
            self.lifecycle.advance,
            self.wakes,
        )

    @cached_property
    def send(self) -> "Send":
        from chalicelib.campaigns.launched_content import LaunchedContent, load
        from chalicelib.sending.deliver import Deliver
        from chalicelib.sending.may_send import SendPermission
        from chalicelib.sending.send import Send
        from chalicelib.store.claims import Claims

        permission = SendPermission(self.campaigns)
        deliver = Deliver(
            self.leads,
            self.deliveries,
            Claims(self.dynamodb_for_sending, self.settings.deliveries_table),
            self.transport,
            self.budget,
            lambda: datetime.now(UTC),
            permission.is_going,
            permission.pause,
        )

        @lru_cache(maxsize=_CONTENTS_KEPT)
        def kept(campaign_id: CampaignId) -> LaunchedContent:
            return load(self.campaigns, self.keys, self.settings.tracking_url, campaign_id)

        def content_of(campaign_id: CampaignId) -> LaunchedContent:
            content = kept(campaign_id)
            content.require_key(self.keys)
            return content

        own_queue = OwnQueue(self.send_queue, self.settings.send_queue_arn, self.schedules)
        return Send(deliver, content_of, self.budget, self.wakes, own_queue)

    @cached_property
    def feedback(self) -> "Feedback":
        from chalicelib.sending.feedback import Feedback
        from chalicelib.store.feedback import FeedbackRecords

        records = FeedbackRecords(self.dynamodb, self.settings.deliveries_table, self.burst_rule)
        return Feedback(records, self.leads, self.keys)

    @cached_property
    def lifecycle(self) -> "Lifecycle":
        from chalicelib.campaigns.lifecycle import Lifecycle

        return Lifecycle(self.campaigns, self.plans, self.counters, self.retries)

    @cached_property
    def recount(self) -> "Recount":
        """Reads every delivery of a campaign, so by the client that needs little processor time."""
        from chalicelib.analytics.recount import Recount

        deliveries = Deliveries(self.dynamodb_for_sending, self.settings.deliveries_table, self.burst_rule)
        return Recount(self.counters, self.recounts, self.lifecycle.advance, deliveries, self.plan_queue)

    @cached_property
    def publisher(self) -> "Publisher":
        from chalicelib.automation.publish import Bus, Publisher

        bus = Bus(quick_client("events"), self.settings.event_bus)
        return Publisher(self.deliveries, self.campaigns, bus)

    @cached_property
    def automation(self) -> "Automation":
        from chalicelib.automation.automate import Automation

        return Automation(self.rules, self.leads, self.acts, lambda: datetime.now(UTC))
