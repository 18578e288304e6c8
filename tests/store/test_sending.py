"""Launch, plan and deliver on a real engine, with queues and a mail service that fail where we tell them to."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.campaigns import launched_content as content
from chalicelib.campaigns.account import AccountState, Hindrance, SendingAccount
from chalicelib.campaigns.control import AudienceIsEmpty, Control
from chalicelib.campaigns.drafts import Drafts, Written
from chalicelib.campaigns.lifecycle import Lifecycle
from chalicelib.campaigns.proving import prove_draft
from chalicelib.campaigns.sender_findings import require_sender
from chalicelib.crm.audience import Audiences
from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Audience, CampaignStatus
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.messages import PlanMessage, SendMessage
from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.scheduler import SchedulerUnavailable, Schedules
from chalicelib.sending.budget import OwnServer
from chalicelib.sending.deliver import OUTCOME_GRACE, Deliver
from chalicelib.sending.launch import Launch
from chalicelib.sending.may_send import SendPermission
from chalicelib.sending.plan import Plan
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.sqs import Queue
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.claims import Claims
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans, Retries
from chalicelib.store.workspace import Workspaces
from chalicelib.tracking.key_ring import KeyRingSource
from local.recipients import Mail
from local.tables import TableNames
from tests.claiming import record_claim, record_sent
from tests.moves import bring_to
from tests.recounting import Recounter, add

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
TRACKING_URL = "https://t.example"


class Died(BaseException):
    """The process ended here; nothing behind this line ran."""


class SomeAreWaiting(Exception):
    """Not all of a message's leads were brought to an end."""


class RecordingSqs(Any):
    """What SQS is asked to take, queue by queue; dies before or after taking when told to."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[Any]] = {}
        self.calls = 0
        self.dies_after_call: int | None = None

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert len(Entries) <= 10
        self.bodies.setdefault(QueueUrl, []).extend(json.loads(each["MessageBody"]) for each in Entries)
        self.calls += 1
        if self.calls == self.dies_after_call:
            raise Died
        return {}


@dataclass
class MailService:
    """A transport that keeps what it accepted and can be told to answer otherwise."""

    accepted: list[OutgoingMail] = field(default_factory=list)
    before: Callable[[OutgoingMail], None] = lambda mail: None
    after: Callable[[OutgoingMail], object] = lambda mail: None

    def send(self, mail: OutgoingMail) -> str:
        self.before(mail)
        self.accepted.append(mail)
        self.after(mail)
        return f"message-{len(self.accepted)}"


@dataclass
class Account(SendingAccount):
    """A mail service's account that lets us send unless told otherwise."""

    hindered_by: Hindrance | None = None

    def state(self) -> AccountState:
        sends = self.hindered_by is not Hindrance.SENDING_DISABLED
        sandbox = self.hindered_by is Hindrance.ACCOUNT_IN_SANDBOX
        return AccountState(sandbox, sends, "HEALTHY", None, 0, 14.0)


class KeptSchedules(Schedules):
    """Schedules that never fire by themselves: their ids and times, by campaign; and other messages' by their names."""

    def __init__(self) -> None:
        self.waiting: dict[CampaignId, dict[str, datetime]] = {}
        self.messages: dict[str, tuple[datetime, str, dict[str, Any]]] = {}
        self.fails = False

    def put_at(self, name: str, at: datetime, queue_arn: str, message: Any) -> None:
        if self.fails:
            raise SchedulerUnavailable
        self.messages.setdefault(name, (at, queue_arn, json.loads(json.dumps(asdict(message)))))

    def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
        self.waiting.setdefault(campaign_id, {})[schedule_id] = at

    def fire(self, queue: str, messages: list[Any]) -> bool:
        """Add the messages for a queue, as if their time had come; whether there were any."""
        names = [name for name, (_, arn, _) in self.messages.items() if arn == queue]
        messages += [self.messages.pop(name)[2] for name in names]
        return bool(names)

    def delete(self, campaign_id: CampaignId, schedule_id: str) -> None:
        self.waiting.get(campaign_id, {}).pop(schedule_id, None)


class World:
    """One stack's tables with everything that acts on them."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        self.leads = Leads(client, tables.leads)
        self.campaigns = Campaigns(client, tables.campaigns)
        self.plans = Plans(client, tables.campaigns)
        self.deliveries = Deliveries(client, tables.deliveries, BurstRule())
        self.audiences = Audiences(self.leads, self.deliveries)
        self.recount = Recounter(client, tables.deliveries, tables.campaigns)
        self.sqs = RecordingSqs()
        self.mail = MailService()
        self.now = NOW
        self.schedules = KeptSchedules()
        self.drafts = Drafts(self.campaigns, self.schedules)
        self.account = Account()
        self.launch_queue = Queue(self.sqs, "launch")
        self.prove = partial(prove_draft, self.campaigns, KEYS, TRACKING_URL)
        self.counters, self.retries = Counters(client, tables.campaigns), Retries(client, tables.campaigns)
        self.control = Control(
            self.campaigns,
            self.plans,
            self.counters,
            self.retries,
            self.audiences,
            self.account,
            self.launch_queue,
            self.schedules,
            self.prove,
            partial(require_sender, self.audiences, self.account, Workspaces(client, tables.campaigns)),
        )
        self.lifecycle = Lifecycle(self.campaigns, self.plans, self.counters, self.retries)
        self.launcher = Launch(
            self.campaigns,
            self.audiences,
            self.account,
            self.plans,
            self.retries,
            Queue(self.sqs, "plan"),
            KEYS,
            TRACKING_URL,
            OwnServer(lambda: self.now.timestamp()),
            Wakes(self.campaigns, self.schedules, "launch", lambda: self.now),
        )
        self.planner = Plan(
            self.campaigns,
            self.audiences,
            self.deliveries,
            self.plans,
            self.retries,
            self.own_queue("plan"),
            Queue(self.sqs, "send"),
            self.lifecycle.advance,
            Wakes(self.campaigns, self.schedules, "launch", lambda: self.now),
        )
        self.seconds = 0.0
        permission = SendPermission(self.campaigns, lambda: self.seconds)
        self.make_worker: Callable[[], Deliver] = lambda: Deliver(
            self.leads,
            self.deliveries,
            Claims(client, tables.deliveries),
            self.mail,
            OwnServer(lambda: self.now.timestamp()),
            lambda: self.now,
            permission.is_going,
            permission.pause,
            pause=lambda seconds: None,
        )
        self.deliver = self.make_worker()

    def own_queue(self, name: str) -> OwnQueue:
        return OwnQueue(Queue(self.sqs, name), name, self.schedules, lambda: self.now)

    def lead(self, number: int, **said: Any) -> Lead:
        address = {"email": f"lead{number}@example.com", "first_name": f"Lead {number}"}
        return create_lead(self.leads, {"entity": "acme", "stage": "New", **address, **said}, NOW)  # type: ignore[typeddict-item]

    def draft(self, *stages: str) -> CampaignId:
        written = Written(
            title="Prices",
            subject="Hello {{ lead.first_name }}",
            from_email="news@acme.example",
            audience=Audience("acme", stages or ("New",)),
            html='<p>Hi {{ lead.first_name }}, <a href="https://acme.example/prices">see</a></p>',
        )
        return self.drafts.create(written, NOW).campaign.campaign_id

    def launched(self, *stages: str) -> CampaignId:
        campaign_id = self.draft(*stages)
        self.control.send_now(campaign_id, NOW)
        self.launcher.launch(campaign_id, NOW)
        return campaign_id

    def plan_all(self, *, short: Callable[[], bool] = lambda: False) -> None:
        """Handle plan messages until there are none, those that schedules bring included."""
        planned = self.sqs.bodies.setdefault("plan", [])
        while planned or self.schedules.fire("plan", planned):
            self.planner.plan(PlanMessage(**planned.pop(0)), short)

    def send_messages(self) -> list[SendMessage]:
        return [
            SendMessage(each["campaign_id"], each["unit"], tuple(each["lead_ids"]))
            for each in self.sqs.bodies.get("send", [])
        ]

    def send(self, message: SendMessage) -> None:
        launched = content.load(self.campaigns, KEYS, TRACKING_URL, message.campaign_id)
        rests = self.deliver.deliver_all(launched, message.unit, message.lead_ids)
        if rests:
            raise SomeAreWaiting(rests)

    def send_all(self) -> None:
        for message in self.send_messages():
            self.send(message)

    def total(self, campaign_id: CampaignId) -> int:
        progress = self.plans.find_progress(campaign_id)
        return (progress.planned if progress else 0) - self.recount.sums(campaign_id).get("replanned", 0)

    def status(self, campaign_id: CampaignId, lead_id: LeadId) -> tuple[DeliveryStatus, str | None] | None:
        found = self.deliveries.find(campaign_id, lead_id)
        return None if found is None else (found.status, found.reason)


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> World:
    return World(dynamodb, tables)


def test_every_lead_of_the_audience_gets_one_mail_of_its_own(world: World) -> None:
    leads = [world.lead(number) for number in range(25)]
    world.lead(99, stage="Lost")
    campaign_id = world.launched()
    world.plan_all()
    world.send_all()
    world.send_all()  # SQS delivers at least once
    assert sorted(mail.to_email for mail in world.mail.accepted) == sorted(str(lead.email) for lead in leads)
    assert world.recount.sums(campaign_id) == {"sent": 25}
    assert world.total(campaign_id) == 25
    one = world.deliveries.find(campaign_id, leads[3].lead_id)
    assert one is not None
    assert one.subject == "Hello Lead 3"
    assert b"Subject: Hello Lead 3\r\n" in next(
        mail.message for mail in world.mail.accepted if mail.to_email == leads[3].email
    )


def test_a_lead_without_address_fails_and_one_who_left_is_skipped(world: World) -> None:
    missing, left, deleted = world.lead(1, email=None), world.lead(2), world.lead(3)
    campaign_id = world.launched()
    world.plan_all()
    world.leads.unsubscribe(left.lead_id, at=NOW, source="link")
    world.leads.delete(deleted)
    world.send_all()
    assert world.mail.accepted == []
    assert world.status(campaign_id, missing.lead_id) == ("failed", "missing_address")
    assert world.status(campaign_id, left.lead_id) == ("skipped", "unsubscribed")
    assert world.status(campaign_id, deleted.lead_id) == ("skipped", "lead_deleted")
    failed = world.deliveries.find(campaign_id, missing.lead_id)
    assert failed is not None
    assert failed.subject == "Hello Lead 1"


def test_a_link_that_no_mail_may_hold_is_left_empty_and_counted(world: World) -> None:
    fine = world.lead(1, fields={"site": "https://one.example/"})
    evil = world.lead(2, fields={"site": "javascript:alert(1)"})
    campaign_id = world.draft()
    html = '<a href="{{ lead.fields.site }}">Yours</a> <a href="https://acme.example{{ lead.fields.site }}">Ours</a>'
    world.drafts.change(campaign_id, {"html": html}, NOW)
    world.control.send_now(campaign_id, NOW)
    world.launcher.launch(campaign_id, NOW)
    world.plan_all()
    world.send_all()
    assert world.recount.sums(campaign_id) == {"sent": 2, "empty_links": 3}
    found = world.deliveries.find_many(campaign_id, [fine.lead_id, evil.lead_id])
    assert (found[fine.lead_id].empty_links, found[evil.lead_id].empty_links) == (1, 2)
    (mail,) = [Mail.read(mail.message) for mail in world.mail.accepted if mail.to_email == evil.email]
    assert '<a href="">Yours</a> <a href="">Ours</a>' in mail.html


def test_nothing_is_launched_for_nobody(world: World) -> None:
    left = world.lead(1)
    world.leads.unsubscribe(left.lead_id, at=NOW, source="link")
    campaign_id = world.draft()
    with pytest.raises(AudienceIsEmpty):
        world.control.send_now(campaign_id, NOW)
    campaign = world.campaigns.find(campaign_id)
    assert campaign is not None
    assert campaign.status is CampaignStatus.DRAFT
    assert world.sqs.bodies == {}


def test_a_starter_that_died_before_the_queue_had_it_is_repeated_by_sending_again(world: World) -> None:
    world.lead(1)
    campaign_id = world.draft()
    bring_to(world.campaigns, campaign_id, CampaignStatus.PLANNING)
    world.control.send_now(campaign_id, NOW)
    assert [body["campaign_id"] for body in world.sqs.bodies["launch"]] == [campaign_id]


def test_a_launch_delivered_twice_plans_once(world: World) -> None:
    world.lead(1)
    campaign_id = world.launched()
    world.launcher.launch(campaign_id, NOW)
    assert len(world.sqs.bodies["plan"]) == 2 * keys.AUDIENCE_SHARDS
    world.plan_all()
    assert world.total(campaign_id) == 1


@pytest.mark.one_engine
@pytest.mark.parametrize("dies_after_call", range(1, 8))
def test_a_planner_that_dies_after_any_call_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_after_call: int
) -> None:
    monkeypatch.setattr("chalicelib.crm.audience.LEADS_PER_PAGE", 2)
    leads = {world.lead(number).lead_id for number in range(40)}
    campaign_id = world.launched()
    world.sqs.calls, world.sqs.dies_after_call = 0, dies_after_call
    messages = [PlanMessage(**body) for body in world.sqs.bodies["plan"]]
    for message in messages:
        try:
            world.planner.plan(message, lambda: False)
        except Died:
            world.planner.plan(message, lambda: False)
    progress = world.plans.find_progress(campaign_id)
    assert progress is not None
    assert (progress.complete, progress.planned) == (True, 40)
    assert {lead_id for message in world.send_messages() for lead_id in message.lead_ids} == leads


@pytest.mark.one_engine
def test_planning_goes_on_in_a_new_message_when_time_is_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.crm.audience.LEADS_PER_PAGE", 1)
    leads = {world.lead(number).lead_id for number in range(30)}
    campaign_id = world.launched()
    turns = iter([False, True] * 200)
    world.plan_all(short=lambda: next(turns))
    assert world.total(campaign_id) == 30
    assert {lead_id for message in world.send_messages() for lead_id in message.lead_ids} == leads


def planned_by_two_units(world: World) -> tuple[CampaignId, LeadId]:
    """A lead that changes its stage while its campaign is planned."""
    from chalicelib.crm.leads import update_lead

    lead = world.lead(1)
    campaign_id = world.launched("New", "Contacted")
    plan_messages = world.sqs.bodies["plan"]
    first = [body for body in plan_messages if body["stage"] == 0]
    second = [body for body in plan_messages if body["stage"] == 1]
    for body in first:
        world.planner.plan(PlanMessage(**body), lambda: False)
    update_lead(world.leads, lead.lead_id, {"stage": "Contacted"}, NOW)
    for body in second:
        world.planner.plan(PlanMessage(**body), lambda: False)
    assert len(world.send_messages()) == 2
    return campaign_id, lead.lead_id


@pytest.mark.one_engine
def test_a_lead_that_changes_stage_while_planning_is_one_of_the_total(world: World) -> None:
    campaign_id, _ = planned_by_two_units(world)
    world.send_all()
    world.send_all()
    assert len(world.mail.accepted) == 1
    assert world.total(campaign_id) == 1
    assert world.recount.sums(campaign_id) == {"sent": 1, "replanned": 1}


@pytest.mark.parametrize("sender_dies", [False, True])
def test_a_unit_that_meets_anothers_claim_is_noted_once_the_delivery_has_ended(world: World, sender_dies: bool) -> None:
    ids = planned_by_two_units(world)
    first, second = world.send_messages()
    assert record_claim(world.deliveries, Delivery(*ids, DeliveryStatus.SENDING, NOW, first.unit, nonce="a"))
    with pytest.raises(SomeAreWaiting):
        world.send(second)
    assert world.total(ids[0]) == 2
    if sender_dies:
        world.now = NOW + OUTCOME_GRACE + timedelta(seconds=1)
    else:
        assert record_sent(world.deliveries, *ids, at=NOW, message_id="m", subject="s")
    world.send(second)
    assert world.total(ids[0]) == 1
    assert world.status(*ids) == (
        (DeliveryStatus.FAILED, "outcome_unknown") if sender_dies else (DeliveryStatus.SENT, None)
    )


def planned_for_one(world: World) -> tuple[CampaignId, LeadId, SendMessage]:
    lead = world.lead(1)
    campaign_id = world.launched()
    world.plan_all()
    (message,) = world.send_messages()
    return campaign_id, lead.lead_id, message


def test_a_rejected_mail_has_failed_with_the_services_words(world: World) -> None:
    campaign_id, lead_id, message = planned_for_one(world)

    def reject(mail: OutgoingMail) -> None:
        raise Rejected(FailureReason.REJECTED, "Email address is not verified.")

    world.mail.before = reject
    world.send(message)
    failed = world.deliveries.find(campaign_id, lead_id)
    assert failed is not None
    assert (failed.status, failed.reason, failed.detail) == ("failed", "rejected", "Email address is not verified.")


def test_a_mail_that_certainly_did_not_leave_is_sent_later(world: World) -> None:
    campaign_id, lead_id, message = planned_for_one(world)

    def throttle(mail: OutgoingMail) -> None:
        raise NotSent("Maximum sending rate exceeded.")

    world.mail.before = throttle
    with pytest.raises(SomeAreWaiting):
        world.send(message)
    assert world.deliveries.find(campaign_id, lead_id) is None
    world.mail.before = lambda mail: None
    world.send(message)
    assert world.status(campaign_id, lead_id) == ("sent", None)
    assert len(world.mail.accepted) == 1


@pytest.mark.parametrize("ending", [Died, OutcomeUnknown])
def test_a_mail_whose_outcome_is_unknown_is_never_sent_again(world: World, ending: type[BaseException]) -> None:
    campaign_id, lead_id, message = planned_for_one(world)

    def break_off(mail: OutgoingMail) -> None:
        raise ending

    world.mail.after = break_off
    with pytest.raises((Died, SomeAreWaiting)):
        world.send(message)
    world.mail.after = lambda mail: None
    with pytest.raises(SomeAreWaiting):
        world.send(message)  # too early to tell: the first worker may still be at it
    world.now = NOW + OUTCOME_GRACE + timedelta(seconds=1)
    world.send(message)
    assert world.status(campaign_id, lead_id) == ("failed", "outcome_unknown")
    assert len(world.mail.accepted) == 1


def test_a_campaign_is_sent_when_nothing_is_pending_and_not_before(
    world: World, dynamodb: Any, tables: TableNames
) -> None:
    for number in range(3):
        world.lead(number)
    campaign_id = world.launched()
    counters = Counters(dynamodb, tables.campaigns)

    def status_after(sums: dict[str, int]) -> str:
        add(counters, campaign_id, sums)
        world.lifecycle.advance(campaign_id)
        found = world.campaigns.find(campaign_id)
        assert found is not None
        return found.status.value

    assert status_after({"sent": 1}) == "planning"
    world.plan_all()
    assert status_after({"failed": 1}) == "sending"
    assert status_after({"skipped": 1}) == "sent"


def test_two_workers_with_the_same_message_at_the_same_time_send_each_mail_once(world: World) -> None:
    for number in range(20):
        world.lead(number)
    campaign_id = world.launched()
    world.plan_all()

    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)

    def work(messages: list[SendMessage]) -> None:
        worker = world.make_worker()
        for message in messages:
            worker.deliver_all(launched, message.unit, message.lead_ids)

    messages = world.send_messages()
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, [messages, messages[::-1]]))  # duplicated, and in another order
    assert sorted(mail.to_email for mail in world.mail.accepted) == sorted(f"lead{n}@example.com" for n in range(20))
    assert world.recount.sums(campaign_id) == {"sent": 20}


def test_a_throttled_mail_is_tried_again_at_once_and_then_waits_without_losing_its_lead(world: World) -> None:
    campaign_id, lead_id, message = planned_for_one(world)
    refusals = iter([True] * 3 + [False])

    def throttle(mail: OutgoingMail) -> None:
        if next(refusals):
            raise NotSent("Maximum sending rate exceeded.", WaitReason.RATE)

    world.mail.before = throttle
    world.send(message)
    assert world.status(campaign_id, lead_id) == ("sent", None)


@pytest.mark.parametrize("reason", [WaitReason.RATE, WaitReason.QUOTA, WaitReason.MAIL_SERVICE])
def test_what_concerns_the_whole_account_puts_the_rest_of_a_message_off(world: World, reason: WaitReason) -> None:
    leads = [world.lead(number).lead_id for number in range(3)]
    campaign_id = world.launched()

    def refuse(mail: OutgoingMail) -> None:
        raise NotSent("not now", reason)

    world.mail.before = refuse
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)
    (rest,) = world.deliver.deliver_all(launched, "0.0", leads)
    assert rest.lead_ids == tuple(leads)
    assert rest.after_seconds >= 10
    assert world.deliveries.find(campaign_id, leads[0]) is None


def test_a_worker_that_dies_leaves_two_deliveries_open_at_most(world: World) -> None:
    leads = [world.lead(number).lead_id for number in range(5)]
    campaign_id = world.launched()
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)

    def die_at_the_third(mail: OutgoingMail) -> None:
        if len(world.mail.accepted) == 3:
            raise Died

    world.mail.after = die_at_the_third
    with pytest.raises(Died):
        world.deliver.deliver_all(launched, "0.0", leads)
    standing = Counter(each.status for each in world.deliveries.iter_campaign(campaign_id))
    assert standing == {DeliveryStatus.SENT: 2, DeliveryStatus.SENDING: 1}
