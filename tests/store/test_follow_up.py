"""Follow-ups: an audience by what leads did with an earlier campaign, on a real engine."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.crm.audience import Audiences, did
from chalicelib.model.campaign import Audience, Behavior, Did
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.ids import CampaignId, LeadId
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.claiming import record_claim, record_sent
from tests.store.cost_model import counted_calls
from tests.store.test_sending import NOW, World

pytestmark = pytest.mark.usefixtures("few_shards")

REACTIONS = ("nothing", "opened", "proxied", "clicked", "swept", "failed", "not sent")
EXPECTED = {
    Did.OPENED: {"opened", "clicked"},
    Did.NOT_OPENED: {"nothing", "proxied", "swept"},
    Did.CLICKED: {"clicked"},
    Did.NOT_CLICKED: {"nothing", "opened", "proxied", "swept"},
}


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> World:
    return World(dynamodb, tables)


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, world: World) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables, sqs=world.sqs)).sign_in()


@pytest.fixture
def people(world: World) -> dict[str, LeadId]:
    return {reaction: world.lead(number).lead_id for number, reaction in enumerate(REACTIONS)}


@pytest.fixture
def first(world: World, people: dict[str, LeadId]) -> CampaignId:
    """A launched campaign, and what its recipients did with it."""
    campaign_id = world.launched()
    table = world.deliveries
    for reaction, lead_id in people.items():
        ids = (campaign_id, lead_id)
        if reaction == "not sent":
            continue
        claimed = Delivery(*ids, DeliveryStatus.SENDING, NOW, "0.0", email="x@acme.example")
        record_claim(table, claimed)
        if reaction == "failed":
            table.record_failed(claimed, reason="rejected", detail=None)
            continue
        record_sent(table, *ids, at=NOW, message_id="m", subject="s")
        if reaction == "opened":
            table.record_open(*ids, at=NOW, machine=None)
        if reaction == "proxied":
            table.record_open(*ids, at=NOW, machine="privacy_proxy")
        if reaction == "clicked":
            table.record_click(*ids, "1", Click(NOW, None))  # without images
        if reaction == "swept":
            for number in range(4):
                table.record_click(*ids, str(number), Click(NOW + timedelta(milliseconds=200 * number), None))
    return campaign_id


def chosen(world: World, audience: Audience, people: dict[str, LeadId]) -> set[str]:
    names = {lead_id: name for name, lead_id in people.items()}
    return {names[lead.lead_id] for lead in world.audiences.members(audience)}


@pytest.mark.parametrize("what", Did)
def test_an_audience_is_those_who_did_it_as_persons(
    world: World, people: dict[str, LeadId], first: CampaignId, what: Did
) -> None:
    campaign = world.campaigns.find(first)
    assert campaign is not None
    audience = Audience(campaign.audience.entity, campaign.audience.stages, (), (Behavior(first, what),))
    assert chosen(world, audience, people) == EXPECTED[what]
    assert world.audiences.count(audience) == (len(EXPECTED[what]), False)
    assert not world.audiences.is_empty(audience)


def test_behaviors_add_up(world: World, people: dict[str, LeadId], first: CampaignId) -> None:
    campaign = world.campaigns.find(first)
    assert campaign is not None
    entity, stages = campaign.audience.entity, campaign.audience.stages
    both = (Behavior(first, Did.OPENED), Behavior(first, Did.NOT_CLICKED))
    assert chosen(world, Audience(entity, stages, (), both), people) == {"opened"}
    neither = (Behavior(first, Did.CLICKED), Behavior(first, Did.NOT_OPENED))
    assert world.audiences.is_empty(Audience(entity, stages, (), neither))


def test_a_follow_up_is_a_draft_and_goes_to_those_who_have_not_reacted_when_it_is_sent(
    world: World, api: ApiClient, people: dict[str, LeadId], first: CampaignId
) -> None:
    reply = api("POST", f"/v1/campaigns/{first}/follow-up", {"to": "not_opened"})
    assert reply.status == 201, reply.body
    draft = reply.json
    original = api("GET", f"/v1/campaigns/{first}").json
    assert draft["status"] == "draft"
    assert draft["title"] == f"{original['title']} (follow-up)"
    assert {name: draft[name] for name in ("subject", "html", "from_email")} == {
        name: original[name] for name in ("subject", "html", "from_email")
    }
    assert draft["audience"] == original["audience"] | {"behavior": [{"campaign_id": first, "did": "not_opened"}]}
    path = f"/v1/campaigns/{draft['campaign_id']}"
    shown = api("GET", f"/v1/previews/leads?audience={quote(json.dumps(draft['audience']))}").json["items"]
    assert {each["lead_id"] for each in shown} == {people[name] for name in ("nothing", "proxied", "swept")}
    assert api("GET", f"{path}/audience").json == {"total": 3, "at_least": False}
    # One more opens before it is sent.
    world.deliveries.record_open(first, people["nothing"], at=NOW, machine=None)
    follow_up = CampaignId(draft["campaign_id"])
    world.control.send_now(follow_up, NOW)
    world.launcher.launch(follow_up, NOW)
    world.plan_all()
    planned = {
        lead for body in world.sqs.bodies["send"] if body["campaign_id"] == follow_up for lead in body["lead_ids"]
    }
    assert planned == {people["proxied"], people["swept"]}
    progress = world.plans.find_progress(follow_up)
    assert progress is not None
    assert (progress.planned, progress.complete) == (2, True)


def test_a_follow_up_is_for_leads_whose_stage_has_changed_since(
    world: World, api: ApiClient, people: dict[str, LeadId], first: CampaignId
) -> None:
    api("PATCH", f"/v1/leads/{people['clicked']}", {"stage": "Hot"})
    api("POST", "/v1/leads", {"entity": "other", "stage": "Elsewhere"})
    draft = api("POST", f"/v1/campaigns/{first}/follow-up", {"to": "clicked"}).json
    original = api("GET", f"/v1/campaigns/{first}").json["audience"]
    assert draft["audience"]["stages"] == [*original["stages"], "Hot"]
    assert api("GET", f"/v1/campaigns/{draft['campaign_id']}/audience").json == {"total": 1, "at_least": False}


def test_a_follow_up_names_the_stages_that_rules_move_leads_to(api: ApiClient, first: CampaignId) -> None:
    """Such a stage may be too rare for a sample of the leads to show it."""
    for name, stage, entity in (("clicks", "Rare", None), ("others", "Elsewhere", "other")):
        rule = {"name": name, "when": {"event": "clicked"}, "then": [{"action": "change_stage", "stage": stage}]}
        assert api("POST", "/v1/rules", rule | ({"if": {"entity": entity}} if entity else {})).status == 201
    draft = api("POST", f"/v1/campaigns/{first}/follow-up", {"to": "clicked"}).json
    original = api("GET", f"/v1/campaigns/{first}").json["audience"]
    assert draft["audience"]["stages"] == [*original["stages"], "Rare"]


def test_a_follow_up_that_nobody_is_left_for_is_not_sent(
    world: World, api: ApiClient, people: dict[str, LeadId], first: CampaignId
) -> None:
    draft = api("POST", f"/v1/campaigns/{first}/follow-up", {"to": "clicked"}).json
    api("POST", f"/v1/leads/{people['clicked']}/unsubscribe")
    reply = api("POST", f"/v1/campaigns/{draft['campaign_id']}/send")
    assert (reply.status, reply.json["type"]) == (422, "urn:leadflip:problem:audience-is-empty")


def test_planning_a_follow_up_reads_the_planned_leads_deliveries_alone(
    world: World, people: dict[str, LeadId], first: CampaignId, dynamodb: Any
) -> None:
    campaign = world.campaigns.find(first)
    assert campaign is not None
    audience = Audience(campaign.audience.entity, campaign.audience.stages, (), (Behavior(first, Did.OPENED),))
    with counted_calls(dynamodb) as calls:
        list(world.audiences.members(audience))
    assert calls["Scan"] == 0
    assert calls["BatchGetItem"] == 1


@pytest.mark.parametrize(
    ("behavior", "field"),
    [
        ([{"campaign_id": "cmp_" + "0" * 24, "did": "opened"}], "audience.behavior[0].campaign_id"),
        ([{"campaign_id": "x", "did": "opened"}], "audience.behavior[0].campaign_id"),
        ([{"campaign_id": "", "did": "opened"}], "audience.behavior[0].campaign_id"),
        ([{"campaign_id": "FIRST", "did": "bought"}], "audience.behavior[0].did"),
    ],
)
def test_wrong_behavior_is_refused_by_field(
    api: ApiClient, first: CampaignId, behavior: list[dict[str, str]], field: str
) -> None:
    said = [{name: value.replace("FIRST", first) for name, value in each.items()} for each in behavior]
    draft = api("POST", f"/v1/campaigns/{first}/duplicate").json
    audience = {"entity": "acme", "stages": ["New"], "behavior": said}
    reply = api("PATCH", f"/v1/campaigns/{draft['campaign_id']}", {"audience": audience})
    assert reply.status == 422, reply.body
    assert [each["field"] for each in reply.json["errors"]] == [field]
    assert api("GET", f"/v1/campaigns/{draft['campaign_id']}").json == draft


def test_there_is_no_follow_up_to_what_was_not_sent_or_names_nobody(
    world: World, api: ApiClient, first: CampaignId
) -> None:
    draft = api("POST", f"/v1/campaigns/{first}/duplicate").json["campaign_id"]
    assert api("POST", f"/v1/campaigns/{draft}/follow-up", {"to": "opened"}).json["type"].endswith("wrong-status")
    api("PATCH", f"/v1/campaigns/{draft}", {"tracking": Tracking.ANONYMOUS.value})
    world.control.send_now(CampaignId(draft), datetime.now(UTC))
    reply = api("POST", f"/v1/campaigns/{draft}/follow-up", {"to": "opened"})
    assert (reply.status, reply.json["type"]) == (409, "urn:leadflip:problem:names-nobody")


def test_counting_ends_when_its_time_is_over(
    world: World, api: ApiClient, people: dict[str, LeadId], first: CampaignId
) -> None:
    campaign = world.campaigns.find(first)
    assert campaign is not None
    audience = Audience(campaign.audience.entity, campaign.audience.stages, (), (Behavior(first, Did.NOT_OPENED),))
    seconds = iter(range(0, 10_000, 30))
    hurried = Audiences(world.leads, world.deliveries, clock=lambda: next(seconds))
    assert hurried.count(audience) == (0, True)
    assert hurried.count(replace(audience, behavior=())) == (0, True)
    draft = api("POST", f"/v1/campaigns/{first}/follow-up", {"to": "not_opened"}).json
    api.context.audiences = hurried
    checked = api("GET", f"/v1/campaigns/{draft['campaign_id']}/preflight").json
    assert (checked["audience_looked_at"], checked["audience_is_whole"]) == (0, False)
    assert "audience_empty" not in {each["code"] for each in checked["findings"]}


def test_who_was_not_sent_the_mail_did_nothing_and_did_not_do_nothing() -> None:
    failed = Delivery(CampaignId("c"), LeadId("l"), DeliveryStatus.FAILED, NOW, "0.0")
    assert not any(did(failed, what) for what in Did)
