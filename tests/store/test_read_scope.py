"""What a token that may only read gets to see: everything but delivery ids, with which it could unsubscribe people."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.api.http.registry import RESOURCES
from chalicelib.api.http.resources import Operation, operations
from chalicelib.automation.automate import Automation
from chalicelib.automation.rule_editor import WrittenRule
from chalicelib.automation.rules import Incident
from chalicelib.crm.leads import create_lead
from chalicelib.model.access import Scope
from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import LeadId, RuleId, new_campaign_id
from chalicelib.model.rule import Action, ActionKind, If, Trigger, When
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.tracking.delivery_ids import make_delivery_id, read_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.claiming import record_claim
from tests.unit.inbox.running_inbox import RunningInbox

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
READS = [operation for operation in operations(RESOURCES) if operation.method == "GET"]


@dataclass(frozen=True, slots=True)
class World:
    """One sent campaign whose delivery's id stands wherever authors and mail servers can bring it."""

    api: ApiClient
    campaign_id: str
    lead_id: LeadId
    delivery_id: str
    rule_id: RuleId

    def get(self, operation: Operation) -> Reply:
        names = {"campaign_id": self.campaign_id, "lead_id": self.lead_id, "rule_id": self.rule_id}
        names["sender"] = "acme.example"
        path = operation.path.format(**names, delivery_id=self.delivery_id)
        return self.api("GET", path + ("?lead_id=" + self.lead_id if path.endswith("/preview") else ""))


@pytest.fixture
def world(dynamodb: Any, tables: TableNames, inbox: RunningInbox) -> World:
    context = context_of(dynamodb, tables, keys=KEYS, ses=inbox.ses())
    lead = create_lead(context.leads, {"entity": "acme", "stage": "New", "email": "ann@example.com"}, NOW)
    campaign = Campaign(
        campaign_id=new_campaign_id(),
        title="Prices",
        subject="To leave: {{ unsubscribe_url }}",
        from_email="news@acme.example",
        from_name=None,
        reply_to=None,
        audience=Audience("acme", ("New",)),
        status=CampaignStatus.SENT,
        version=1,
        created_at=NOW,
        updated_at=NOW,
        launched_at=NOW,
        key_number=1,
    )
    context.campaigns.create(campaign, Body('<a href="{{ unsubscribe_url }}">Leave</a>', None))
    delivery_id = make_delivery_id(b"a key for tests", 1, campaign.campaign_id, lead.lead_id)
    url = f"https://track.example/t/u/{delivery_id}"
    delivery = Delivery(campaign.campaign_id, lead.lead_id, DeliveryStatus.SENT, NOW, "0.0", email=lead.email)
    # A mail's Message-ID begins with the delivery's id, and mail servers quote it.
    quoted = f"550 5.7.1 <{delivery_id}@acme.example> refused"
    record_claim(context.deliveries, replace(delivery, subject=f"To leave: {url}", detail=quoted, sent_at=NOW))
    whose = (campaign.campaign_id, lead.lead_id)
    encoded = url.replace(":", "%3A").replace("/", "%2F")
    for link, at in (("1m", NOW), ("2m", NOW + timedelta(minutes=1))):
        context.deliveries.record_click(*whose, link, Click(at, f"https://acme.example/?back={encoded}&x=1"))
    FeedbackRecords(dynamodb, tables.deliveries, BurstRule()).record(*whose, FeedbackKind.BOUNCED_HARD, NOW, quoted)
    hot = WrittenRule("Hot", When(Trigger.CLICKED), If(), (Action(ActionKind.ADD_TAG, "hot"),))
    rule_id = context.rule_editor.create(hot, NOW).rule_id
    clicked = Incident(
        Trigger.CLICKED,
        NOW,
        campaign.campaign_id,
        campaign.title,
        lead.lead_id,
        f"https://acme.example/?back={encoded}",
    )
    Automation(context.rules, context.leads, context.acts, lambda: NOW).handle(clicked)
    context.recounts.begin(campaign.campaign_id, None, NOW)
    return World(ApiClient(context), campaign.campaign_id, lead.lead_id, delivery_id, rule_id)


def ids_in(text: str) -> set[str]:
    """Every delivery id in a text from which a working link could be made, whatever stands around it."""
    runs = re.findall(r"[\w-]{48,}", text)
    windows = {run[start : start + 48] for run in runs for start in range(len(run) - 47)}
    return {window for window in windows if read_delivery_id(window, KEYS) is not None}


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.handler.__name__)
def test_a_reading_token_sees_no_delivery_id_anywhere(world: World, operation: Operation) -> None:
    world.api.sign_in(Scope.READ)
    reply = world.get(operation)
    needs_full = "{delivery_id}" in operation.path or operation.path == "/v1/tokens"
    assert reply.status == (403 if needs_full else 200), reply.body
    assert ids_in(reply.body + str(reply.headers)) == set()
    # Not so much of one that the rest could be guessed.
    assert world.delivery_id[2:33] not in reply.body


@pytest.mark.parametrize("handler", ["list_deliveries", "export_deliveries", "get_timeline", "get_rule_log"])
def test_a_full_token_sees_what_the_reading_one_does_not(world: World, handler: str) -> None:
    world.api.sign_in(Scope.FULL)
    (operation,) = (each for each in READS if each.handler.__name__ == handler)
    assert ids_in(world.get(operation).body) == {world.delivery_id}


def test_what_stands_around_a_hidden_id_stays(world: World) -> None:
    world.api.sign_in(Scope.READ)
    (delivery,) = world.api("GET", f"/v1/campaigns/{world.campaign_id}/deliveries").json["items"]
    assert delivery["delivery_id"] is None
    assert delivery["detail"] == "550 5.7.1 <…@acme.example> refused"
    (event,) = (
        each
        for each in world.api("GET", f"/v1/leads/{world.lead_id}/timeline").json["items"]
        if each["type"] == "campaign_delivery"
    )
    assert event["subject"] == "To leave: https://track.example/t/u/…"
    assert [link["url"][-8:] for link in event["links"]] == ["%2F…&x=1"] * 2
