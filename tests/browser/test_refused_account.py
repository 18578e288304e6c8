"""A marketer whose SES account may not send: told before, at sending, and by the campaign that paused."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.stack import LocalStack
from tests.browser.test_page import marketers_page, sign_in, write
from tests.stack.marketer import Marketer
from tests.stack.test_refused_account import HEALTHY, switch

__all__ = ["marketers_page"]


@pytest.fixture
def marketer(stack: LocalStack) -> Iterator[Marketer]:
    yield Marketer(stack)
    switch(stack, **HEALTHY)


def test_the_sandbox_is_told_in_the_check_in_the_question_and_by_the_paused_campaign(
    marketers_page: Page, stack: LocalStack, marketer: Marketer
) -> None:
    page = marketers_page
    switch(stack, production_access_enabled=False, identities={"shop.example": "SUCCESS"})
    marketer("POST", "/v1/leads", {"entity": "sandbox", "stage": "New", "email": "a@people.example"})
    campaign = write(marketer, "sandbox")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    sign_in(page, stack.token)
    expect(page.locator(".findings")).to_contain_text("keeps this AWS account in its sandbox")
    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("The pre-send check found 1 error:")
    expect(question).to_contain_text("keeps this AWS account in its sandbox")
    question.get_by_role("button", name="Send to 1 lead").click()
    # A stack's first campaign waits for its functions to start.
    expect(page.get_by_text("account dashboard. Then resume it.")).to_be_visible(timeout=90_000)
    switch(stack, **HEALTHY)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.locator("[data-figure=sent]")).to_have_text("1", timeout=60_000)


def test_sending_is_refused_in_the_question_while_the_account_lets_nothing_leave(
    marketers_page: Page, stack: LocalStack, marketer: Marketer
) -> None:
    page = marketers_page
    marketer("POST", "/v1/leads", {"entity": "shutdown", "stage": "New", "email": "a@people.example"})
    campaign = write(marketer, "shutdown")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    sign_in(page, stack.token)
    expect(page.get_by_text("Pre-send check")).to_be_visible()
    page.get_by_role("button", name="Send…").click()
    switch(stack, enforcement_status="SHUTDOWN")
    page.get_by_role("dialog").get_by_role("button", name="Send to 1 lead").click()
    expect(page.get_by_role("alert")).to_contain_text("Amazon SES has paused sending")
    assert marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "draft"
