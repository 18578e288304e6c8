"""The mail service's reports on a real engine: in any order, any number of times, with crashes in between."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.analytics.facts import facts
from chalicelib.crm.leads import create_lead, delete_lead
from chalicelib.crm.suppression import list_marks
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import LeadId, new_campaign_id, new_lead_id
from chalicelib.sending.feedback import Feedback, FeedbackEvent, FeedbackOutcome, apply_feedback
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.leads import Leads
from chalicelib.tracking.delivery_ids import make_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.claiming import record_claim, record_sent
from tests.stand_in import StandIn

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADDRESS = "ada@shop.example"
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')


class World:
    def __init__(self, client: Any, tables: TableNames) -> None:
        self.leads = Leads(client, tables.leads)
        self.deliveries = Deliveries(client, tables.deliveries, BurstRule())
        self.feedback = Feedback(FeedbackRecords(client, tables.deliveries, BurstRule()), self.leads, KEYS)
        self.campaign_id = new_campaign_id()
        self.lead_id = create_lead(self.leads, {"entity": "acme", "stage": "New", "email": ADDRESS}, NOW).lead_id

    def claim(self, status: DeliveryStatus = DeliveryStatus.SENDING, reason: str | None = None) -> None:
        claim = Delivery(self.campaign_id, self.lead_id, status, NOW, "0.0", email=ADDRESS, reason=reason)
        assert record_claim(self.deliveries, claim)

    def event(self, kind: FeedbackKind, lead_id: LeadId | None = None, *, minutes: int = 1) -> FeedbackEvent:
        key = KEYS.key(1)
        assert key is not None
        name = make_delivery_id(key, 1, self.campaign_id, lead_id or self.lead_id)
        return FeedbackEvent(kind, NOW + timedelta(minutes=minutes), name, NOW, "message-1", "Hello", "the words")

    def report(self, kind: FeedbackKind, *, minutes: int = 1) -> FeedbackOutcome:
        return self.feedback.apply(self.event(kind, minutes=minutes))

    @property
    def delivery(self) -> Delivery:
        found = self.deliveries.find(self.campaign_id, self.lead_id)
        assert found is not None
        return found

    def numbers(self) -> dict[str, int]:
        return dict(facts(self.delivery))

    def reasons(self) -> list[str]:
        return sorted(mark.reason.value for mark in list_marks(self.leads, self.lead_id))


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> World:
    return World(dynamodb, tables)


@pytest.mark.parametrize(
    ("kinds", "counted", "suppressed"),
    [
        (["delivered"], ["delivered"], []),
        (["delayed"], [], []),
        (["delayed", "delivered"], ["delivered"], []),
        (["bounced_hard"], ["bounced"], ["hard_bounce"]),
        (["bounced_soft"], ["bounced_soft"], []),
        (["delivered", "bounced_soft"], ["delivered"], []),
        (["bounced_soft", "delivered", "bounced_hard"], ["bounced"], ["hard_bounce"]),
        (["complained"], ["complained"], ["complaint", "unsubscribed"]),
        (["delivered", "complained"], ["delivered", "complained"], ["complaint", "unsubscribed"]),
    ],
)
def test_reports_in_any_order_and_number_come_to_the_same(
    world: World, kinds: list[str], counted: list[str], suppressed: list[str]
) -> None:
    outcomes = Counter[FeedbackOutcome]()
    seen: list[tuple[Any, ...]] = []
    for seed in range(4):
        world.campaign_id = new_campaign_id()
        world.claim()
        shuffled = [FeedbackKind(kind) for kind in kinds * 2]
        random.Random(seed).shuffle(shuffled)
        outcomes.update(world.report(kind, minutes=1 + kinds.index(kind)) for kind in shuffled)
        delivery = world.delivery
        seen.append((delivery.bounced_at, delivery.complained_at, delivery.delivered_at, delivery.delayed_at))
        assert world.numbers() == dict.fromkeys(["sent", *counted], 1)
        assert (delivery.sent_at, delivery.message_id, delivery.subject) == (NOW, "message-1", "Hello")
    assert len(set(seen)) == 1
    assert world.reasons() == suppressed
    assert set(outcomes) == {FeedbackOutcome.FIRST, FeedbackOutcome.KNOWN}


@pytest.mark.parametrize("kind", [kind for kind in FeedbackKind if kind is not FeedbackKind.REJECTED])
def test_any_report_but_a_rejection_settles_a_delivery_that_was_given_up_as_unknown(
    world: World, kind: FeedbackKind
) -> None:
    world.claim(DeliveryStatus.FAILED, "outcome_unknown")
    assert world.report(kind) is FeedbackOutcome.FIRST
    assert world.numbers()["sent"] == 1
    assert "failed" not in world.numbers()
    assert (world.delivery.reason, world.delivery.detail) == (None, None)


def test_a_report_keeps_a_delivery_from_being_sent_again(world: World) -> None:
    world.claim(DeliveryStatus.FAILED, "outcome_unknown")
    assert world.deliveries.mark_for_retry(world.campaign_id, world.lead_id, 1)
    world.report(FeedbackKind.DELIVERED)
    assert world.delivery.status is DeliveryStatus.SENT


def test_a_late_repetition_does_not_keep_a_refused_message_from_being_sent_again(world: World) -> None:
    world.claim()
    world.report(FeedbackKind.REJECTED)
    assert world.deliveries.mark_for_retry(world.campaign_id, world.lead_id, 1)
    world.report(FeedbackKind.DELAYED)
    assert world.report(FeedbackKind.REJECTED) is FeedbackOutcome.KNOWN
    assert world.delivery.status is DeliveryStatus.WAITING


def test_a_delivery_that_failed_for_a_known_reason_stays_failed(world: World) -> None:
    world.claim(DeliveryStatus.FAILED, "invalid_address")
    world.report(FeedbackKind.DELAYED)
    assert world.numbers() == {"failed": 1, "reason/invalid_address": 1}


@pytest.mark.parametrize("first", [FeedbackKind.DELAYED, FeedbackKind.REJECTED])
def test_a_message_that_the_service_refused_after_taking_it_has_failed(world: World, first: FeedbackKind) -> None:
    world.claim()
    for kind in (first, FeedbackKind.REJECTED, FeedbackKind.DELAYED, FeedbackKind.REJECTED):
        world.report(kind)
    assert world.numbers() == {"failed": 1, "reason/rejected": 1}
    assert world.delivery.detail == "the words"
    assert world.reasons() == []


def test_the_senders_own_record_comes_too_late_and_changes_nothing(world: World) -> None:
    world.claim()
    world.report(FeedbackKind.DELIVERED)
    late = NOW + timedelta(1)
    assert not record_sent(
        world.deliveries, world.campaign_id, world.lead_id, at=late, message_id="message-1", subject="Hello"
    )
    assert world.delivery.sent_at == NOW
    assert world.numbers() == {"sent": 1, "delivered": 1}


class DiesAtTheFirst(StandIn):
    """A client whose process ends at its first look for the owners of an address."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        if name == "query":
            raise KeyboardInterrupt
        return getattr(self._client, name)


def test_a_report_whose_worker_died_before_the_address_was_suppressed_is_completed_by_its_repetition(
    world: World, dynamodb: Any, tables: TableNames
) -> None:
    world.claim()
    dying = Leads(DiesAtTheFirst(dynamodb), tables.leads)
    event = world.event(FeedbackKind.COMPLAINED)
    with pytest.raises(KeyboardInterrupt):
        Feedback(FeedbackRecords(dynamodb, tables.deliveries, BurstRule()), dying, KEYS).apply(event)
    assert world.leads.count_audience("acme", ["New"], [], lambda: False).total == 1
    assert world.feedback.apply(event) is FeedbackOutcome.KNOWN
    assert world.leads.count_audience("acme", ["New"], [], lambda: False).total == 0
    left = world.leads.get(world.lead_id).unsubscription
    assert left is not None
    assert left.campaign_id == world.campaign_id


def test_a_deleted_leads_bounce_still_suppresses_its_address(world: World) -> None:
    world.claim()
    delete_lead(world.leads, world.lead_id)
    world.report(FeedbackKind.COMPLAINED)
    again = create_lead(world.leads, {"entity": "outlet", "stage": "New", "email": ADDRESS.upper()}, NOW)
    assert again.suppressed is not None
    assert again.suppressed.reason.value == "complaint"


def test_a_forged_tag_is_refused_and_a_delivery_that_is_not_there_is_not_made(world: World) -> None:
    event = world.event(FeedbackKind.COMPLAINED, new_lead_id())
    assert world.feedback.apply(event) is FeedbackOutcome.NOBODY
    last = "A" if event.delivery_id[-1] != "A" else "B"
    forged = FeedbackEvent(event.kind, event.at, event.delivery_id[:-1] + last, NOW, "message-1", None, None)
    assert world.feedback.apply(forged) is FeedbackOutcome.FORGED
    assert list(world.deliveries.iter_campaign(world.campaign_id)) == []
    assert world.reasons() == []


def test_a_batch_of_reports_is_one_line_of_the_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.claim()
    key = KEYS.key(1)
    assert key is not None
    mail = {
        "timestamp": NOW.isoformat(),
        "messageId": "message-1",
        "tags": {"delivery_id": [make_delivery_id(key, 1, world.campaign_id, world.lead_id)]},
    }
    said: list[dict[str, Any] | str] = [
        *({"eventType": "Delivery", "mail": mail, "delivery": {"timestamp": NOW.isoformat()}} for _ in range(9)),
        {"eventType": "Complaint", "mail": mail, "complaint": {"timestamp": NOW.isoformat()}},
        {"eventType": "Send", "mail": mail, "send": {}},  # from before an update: these are no longer asked for
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ]
    bodies = [each if isinstance(each, str) else json.dumps(each) for each in said]
    records = [{"messageId": str(n), "body": body, "eventSource": "aws:sqs"} for n, body in enumerate(bodies)]
    assert apply_feedback({"Records": records}, world.feedback) == {"batchItemFailures": []}
    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert (logged["message"], logged["Feedback"]) == ("feedback", 10)
    assert logged["became"] == {"delivered_first": 1, "delivered_known": 8, "complained_first": 1}
    assert world.numbers() == {"sent": 1, "delivered": 1, "complained": 1}
