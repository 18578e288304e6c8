"""Sending processes killed at every step, on the deployed stack: nobody gets two mails, and all deliveries end.

A worker is killed where the mail service holds it: while it is asked (a stalled answer) or after it accepted (an answer
that never comes). What a dead worker left is aged by hand, since nobody waits ten minutes for a test.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.model.delivery import BurstRule, DeliveryStatus
from chalicelib.model.ids import CampaignId
from chalicelib.sending.deliver import OUTCOME_GRACE
from chalicelib.store import keys
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.statements import equals
from chalicelib.store.table import Table
from local.client import Api
from local.recipients import request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
LEADS = 8


class Crash:
    """A campaign of a few leads, whose sending processes die."""

    def __init__(self, stack: LocalStack, entity: str) -> None:
        self.stack, self.entity = stack, entity
        self.marketer = Marketer(stack)
        self.dynamodb, self.sqs = stack.engine.client("dynamodb"), stack.engine.client("sqs")
        self.deliveries = Deliveries(self.dynamodb, stack.outputs["DeliveriesTable"], BurstRule())
        lines = ["entity,stage,email"] + [f"{entity},New,p{number}@{entity}.example" for number in range(LEADS)]
        self.marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")

    @contextmanager
    def sees_messages_again_after(self, seconds: int) -> Iterator[None]:
        name, queue = "VisibilityTimeout", self.stack.outputs["SendQueueUrl"]
        before = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"]
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: str(seconds)})
        try:
            yield
        finally:
            self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)

    def meets(self, *faults: dict[str, Any]) -> None:
        Api(self.stack.inbox_url, "")("PUT", "/faults", {"faults": faults})

    def send(self) -> None:
        written = {
            "title": self.entity,
            "subject": "Hello",
            "from_email": "news@shop.example",
            "text": "Hello",
            "audience": {"entity": self.entity, "stages": ["New"]},
        }
        self.campaign_id = CampaignId(self.marketer("POST", "/v1/campaigns", written)["campaign_id"])
        self.marketer("POST", f"/v1/campaigns/{self.campaign_id}/send")

    def senders(self) -> Iterator[int]:
        """Process ids of this stack's sending functions."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(self.stack.engine.scratch).encode() in command and b"-Send-" in command:
                yield int(process.name)

    def kill_senders(self) -> int:
        killed = list(self.senders())
        for process in killed:
            os.kill(process, signal.SIGKILL)
        return len(killed)

    def status(self) -> Counter[str]:
        return Counter(each.status.value for each in self.deliveries.iter_campaign(self.campaign_id))

    def mails(self) -> Counter[str]:
        found = json.loads(request("GET", f"{self.stack.inbox_url}/messages")[2])
        return Counter(each["to"] for each in found if each["to"].endswith(f"@{self.entity}.example"))

    def age_what_is_open(self) -> int:
        """Make deliveries that stand at `sending` as old as they must be to be given up; how many."""
        before = datetime.now(UTC) - OUTCOME_GRACE - timedelta(seconds=1)
        opened = [
            each
            for each in self.deliveries.iter_campaign(self.campaign_id)
            if each.status is DeliveryStatus.SENDING and each.claimed_at > before
        ]
        table = Table(self.dynamodb, self.stack.outputs["DeliveriesTable"])
        still_sending = equals("status", DeliveryStatus.SENDING)  # unless it ends at this moment
        for each in opened:
            key = keys.delivery(each.campaign_id, each.lead_id)
            table.write(table.update(key).set(claimed_at=before).require(still_sending))
        return len(opened)

    def numbers_agree(self) -> bool:
        """Whether the panel says what the deliveries say."""
        shown = self.marketer("GET", f"/v1/campaigns/{self.campaign_id}/stats")
        status = self.status()
        return bool((shown["total"], shown["sent"], shown["failed"]) == (LEADS, status["sent"], status["failed"]))

    def has_ended(self) -> bool:
        self.age_what_is_open()
        return bool(self.marketer("GET", f"/v1/campaigns/{self.campaign_id}")["status"] == "sent")


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("before the call is answered", {"kind": "stall", "seconds": 8, "count": 1}),
        ("after the mail was kept", {"kind": "stall", "seconds": 0.5}),
    ],
)
def test_a_killed_sender_doubles_nobody_and_everybody_is_accounted_for(
    stack: LocalStack, until: Until, step: str, fault: dict[str, Any]
) -> None:
    crash = Crash(stack, f"crash{fault['seconds']}".replace(".", "-"))
    with crash.sees_messages_again_after(3):
        crash.meets(fault)
        try:
            crash.send()
            assert until(lambda: bool(crash.status()["sending"]))
            assert crash.kill_senders()
        finally:
            crash.meets()
        assert until(crash.has_ended) or until(crash.has_ended)  # cold starts on a busy machine
    # A report of the mail service may still turn a failed delivery into a sent one: then both numbers follow.
    assert until(crash.numbers_agree)
    status, mails = crash.status(), crash.mails()
    assert status["sent"] + status["failed"] == LEADS
    assert status["failed"] <= 4  # two workers died, each with at most two open deliveries
    assert max(mails.values()) == 1
    assert status["sent"] <= len(mails) <= LEADS
