"""Production code before moto's server, a second opinion of AWS where ministack and the inbox are the only others.

Only what moto does as AWS documents it is asked of it; docs/AWS.md says what it does not do.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from inspect import unwrap
from typing import Any

import boto3
import pytest

from chalicelib.automation.events import Event
from chalicelib.automation.publish import Bus
from chalicelib.aws import SECRETS_MANAGER, SQS, Patience, SignedCalls
from chalicelib.campaigns.account import SesAccount
from chalicelib.model.ids import new_campaign_id
from chalicelib.model.messages import LaunchMessage
from chalicelib.model.transport import OutgoingMail, Rejected
from chalicelib.scheduler import Schedules
from chalicelib.sdk import quick_client
from chalicelib.sending.transports.ses import SesTransport
from chalicelib.settings import aws_access
from chalicelib.sqs import Queue, QueueUnavailable
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.client import dynamodb
from chalicelib.tracking.key_ring import KeyRingSource, KeyRingUnavailable
from local.children import Child
from local.ministack import ENVIRONMENT, REGION, answers
from local.ports import LOOPBACK, free_ports
from local.redrive import redrive
from local.tables import create_tables
from tests.api_client import OnlyDmarc

LATER = datetime(2030, 1, 1, 9, 30, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Note:
    text: str


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("moto") / "moto.log"
    command = ["local.leash", "moto.server", "--host", LOOPBACK, "--port", str(port)]
    moto = Child("moto", command, log, {"PATH": "/usr/bin:/bin", **ENVIRONMENT})
    try:
        moto.wait_until(lambda: answers(f"http://{LOOPBACK}:{port}/moto-api/data.json"), seconds=60)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        moto.stop()


@pytest.fixture(scope="module", autouse=True)
def _deployed_there(url: str) -> Iterator[None]:
    """What Lambda hands to a function, so that the clients are those of production, unwrapped from their caches."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}.items():
            environment.setenv(name, value)
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        yield


# -- SQS ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def sqs() -> Any:
    return quick_client("sqs")


def queue_of(sqs: Any, name: str, **attributes: str) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def waiting(sqs: Any, queue: str) -> tuple[int, int]:
    """Messages that can be seen now, and those that are delayed."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def test_more_messages_than_a_batch_holds_are_put(sqs: Any) -> None:
    queue = queue_of(sqs, "many")
    Queue(sqs, queue).put(Note(str(number)) for number in range(25))
    assert waiting(sqs, queue) == (25, 0)


def test_a_delay_is_never_longer_than_sqs_takes(sqs: Any) -> None:
    queue = queue_of(sqs, "late")
    Queue(sqs, queue).put_later([(Note("a day"), 86_400.0), (Note("a moment"), 0.2), (Note("now"), 0.0)])
    assert waiting(sqs, queue) == (1, 2)


@pytest.mark.parametrize(("text", "name"), [("x" * 200_000, "large"), ("x", "missing")])
def test_what_sqs_refuses_is_said(sqs: Any, text: str, name: str) -> None:
    queue = queue_of(sqs, "large") if name == "large" else queue_of(sqs, "large").replace("large", name)
    with pytest.raises(QueueUnavailable):
        Queue(sqs, queue).put([Note(text)] * 10)


def test_a_message_received_too_often_is_dead_and_comes_back_by_redrive(sqs: Any) -> None:
    dead = queue_of(sqs, "dead")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    queue = queue_of(sqs, "alive", RedrivePolicy=policy, VisibilityTimeout="0")
    Queue(sqs, queue).put([Note("poison")])
    received = [sqs.receive_message(QueueUrl=queue).get("Messages", []) for _ in range(3)]
    assert [len(each) for each in received] == [1, 1, 0]
    assert (waiting(sqs, dead), waiting(sqs, queue)) == ((1, 0), (0, 0))
    assert redrive(sqs, dead, queue) == 1
    assert (waiting(sqs, dead), waiting(sqs, queue)) == ((0, 0), (1, 0))


# -- DynamoDB ----------------------------------------------------------------------------------------------------------
def test_a_key_that_stays_is_told_too() -> None:
    """Engines differ in whether UPDATED_NEW tells an attribute that an update left as it was: moto does not."""
    client = unwrap(dynamodb)()
    campaigns = Campaigns(client, create_tables(client, "second").campaigns)
    campaign_id = new_campaign_id()
    assert [campaigns.fix_key(campaign_id, number) for number in (1, 2, 1)] == [1, 1, 1]


# -- EventBridge -------------------------------------------------------------------------------------------------------
def schedules_in(group: str, client: Any) -> Schedules:
    return Schedules(
        lambda: client,
        group=group,
        role_arn="arn:aws:iam::123456789012:role/schedules",
        launch_queue_arn="arn:aws:sqs:eu-central-1:123456789012:launch",
    )


def test_a_schedule_is_what_the_scheduler_takes_and_made_again_is_the_same() -> None:
    client = quick_client("scheduler")
    client.create_schedule_group(Name="campaigns")
    schedules, campaign_id = schedules_in("campaigns", client), new_campaign_id()
    for _ in range(2):
        schedules.create(campaign_id, "abcdef123456", LATER + timedelta(milliseconds=900))
    (found,) = client.list_schedules(GroupName="campaigns")["Schedules"]
    said = client.get_schedule(GroupName="campaigns", Name=found["Name"])
    assert said["ScheduleExpression"] == "at(2030-01-01T09:30:15)"
    assert (said["ScheduleExpressionTimezone"], said["ActionAfterCompletion"]) == ("UTC", "DELETE")
    launch = LaunchMessage.of(json.loads(said["Target"]["Input"]))
    assert launch == LaunchMessage(campaign_id, schedule_id="abcdef123456")
    for _ in range(2):
        schedules.delete(campaign_id, "abcdef123456")
    assert client.list_schedules(GroupName="campaigns")["Schedules"] == []


def event(number: int) -> Event:
    return Event("CampaignEmailOpened", LATER, {"version": 1, "event_id": f"evt_{number}"})


def test_events_are_taken_by_the_bus_and_without_it_none_is_lost_silently() -> None:
    events = boto3.client("events")
    events.create_event_bus(Name="campaigns")
    assert Bus(events, "campaigns").put([event(number) for number in range(10)]) == [True] * 10
    assert Bus(events, "missing").put([event(1), event(2)]) == [False, False]


# -- SES ---------------------------------------------------------------------------------------------------------------
MAIL = OutgoingMail(
    campaign_id="cmp_0123456789abcdef01234567",
    delivery_id="A" * 48,
    from_email="news@verified.example",
    to_email="somebody@example.com",
    message=b"From: news@verified.example\r\nTo: somebody@example.com\r\nSubject: Hello\r\n\r\nHello",
)


def test_an_identity_that_is_missing_or_waits_for_its_verification_is_no_error() -> None:
    ses = quick_client("sesv2")
    ses.create_email_identity(EmailIdentity="waiting.example")
    account = SesAccount(ses, OnlyDmarc())
    assert account.sender("news@waiting.example").verified is False
    assert account.sender("news@missing.example").verified is False


def test_a_mail_is_handed_over_once_its_sender_may_send() -> None:
    ses = quick_client("sesv2")
    transport = SesTransport(ses, "campaigns")
    with pytest.raises(Rejected):  # in moto's own words, which SES does not use
        transport.send(replace(MAIL, from_email="news@not-yet.example"))
    ses.create_email_identity(EmailIdentity="news@not-yet.example")
    assert transport.send(replace(MAIL, from_email="news@not-yet.example"))


# -- The calls without the SDK -----------------------------------------------------------------------------------------
PATIENCE = Patience(total_seconds=10, attempt_seconds=5)


def test_the_key_ring_is_read_without_the_sdk() -> None:
    calls = SignedCalls(SECRETS_MANAGER, aws_access(), PATIENCE)
    ring = '{"current": 1, "1": "a key"}'
    arn = boto3.client("secretsmanager").create_secret(Name="ring", SecretString=ring)["ARN"]

    def source(secret: str) -> KeyRingSource:
        return KeyRingSource(lambda: str(calls.call("GetSecretValue", {"SecretId": secret})["SecretString"]))

    assert source(arn).ring().keys == {1: b"a key"}
    with pytest.raises(KeyRingUnavailable):
        source("missing").ring()


def test_a_hit_is_parked_without_the_sdk(sqs: Any) -> None:
    queue = queue_of(sqs, "hits")
    SignedCalls(SQS, aws_access(), PATIENCE).call(
        "SendMessage", {"QueueUrl": queue, "MessageBody": '{"kind": "öffnen"}'}
    )
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == '{"kind": "öffnen"}'
