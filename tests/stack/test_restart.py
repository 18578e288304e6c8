"""What a stack knew before it was stopped it knows again, and goes on from there, also on another port."""

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, new_campaign_id, new_lead_id
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from local.ministack import saved_at
from local.ports import free_ports
from local.recipients import request
from local.stack import DEFAULTS, LocalStack, Options, running
from tests.claiming import record_claim
from tests.stack.marketer import Marketer
from tests.stack.test_refused_account import switch

Until = Callable[[Callable[[], bool]], bool]
LEADS = 60
WORKERS = 2
"""`SendConcurrency`; each sends one mail at a time."""
CAMPAIGN = {
    "title": "End",
    "subject": "Hello",
    "from_email": "news@shop.example",
    "text": "Hello",
    "audience": {"entity": "end", "stages": ["New"]},
}


def options(folder: Path) -> Options:
    port, inbox_port, smtp_port = free_ports(3)
    return Options(folder, DEFAULTS.builds, port, inbox_port, smtp_port)


def record_sent(stack: LocalStack, campaign: CampaignId, count: int) -> None:
    deliveries = Deliveries(stack.engine.client("dynamodb"), stack.outputs["DeliveriesTable"], BurstRule())
    for _ in range(count):
        record_claim(deliveries, Delivery(campaign, new_lead_id(), DeliveryStatus.SENT, datetime.now(UTC), unit="1"))


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


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_stack_that_ends_while_it_sends_goes_on_and_mails_nobody_twice(
    tmp_path: Path, until: Until, end: str
) -> None:
    same = options(tmp_path)  # with other ports functions are deployed again, which ends them in the middle of a call
    with running(same) as stack:
        marketer = Marketer(stack)
        lines = ["entity,stage,email"] + [f"end,New,p{number}@end.example" for number in range(LEADS)]
        marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
        path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', CAMPAIGN)['campaign_id']}"
        written_at = time.time()
        switch(stack, max_send_rate=10)  # else all may be sent before it is looked at
        marketer("POST", f"{path}/send")
        # Of what leaves after the last save a killed engine knows nothing.
        assert until(lambda: (at := saved_at(tmp_path) or 0) > written_at and mails_since(stack, at) >= 5)
        assert len(mails(stack)) < LEADS
        if end == "killed":
            os.kill(stack.engine.child.pid, signal.SIGKILL)

    with running(same) as stack:
        marketer = Marketer(stack)
        if marketer("GET", path)["status"] == "draft":  # saved before it was sent
            marketer("POST", f"{path}/send")

        def sent_to() -> set[str]:
            listed = marketer("GET", f"{path}/deliveries?limit=100")["items"]
            return {each["email"] for each in listed if each["status"] == "sent"}

        # Of the mail that a worker was about to hand over when it ended, nobody knows for minutes whether it left.
        assert until(lambda: len(sent_to()) >= LEADS - WORKERS)
        known, mailed = sent_to(), [to for to, _ in mails(stack)]
        assert known <= set(mailed) <= {f"p{number}@end.example" for number in range(LEADS)}
        assert len(mailed) == len(set(mailed))


def mails(stack: LocalStack) -> list[tuple[str, float]]:
    """To whom and when (seconds since the epoch), oldest first."""
    found = json.loads(request("GET", f"{stack.inbox_url}/messages")[2])
    return [(each["to"], datetime.fromisoformat(each["received_at"]).timestamp()) for each in found]


def mails_since(stack: LocalStack, moment: float) -> int:
    return sum(at > moment for _, at in mails(stack))


def is_in_work(stack: LocalStack, queue: str) -> bool:
    """Whether a function has taken all messages from the queue."""
    name = "ApproximateNumberOfMessages"
    found = stack.engine.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
    return bool(found["Attributes"][name] == "0")
