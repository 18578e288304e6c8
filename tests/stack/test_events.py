"""What follows a click on the deployed stack: a subscriber is told exactly what happened, a rule moves the lead."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.package import ROOT
from local.recipients import PRIVACY_PROXY, follow, load_images, request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

ENTITY = "events"
PEOPLE = ("reader", "proxied", "swept", "behind", "leaver")
PAGES = ("", "news", "pricing/plans", "about")
HTML = "<p>" + " ".join(f'<a href="https://shop.example/{page}">{page}</a>' for page in PAGES) + "</p>"
RULE = {
    "name": "Pricing clickers are hot",
    "when": {"event": "clicked", "campaign_title": "*pricing*", "url": "https://*/pricing*"},
    "if": {"entity": ENTITY, "stages": ["New"]},
    "then": [{"action": "change_stage", "stage": "Hot Lead"}, {"action": "add_tag", "tag": "hot"}],
}
Until = Callable[[Callable[[], bool]], bool]
Told = Counter[tuple[str, str, str | None, bool | None]]
"""Detail-type, who (a name of PEOPLE), link, machine."""


class Subscriber:
    """Takes everything off the example's queue, and keeps it."""

    def __init__(self, stack: LocalStack) -> None:
        self._sqs = stack.engine.client("sqs")
        self._url = stack.outputs["ExampleEventsQueueUrl"]
        self.events: dict[str, dict[str, Any]] = {}

    def look(self) -> dict[str, dict[str, Any]]:
        """By event id, so that repetitions count once."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["detail"]["event_id"]] = event
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.events


@pytest.fixture(scope="module")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


@pytest.fixture(scope="module")
def sent(marketer: Marketer, until: Until) -> tuple[str, dict[str, str]]:
    """A sent campaign's id, and its leads' names by id."""
    addresses = {name: f"{name}@events.example" for name in PEOPLE} | {
        "bouncer": "bounce+events@simulator.amazonses.com"
    }
    made = {
        marketer("POST", "/v1/leads", {"entity": ENTITY, "stage": "New", "email": address})["lead_id"]: name
        for name, address in addresses.items()
    }
    campaign = {
        "title": "Our pricing, autumn",
        "subject": "Hello",
        "from_email": "news@shop.example",
        "html": HTML,
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    campaign_id = marketer("POST", "/v1/campaigns", campaign)["campaign_id"]
    marketer("POST", "/v1/rules", RULE)
    marketer("POST", f"/v1/campaigns/{campaign_id}/send")
    assert until(lambda: marketer("GET", f"/v1/campaigns/{campaign_id}")["status"] == "sent")
    return campaign_id, made


@pytest.fixture(scope="module")
def reactions(marketer: Marketer, sent: tuple[str, dict[str, str]]) -> None:
    """Everything happens."""
    mails = {name: marketer.mails(f"{name}@events.example")[0] for name in PEOPLE}
    load_images(mails["reader"])
    load_images(mails["reader"])
    follow(mails["reader"].links[2])
    follow(mails["reader"].links[2])
    load_images(mails["proxied"], PRIVACY_PROXY)
    for name in ("swept", "behind"):
        # One after the other: side by side they would start functions, which takes longer than a sweep.
        for link in mails[name].links:
            follow(link)
    request("POST", mails["leaver"].unsubscribe_url, {"confirm": "yes"})
    time.sleep(3)  # longer than a burst lasts
    follow(mails["behind"].links[2])


def test_the_lead_who_clicked_is_hot_and_the_scanner_moved_nobody(
    marketer: Marketer, sent: tuple[str, dict[str, str]], reactions: None, until: Until
) -> None:
    """The example of the product's own documentation."""
    _, names = sent

    def stages() -> dict[str, str]:
        return {name: marketer("GET", f"/v1/leads/{lead_id}")["stage"] for lead_id, name in names.items()}

    expected = {name: "Hot Lead" if name in ("reader", "behind") else "New" for name in names.values()}
    assert until(lambda: stages() == expected), stages()
    (rule,) = (each for each in marketer("GET", "/v1/rules")["items"] if each["name"] == RULE["name"])
    log = marketer("GET", f"/v1/rules/{rule['rule_id']}/log")["items"]
    assert sorted(names[each["lead_id"]] for each in log) == ["behind", "reader"]
    reader = next(lead_id for lead_id, name in names.items() if name == "reader")
    latest = marketer("GET", f"/v1/leads/{reader}/timeline")["items"][0]
    assert (latest["type"], latest["icon"], latest["title"], latest["detail"]) == (
        "automation",
        "bolt",
        "Rule: Pricing clickers are hot",
        "Stage New → Hot Lead; Tag hot added",
    )


def test_a_subscriber_is_told_exactly_what_happened(
    stack: LocalStack, sent: tuple[str, dict[str, str]], reactions: None, until: Until
) -> None:
    campaign_id, names = sent
    swept = {("CampaignLinkClicked", name, link, True): 1 for name in ("swept", "behind") for link in "1234"}
    expected: Told = Counter(
        swept
        | {
            ("CampaignEmailOpened", "reader", None, False): 1,
            ("CampaignLinkClicked", "reader", "3", False): 1,
            ("CampaignEmailOpened", "proxied", None, True): 1,
            ("CampaignLinkClicked", "behind", "3", False): 1,
            ("LeadUnsubscribed", "leaver", None, None): 1,
            ("CampaignEmailBounced", "bouncer", None, None): 1,
            ("CampaignFinished", "nobody", None, None): 1,
        }
    )
    subscriber = Subscriber(stack)

    def told() -> Told:
        of_campaign = [each for each in subscriber.look().values() if each["detail"]["campaign_id"] == campaign_id]
        return Counter(
            (
                each["detail-type"],
                names.get(each["detail"].get("lead_id"), "nobody"),
                each["detail"].get("link"),
                each["detail"].get("machine"),
            )
            for each in of_campaign
        )

    until(lambda: told() == expected)
    assert told() == expected
    for event in subscriber.events.values():
        schema = json.loads((ROOT / "docs" / "events" / f"{event['detail-type']}.json").read_text())
        Draft202012Validator(schema).validate(event["detail"])
        assert event["source"] == "leadflip.campaigns"
        assert "@" not in json.dumps(event["detail"])
    for name in (
        "CandidatesDeadLettersUrl",
        "StreamDeadLettersUrl",
        "AutomationDeadLettersUrl",
        "ExampleEventsDeadLettersUrl",
    ):
        attributes = stack.engine.client("sqs").get_queue_attributes(
            QueueUrl=stack.outputs[name], AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_a_follow_up_goes_to_those_who_did_not_click(
    marketer: Marketer, sent: tuple[str, dict[str, str]], reactions: None, until: Until
) -> None:
    """Persons count: who was swept or proxied has not clicked. The leaver and the bouncer are not mailed any more."""
    campaign_id, _ = sent
    draft = marketer("POST", f"/v1/campaigns/{campaign_id}/follow-up", {"to": "not_clicked"})
    path = f"/v1/campaigns/{draft['campaign_id']}"
    marketer("PATCH", path, {"subject": "Once more"})
    assert until(lambda: marketer("GET", f"{path}/audience") == {"total": 2, "at_least": False})
    marketer("POST", f"{path}/send")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    again = {name: [mail.subject for mail in marketer.mails(f"{name}@events.example")] for name in PEOPLE}
    assert again == {
        "reader": ["Hello"],
        "proxied": ["Hello", "Once more"],
        "swept": ["Hello", "Once more"],
        "behind": ["Hello"],
        "leaver": ["Hello"],
    }
