"""Settings, Senders: a marketer adds a domain, publishes its records, sees them found, and removes it again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.console import NotReady
from local.stack import LocalStack
from tests.browser.axe import axe_source
from tests.prerequisites import skip_without
from tests.stack.test_refused_account import HEALTHY, switch


@pytest.fixture
def strict(stack: LocalStack) -> Iterator[None]:
    """Only one domain is verified."""
    switch(stack, identities={"shop.example": "SUCCESS"})
    yield
    switch(stack, **HEALTHY)


def faults(page: Page) -> list[str]:
    try:
        page.evaluate(axe_source())
    except NotReady as missing:
        skip_without("axe-core", str(missing))
    found = page.evaluate("axe.run('main', {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found["violations"]]


def test_a_domain_from_its_name_to_found_records(desk: Page, stack: LocalStack, strict: None) -> None:
    page = desk
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{stack.web_url}#/settings/senders")
    expect(page.get_by_text("Ready to send")).to_be_visible()
    expect(page.locator("[data-sender='shop.example']")).to_contain_text("Verified")

    page.get_by_label("Add a domain or address").fill("my shop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("“my shop” is not a domain like example.com.")
    page.get_by_label("Add a domain or address").fill("New-Shop.example")
    page.keyboard.press("Enter")
    sender = page.locator("[data-sender='new-shop.example']")
    expect(sender.locator("summary")).to_be_focused()
    expect(sender.get_by_text("Not found yet")).to_have_count(6)
    sender.get_by_role("button", name="Copy the value of this MX record").click()
    expect(sender.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("10 feedback-smtp.")
    assert faults(page) == []

    owner = page.context.new_page()
    owner.goto(f"{stack.inbox_url}/senders")
    publish = owner.get_by_role("row", name="new-shop.example").get_by_role("button", name="Publish its DNS records")
    publish.click()
    expect(publish).to_have_count(0)
    owner.close()
    sender.get_by_role("button", name="Check again").click()
    expect(sender.get_by_text("Found", exact=True)).to_have_count(6)
    expect(sender.get_by_role("button", name="Check again")).to_be_focused()
    expect(sender.locator("summary")).to_contain_text("Verified")
    expect(sender).to_contain_text("Emails from new-shop.example pass DMARC")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 380, "height": 800})
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    sender.get_by_role("button", name="Remove…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("No unsent campaign uses it.")
    question.get_by_role("button", name="Remove").click()
    expect(sender).to_have_count(0)
    expect(page.locator("[data-sender='shop.example']")).to_be_focused()
