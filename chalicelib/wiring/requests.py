"""What answers marketers: the JSON API and the page."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from chalicelib.analytics.comparison import Comparing
from chalicelib.analytics.recount import Recounting
from chalicelib.automation.rulebook import Rulebook
from chalicelib.campaigns.control import Control
from chalicelib.campaigns.drafts import Drafts
from chalicelib.campaigns.schedule import Scheduling
from chalicelib.campaigns.send_test import MailTester
from chalicelib.campaigns.start import Start
from chalicelib.sdk import quick_client
from chalicelib.sending.retry import RetryFailed
from chalicelib.settings import Settings, settings
from chalicelib.store.idempotency import Idempotency
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.store.sessions import Sessions
from chalicelib.store.tokens import Tokens
from chalicelib.wiring.stores import Stores, milliseconds_now


@cache
def deployed_context() -> "Context":
    """With a client that answers or fails in less than the 29 seconds that a REST API gives a request."""
    return Context(settings(), quick_client("dynamodb"))


class Context(Stores):
    def __init__(self, settings: Settings, dynamodb: Any, now: Callable[[], datetime] = milliseconds_now) -> None:
        super().__init__(settings, dynamodb, now)
        self.comparing = Comparing(self.campaigns, self.counters)
        self.idempotency = Idempotency(dynamodb, settings.campaigns_table)
        self.resubscriptions = Resubscriptions(dynamodb, settings.campaigns_table)
        self.rulebook = Rulebook(self.rules, self.campaigns, self.leads)
        self.sessions = Sessions(dynamodb, settings.campaigns_table)
        self.tokens = Tokens(dynamodb, settings.campaigns_table)

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self.campaigns, self.schedules)

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
        return RetryFailed(self.campaigns, self.retries, self.counters, self.launch_queue)

    @cached_property
    def recounting(self) -> Recounting:
        return Recounting(self.recounts, self.plans, self.plan_queue)

    @cached_property
    def mail_tester(self) -> MailTester:
        return MailTester(self.transport, self.budget, self.keys, self.settings.tracking_url)
