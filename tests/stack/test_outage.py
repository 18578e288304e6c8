"""The engine is cut off in the middle of a load of hits: no recipient notices, and every hit counts exactly once."""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode, urlsplit

import pytest

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import LeadId, new_campaign_id, new_lead_id
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.hits import NOT_PARKED
from chalicelib.tracking.key_ring import KeyRing
from chalicelib.tracking.replay import ReplayOutcome
from local.recipients import NAVIGATION
from local.replay_hits import Tables, replay_log
from local.rotate_key import change, rotated, without
from local.stack import LocalStack
from tests.claiming import record_claim
from tests.recounting import Recounter
from tests.stack.faulty_wire import Fault, FaultyWire

Until = Callable[[Callable[[], bool]], bool]

AT_ONCE = 8
WAITING_SECONDS = 1.0 + 0.7
"""How long an answer waits for DynamoDB and for SQS."""
DESTINATION = "https://shop.example/offer"


@dataclass
class Wires:
    """Between the functions that handle hits and their engines."""

    dynamodb: FaultyWire
    sqs: FaultyWire
    secrets: FaultyWire

    def all_well(self) -> None:
        for wire in (self.dynamodb, self.sqs, self.secrets):
            wire.set(Fault.NONE)


def physical_name(stack: LocalStack, logical_id: str) -> str:
    cloudformation = stack.engine.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName="leadflip", LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def start_anew(stack: LocalStack, logical_id: str) -> None:
    """Let a function's warm processes go: the next request meets a cold start."""
    functions, name = stack.engine.client("lambda"), physical_name(stack, logical_id)
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]
    functions.update_function_configuration(FunctionName=name, Environment=environment)


@pytest.fixture
def wires(stack: LocalStack) -> Iterator[Wires]:
    """Functions that handle hits, behind wires, freshly started; parked hits come back soon after a failure."""
    functions, sqs = stack.engine.client("lambda"), stack.engine.client("sqs")
    names = [physical_name(stack, logical_id) for logical_id in ("Track", "ReplayHits")]
    before = {name: functions.get_function_configuration(FunctionName=name)["Environment"] for name in names}
    queue = stack.outputs["HitsQueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    port = stack.engine.port
    with FaultyWire(port) as dynamodb, FaultyWire(port) as queues, FaultyWire(port) as secrets:
        endpoints = {
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
            "AWS_ENDPOINT_URL_SQS": queues.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.url,
        }
        for name, environment in before.items():
            variables = environment["Variables"] | endpoints
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "5"})
        try:
            yield Wires(dynamodb, queues, secrets)
        finally:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes=kept)
            for name, environment in before.items():
                functions.update_function_configuration(FunctionName=name, Environment=environment)


class Campaign:
    """Deliveries that were sent, and what their recipients do."""

    def __init__(self, stack: LocalStack, size: int) -> None:
        self.stack = stack
        dynamodb = stack.engine.client("dynamodb")
        self.deliveries = Deliveries(dynamodb, stack.outputs["DeliveriesTable"], BurstRule())
        self.counters = Counters(dynamodb, stack.outputs["CampaignsTable"])
        self.recount = Recounter(dynamodb, stack.outputs["DeliveriesTable"], stack.outputs["CampaignsTable"])
        self.secrets = stack.engine.client("secretsmanager")
        self.tables = Tables(dynamodb, self.secrets, stack.outputs)
        secret = self.secrets.get_secret_value(SecretId=stack.outputs["KeyRingSecret"])
        ring = KeyRing.parse(secret["SecretString"])
        campaign_id = new_campaign_id()
        self.tracking = CampaignTracking(stack.tracking_url, campaign_id, ring.current, ring.keys[ring.current])
        self.leads = [new_lead_id() for _ in range(size)]
        sent = [Delivery(campaign_id, lead, DeliveryStatus.SENT, datetime.now(UTC), unit="1") for lead in self.leads]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            assert all(threads.map(partial(record_claim, self.deliveries), sent))

    def pixel(self, lead_id: LeadId) -> str:
        return f"/t/o/{self.tracking.delivery_id(lead_id)}.gif"

    def link(self, lead_id: LeadId) -> str:
        query = urlencode({"l": "1", "u": DESTINATION, "s": self.tracking.sign("1", DESTINATION)})
        return f"/t/c/{self.tracking.delivery_id(lead_id)}?{query}"

    def hits(self) -> list[str]:
        """A pixel and a click of each, and every tenth pixel once more, at the end."""
        paths = [path for lead_id in self.leads for path in (self.pixel(lead_id), self.link(lead_id))]
        return paths + [self.pixel(lead_id) for lead_id in self.leads[::10]]

    def all_are_counted(self) -> bool:
        sums = self.recount.sums(self.tracking.campaign_id)
        return {sums.get(name) for name in ("opened", "clicked", "link/1/clicked")} == {len(self.leads)}

    def the_fold_agrees(self) -> bool:
        counted = dict(self.counters.find(self.tracking.campaign_id).sums)
        return counted == self.recount.sums(self.tracking.campaign_id)

    def replay_the_log(self) -> Counter[ReplayOutcome | None]:
        group = f"/aws/lambda/{physical_name(self.stack, 'Track')}"
        logs = self.stack.engine.client("logs")
        found = logs.filter_log_events(logGroupName=group, filterPattern=f'"{NOT_PARKED}"')["events"]
        return replay_log((event["message"] for event in found), self.tables)


Answer = tuple[int, str | None, bytes]


class Recipients:
    """Request after request over one connection per thread, each answer with its time."""

    def __init__(self, base_url: str) -> None:
        self._base = urlsplit(base_url)
        self._mine = threading.local()
        self.seconds: list[float] = []
        self._own_seconds = 0.0

    def get(self, path: str) -> Answer:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._base.hostname or "", self._base.port, timeout=30)
            self._mine.connection = connection
        started = time.monotonic()
        connection.request("GET", self._base.path + path, headers=NAVIGATION)
        response = connection.getresponse()
        body = response.read()
        self.seconds.append(time.monotonic() - started)
        return response.status, response.headers["Location"], body

    def begin(self) -> None:
        """Take the slowest answer so far for what this machine needs by itself."""
        self._own_seconds = max(self.seconds)
        self.seconds.clear()

    def assert_none_waited_longer_than_told(self) -> None:
        assert max(self.seconds) < WAITING_SECONDS + max(1.3, 3 * self._own_seconds)


def is_undisturbed(path: str, answer: Answer) -> bool:
    status, location, body = answer
    if path.startswith("/t/o/"):
        return status == 200 and body.startswith(b"GIF89a")
    return (status, location) == (302, DESTINATION)


def send(recipients: Recipients, paths: list[str], plan: dict[float, Callable[[], None]]) -> list[str]:
    """Send all hits, doing what the plan says at each share of them; those that a recipient would have noticed."""
    steps = {int(share * len(paths)): act for share, act in plan.items()}
    numbers = itertools.count()

    def hit(path: str) -> bool:
        act = steps.get(next(numbers))
        if act is not None:
            act()
        return is_undisturbed(path, recipients.get(path))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [path for path, was_fine in zip(paths, threads.map(hit, paths), strict=True) if not was_fine]


def every_fault(wires: Wires) -> dict[float, Callable[[], None]]:
    def both(dynamodb: Fault, sqs: Fault) -> Callable[[], None]:
        def act() -> None:
            wires.dynamodb.set(dynamodb)
            wires.sqs.set(sqs)

        return act

    return {
        0.15: both(Fault.THROTTLES, Fault.NONE),
        0.25: both(Fault.STALLS, Fault.NONE),
        0.35: both(Fault.RESETS, Fault.NONE),
        0.45: both(Fault.REFUSES, Fault.NONE),
        0.55: both(Fault.REFUSES, Fault.REFUSES),
        0.65: both(Fault.STALLS, Fault.STALLS),
        0.75: both(Fault.THROTTLES, Fault.THROTTLES),
        0.85: wires.all_well,
    }


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def prove(campaign: Campaign, wires: Wires, patience_seconds: float) -> None:
    recipients = Recipients(campaign.stack.tracking_url)
    # Cold starts of this machine, and the fold of what was just sent, are no part of the proof.
    send(recipients, ["/t/o/not-an-id.gif"] * 4 * AT_ONCE, {})
    wait_until(campaign.the_fold_agrees, patience_seconds)
    recipients.seconds.clear()
    send(recipients, ["/t/o/not-an-id.gif"] * 4 * AT_ONCE, {})
    recipients.begin()

    assert send(recipients, campaign.hits(), every_fault(wires)) == []
    recipients.assert_none_waited_longer_than_told()

    logged = campaign.replay_the_log()
    assert logged[None] == logged[ReplayOutcome.FORGED] == 0
    assert logged[ReplayOutcome.FIRST] > 0
    wait_until(campaign.all_are_counted, patience_seconds)
    wait_until(campaign.the_fold_agrees, patience_seconds)
    again = campaign.replay_the_log()
    assert again == {ReplayOutcome.KNOWN: logged.total()}
    assert campaign.all_are_counted()
    assert campaign.the_fold_agrees()


def test_hits_in_the_middle_of_an_outage_count_exactly_once(stack: LocalStack, wires: Wires) -> None:
    prove(Campaign(stack, 240), wires, patience_seconds=120)


@pytest.mark.soak
def test_five_thousand_hits_in_the_middle_of_an_outage_count_exactly_once(stack: LocalStack, wires: Wires) -> None:
    prove(Campaign(stack, 2400), wires, patience_seconds=180)


def test_a_cold_start_without_keys_disturbs_nobody_and_loses_nothing(
    stack: LocalStack, wires: Wires, until: Until
) -> None:
    campaign = Campaign(stack, 1)
    (lead_id,) = campaign.leads
    recipients = Recipients(stack.tracking_url)
    recipients.get("/t/o/not-an-id.gif")
    recipients.begin()
    start_anew(stack, "Track")
    wires.secrets.set(Fault.STALLS)
    status, location, body = recipients.get(campaign.link(lead_id))
    assert (status, location) == (200, None)
    assert b"shop.example" in body
    assert recipients.get(campaign.pixel(lead_id))[2].startswith(b"GIF89a")
    assert recipients.get("/t/o/not-an-id.gif")[2].startswith(b"GIF89a")
    recipients.assert_none_waited_longer_than_told()
    wires.all_well()
    assert until(campaign.all_are_counted)
    assert until(lambda: recipients.get(campaign.link(lead_id))[:2] == (302, DESTINATION))


def test_a_rotated_key_signs_and_a_withdrawn_one_is_refused(stack: LocalStack, wires: Wires, until: Until) -> None:
    before, recipients = Campaign(stack, 1), Recipients(stack.tracking_url)
    assert recipients.get(before.link(before.leads[0]))[0] == 302
    secret_id = stack.outputs["KeyRingSecret"]

    change(before.secrets, secret_id, rotated)
    after = Campaign(stack, 1)
    assert after.tracking.key_number != before.tracking.key_number
    assert until(lambda: recipients.get(after.link(after.leads[0]))[0] == 302)
    assert recipients.get(before.link(before.leads[0]))[0] == 302

    change(before.secrets, secret_id, lambda ring: without(ring, before.tracking.key_number))
    start_anew(stack, "Track")
    assert recipients.get(before.link(before.leads[0]))[0] == 404
    assert recipients.get(after.link(after.leads[0]))[0] == 302
