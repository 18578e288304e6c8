"""From the mail service's reports to numbers, timelines and suppressed addresses, on the deployed stack.

The inbox publishes SES's events to the stack's topic, in SES's own format.
"""

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from local.recipients import request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

ENTITY = "feedback"
SIMULATED = ("success", "bounce", "complaint", "suppressionlist", "ooto")
REPORTED = {"delivered": 3, "bounced": 2, "bounced_soft": 0, "complained": 1, "unsubscribed": 0}
Until = Callable[[Callable[[], bool]], bool]


@pytest.fixture(scope="module")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


def address(name: str) -> str:
    return f"{name}@simulator.amazonses.com"


def send(marketer: Marketer, until: Until, entity: str = ENTITY) -> str:
    """Send a campaign to an entity's leads in stage New; its path, once it is sent."""
    campaign = {
        "title": "Feedback",
        "subject": "Hello",
        "from_email": "news@shop.example",
        "html": "<p>Hello</p>",
        "audience": {"entity": entity, "stages": ["New"]},
    }
    path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', campaign)['campaign_id']}"
    marketer("POST", f"{path}/send")
    # On a busy machine a stack's first campaign waits for five functions to start.
    assert any(until(lambda: bool(marketer("GET", path)["status"] == "sent")) for _ in range(3))
    return path


@pytest.fixture(scope="module")
def leads(marketer: Marketer) -> dict[str, str]:
    """The paths of one lead per simulated mailbox."""
    made = {}
    for name in SIMULATED:
        lead = {"entity": ENTITY, "stage": "New", "email": address(name)}
        made[name] = f"/v1/leads/{marketer('POST', '/v1/leads', lead)['lead_id']}"
    return made


@pytest.fixture(scope="module")
def sent(marketer: Marketer, leads: dict[str, str], until: Until) -> str:
    """The path of a campaign to all of them, once all outcomes are counted."""
    path = send(marketer, until)

    def numbers() -> dict[str, int]:
        stats = marketer("GET", f"{path}/stats")
        return {name: stats[name] for name in REPORTED}

    assert until(lambda: numbers() == REPORTED), numbers()
    # An out-of-office reply is no bounce in these numbers, and comes after the delivery.
    assert until(lambda: bool(delivery(marketer, leads["ooto"], path)["bounced"]))
    return path


def delivery(marketer: Marketer, lead: str, campaign: str) -> dict[str, Any]:
    """The campaign on the lead's timeline; both by their paths."""
    campaign_id = campaign.rsplit("/", 1)[1]
    items = marketer("GET", f"{lead}/timeline")["items"]
    return next(each for each in items if each.get("campaign_id") == campaign_id)


def report(stack: LocalStack, to: str, **order: Any) -> None:
    """Let the inbox publish one more event about the last mail to an address."""
    message = json.loads(request("GET", f"{stack.inbox_url}/messages?to={quote(to)}")[2])[-1]
    body = json.dumps({"message_id": message["id"], **order}).encode()
    ordered = urllib.request.Request(f"{stack.inbox_url}/events", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(ordered, timeout=10) as answer:
        assert answer.status == 202


def test_the_mailbox_simulators_outcomes_are_counted_beside_the_five_numbers(marketer: Marketer, sent: str) -> None:
    stats = marketer("GET", f"{sent}/stats")
    five = {name: stats[name] for name in ("total", "sent", "failed", "opened", "clicked", "skipped", "pending")}
    assert five == {"total": 5, "sent": 5, "failed": 0, "opened": 0, "clicked": 0, "skipped": 0, "pending": 0}
    assert marketer.has_settled(sent)


def test_every_outcome_is_on_its_leads_timeline(marketer: Marketer, leads: dict[str, str], sent: str) -> None:
    events = {name: delivery(marketer, path, sent) for name, path in leads.items()}
    assert all(event["status"] == "sent" and event["sent_at"] for event in events.values())
    assert {name: event["bounced"] and event["bounced"]["hard"] for name, event in events.items()} == {
        "success": None,
        "bounce": True,
        "complaint": None,
        "suppressionlist": True,
        "ooto": False,
    }
    assert "user unknown" in events["bounce"]["bounced"]["detail"]
    assert {name for name, event in events.items() if event["complained_at"]} == {"complaint"}
    assert {name for name, event in events.items() if event["delivered_at"]} == {"success", "complaint", "ooto"}


def test_who_bounced_hard_or_complained_is_in_no_later_audience_until_resubscribed(
    marketer: Marketer, leads: dict[str, str], sent: str, until: Until
) -> None:
    expected = {
        "success": [],
        "bounce": [("hard_bounce", "bounce")],
        "complaint": [("complaint", "complaint"), ("unsubscribed", "complaint")],
        "suppressionlist": [("hard_bounce", "bounce")],
        "ooto": [],
    }

    def reasons() -> dict[str, list[tuple[str, str]]]:
        return {
            name: sorted((each["reason"], each["source"]) for each in marketer("GET", f"{path}/suppressions")["items"])
            for name, path in leads.items()
        }

    # An outcome is counted before the address is suppressed, and a lead is marked after its address.
    assert until(lambda: reasons() == expected), reasons()
    assert until(lambda: marketer("GET", f"{sent}/audience")["total"] == 2)
    later = send(marketer, until)
    assert marketer("GET", f"{later}/stats")["total"] == 2
    other = {"entity": "feedback-outlet", "stage": "New", "email": address("bounce").upper()}
    made = marketer("POST", "/v1/leads", other)
    assert marketer("GET", f"/v1/leads/{made['lead_id']}/suppressions")["items"][0]["reason"] == "hard_bounce"
    assert not marketer("POST", f"{leads['complaint']}/resubscribe", {"reason": "asked by phone"})["unsubscribed"]
    assert marketer("GET", f"{leads['complaint']}/suppressions")["items"] == []
    assert marketer("GET", f"{sent}/audience")["total"] == 3


def test_reports_that_come_again_or_late_count_once(marketer: Marketer, stack: LocalStack, until: Until) -> None:
    entity = "feedback-late"
    success, bounce = (address(f"{name}+late") for name in ("success", "bounce"))
    leads = [{"entity": entity, "stage": "New", "email": email} for email in (success, bounce)]
    arrived, bounced = (f"/v1/leads/{marketer('POST', '/v1/leads', lead)['lead_id']}" for lead in leads)
    path = send(marketer, until, entity)
    report(stack, success, kind="DeliveryDelay", times=3)
    report(stack, bounce, kind="Bounce", times=3)
    report(stack, bounce, kind="Delivery")
    assert until(lambda: bool(delivery(marketer, arrived, path)["delayed_at"]))
    assert until(lambda: bool(delivery(marketer, bounced, path)["delivered_at"]))
    assert until(lambda: marketer.has_settled(path))
    stats = marketer("GET", f"{path}/stats")
    assert (stats["sent"], stats["bounced"], stats["delivered"]) == (2, 1, 1)


def test_a_mail_whose_outcome_nobody_knows_is_settled_by_the_services_own_report(
    marketer: Marketer, stack: LocalStack, until: Until
) -> None:
    """The connection breaks after the service took the mail: the sender leaves the delivery to the report."""
    entity, to = "feedback-unknown", "unknown@settled.example"
    lead_id = marketer("POST", "/v1/leads", {"entity": entity, "stage": "New", "email": to})["lead_id"]
    faults = json.dumps({"faults": [{"kind": "drop", "to": to, "count": 1}]}).encode()
    order = urllib.request.Request(f"{stack.inbox_url}/faults", faults, {"Content-Type": "application/json"})
    order.method = "PUT"
    urllib.request.urlopen(order, timeout=10).close()
    path = send(marketer, until, entity)
    (event,) = marketer("GET", f"/v1/leads/{lead_id}/timeline")["items"]
    assert (event["status"], event["subject"], event["reason"]) == ("sent", "Hello", None)
    assert marketer("GET", f"{path}/stats")["sent"] == 1
    assert len(marketer.mails(to)) == 1
    played = json.loads(request("GET", f"{stack.inbox_url}/faults")[2])["faults"]
    assert [each["played"] for each in played] == [1]


def test_forged_and_foreign_reports_change_nothing_and_do_not_pile_up(
    marketer: Marketer, stack: LocalStack, sent: str, until: Until
) -> None:
    before = marketer("GET", f"{sent}/stats") | {"as_of": None}
    sns, topic = stack.engine.client("sns"), stack.outputs["FeedbackTopic"]
    mail = {"timestamp": "2026-11-23T12:00:00.000Z", "messageId": "m", "destination": [address("success")]}
    for tags in ({"delivery_id": ["A" * 48]}, {"delivery_id": ["ünï"]}, {}, None):
        event = {"eventType": "Complaint", "mail": mail | {"tags": tags}, "complaint": {"timestamp": mail["timestamp"]}}
        sns.publish(TopicArn=topic, Message=json.dumps(event))
    assert until(lambda: marketer.under_way("FeedbackQueueUrl") == 0)
    assert marketer("GET", f"{sent}/stats") | {"as_of": None} == before
