"""The JSON door's composition root: what its handlers work with, made when first needed.

Tests hand in their own settings and client; a function on AWS uses the environment's. Nothing is read when routes are
registered, because packaging imports the app without an environment.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.analytics.recount import Recounting
from chalicelib.automation.rule_editor import RuleEditor
from chalicelib.campaigns.account import SendingAccount, SesAccount, UnknownAccount
from chalicelib.campaigns.control import Control
from chalicelib.campaigns.drafts import Drafts
from chalicelib.campaigns.schedule import EventBridgeSchedules, Scheduling, scheduler
from chalicelib.campaigns.send_test import MailTester
from chalicelib.campaigns.start import Start
from chalicelib.crm.audience import Audiences
from chalicelib.sdk import quick_client
from chalicelib.sending.budget import Budget
from chalicelib.sending.retry import RetryFailed
from chalicelib.sending.transports.base import Transport
from chalicelib.sending.transports.chosen import deployed_budget, deployed_transport
from chalicelib.settings import Settings, burst_rule, settings
from chalicelib.sqs import Queue, sqs
from chalicelib.store.acts import Acts
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.idempotency import Idempotency
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans
from chalicelib.store.recounts import Recounts
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.store.retries import Retries
from chalicelib.store.rules import Rules
from chalicelib.store.sessions import Sessions
from chalicelib.store.tokens import Tokens
from chalicelib.tracking.key_ring import KeyRingSource, deployed_key_ring


def _now() -> datetime:
    # Whole milliseconds, as they are stored: what is answered at once equals what is read later.
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Context:
    """Collaborators of one app. `now` gives the current time, aware, in whole milliseconds."""

    def __init__(
        self,
        read_settings: Callable[[], Settings] = settings,
        client: Callable[[], Any] = lambda: quick_client("dynamodb"),
        now: Callable[[], datetime] = _now,
        sqs: Callable[[], Any] = sqs,
        key_ring: Callable[[str], KeyRingSource] = deployed_key_ring,
        ses: Callable[[], Any] = lambda: quick_client("sesv2"),
        transport: Callable[[Settings], Transport] = deployed_transport,
        budget: Callable[[Settings], Budget] = deployed_budget,
        scheduler: Callable[[], Any] = scheduler,
    ) -> None:
        self._read_settings = read_settings
        self._make_client = client
        self.now = now
        self._make_sqs = sqs
        self._key_ring = key_ring
        self._make_ses = ses
        self._make_transport = transport
        self._make_budget = budget
        self._make_scheduler = scheduler

    @cached_property
    def settings(self) -> Settings:
        return self._read_settings()

    @cached_property
    def client(self) -> Any:
        """The DynamoDB client."""
        return self._make_client()

    @cached_property
    def campaigns(self) -> Campaigns:
        return Campaigns(self.client, self.settings.campaigns_table)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.client, self.settings.deliveries_table, burst_rule())

    @cached_property
    def audiences(self) -> Audiences:
        return Audiences(self.leads, self.deliveries)

    @cached_property
    def plans(self) -> Plans:
        return Plans(self.client, self.settings.campaigns_table)

    @cached_property
    def counters(self) -> Counters:
        return Counters(self.client, self.settings.campaigns_table)

    @cached_property
    def recounts(self) -> Recounts:
        return Recounts(self.client, self.settings.campaigns_table)

    @cached_property
    def recounting(self) -> Recounting:
        return Recounting(self.recounts, self.plans, Queue(self._make_sqs(), self.settings.plan_queue_url))

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self.campaigns, self.schedules)

    @cached_property
    def launch_queue(self) -> Queue:
        return Queue(self._make_sqs(), self.settings.launch_queue_url)

    @cached_property
    def schedules(self) -> EventBridgeSchedules:
        return EventBridgeSchedules(
            self._make_scheduler,
            group=self.settings.schedule_group,
            role_arn=self.settings.schedule_role,
            launch_queue_arn=self.settings.launch_queue_arn,
        )

    @cached_property
    def start(self) -> Start:
        return Start(
            self.campaigns, self.plans, self.audiences, self.sending_account, self.launch_queue, self.schedules
        )

    @cached_property
    def scheduling(self) -> Scheduling:
        return Scheduling(self.campaigns, self.schedules)

    @cached_property
    def control(self) -> Control:
        return Control(self.campaigns, self.plans, self.launch_queue, self.schedules)

    @cached_property
    def retry_failed(self) -> RetryFailed:
        retries = Retries(self.client, self.settings.campaigns_table)
        return RetryFailed(self.campaigns, retries, self.counters, self.launch_queue)

    @cached_property
    def sending_account(self) -> SendingAccount:
        """What the mail service lets us send, and from whom."""
        return SesAccount(self._make_ses()) if self.settings.smtp_secret is None else UnknownAccount()

    @cached_property
    def mail_tester(self) -> MailTester:
        transport, budget = self._make_transport(self.settings), self._make_budget(self.settings)
        return MailTester(transport, budget, self.keys, self.settings.tracking_url)

    @cached_property
    def keys(self) -> KeyRingSource:
        """The signing keys."""
        return self._key_ring(self.settings.key_ring_secret)

    @cached_property
    def leads(self) -> Leads:
        return Leads(self.client, self.settings.leads_table)

    @cached_property
    def rules(self) -> Rules:
        return Rules(self.client, self.settings.campaigns_table)

    @cached_property
    def rule_editor(self) -> RuleEditor:
        return RuleEditor(self.rules, self.campaigns, self.leads)

    @cached_property
    def acts(self) -> Acts:
        return Acts(self.client, self.settings.campaigns_table, self.settings.leads_table)

    @cached_property
    def resubscriptions(self) -> Resubscriptions:
        return Resubscriptions(self.client, self.settings.campaigns_table)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.client, self.settings.campaigns_table)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.client, self.settings.campaigns_table)

    @cached_property
    def idempotency(self) -> Idempotency:
        return Idempotency(self.client, self.settings.campaigns_table)
