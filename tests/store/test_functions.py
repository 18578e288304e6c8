"""The functions behind the launch, plan, send and feedback queues, as app.py calls them.

They are put together by the product's own wiring on a real engine; the queues and the mail service are the test's.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.analytics.recount import Recount, begin_recount
from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage, SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent, OutgoingMail
from chalicelib.sending.budget import OwnServer
from chalicelib.sending.feedback import apply_feedback
from chalicelib.sending.launch import launch_campaigns
from chalicelib.sending.plan import plan_pages
from chalicelib.sending.send import send_deliveries
from chalicelib.store.recounts import RecountState
from chalicelib.tracking.key_ring import KeyRingSource
from chalicelib.wiring.workers import Workers
from local.tables import TableNames
from tests.store.cost_model import seen_arguments
from tests.store.test_sending import KEYS, NOW, RecordingSqs, World
from tests.wired import workers_of

pytestmark = pytest.mark.usefixtures("few_shards")

PLAN, SEND = "no-plan_queue_url", "no-send_queue_url"


class LambdaContext:
    def __init__(self, milliseconds: int = 300_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


PLENTY = LambdaContext()


class Queues(RecordingSqs):
    """SQS, which can be away."""

    is_away = False

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        if self.is_away:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "not now"}}, "SendMessageBatch")
        return super().send_message_batch(QueueUrl, Entries)


class Stack:
    """One campaign's tables, and the workers over them."""

    def __init__(self, dynamodb: Any, tables: TableNames) -> None:
        self.world = World(dynamodb, tables)
        self.workers: Workers = workers_of(dynamodb, tables)
        self.workers.sqs = self.sqs = Queues()
        self.workers.schedules = self.world.schedules
        self.workers.sending_account = self.world.account
        self.workers.transport = self.mail = self.world.mail
        self.workers.make_budget = OwnServer  # type: ignore[method-assign]
        self.workers.keys = KEYS

    def campaign(self, leads: int) -> CampaignId:
        """In planning, with leads 0, 1, ... of an audience of its own."""
        for number in range(leads):
            self.world.lead(number)
        campaign_id = self.world.draft()
        self.world.control.send_now(campaign_id, NOW)
        return campaign_id

    def launch(self, *bodies: object) -> Any:
        return launch_campaigns(event(*bodies), self.workers.launch)

    def plan(self, *bodies: object, context: LambdaContext = PLENTY) -> Any:
        workers = self.workers
        return plan_pages(event(*bodies), context, workers.plan, workers.recount, workers.eraser)

    def send(self, *bodies: object, context: LambdaContext = PLENTY) -> Any:
        return send_deliveries(event(*bodies), context, self.workers.send)

    def planned(self, leads: int) -> tuple[CampaignId, list[dict[str, Any]]]:
        """A campaign that was launched and planned, and its send messages."""
        campaign_id = self.campaign(leads)
        self.launch(asdict(LaunchMessage(campaign_id)))
        self.plan(*self.sqs.bodies.pop(PLAN))
        return campaign_id, self.sqs.bodies.pop(SEND)

    def statuses(self, campaign_id: CampaignId) -> list[DeliveryStatus]:
        return [each.status for each in self.world.deliveries.iter_campaign(campaign_id)]


@pytest.fixture
def stack(dynamodb: Any, tables: TableNames) -> Stack:
    return Stack(dynamodb, tables)


def event(*bodies: object) -> dict[str, Any]:
    """Lambda's SQS event of messages with the ids 0, 1, ...; text is taken as it is, all else as JSON."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
    records = [{"messageId": str(n), "body": text, "eventSource": "aws:sqs"} for n, text in enumerate(texts)]
    return {"Records": records}


def failed(answer: Mapping[str, Any]) -> list[str]:
    """The ids of the messages that SQS is to deliver again."""
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_campaign_goes_from_its_launch_message_to_its_mails(stack: Stack) -> None:
    campaign_id = stack.campaign(leads=12)
    assert failed(stack.launch(asdict(LaunchMessage(campaign_id)))) == []
    assert failed(stack.plan(*stack.sqs.bodies.pop(PLAN))) == []
    messages = stack.sqs.bodies.pop(SEND)
    assert failed(stack.send(*messages)) == []
    assert sorted(each.to_email for each in stack.mail.accepted) == sorted(f"lead{n}@example.com" for n in range(12))
    assert stack.statuses(campaign_id) == [DeliveryStatus.SENT] * 12
    assert failed(stack.send(*messages)) == [], "SQS delivers at least once"
    assert len(stack.mail.accepted) == 12


def test_a_message_that_cannot_be_read_fails_alone(stack: Stack) -> None:
    campaign_id = stack.campaign(leads=3)
    assert failed(stack.launch({"task": "launch"}, asdict(LaunchMessage(campaign_id)))) == ["0"]
    assert failed(stack.plan({"odd": 1}, *stack.sqs.bodies.pop(PLAN))) == ["0"]
    assert failed(stack.send("no JSON", {"campaign_id": campaign_id}, *stack.sqs.bodies.pop(SEND))) == ["0", "1"]
    assert stack.statuses(campaign_id) == [DeliveryStatus.SENT] * 3


def test_planning_hands_over_to_a_new_message_when_its_time_is_short(stack: Stack) -> None:
    campaign_id = stack.campaign(leads=3)
    stack.launch(asdict(LaunchMessage(campaign_id)))
    messages = stack.sqs.bodies.pop(PLAN)
    assert failed(stack.plan(*messages, context=LambdaContext(10_000))) == []
    assert SEND not in stack.sqs.bodies
    again = stack.sqs.bodies.pop(PLAN)
    assert [(each["stage"], each["shard"]) for each in again] == [(each["stage"], each["shard"]) for each in messages]
    stack.plan(*again)
    assert sum(len(each["lead_ids"]) for each in stack.sqs.bodies[SEND]) == 3


def test_a_recounts_messages_are_worked_off_on_the_plan_queue(stack: Stack) -> None:
    campaign_id, messages = stack.planned(leads=1)
    stack.send(*messages)
    workers = stack.workers
    begin_recount(campaign_id, NOW, workers.recounts, workers.plans, workers.plan_queue)
    advance, no_pause, clock = workers.lifecycle.advance, lambda seconds: None, NOW.timestamp
    workers.recount = Recount(
        workers.counters, workers.recounts, advance, workers.deliveries, workers.plan_queue, no_pause, clock
    )
    assert failed(stack.plan(*stack.sqs.bodies.pop(PLAN))) == []
    job = workers.recounts.find(campaign_id)
    assert job is not None
    assert job.state is RecountState.DONE


def test_no_mail_is_begun_when_a_senders_time_is_short(stack: Stack) -> None:
    campaign_id, messages = stack.planned(leads=3)
    assert failed(stack.send(*messages, context=LambdaContext(29_000))) == []
    assert stack.mail.accepted == []
    assert stack.statuses(campaign_id) == []
    back = stack.sqs.bodies.pop(SEND)
    assert sorted(lead for each in back for lead in each["lead_ids"]) == sorted(
        lead for each in messages for lead in each["lead_ids"]
    )


def test_what_cannot_be_put_back_is_delivered_again_by_sqs(stack: Stack) -> None:
    """A message that is not reported as failed is deleted: its leads would get no mail, and nobody would know."""
    campaign_id, messages = stack.planned(leads=1)

    def refuse(mail: OutgoingMail) -> None:
        raise NotSent("451 try again later", WaitReason.PUT_OFF)

    stack.mail.before = refuse
    stack.sqs.is_away = True
    assert failed(stack.send(*messages)) == ["0"]
    stack.mail.before = lambda mail: None
    assert failed(stack.send(*messages)) == []
    assert stack.statuses(campaign_id) == [DeliveryStatus.SENT]


def test_a_campaign_without_content_fails_its_own_message_only(stack: Stack) -> None:
    _, messages = stack.planned(leads=1)
    missing = asdict(SendMessage(stack.world.draft("Never"), "0.0", tuple(messages[0]["lead_ids"])))
    assert failed(stack.send(missing, *messages)) == ["0"]
    assert len(stack.mail.accepted) == 1


def test_a_lead_twice_in_a_row_is_never_twice_in_one_request(stack: Stack, dynamodb: Any) -> None:
    """DynamoDB refuses a batch that names an item twice, and with it the record that the first mail was sent."""
    campaign_id, (message,) = stack.planned(leads=1)
    lead_ids = message["lead_ids"]
    with seen_arguments(dynamodb, "BatchExecuteStatement") as requests:
        assert failed(stack.send({**message, "lead_ids": lead_ids * 2})) == []
    assert [len(each["Statements"]) for each in requests] == [1, 1, 1]  # claim; its end; the second claim, refused
    assert len(stack.mail.accepted) == 1
    assert stack.statuses(campaign_id) == [DeliveryStatus.SENT]


def test_a_bounce_is_recorded_and_its_address_gets_no_more_mail(stack: Stack) -> None:
    campaign_id, messages = stack.planned(leads=1)
    stack.send(*messages)
    (mail,) = stack.mail.accepted
    about = {
        "timestamp": (NOW + timedelta(minutes=1)).isoformat(),
        "messageId": "message-1",
        "tags": {"delivery_id": [mail.delivery_id]},
    }
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [], "timestamp": about["timestamp"]}
    bounced = {"eventType": "Bounce", "mail": about, "bounce": bounce}
    forged = {**bounced, "mail": {**about, "tags": {"delivery_id": ["A" * 48]}}}
    answer = apply_feedback(event("no report", bounced, forged, bounced), stack.workers.feedback)
    assert failed(answer) == ["0"]
    (delivery,) = stack.world.deliveries.iter_campaign(campaign_id)
    assert delivery.bounced_at is not None
    assert list(stack.world.leads.iter_audience("acme", ["New"], [])) == []


def test_a_warm_sender_stops_when_its_campaigns_key_is_withdrawn(stack: Stack) -> None:
    """The links and the unsubscribe link of further mails would not work."""
    ring, now = '{"current": 1, "1": "a key for tests"}', 1000.0
    stack.workers.keys = KeyRingSource(lambda: ring, lambda: now)
    campaign_id, messages = stack.planned(leads=2)
    first, second = ({**message, "lead_ids": [each]} for message in messages for each in message["lead_ids"])
    assert failed(stack.send(first)) == []
    ring, now = '{"current": 2, "2": "another key for tests"}', now + KeyRingSource.MAX_AGE_SECONDS
    assert failed(stack.send(second)) == ["0"]
    assert stack.statuses(campaign_id) == [DeliveryStatus.SENT]
