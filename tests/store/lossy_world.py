"""Everything that writes to the tables, by the production clients, over a wire that loses answers."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from chalicelib.automation.automate import Automation
from chalicelib.campaigns import launched_content as content
from chalicelib.crm.suppression import list_marks, resubscribe
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import BurstRule, Delivery
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.messages import SendMessage
from chalicelib.model.suppression import Resubscription
from chalicelib.sending.budget import OwnServer, SharedBudget
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.feedback import Feedback, FeedbackEvent
from chalicelib.sending.message_leads import Rest
from chalicelib.store.access import Sessions, Tokens
from chalicelib.store.claims import Claims
from chalicelib.store.client import dynamodb, dynamodb_for_recipients, dynamodb_for_sending
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.idempotency import Idempotency
from chalicelib.store.leads import Leads
from chalicelib.store.rate import AccountLimits, SendRate
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.store.rules import Acts, Rules
from chalicelib.tracking.delivery_ids import make_delivery_id
from local.ministack import ENVIRONMENT, REGION
from local.tables import TableNames
from tests.lossy_wire import LossyWire
from tests.store.test_control import ControlledWorld
from tests.store.test_sending import KEYS, NOW, TRACKING_URL

LATER = NOW + timedelta(minutes=1)
ALLOWED = Resubscription(LATER, "desk", "asked by phone")
ADDRESS = "ada@shop.example"
SAID: Any = {"entity": "acme", "stage": "New", "email": ADDRESS}


class Clients(NamedTuple):
    """The three that production has, over one wire."""

    client: Any
    sender: Any
    recipient: Any


class LossyWorld(ControlledWorld):
    """All that writes, each over the client that it has in production."""

    def __init__(self, clients: Clients, tables: TableNames) -> None:
        client, sender, recipient = clients
        super().__init__(client, tables)
        self.tables = tables
        self.hits = Deliveries(recipient, tables.deliveries, BurstRule()), Leads(recipient, tables.leads)
        self.claims_client = sender
        self.make_worker = lambda: Deliver(
            self.leads,
            self.deliveries,
            Claims(self.claims_client, tables.deliveries),
            self.mail,
            OwnServer(lambda: self.now.timestamp()),
            lambda: self.now,
            lambda campaign_id: True,
            lambda campaign_id, words: None,
            pause=self.sleep,
        )
        self.deliver = self.make_worker()
        self.rate = SendRate(sender, tables.campaigns)
        self.limits = AccountLimits(50, 20, 0)
        self.budget = self.make_budget()
        self.feedback = Feedback(FeedbackRecords(client, tables.deliveries, BurstRule()), self.leads, KEYS)
        self.resubscriptions = Resubscriptions(client, tables.campaigns)
        self.rules = Rules(client, tables.campaigns)
        self.acts = Acts(client, tables.campaigns, tables.leads)
        self.automation = Automation(self.rules, self.leads, self.acts, lambda: self.now)
        self.tokens = Tokens(client, tables.campaigns)
        self.sessions = Sessions(client, tables.campaigns)
        self.idempotency = Idempotency(client, tables.campaigns)

    def make_budget(self) -> SharedBudget:
        return SharedBudget(self.rate, lambda: self.limits, lambda: self.now.timestamp(), self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def deliver_message(self, message: SendMessage, worker: Deliver | None = None) -> list[Rest]:
        launched = content.load(self.campaigns, KEYS, TRACKING_URL, message.campaign_id)
        return (worker or self.deliver).deliver_all(launched, message.unit, message.lead_ids)

    def delivery(self, campaign_id: CampaignId, lead_id: LeadId) -> Delivery:
        found = self.deliveries.find(campaign_id, lead_id)
        assert found is not None
        return found

    def report(self, kind: FeedbackKind, campaign_id: CampaignId, lead_id: LeadId, message_id: str) -> Any:
        key = KEYS.key(1)
        assert key is not None
        name = make_delivery_id(key, 1, campaign_id, lead_id)
        return self.feedback.apply(FeedbackEvent(kind, self.now, name, NOW, message_id, "Hello", "the words"))

    def resubscribe(self, lead_id: LeadId) -> Lead:
        return resubscribe(self.leads, self.resubscriptions, lead_id, ALLOWED)

    def lead_and_address(self, lead_id: LeadId) -> Any:
        """What keeps a lead from being mailed, as far as it names no campaign."""
        lead = self.leads.get(lead_id)
        (address,) = self.leads.suppressions.find_many([lead.email or ""]).values() or [None]
        kept = (address.everywhere, address.unsubscribed.items()) if address else ((), ())
        reasons = [(mark.reason, mark.at) for mark in (*kept[0], *list_marks(self.leads, lead_id))]
        left_at = lead.unsubscription and lead.unsubscription.at
        return left_at, lead.suppressed is not None, reasons, [(name, mark.at) for name, mark in kept[1]]

    def is_asked_to_launch(self) -> bool:
        return bool(self.sqs.bodies.get("launch"))

    def schedule_that_counts(self, campaign: Campaign) -> bool:
        """Whether the campaign's schedule, and no other, waits to fire."""
        waiting = self.schedules.waiting.get(campaign.campaign_id, {})
        return campaign.schedule is not None and set(waiting) == {campaign.schedule.schedule_id}


Story = Generator[Callable[[], Any], Any, Any]
"""Arranges, yields what to do over the wire, gets its result, and returns what can be seen of it afterwards."""


Told = Callable[[LossyWorld], Story]
STORIES: list[Told] = []
REPEATED: list[Told] = []
"""Those whose caller repeats them when it is told that the engine is away."""


def story(told: Told) -> Told:
    STORIES.append(told)
    return told


def repeated(told: Told) -> Told:
    REPEATED.append(told)
    return story(told)


def tell(
    story: Story,
    wire: LossyWire,
    loses: Callable[[int], bool],
    *,
    again_after: tuple[type[Exception], ...] = (),
) -> tuple[Any, int]:
    """What is seen in the end, and how many writes were answered or lost. `again_after`: when it is repeated."""
    act = next(story)
    wire.lose(loses, reads_too=bool(again_after))
    try:
        result = act()
    except again_after:
        wire.lose_nothing()
        result = act()
    asked = wire.writes
    wire.lose_nothing()
    try:
        story.send(result)
    except StopIteration as told:
        return told.value, asked
    raise AssertionError("a story ends with what is seen")


@contextmanager
def clients_over(wire: LossyWire) -> Iterator[Clients]:
    """The production clients, which repeat without a pause."""
    makers: tuple[Any, ...] = (dynamodb, dynamodb_for_sending, dynamodb_for_recipients)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", wire.url)
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
        yield Clients(*(make.__wrapped__() for make in makers))
