"""A recipient in a real browser: opening an email, clicking, and unsubscribing on a phone without JavaScript."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stack import LocalStack
from tests.browser.steps import write
from tests.stack.marketer import Marketer

ENTITY = "browser"
HOSTILE = "<img src=x onerror=alert(1)>Eve"


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A narrow window without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    yield context.new_page()
    context.close()


def test_opening_clicking_and_unsubscribing_are_counted(
    page: Page, plain_page: Page, stack: LocalStack, marketer: Marketer, until: Callable[[Callable[[], bool]], bool]
) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    eve = {"entity": ENTITY, "stage": "New", "email": "eve@browser.example", "first_name": HOSTILE}
    lead = f"/v1/leads/{marketer('POST', '/v1/leads', eve)['lead_id']}"
    # The link leads to the inbox, the only other host here.
    destination = f"{stack.inbox_url}/?a=1&b=%2B"
    html = f'<body>Hello {{{{ lead.first_name }}}}, <a href="{destination.replace("&", "&amp;")}">look</a></body>'
    campaign_id = write(marketer, ENTITY, subject="For {{ lead.first_name }}", html=html)
    campaign = f"/v1/campaigns/{campaign_id}"
    marketer("POST", f"{campaign}/send")
    assert until(lambda: bool(marketer("GET", campaign)["status"] == "sent"))

    def numbers() -> dict[str, Any]:
        stats: dict[str, Any] = marketer("GET", f"{campaign}/stats")
        return stats

    page.goto(stack.inbox_url)
    assert numbers()["opened"] == 0
    page.get_by_role("link", name=f"For {HOSTILE}").first.click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_text(f"Hello {HOSTILE}")).to_be_visible()
    assert until(lambda: bool(numbers()["opened"] == 1))
    with page.context.expect_page() as opened:
        mail.get_by_role("link", name="look").click()
    expect(opened.value).to_have_url(destination)
    assert until(lambda: bool(numbers()["clicked"] == 1))
    (event,) = marketer("GET", f"{lead}/timeline")["items"]
    assert event["subject"] == f"For {HOSTILE}"
    assert event["opened"]["machine"] is False
    assert event["clicked"]["url"] == destination

    with page.context.expect_page() as leaving:
        mail.get_by_role("link", name="nsubscribe").click()
    expect(leaving.value.get_by_role("heading", name="Unsubscribe?")).to_be_visible()
    plain_page.goto(leaving.value.url)
    expect(plain_page).to_have_title("Unsubscribe?")
    expect(plain_page.locator("html")).to_have_attribute("lang", "en")
    expect(plain_page.get_by_role("main")).to_contain_text("e***@browser.example")
    assert eve["email"] not in plain_page.content()
    expect(plain_page.get_by_role("heading", level=1)).to_have_count(1)
    button = plain_page.get_by_role("button", name="Unsubscribe")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 24  # WCAG 2.2, 2.5.8
    assert box["x"] + box["width"] <= 320
    assert marketer("GET", f"{lead}/suppressions")["items"] == []
    plain_page.keyboard.press("Tab")
    expect(button).to_be_focused()
    plain_page.keyboard.press("Enter")
    expect(plain_page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    (mark,) = marketer("GET", f"{lead}/suppressions")["items"]
    assert (mark["reason"], mark["source"], mark["campaign_id"]) == ("unsubscribed", "link", campaign_id)
    assert dialogs == []
