"""A campaign's content is HTML, MJML or Markdown: written, read, changed and refused over the API."""

import json
import zlib
from typing import Any

import pytest

from chalicelib.model.campaign import Body
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, HealthySes, context_of

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
