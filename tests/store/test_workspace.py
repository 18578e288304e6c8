"""The workspace on a real engine, over the API: defaults, changes, and changes by two people."""

import json
import zlib
from dataclasses import asdict
from typing import Any

import pytest

from chalicelib.model.access import Scope
from chalicelib.model.campaign import LaunchedLink, LaunchedMail, ProofResult
from chalicelib.model.ids import CampaignId
from chalicelib.model.workspace import Theme, Workspace
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.client import to_item
from local.tables import TableNames
from tests.api_client import ApiClient, context_of

pytestmark = pytest.mark.one_engine


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def test_it_is_read_changed_and_protected_from_older_changes(api: ApiClient) -> None:
    before = api("GET", "/v1/workspace").json
    assert (before["theme"]["accent"], before["language"], before["version"]) == ("#3b4fc4", "en", 0)
    change = {
        "theme": {"accent": "#0b7f74", "logo_url": " https://acme.example/l.png "},
        "name": " Acme ",
        "version": 0,
    }
    after = api("PATCH", "/v1/workspace", change).json
    assert after["theme"] == before["theme"] | {"accent": "#0b7f74", "logo_url": "https://acme.example/l.png"}
    assert (after["name"], after["version"]) == ("Acme", 1)
    assert api("GET", "/v1/workspace").json == after

    assert api("PATCH", "/v1/workspace", {"name": "Other", "version": 0}).status == 409
    address = {"postal_address": "  Acme GmbH \r\n Musterstraße 1  \n\n", "language": "de"}
    assert api("PATCH", "/v1/workspace", address).json["postal_address"] == "Acme GmbH\nMusterstraße 1"
    cleared = api("PATCH", "/v1/workspace", {"postal_address": None, "theme": {"logo_url": None}, "version": 2}).json
    assert (cleared["postal_address"], cleared["theme"]["logo_url"]) == (None, None)
    assert (cleared["theme"]["accent"], cleared["language"]) == ("#0b7f74", "de")
    campaign_id = api("POST", "/v1/campaigns", {"html": "<p>Hallo</p>"}).json["campaign_id"]
    assert ">Abmelden</a>" in api("GET", f"/v1/campaigns/{campaign_id}/preview").json["html"]


def test_a_wrong_change_names_its_field_and_changes_nothing(api: ApiClient) -> None:
    for change, field in (
        ({"theme": {"accent": "#eeeeee"}}, "theme.accent"),
        ({"theme": {"font": "papyrus"}}, "theme.font"),
        ({"theme": {"logo_url": "ftp://x.example/"}}, "theme.logo_url"),
        ({"language": "fr"}, "language"),
        ({"name": None}, "name"),
    ):
        reply = api("PATCH", "/v1/workspace", {"name": "New", **change})
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)
    assert api("GET", "/v1/workspace").json["version"] == 0


def test_attributes_of_another_release_are_ignored(api: ApiClient, dynamodb: Any, tables: TableNames) -> None:
    campaigns = Campaigns(dynamodb, tables.campaigns)
    draft = {"title": "T", "subject": "S", "markdown": "Hello", "from_email": "a@acme.example"}
    campaign_id = CampaignId(api("POST", "/v1/campaigns", draft).json["campaign_id"])
    campaign = campaigns.find(campaign_id)
    assert campaign is not None
    unknown, theme = {"of_a_later_release": 1}, asdict(Theme(accent="#0b7f74"))
    workspace = {"name": "Acme", "theme": theme | unknown, "language": "en", "version": 3} | unknown
    dynamodb.put_item(TableName=tables.campaigns, Item=keys.workspace() | to_item(workspace))
    link, proof = LaunchedLink("1", "https://acme.example/", "Acme", 1, 1), ProofResult(1, 0)
    launched = {
        "links": [asdict(link) | unknown],
        "html_bytes": 9,
        "proof": asdict(proof) | unknown,
        "workspace": workspace,
    }
    campaigns.save_blob(campaign, "launched", zlib.compress(json.dumps(launched | unknown).encode()))
    body = {"markdown": "Hello"} | unknown
    campaigns.save_blob(campaign, f"content-{campaign.version}", zlib.compress(json.dumps(body).encode()))

    assert api("GET", "/v1/workspace").json["theme"]["accent"] == "#0b7f74"
    known = Workspace("Acme", Theme(accent="#0b7f74"), version=3)
    assert campaigns.find_launched(campaign) == LaunchedMail((link,), 9, proof, known)
    assert campaigns.workspace_of(campaign) == known
    dynamodb.delete_item(TableName=tables.campaigns, Key=keys.workspace())  # no document describes its attributes


def test_a_read_token_may_only_look(api: ApiClient) -> None:
    api.sign_in(Scope.READ)
    assert api("GET", "/v1/workspace").status == 200
    assert api("PATCH", "/v1/workspace", {"name": "x"}).status == 403


def test_a_theme_is_shown_in_a_sandbox_before_it_is_saved(api: ApiClient) -> None:
    reply = api(
        "GET", "/v1/workspace/preview.html?accent=%230b7f74&name=Acme&postal_address=Street%201%0ABerlin&language=de"
    )
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    for shown in ("#0b7f74", "Acme", "Street 1<br", "Abmelden", "A button"):
        assert shown in reply.body
    assert "{{" not in reply.body
    refused = api("GET", "/v1/workspace/preview.html?accent=%23eeeeee")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "theme.accent")
    assert api("GET", "/v1/workspace").json["version"] == 0
