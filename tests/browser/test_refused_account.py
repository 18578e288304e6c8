"""An SES account that cannot send: shown by the pre-send check, when sending, and by the paused campaign."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.stack import LocalStack
from tests.browser.steps import write
from tests.stack.marketer import Marketer
from tests.stack.test_refused_account import HEALTHY, switch


@pytest.fixture
def marketer(stack: LocalStack) -> Iterator[Marketer]:
    yield Marketer(stack)
    switch(stack, **HEALTHY)


def test_an_unverified_sender_stops_sending_and_the_sandbox_is_shown(
    desk: Page, stack: LocalStack, marketer: Marketer
) -> None:
    page = desk
    switch(stack, identities={"other.example": "SUCCESS"})
    marketer("POST", "/v1/leads", {"entity": "sandbox", "stage": "New", "email": "a@people.example"})
    campaign = write(marketer, "sandbox")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("It cannot be sent yet:")
    expect(question.get_by_role("link", name="Settings, Senders")).to_be_visible()
    expect(question.get_by_role("button")).to_have_text(["Cancel"])
    switch(stack, production_access_enabled=False, identities={"shop.example": "SUCCESS"})
    page.reload()
    expect(page.locator(".findings")).to_contain_text("is in the Amazon SES sandbox")
    page.get_by_role("button", name="Send…").click()
    expect(question.locator(".findings .pill")).to_have_text(["Error", "Warning"])
    expect(question).to_contain_text("is in the Amazon SES sandbox")
    question.get_by_role("button", name="Send 1 email").click()
    # A stack's first campaign waits for its functions to start.
    expect(page.get_by_text("Then resume the campaign.")).to_be_visible()
    switch(stack, **HEALTHY)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.locator("[data-figure=sent]")).to_have_text("1")


def test_sending_is_refused_while_the_account_cannot_send(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    page = desk
    marketer("POST", "/v1/leads", {"entity": "shutdown", "stage": "New", "email": "a@people.example"})
    campaign = write(marketer, "shutdown")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    expect(page.get_by_text("Pre-send check")).to_be_visible()
    page.get_by_role("button", name="Send…").click()
    send = page.get_by_role("dialog").get_by_role("button", name="Send 1 email")
    expect(send).to_be_enabled()
    switch(stack, enforcement_status="SHUTDOWN")
    send.click()
    expect(page.get_by_role("alert")).to_contain_text("Amazon SES has paused sending")
    assert marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "draft"
