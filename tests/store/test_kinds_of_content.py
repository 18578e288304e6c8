"""A campaign's content is HTML, MJML or Markdown: written, read, changed and refused over the API."""

import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.model.campaign import Body
from chalicelib.model.workspace import Theme
from chalicelib.store.workspace import Workspaces
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, HealthySes, context_of
from tests.store.test_not_proven import send_everything
from tests.store.test_schedule import ScheduledWorld
from tests.store.test_sending import NOW

pytestmark = pytest.mark.one_engine

MARKDOWN = "# Hello\n\nSee [our prices](https://acme.example/prices?n={{ lead.first_name }})."
WRITTEN = {
    "title": "Prices",
    "subject": "Our prices",
    "from_email": "news@acme.example",
    "audience": {"entity": "acme", "stages": ["New"]},
    "preview_text": "Most went down, {{ lead.first_name | default('friend') }}",
    "markdown": MARKDOWN,
}
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    keys = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
    return ApiClient(context_of(dynamodb, tables, keys=keys, ses=HealthySes())).sign_in()


def test_reading_gives_what_was_written_and_the_html_made_of_it(api: ApiClient) -> None:
    campaign = api("POST", "/v1/campaigns", WRITTEN).json
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    read = api("GET", path).json
    assert (read["markdown"], read["preview_text"]) == (MARKDOWN, WRITTEN["preview_text"])
    assert (read["mjml"], read["text"]) == (None, None)
    assert "https://acme.example/prices?n={{ lead.first_name }}" in read["html"]
    copy = api("POST", f"{path}/duplicate").json
    assert [copy[name] for name in ("markdown", "preview_text", "html")] == [
        read[name] for name in ("markdown", "preview_text", "html")
    ]
    changed = api("PATCH", path, {"markdown": None, "mjml": MJML}).json
    assert (changed["markdown"], changed["mjml"], changed["preview_text"]) == (None, MJML, WRITTEN["preview_text"])
    assert "Hello" in changed["html"]


def test_two_kinds_at_once_are_refused_naming_the_second(api: ApiClient) -> None:
    campaign = api("POST", "/v1/campaigns", WRITTEN).json
    answer = api("PATCH", f"/v1/campaigns/{campaign['campaign_id']}", {"html": "<p>Hello"})
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == ["markdown"]
    read = api("GET", f"/v1/campaigns/{campaign['campaign_id']}").json
    assert (read["version"], read["markdown"]) == (1, MARKDOWN)


def test_a_preview_text_is_one_short_line(api: ApiClient) -> None:
    answer = api("POST", "/v1/campaigns", WRITTEN | {"preview_text": "x" * 201})
    assert answer.status == 422
    assert [each["field"] for each in answer.json["errors"]] == ["preview_text"]


def test_content_that_an_earlier_release_stored_is_still_read(api: ApiClient) -> None:
    campaign_id = api("POST", "/v1/campaigns", WRITTEN).json["campaign_id"]
    campaigns = api.context.campaigns
    campaign = campaigns.find(campaign_id)
    assert campaign is not None
    campaigns.save_blob(campaign, "content-1", zlib.compress(json.dumps({"html": "<p>Hi", "text": None}).encode()))
    assert campaigns.body(campaign) == Body("<p>Hi")


def test_a_launched_mail_keeps_the_theme_that_it_was_sent_with(dynamodb: Any, tables: TableNames) -> None:
    world = ScheduledWorld(dynamodb, tables)
    world.lead(1)
    workspaces = Workspaces(dynamodb, tables.campaigns)

    def repaint(accent: str) -> None:
        now = workspaces.get()
        workspaces.update(now, replace(now, theme=Theme(accent)))

    campaign_id = world.draft()
    markdown = "Hi {{ lead.first_name }},\n\n[see](https://acme.example/prices) {button}"
    world.drafts.change(campaign_id, {"html": None, "markdown": markdown, "preview_text": "Prices"}, NOW)
    repaint("#0f766e")
    assert "#0f766e" in (world.drafts.get(campaign_id).html() or "")
    world.control.send_now(campaign_id, NOW)
    repaint("#b91c1c")  # between send and launch: what is sent is what the launch proves
    assert send_everything(world, campaign_id) == 1
    repaint("#3b4fc4")
    draft = world.drafts.get(campaign_id)
    assert "#b91c1c" in (draft.html() or "")
    (link,) = world.campaigns.find_launched(draft.campaign).links
    assert (link.url, link.text, link.line) == ("https://acme.example/prices", "see", 3)
    assert b">Prices" in world.mail.accepted[0].message
    assert "#3b4fc4" in (world.drafts.duplicate(campaign_id, NOW).html() or "")
