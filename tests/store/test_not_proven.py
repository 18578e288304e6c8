"""What cannot be proven does not leave by itself: at the API, in a schedule and at launch, on real engines."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.content.errors import NotProven
from chalicelib.content.proof import Proof
from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Campaign, CampaignStatus, LaunchedMail, ProofResult, Schedule
from chalicelib.model.delivery import Tracking
from chalicelib.model.errors import Conflict, Fault
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import SCHEDULE
from chalicelib.model.messages import LaunchMessage
from chalicelib.sqs import Queue, QueueUnavailable
from chalicelib.store import keys
from chalicelib.store.client import to_item
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.moves import bring_to
from tests.store.test_campaigns_api import OpenQueue, written
from tests.store.test_schedule import AT, DUE, ZONE, ScheduledWorld
from tests.store.test_schedule_api import SOON, Scheduler
from tests.store.test_sending import NOW, Died
from tests.wired import schedules_over

pytestmark = pytest.mark.usefixtures("few_shards")

LINK = '<a href="https://acme.example/prices">our prices</a>'
TOO_MANY_TAGS = f"<p>See {LINK}{'<br>' * 10_000}</p>"
HTML_IN_SVG = f"<p>See {LINK}\n<table><svg><html>"
"""html5lib 1.1 ends with an error: `<html>` in foreign content that was moved out of a table."""


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ScheduledWorld:
    return ScheduledWorld(dynamodb, tables)


def unproven(world: ScheduledWorld, html: str = HTML_IN_SVG) -> CampaignId:
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"html": html}, NOW)
    return campaign_id


def proof(world: ScheduledWorld, campaign_id: CampaignId) -> ProofResult | None:
    return world.campaigns.find_launched(world.campaign(campaign_id)).proof


def send_everything(world: ScheduledWorld, campaign_id: CampaignId) -> int:
    """Launch, plan and send; how many mails left."""
    world.launcher.launch(campaign_id, NOW)
    world.plan_all()
    world.send_all()
    return len(world.mail.accepted)


@pytest.mark.parametrize(("html", "line"), [(TOO_MANY_TAGS, 1), (HTML_IN_SVG, 2)], ids=["tags", "html in svg"])
def test_what_is_not_proven_is_refused_with_its_place_and_nothing_changes(
    world: ScheduledWorld, html: str, line: int
) -> None:
    campaign_id = unproven(world, html)
    before = world.campaign(campaign_id)
    send, schedule = world.control.send_now, partial(world.control.schedule, local=AT, timezone=ZONE)
    for move in (send, schedule):
        with pytest.raises(NotProven) as error:
            move(campaign_id, now=NOW)
        (fault,) = error.value.faults
        assert (fault.field, fault.line) == ("html", line)
    assert world.campaign(campaign_id) == before
    assert world.schedules.waiting == {}
    assert world.sqs.bodies == {}


def test_a_waived_campaign_leaves_and_says_so(world: ScheduledWorld) -> None:
    campaign_id = unproven(world)
    assert world.control.send_now(campaign_id, NOW, waived=["proof"]).proof_waived
    assert send_everything(world, campaign_id) == 1
    result = proof(world, campaign_id)
    assert result is not None
    assert (result.state, result.text) == ("waived", "Sent without the check, at your request.")


def test_what_is_proven_needs_no_waiver_and_keeps_none(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.draft()
    assert not world.control.send_now(campaign_id, NOW, waived=["proof"]).proof_waived
    assert send_everything(world, campaign_id) == 1
    result = proof(world, campaign_id)
    assert result is not None
    # The author's link; the unsubscribe link of the footer is ours.
    assert result.text == "Checked: 1 link tracked, 0 left as they are, nothing else changed."


def test_a_campaign_without_tracking_is_proven_as_it_leaves(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"tracking": Tracking.NONE}, NOW)
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(0, 1)


def test_plain_text_has_nothing_to_prove(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"html": None, "text": "Hello"}, NOW)
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) is None


def test_a_waiver_is_kept_with_a_schedule_until_it_is_unscheduled(world: ScheduledWorld) -> None:
    campaign_id = unproven(world)
    assert world.control.schedule(campaign_id, AT, ZONE, NOW, waived=["proof"]).proof_waived
    assert not world.control.unschedule(campaign_id).proof_waived
    with pytest.raises(NotProven):
        world.control.schedule(campaign_id, AT, ZONE, NOW)
    world.control.schedule(campaign_id, AT, ZONE, NOW, waived=["proof"])
    assert world.fire(campaign_id, world.only_schedule(campaign_id)) is CampaignStatus.PLANNING
    result = proof(world, campaign_id)
    assert result is not None
    assert result.state == "waived"


def test_scheduling_again_asks_again(world: ScheduledWorld) -> None:
    campaign_id = unproven(world)
    world.control.schedule(campaign_id, AT, ZONE, NOW, waived=["proof"])
    with pytest.raises(NotProven):
        world.control.schedule(campaign_id, "2026-12-02T09:00", ZONE, NOW)
    with pytest.raises(NotProven):
        world.control.send_now(campaign_id, NOW)
    assert world.campaign(campaign_id).proof_waived, "the schedule that was asked for first is as it was"


@pytest.mark.parametrize("scheduled", [True, False])
def test_what_a_queue_refuses_is_waived_as_it_was_before(world: ScheduledWorld, scheduled: bool) -> None:
    campaign_id = unproven(world)
    if scheduled:
        world.control.schedule(campaign_id, AT, ZONE, NOW, waived=["proof"])
    before = world.campaign(campaign_id)

    class Down(Queue):
        def put(self, messages: Any) -> None:
            raise QueueUnavailable

    with pytest.raises(QueueUnavailable):
        world.control_by(Down(world.sqs, "launch"), world.schedules).send_now(campaign_id, NOW, waived=["proof"])
    after = world.campaign(campaign_id)
    assert (after.status, after.proof_waived) == (before.status, scheduled)


def test_what_an_earlier_release_scheduled_is_missed_with_the_reason_and_can_be_sent_anyway(
    world: ScheduledWorld,
) -> None:
    campaign_id = unproven(world)
    draft = world.campaign(campaign_id)
    world.schedules.create(campaign_id, "s", DUE)
    assert world.campaigns.move(campaign_id, SCHEDULE, as_read=draft, schedule=Schedule("s", DUE, AT, ZONE))
    assert world.fire(campaign_id, "s") is CampaignStatus.MISSED
    missed = world.campaign(campaign_id)
    assert "so it was not sent: html at line 2, column " in (missed.status_reason or "")
    assert world.sqs.bodies == {}
    assert proof(world, campaign_id) is None
    world.control.send_now(campaign_id, DUE + timedelta(hours=1), waived=["proof"])
    assert send_everything(world, campaign_id) == 1


def test_what_an_earlier_release_was_asked_to_send_is_a_draft_again_and_not_waived_when_edited(
    world: ScheduledWorld,
) -> None:
    campaign_id = unproven(world)
    bring_to(world.campaigns, campaign_id, CampaignStatus.PLANNING)
    world.launcher.handle(LaunchMessage(campaign_id), NOW)
    returned = world.campaign(campaign_id)
    assert returned.status is CampaignStatus.DRAFT
    assert "could not confirm this email" in (returned.status_reason or "")
    assert world.sqs.bodies == {}
    edited = world.drafts.change(campaign_id, {"html": f"<p>{LINK}</p>"}, NOW).campaign
    assert (edited.status_reason, edited.proof_waived) == (None, False)
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(1, 0)


def test_a_campaign_is_returned_with_a_short_reason_however_long_the_link_is(world: ScheduledWorld) -> None:
    """DynamoDB's rows hold 400 KB, and what a fault quotes may be longer."""
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    proof = Proof(0, 0, (Fault("html", f"the link goes to https://a.example/{'d' * 900_000}"),))
    replace(world.launcher, _prove=lambda *_: proof).launch(campaign_id, NOW)
    returned = world.campaign(campaign_id)
    assert returned.status is CampaignStatus.DRAFT
    assert len(returned.status_reason or "") < 1_000


def test_an_edit_after_the_check_is_a_conflict(world: ScheduledWorld) -> None:
    """Else a waiver would hold for content that nobody has seen refused."""
    campaign_id = unproven(world)

    def edited_meanwhile(campaign: Campaign) -> Any:
        found = world.prove(campaign)
        world.drafts.change(campaign_id, {"html": TOO_MANY_TAGS}, NOW)
        return found

    control = replace(world.control, _prove=edited_meanwhile)
    with pytest.raises(Conflict):
        control.schedule(campaign_id, AT, ZONE, NOW, waived=["proof"])
    with pytest.raises(Conflict):
        control.send_now(campaign_id, NOW, waived=["proof"])
    assert world.campaign(campaign_id).status is CampaignStatus.DRAFT
    assert world.schedules.waiting[campaign_id] == {}


class Mortal:
    """A client whose process dies in place of one of its writes."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.writes_left = 10**6

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def write(**arguments: Any) -> Any:
            self.writes_left -= 1
            if self.writes_left < 0:
                raise Died
            return method(**arguments)

        return write if name in ("put_item", "update_item", "transact_write_items") else method


@pytest.mark.one_engine
@pytest.mark.parametrize("writes", range(5))
def test_a_launch_that_dies_at_any_write_is_repeated_and_says_the_same(
    dynamodb: Any, tables: TableNames, writes: int
) -> None:
    mortal = Mortal(dynamodb)
    world = ScheduledWorld(mortal, tables)
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    mortal.writes_left = writes
    with pytest.raises(Died):
        world.launcher.launch(campaign_id, NOW)
    assert "plan" not in world.sqs.bodies
    mortal.writes_left = 10**6
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(1, 0)


def test_a_launch_that_has_stored_its_content_is_not_taken_back_by_its_repetition(
    dynamodb: Any, tables: TableNames
) -> None:
    """A proof ends by CPU time as well: what has been proven once may take too long on a slower machine."""
    mortal = Mortal(dynamodb)
    world = ScheduledWorld(mortal, tables)
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    mortal.writes_left = 4  # its key, what the reports say, and both forms of the mail
    with pytest.raises(Died):
        world.launcher.launch(campaign_id, NOW)
    mortal.writes_left = 10**6
    world.launcher = replace(world.launcher, _prove=lambda *_: Proof(0, 0, (Fault("html", "took too long"),)))
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(1, 0)


def test_what_an_earlier_release_launched_is_read_and_gives_way_to_a_later_launch(
    dynamodb: Any, tables: TableNames, world: ScheduledWorld
) -> None:
    """Its rows name no version and no proof."""
    world.lead(1)
    campaign_id = world.draft()
    said = zlib.compress(json.dumps({"links": [], "html_bytes": 5}).encode())
    row = keys.campaign_blob(campaign_id, "launched", 0) | to_item({"data": said, "pieces": 1})
    dynamodb.put_item(TableName=tables.campaigns, Item=row)
    assert world.campaigns.find_launched(world.campaign(campaign_id)) == LaunchedMail((), 5)
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(1, 0)


def test_what_was_edited_after_an_interrupted_launch_leaves_as_edited(world: ScheduledWorld) -> None:
    """A queue may take a launch message and answer with an error. Then the campaign is a draft again."""
    world.lead(1)
    campaign_id = world.draft()

    class TakesAndFails(Queue):
        def put(self, messages: Any) -> None:
            world.launcher.launch(campaign_id, NOW)
            raise QueueUnavailable

    with pytest.raises(QueueUnavailable):
        world.control_by(TakesAndFails(world.sqs, "launch"), world.schedules).send_now(campaign_id, NOW)
    world.plan_all()
    assert "send" not in world.sqs.bodies
    world.drafts.change(campaign_id, {"html": HTML_IN_SVG}, NOW)
    bring_to(world.campaigns, campaign_id, CampaignStatus.PLANNING)
    world.launcher.launch(campaign_id, NOW)
    assert world.campaign(campaign_id).status is CampaignStatus.DRAFT, "what was proven before the edit says nothing"
    world.drafts.change(campaign_id, {"html": "<p>As edited</p>"}, NOW)
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert b"As edited" in world.mail.accepted[0].message
    assert proof(world, campaign_id) == ProofResult(0, 0)


# -- As a client sees it -----------------------------------------------------------------------------------------------


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    context = context_of(dynamodb, tables, sqs=OpenQueue(), schedules=schedules_over(Scheduler()))
    create_lead(context.leads, {"entity": "acme", "stage": "New", "email": "ann@acme.example"}, NOW)
    return ApiClient(context).sign_in()


@pytest.mark.parametrize(("verb", "body"), [("send", {}), ("schedule", SOON)])
def test_the_api_refuses_with_the_places_and_does_it_when_the_proof_is_waived(
    api: ApiClient, verb: str, body: dict[str, Any]
) -> None:
    campaign = written(api, html=HTML_IN_SVG)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    preflight = api("GET", f"{path}/preflight").json
    assert preflight["proof"] is None
    (finding,) = [each for each in preflight["findings"] if each["severity"] == "error"]
    assert finding["code"] == "not_proven"
    key = {"Idempotency-Key": "once"}
    refused = api("POST", f"{path}/{verb}", body, key)
    assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:not-proven")
    (error,) = refused.json["errors"]
    assert error["reason"].casefold() in finding["message"].casefold()
    assert [error.get(name) for name in ("field", "line", "column")] == [
        finding[name] for name in ("field", "line", "column")
    ]
    assert api("GET", path).json == campaign
    assert api("POST", f"{path}/{verb}", body | {"proof": "please"}).status == 422
    waived = body | {"proof": "waived"}
    (error,) = api("POST", f"{path}/{verb}", waived).json["errors"]
    assert error == {"field": "version", "reason": 'is required with "proof": "waived"'}
    assert api("GET", path).json == campaign
    waived["version"] = campaign["version"]
    done = api("POST", f"{path}/{verb}", waived, key)
    assert (done.status, done.json["proof_waived"]) == (202, True)
    repeated = api("POST", f"{path}/{verb}", waived, key)
    assert (repeated.body, repeated.headers.get("Idempotent-Replayed")) == (done.body, "true")
    assert api("GET", path).json["proof_waived"]
    copy = api("POST", f"{path}/duplicate").json
    assert (copy["proof_waived"], copy["proof"]) == (False, None)


@pytest.mark.parametrize(("verb", "body"), [("send", {}), ("schedule", SOON)])
def test_a_waiver_is_for_the_version_that_was_refused(api: ApiClient, verb: str, body: dict[str, Any]) -> None:
    refused = written(api, html=TOO_MANY_TAGS)
    path = f"/v1/campaigns/{refused['campaign_id']}"
    assert api("POST", f"{path}/{verb}", body).json["type"] == "urn:leadflip:problem:not-proven"
    changed = api("PATCH", path, {"html": HTML_IN_SVG}).json
    waived = body | {"proof": "waived", "version": refused["version"]}
    reply = api("POST", f"{path}/{verb}", waived)
    assert (reply.status, reply.json["type"]) == (409, "urn:leadflip:problem:conflict")
    assert "You have version 1, it is at version 2" in reply.json["detail"]
    assert api("GET", path).json == changed


def test_a_version_without_a_waiver_is_the_only_one_that_is_sent(api: ApiClient) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    api("PATCH", path, {"title": "Another"})
    assert api("POST", f"{path}/send", {"version": 1}).status == 409
    assert api("POST", f"{path}/send", {"version": 2}).status == 202


def test_preflight_says_what_was_checked(api: ApiClient) -> None:
    html = f'<p>{LINK} <a href="mailto:desk@acme.example">Write to us</a></p>'
    campaign = written(api, html=html)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    assert api("GET", f"{path}/preflight").json["proof"] == {
        "state": "proven",
        "tracked": 1,
        "untracked": 1,
        "text": "Checked: 1 link tracked, 1 left as it is, nothing else changed.",
    }
    untracked = written(api, html=html, tracking="none")
    assert api("GET", f"/v1/campaigns/{untracked['campaign_id']}/preflight").json["proof"]["untracked"] == 2


def test_a_launched_campaign_and_its_stats_say_what_was_proven(api: ApiClient) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    api("POST", f"{path}/send")
    assert api("GET", path).json["proof"] is None
    assert api("GET", f"{path}/stats").json["proof"] is None
    mail = LaunchedMail(html_bytes=2_400, proof=ProofResult(14, 2))
    api.context.campaigns.save_launched(api.context.campaigns.get(CampaignId(campaign["campaign_id"])), mail)
    for shown in (api("GET", path).json["proof"], api("GET", f"{path}/stats").json["proof"]):
        assert shown["text"] == "Checked: 14 links tracked, 2 left as they are, nothing else changed."
