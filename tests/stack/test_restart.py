"""What a stack knew before it was stopped it knows again, and goes on from there, also on another port."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries, Delivery, DeliveryStatus
from chalicelib.store.ids import CampaignId, new_campaign_id, new_lead_id
from local.ports import free_ports
from local.stack import DEFAULTS, LocalStack, Options, running

Until = Callable[[Callable[[], bool]], bool]


def options(folder: Path) -> Options:
    port, inbox_port, smtp_port = free_ports(3)
    return Options(folder, DEFAULTS.builds, port, inbox_port, smtp_port)


def record_sent(stack: LocalStack, campaign: CampaignId, count: int) -> None:
    deliveries = Deliveries(stack.engine.client("dynamodb"), stack.outputs["DeliveriesTable"])
    for _ in range(count):
        deliveries.claim(Delivery(campaign, new_lead_id(), DeliveryStatus.SENT, datetime.now(UTC), unit="1"))


def sent(stack: LocalStack, campaign: CampaignId) -> int:
    """What the fold has counted."""
    counters = Counters(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    return counters.find(campaign).sums.get("sent", 0)


def test_a_restarted_stack_goes_on_counting_where_it_was(tmp_path: Path, until: Until) -> None:
    campaign = new_campaign_id()
    with running(options(tmp_path)) as stack:
        token = stack.token
        record_sent(stack, campaign, 5)
        assert until(lambda: sent(stack, campaign) == 5)

    with running(options(tmp_path)) as stack:
        assert stack.token == token
        record_sent(stack, campaign, 2)
        assert until(lambda: sent(stack, campaign) == 7)

        sqs, queue = stack.engine.client("sqs"), stack.outputs["HitsQueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="not a hit")
        assert until(lambda: is_in_work(stack, queue))


def is_in_work(stack: LocalStack, queue: str) -> bool:
    """Whether a function has taken all messages from the queue."""
    name = "ApproximateNumberOfMessages"
    found = stack.engine.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
    return bool(found["Attributes"][name] == "0")
