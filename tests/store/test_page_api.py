"""What the API has for the page: the searched list with numbers, names to choose from, the mail in a frame."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.analytics.fold import fold
from chalicelib.campaigns.preview import POLICY
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, new_lead_id
from chalicelib.store.stream_records import Change
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.claiming import record_claim
from tests.moves import bring_to

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WRITTEN = {
    "title": "Spring prices",
    "subject": "For {{ lead.first_name }}",
    "from_email": "news@shop.example",
    "html": '<p>Hi {{ lead.first_name }}, <a href="https://shop.example/a">one</a> <a href="https://shop.example/a">two</a>',
    "audience": {"entity": "acme", "stages": ["New"]},
}


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


@pytest.fixture
def write(api: ApiClient) -> Callable[..., CampaignId]:
    def make(**said: Any) -> CampaignId:
        reply = api("POST", "/v1/campaigns", WRITTEN | said)
        assert reply.status == 201, reply.body
        return CampaignId(reply.json["campaign_id"])

    return make


def launch(api: ApiClient, campaign_id: CampaignId, leads: list[LeadId]) -> None:
    context = api.context
    bring_to(context.campaigns, campaign_id, CampaignStatus.SENDING, launched_at=NOW)
    context.plans.begin(campaign_id, 1)
    context.plans.record_page(campaign_id, "0.0", 1, leads, None)
    context.plans.record_unit_done(campaign_id, "0.0")


def titles(api: ApiClient, url: str) -> list[str]:
    return [item["title"] for item in api("GET", url).json["items"]]


def test_the_list_is_searched_in_titles_and_subjects(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    write(title="Winter")
    write(title="Other", subject="The WINTER is over")
    write(title="Summer")
    assert titles(api, "/v1/campaigns?q=winter") == ["Other", "Winter"]
    assert titles(api, "/v1/campaigns?status=sent") == []
    assert titles(api, "/v1/campaigns?q=nothing") == []


def test_a_searched_list_goes_on_where_it_stopped(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    for number in range(7):
        write(title=f"{'Even' if number % 2 == 0 else 'Odd'} {number}")
    found, cursor = [], ""
    while True:
        page = api("GET", f"/v1/campaigns?q=even&limit=2{cursor}").json
        assert len(page["items"]) <= 2
        found += [item["title"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == ["Even 6", "Even 4", "Even 2", "Even 0"]


def test_the_list_is_sorted_and_counted_by_status(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    sent, *_ = (write(title=title) for title in ("pears", "Apples", "Figs"))
    launch(api, sent, [])
    assert titles(api, "/v1/campaigns?sort=created&order=asc") == ["pears", "Apples", "Figs"]
    assert titles(api, "/v1/campaigns?sort=title") == ["Apples", "Figs", "pears"]
    assert titles(api, "/v1/campaigns?sort=date&status=draft") == ["Figs", "Apples"]
    assert titles(api, "/v1/campaigns?sort=title&status=draft&status=sending") == ["Apples", "Figs", "pears"]
    first = api("GET", "/v1/campaigns?sort=title&order=desc&limit=2&counts=true").json
    rest = api("GET", f"/v1/campaigns?sort=title&order=desc&limit=2&cursor={first['cursor']}").json
    assert [each["title"] for each in first["items"] + rest["items"]] == ["pears", "Figs", "Apples"]
    assert (first["counts"]["total"], first["counts"]["is_whole"], rest["counts"]) == (3, True, None)
    assert {status: count for status, count in first["counts"]["by_status"].items() if count} == {
        "sending": 1,
        "draft": 2,
    }
    refused = api("GET", f"/v1/campaigns?sort=title&order=asc&cursor={first['cursor']}")
    assert (refused.status, refused.json["type"]) == (400, "urn:leadflip:problem:invalid-cursor")


def test_the_list_says_what_the_stats_say(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    draft, sent = write(title="Draft"), write(title="Sent")
    leads = [new_lead_id() for _ in range(3)]
    launch(api, sent, leads)
    rows = [Delivery(sent, lead, DeliveryStatus.SENT, NOW, "0.0", opened_at=NOW) for lead in leads[:2]]
    changes = [Change(number, sent, None, row, NOW.timestamp()) for number, row in enumerate(rows)]
    fold("shard-0", changes, api.context.counters, NOW.timestamp())
    listed = {item["campaign_id"]: item for item in api("GET", "/v1/campaigns").json["items"]}
    assert listed[draft]["numbers"] is None
    stats = api("GET", f"/v1/campaigns/{sent}/stats").json
    numbers = listed[sent]["numbers"]
    assert numbers["total"] == 3
    assert numbers["pending"] == 1
    assert numbers == {name: stats[name] for name in numbers}


def test_names_to_choose_from_come_from_the_leads(api: ApiClient) -> None:
    for number, (entity, stage) in enumerate([("acme", "New"), ("acme", "New"), ("acme", "Hot"), ("other", "Old")]):
        lead = {"entity": entity, "stage": stage, "email": f"a{number}@example.com", "tags": ["vip"] if number else []}
        fields = {"plan": "Pro"} | ({"score": number} if number else {})
        assert api("POST", "/v1/leads", lead | {"fields": fields}).status == 201
    answer = api("GET", "/v1/lead-groups").json
    fields = answer["items"][0].pop("fields")
    assert answer["items"][0] == {
        "entity": "acme",
        "leads": 3,
        "stages": [{"name": "New", "leads": 2}, {"name": "Hot", "leads": 1}],
        "tags": [{"name": "vip", "leads": 2}],
    }
    assert [(each["name"], each["leads"], sorted(each["samples"])) for each in fields] == [
        ("plan", 3, ["Pro"]),
        ("score", 2, ["1", "2"]),
    ]
    assert [item["entity"] for item in answer["items"]] == ["acme", "other"]
    assert (answer["looked_at"], answer["is_whole"]) == (4, True)


def test_deliveries_are_listed_by_the_reason_they_failed_for(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    campaign = write()
    for reason in ("rejected", "missing_address", "rejected"):
        row = Delivery(campaign, new_lead_id(), DeliveryStatus.FAILED, NOW, "0.0", reason=reason)
        assert record_claim(api.context.deliveries, row)
    found = api("GET", f"/v1/campaigns/{campaign}/deliveries?status=failed&reason=rejected").json["items"]
    assert [item["reason"] for item in found] == ["rejected", "rejected"]


def test_a_mail_in_a_frame_may_do_nothing(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    campaign = write(html="<script>alert(1)</script><p>Hi {{ lead.first_name }}</p>")
    name = "<img src=x onerror=alert(1)>"
    lead = api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "first_name": name}).json["lead_id"]
    reply = api("GET", f"/v1/campaigns/{campaign}/preview.html?lead_id={lead}")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert POLICY.startswith("sandbox; default-src 'none'")
    assert "script-src" not in POLICY
    assert "Hi &lt;img" in reply.body


def test_a_mail_in_a_frame_needs_no_lead_and_has_no_pixel(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    body = api("GET", f"/v1/campaigns/{write()}/preview.html").body
    assert "https://shop.example/a" in body
    assert "/t/o/" not in body


def test_an_unknown_lead_is_named(api: ApiClient, write: Callable[..., CampaignId]) -> None:
    reply = api("GET", f"/v1/campaigns/{write()}/preview.html?lead_id={new_lead_id()}")
    assert (reply.status, reply.json["type"]) == (404, "urn:leadflip:problem:lead-not-found")
