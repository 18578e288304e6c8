"""What follows a click, with its functions killed at random on the deployed stack, and dead letters brought back."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.recipients import follow
from local.redrive import redrive
from local.stack import LocalStack
from tests.stack.marketer import Marketer
from tests.stack.test_events import Subscriber

ENTITY = "automation-crash"
PEOPLE, SWEPT = 12, 4
HTML = "<p>" + " ".join(f'<a href="https://shop.example/{page}">{page}</a>' for page in ("a", "b", "pricing")) + "</p>"
RULE = {
    "name": "Hot, by all means",
    "when": {"event": "clicked", "url": "*pricing*"},
    "if": {"entity": ENTITY, "stages": ["New"]},
    "then": [{"action": "change_stage", "stage": "Hot Lead"}, {"action": "add_tag", "tag": "hot"}],
}
Until = Callable[[Callable[[], bool]], bool]


class Automated:
    """A campaign whose leads are moved by a rule."""

    def __init__(self, stack: LocalStack, until: Until) -> None:
        self.stack, self.marketer = stack, Marketer(stack)
        self.sqs = stack.engine.client("sqs")
        addresses = [f"p{number}@{ENTITY}.example" for number in range(PEOPLE + SWEPT)]
        lines = ["entity,stage,email", *(f"{ENTITY},New,{address}" for address in addresses)]
        self.marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
        self.rule_id = self.marketer("POST", "/v1/rules", RULE)["rule_id"]
        written = {
            "title": "Crash",
            "subject": "Hello",
            "from_email": "news@shop.example",
            "html": HTML,
            "audience": {"entity": ENTITY, "stages": ["New"]},
        }
        self.campaign_id = self.marketer("POST", "/v1/campaigns", written)["campaign_id"]
        self.marketer("POST", f"/v1/campaigns/{self.campaign_id}/send")
        assert until(lambda: self.marketer("GET", f"/v1/campaigns/{self.campaign_id}")["status"] == "sent")
        self.mails = [self.marketer.mails(address)[0] for address in addresses]

    def sees_messages_again_after(self, seconds: int) -> None:
        for name in ("CandidatesQueueUrl", "AutomationQueueUrl"):
            attributes = {"VisibilityTimeout": str(seconds)}
            self.sqs.set_queue_attributes(QueueUrl=self.stack.outputs[name], Attributes=attributes)

    def workers(self) -> Iterator[int]:
        """Process ids of the functions between a change and a rule's act."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            is_ours = str(self.stack.engine.scratch).encode() in command
            if is_ours and any(name in command for name in (b"-Candidates-", b"-Publish-", b"-Automate-")):
                yield int(process.name)

    def acts(self) -> Counter[str]:
        return Counter(each["lead_id"] for each in self.marketer("GET", f"/v1/rules/{self.rule_id}/log")["items"])

    def stages(self) -> Counter[str]:
        leads = self.marketer("GET", f"/v1/leads?entity={ENTITY}&limit=100")["items"]
        return Counter(f"{lead['stage']} {','.join(lead['tags'])}".strip() for lead in leads)


@pytest.mark.soak
def test_rules_act_exactly_once_while_their_functions_are_killed(stack: LocalStack, until: Until) -> None:
    chance = random.Random(11)
    world = Automated(stack, until)
    world.sees_messages_again_after(3)
    for mail in world.mails[PEOPLE:]:
        for link in mail.links:
            follow(link)
    for mail in world.mails[:PEOPLE]:
        follow(mail.links[2])
        time.sleep(0.3)
    killed, ends_at = 0, time.monotonic() + 45
    while time.monotonic() < ends_at:
        for process in list(world.workers()):
            if chance.random() < 0.3:
                os.kill(process, signal.SIGKILL)
                killed += 1
        time.sleep(chance.uniform(0.05, 0.6))
    assert killed > 10
    expected = Counter({"Hot Lead hot": PEOPLE, "New": SWEPT})
    assert until(lambda: world.stages() == expected) or until(lambda: world.stages() == expected), world.stages()
    assert sorted(world.acts().values()) == [1] * PEOPLE
    told = [
        each["detail"]
        for each in Subscriber(stack).look().values()
        if each["detail"]["campaign_id"] == world.campaign_id and each["detail-type"] == "CampaignLinkClicked"
    ]
    assert Counter(each["machine"] for each in told) == {False: PEOPLE, True: SWEPT * 3}
    world.sees_messages_again_after(180)


def test_dead_letters_go_back_and_are_acted_on(stack: LocalStack, until: Until) -> None:
    """An event that could not be acted on, as the runbook brings it back (docs/OPERATIONS.md)."""
    marketer, sqs = Marketer(stack), stack.engine.client("sqs")
    lead = marketer("POST", "/v1/leads", {"entity": "redriven", "stage": "New", "email": "r@redriven.example"})
    rule = RULE | {"if": {"entity": "redriven"}}
    marketer("POST", "/v1/rules", rule)
    event = {
        "detail-type": "CampaignLinkClicked",
        "source": "leadflip.campaigns",
        "detail": {
            "version": 1,
            "event_id": "evt_" + "0" * 32,
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime()),
            "campaign_id": "cmp_" + "0" * 24,
            "campaign_title": "Pricing",
            "entity": "redriven",
            "lead_id": lead["lead_id"],
            "machine": False,
            "link": "1",
            "url": "https://shop.example/pricing",
        },
    }
    dead_letters, queue = stack.outputs["AutomationDeadLettersUrl"], stack.outputs["AutomationQueueUrl"]
    sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps(event))
    assert redrive(sqs, dead_letters, queue) == 1
    assert until(lambda: marketer("GET", f"/v1/leads/{lead['lead_id']}")["stage"] == "Hot Lead")
