"""A recipient in a real browser: opening the email, clicking a link, unsubscribing."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.stack import LocalStack
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
ENTITY = "browser"


@pytest.fixture(scope="module")
def sent(stack: LocalStack, marketer: Marketer, until: Until) -> dict[str, Any]:
    """A campaign to a lead with a hostile name. Its link leads to the inbox, the only other host here."""
    name = "<img src=x onerror=alert(1)>Eve"
    lead = {"entity": ENTITY, "stage": "New", "email": "eve@browser.example", "first_name": name}
    lead_id = marketer("POST", "/v1/leads", lead)["lead_id"]
    campaign = {
        "title": "Browser",
        "subject": "For {{ lead.first_name }}",
        "from_email": "news@shop.example",
        "html": f'<body>Hello {{{{ lead.first_name }}}}, <a href="{stack.inbox_url}/?a=1&amp;b=%2B">look</a></body>',
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', campaign)['campaign_id']}"
    marketer("POST", f"{path}/send")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    return {"path": path, "lead": f"/v1/leads/{lead_id}", "name": name}


def test_opening_clicking_and_unsubscribing_are_counted(
    page: Page, stack: LocalStack, marketer: Marketer, sent: dict[str, Any], until: Until
) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    def numbers() -> dict[str, Any]:
        stats: dict[str, Any] = marketer("GET", f"{sent['path']}/stats")
        return stats

    page.goto(stack.inbox_url)
    assert numbers()["opened"] == 0
    page.get_by_role("link", name=f"For {sent['name']}").first.click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_text(f"Hello {sent['name']}")).to_be_visible()
    assert until(lambda: bool(numbers()["opened"] == 1))
    with page.context.expect_page() as opened:
        mail.get_by_role("link", name="look").click()
    opened.value.wait_for_load_state()
    assert opened.value.url == f"{stack.inbox_url}/?a=1&b=%2B"
    assert until(lambda: bool(numbers()["clicked"] == 1))
    (event,) = marketer("GET", f"{sent['lead']}/timeline")["items"]
    assert event["subject"] == f"For {sent['name']}"
    assert event["opened"]["machine"] is False
    assert event["clicked"]["url"] == f"{stack.inbox_url}/?a=1&b=%2B"
    with page.context.expect_page() as leaving:
        mail.get_by_role("link", name="nsubscribe").click()
    leaving.value.wait_for_load_state()
    assert not marketer("GET", sent["lead"])["unsubscribed"]
    leaving.value.get_by_role("button", name="Unsubscribe").click()
    expect(leaving.value.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert marketer("GET", sent["lead"])["unsubscribed"]
    assert dialogs == []
