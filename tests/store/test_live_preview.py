"""A preview of what is not stored yet: rendered for a lead, with faults as findings, and nothing written."""

from typing import Any

import pytest

from chalicelib.campaigns.preview import FRAME_POLICY
from local.tables import TableNames
from tests.api_client import ApiClient, context_of

pytestmark = pytest.mark.one_engine

SUBJECT = "Hello {{ lead.first_name | default('there') }}"
MAIL = {"subject": SUBJECT, "from_name": "Shop", "from_email": "news@shop.example"}


@pytest.fixture
def api(dynamodb: Any, tables: TableNames) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables)).sign_in()


def preview(api: ApiClient, **said: Any) -> Any:
    reply = api("POST", "/v1/previews", MAIL | said)
    assert reply.status == 200, reply.body
    return reply.json


def errors(answer: Any) -> list[tuple[str, int | None]]:
    return [(each["field"], each["line"]) for each in answer["findings"] if each["severity"] == "error"]


def test_a_campaign_is_previewed_as_it_is_written_and_not_stored(api: ApiClient) -> None:
    lead = api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "first_name": "Ann"}).json["lead_id"]
    said = {"markdown": "# News\n\nDear {{ lead.first_name }}, [look](http://shop.com/a)", "lead_id": lead}
    shown = preview(api, preview_text="For {{ lead.first_name }}", **said)
    assert (shown["subject"], shown["preview_text"], shown["from_name"]) == ("Hello Ann", "For Ann", "Shop")
    assert "Dear Ann" in shown["html"]
    assert "Dear Ann" in shown["text"]
    assert 'href="http://shop.com/a"' in shown["html"], "links are not tracked"
    found = [(each["code"], each["field"], each["line"]) for each in shown["findings"]]
    assert ("link_not_https", "markdown", 3) in found
    assert preview(api)["subject"] == "Hello there", "a campaign without content is previewed too"
    assert api("GET", "/v1/campaigns").json["items"] == []


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"html": "<p>one\n{{ lead.nickname }}"}, ("html", 2)),
        ({"markdown": "one\n\n{{ lead.nickname }}"}, ("markdown", 3)),
        ({"html": "<p>fine</p>", "text": "one\ntwo {{ nobody }}"}, ("text", 2)),
        ({"html": "<p>fine</p>", "preview_text": "{{ nobody }}"}, ("preview_text", 1)),
        ({"html": "<p>fine\n{{ lead.first_name[99] / 0 }}"}, ("html", 2)),
    ],
)
def test_a_fault_is_a_finding_and_the_rest_is_shown(api: ApiClient, said: Any, fault: Any) -> None:
    shown = preview(api, **said)
    assert errors(shown) == [fault]
    assert shown["subject"] == "Hello there"
    assert bool(shown["html"]) == (fault[0] not in ("html", "markdown"))


def test_a_fault_of_the_subject_leaves_the_mail(api: ApiClient) -> None:
    shown = preview(api, subject="{{ lead.nickname }}", markdown="fine", from_email="nobody")
    assert {field for field, _ in errors(shown)} >= {"subject"}
    assert "fine" in shown["html"]


def test_findings_are_in_the_order_of_severity_and_line(api: ApiClient) -> None:
    found = preview(api, html="<p>\n<a href='http://a.shop/'>\n{{ nobody }}", text="{{ nobody }}")["findings"]
    order = ["error", "warning", "note"]
    assert [each["field"] for each in found][:2] == ["text", "html"]
    assert found == sorted(found, key=lambda each: (order.index(each["severity"]), each["line"] or 0))


def test_the_frame_of_previews_runs_no_scripts(api: ApiClient) -> None:
    reply = api("GET", "/v1/previews/frame")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"] == FRAME_POLICY
    assert FRAME_POLICY.startswith("sandbox allow-same-origin; default-src 'none'")
    assert "script" not in FRAME_POLICY
    assert "img-src https: data:; style-src 'unsafe-inline'; font-src data:;" in FRAME_POLICY
