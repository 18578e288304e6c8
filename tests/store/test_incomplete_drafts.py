"""A draft may lack anything; what is missing is said where it is sent, and nothing is sent without it."""

from typing import Any

import pytest

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.lifecycle import SEND
from chalicelib.sending.budget import OwnServer
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.store.test_campaigns_api import WRITTEN, Identities, OpenQueue
from tests.store.test_schedule import ScheduledWorld
from tests.store.test_schedule_api import SOON, Scheduler
from tests.store.test_sending import NOW, MailService
from tests.wired import schedules_over

FIELDS = ["title", "subject", "from_email", "audience.entity", "audience.stages", "html"]


@pytest.fixture
def queue() -> OpenQueue:
    return OpenQueue()


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, queue: OpenQueue) -> ApiClient:
    context = context_of(
        dynamodb,
        tables,
        sqs=queue,
        keys=KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}'),
        ses=Identities(),
        schedules=schedules_over(Scheduler()),
        transport=MailService(),
        budget=OwnServer(),
    )
    return ApiClient(context).sign_in()


def errors_of(api: ApiClient, path: str) -> list[tuple[str, str]]:
    """Code and field of the errors that the pre-send check finds."""
    findings = api("GET", f"{path}/preflight").json["findings"]
    return [(each["code"], each["field"]) for each in findings if each["severity"] == "error"]


def test_a_draft_is_saved_from_the_first_word_and_sent_when_all_is_there(api: ApiClient, queue: OpenQueue) -> None:
    api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "ann@example.com"})
    draft = api("POST", "/v1/campaigns", {}).json
    path = f"/v1/campaigns/{draft['campaign_id']}"
    for changes in ({"title": "P"}, {"title": ""}, {"html": "<p>Hi {{ lead.first_name }}"}, {"html": ""}):
        draft = api("PATCH", path, changes).json
    nothing = {"title": "", "subject": "", "from_email": "", "html": None, "text": None, "version": 5}
    nobody = {"entity": "", "stages": [], "tags": [], "behavior": []}
    assert draft == draft | nothing | {"audience": nobody, "status": "draft"}
    assert api("GET", f"{path}/audience").json["total"] == 0
    assert api("GET", f"{path}/preview.html").status == 200
    assert errors_of(api, path) == [("missing", field) for field in FIELDS]

    for verb, body in (("send", {}), ("schedule", SOON)):
        refused = api("POST", f"{path}/{verb}", body)
        assert (refused.status, refused.json["type"]) == (422, "urn:leadflip:problem:incomplete-campaign")
        assert [each["field"] for each in refused.json["errors"]] == FIELDS
    tested = api("POST", f"{path}/test", {"to": ["me@acme.example"]})
    assert [each["field"] for each in tested.json["errors"]] == ["subject", "from_email", "html"]
    assert api("GET", path).json == draft
    assert queue.bodies == []

    api("PATCH", path, {name: value for name, value in WRITTEN.items() if name != "title"})
    assert errors_of(api, path) == [("missing", "title")]
    api("PATCH", path, {"title": "Prices"})
    assert errors_of(api, path) == []
    assert api("POST", f"{path}/send").status == 202


@pytest.mark.one_engine
def test_what_a_draft_has_is_checked_though_the_rest_is_missing(api: ApiClient) -> None:
    for changes, field in (({"html": "{{ nonsense }}"}, "html"), ({"subject": "{{ lead"}, "subject")):
        refused = api("POST", "/v1/campaigns", changes)
        assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field])
    assert api("GET", "/v1/campaigns").json["items"] == []
    draft = api("POST", "/v1/campaigns", {"html": "<p>{{ 1/0 }}", "from_email": "news@other.example"}).json
    found = errors_of(api, f"/v1/campaigns/{draft['campaign_id']}")
    assert {"rendering_failed", "sender_not_verified"} < {code for code, _ in found}


@pytest.mark.one_engine
def test_the_copy_of_an_untitled_draft_has_no_title(api: ApiClient) -> None:
    draft = api("POST", "/v1/campaigns", {"subject": "Prices"}).json
    copy = api("POST", f"/v1/campaigns/{draft['campaign_id']}/duplicate").json
    assert (copy["title"], copy["subject"]) == ("", "Prices")


@pytest.mark.one_engine
def test_the_launch_gives_an_incomplete_campaign_back(dynamodb: Any, tables: TableNames) -> None:
    """`send` refuses it; this is the second line of defence."""
    world = ScheduledWorld(dynamodb, tables)
    world.lead(1)
    campaign_id = world.draft()
    campaign = world.drafts.change(campaign_id, {"subject": ""}, NOW).campaign
    assert world.campaigns.move(campaign_id, SEND, as_read=campaign, launched_at=NOW)
    world.launcher.launch(campaign_id, NOW)
    returned = world.campaign(campaign_id)
    assert returned.status is CampaignStatus.DRAFT
    assert returned.status_reason == "Complete the campaign before you send it: subject is missing."
    assert world.sqs.bodies == {}
