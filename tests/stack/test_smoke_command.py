"""`make smoke` on the local stack: it finds all well, its addresses are those of the mails, and it leaves nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.client import Api
from local.smoke import Smoke, Target
from local.stack import LocalStack
from tests.stack.marketer import Marketer


@pytest.fixture(scope="module")
def target(stack: LocalStack) -> Target:
    return Target(
        api=Api(stack.api_url, stack.token),
        tracking_url=stack.tracking_url,
        client=stack.engine.client,
        outputs=stack.outputs,
        from_email="news@shop.example",
        schedule_ahead=timedelta(seconds=5),
    )


@pytest.fixture(scope="module")
def smoke(target: Target) -> Smoke:
    smoke = Smoke(target)
    assert smoke.run(), smoke.report.failed
    return smoke


def test_the_addresses_that_it_computes_are_those_of_the_mails(stack: LocalStack, smoke: Smoke) -> None:
    marketer = Marketer(stack)
    for computed in smoke.mails.values():
        (mail,) = marketer.mails(computed.to.replace("+", "%2B"))
        assert (mail.pixels, mail.unsubscribe_url) == (computed.pixels, computed.unsubscribe_url)
        assert computed.links[0] in mail.links


def test_it_leaves_no_lead_no_queue_and_no_rule(stack: LocalStack, smoke: Smoke) -> None:
    assert Marketer(stack)("GET", f"/v1/leads?entity={smoke.entity}")["items"] == []
    assert left_behind(stack) == []


def left_behind(stack: LocalStack) -> list[str]:
    queues = stack.engine.client("sqs").list_queues(QueueNamePrefix="smoke-").get("QueueUrls", [])
    rules = stack.engine.client("events").list_rules(EventBusName=stack.outputs["EventBusName"])["Rules"]
    return [*queues, *(each["Name"] for each in rules if each["Name"].startswith("smoke-"))]


def test_a_stack_that_refuses_it_fails_it(stack: LocalStack, target: Target) -> None:
    smoke = Smoke(replace(target, api=Api(target.api.url, "no token of this stack")))
    assert not smoke.run()
    assert smoke.report.failed == ["The smoke test went on to its end"]
    assert left_behind(stack) == []
