"""The unsubscribe page: without JavaScript, by keyboard, on a phone. Scanners unsubscribe nobody."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.recipients import request
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
ENTITY = "unsubscribing"


@pytest.fixture(scope="module")
def leaving(marketer: Marketer, until: Until) -> dict[str, Any]:
    """Two recipients' unsubscribe links, and their leads."""
    lead_ids = {}
    for name in ("ada", "bob"):
        lead = {"entity": ENTITY, "stage": "New", "email": f"{name}.reader@leaving.example"}
        lead_ids[name] = marketer("POST", "/v1/leads", lead)["lead_id"]
    campaign = {
        "title": "Leaving",
        "subject": "Leaving",
        "from_email": "news@shop.example",
        "html": "<p>Hello</p>",
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    campaign_id = marketer("POST", "/v1/campaigns", campaign)["campaign_id"]
    marketer("POST", f"/v1/campaigns/{campaign_id}/send")
    sent = f"/v1/campaigns/{campaign_id}"
    assert any(until(lambda: bool(marketer("GET", sent)["status"] == "sent")) for _ in range(3))
    urls = {name: marketer.mails(f"{name}.reader@leaving.example")[0].unsubscribe_url for name in lead_ids}
    return {"campaign_id": campaign_id, "leads": lead_ids, "urls": urls}


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A narrow window without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    yield context.new_page()
    context.close()


def reasons(marketer: Marketer, lead_id: str) -> list[tuple[str, str, str]]:
    found = marketer("GET", f"/v1/leads/{lead_id}/suppressions")["items"]
    return [(each["reason"], each["source"], each["campaign_id"]) for each in found]


def test_a_recipient_unsubscribes_by_keyboard_and_without_javascript(
    plain_page: Page, marketer: Marketer, leaving: dict[str, Any]
) -> None:
    lead_id = leaving["leads"]["ada"]
    plain_page.goto(leaving["urls"]["ada"])
    assert plain_page.title() == "Unsubscribe?"
    assert plain_page.locator("html").get_attribute("lang") == "en"
    expect(plain_page.get_by_role("main")).to_contain_text("a***@leaving.example")
    assert "ada.reader" not in plain_page.content()
    expect(plain_page.get_by_role("heading", level=1)).to_have_count(1)
    button = plain_page.get_by_role("button", name="Unsubscribe")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 24  # WCAG 2.2, 2.5.8
    assert box["x"] + box["width"] <= 320
    assert reasons(marketer, lead_id) == []
    plain_page.keyboard.press("Tab")
    expect(button).to_be_focused()
    plain_page.keyboard.press("Enter")
    expect(plain_page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert reasons(marketer, lead_id) == [("unsubscribed", "link", leaving["campaign_id"])]


def test_a_scanner_unsubscribes_nobody_and_one_click_does(marketer: Marketer, leaving: dict[str, Any]) -> None:
    url, lead_id = leaving["urls"]["bob"], leaving["leads"]["bob"]
    for method in ("GET", "HEAD", "GET"):
        assert request(method, url)[0] == 200
    assert reasons(marketer, lead_id) == []
    assert request("POST", url, {"List-Unsubscribe": "One-Click"})[0] == 200
    assert request("POST", url, {"confirm": "yes"})[0] == 200
    assert reasons(marketer, lead_id) == [("unsubscribed", "one_click", leaving["campaign_id"])]


def test_a_marketer_unsubscribes_and_resubscribes(marketer: Marketer, leaving: dict[str, Any]) -> None:
    path = f"/v1/leads/{leaving['leads']['bob']}"
    assert not marketer("POST", f"{path}/resubscribe", {"reason": "asked by phone"})["unsubscribed"]
    assert reasons(marketer, leaving["leads"]["bob"]) == []
    assert marketer("POST", f"{path}/unsubscribe")["unsubscribed"]
    (reason,) = marketer("GET", f"{path}/suppressions")["items"]
    assert (reason["source"], reason["campaign_id"]) == ("api", None)
