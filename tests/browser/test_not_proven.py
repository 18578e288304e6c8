"""An email that is refused: the marketer sees why, and may send it anyway, by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.stack import LocalStack
from tests.browser.steps import write
from tests.stack.marketer import Marketer
from tests.stack.test_refused_account import switch
from tests.store.test_not_proven import HTML_IN_SVG


@pytest.fixture
def bulk_sender(stack: LocalStack) -> Iterator[None]:
    switch(stack, sent_last_24_hours=5_000)
    yield
    switch(stack, sent_last_24_hours=0)


def test_a_box_ticked_for_one_version_does_not_send_the_next(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    page = desk
    marketer("POST", "/v1/leads", {"entity": "waived", "stage": "New", "email": "a@waived.example"})
    campaign = write(marketer, "waived", html=HTML_IN_SVG)
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Send 1 email").click()
    question.get_by_role("checkbox").check()
    marketer("PATCH", f"/v1/campaigns/{campaign}", {"subject": "By a colleague"})
    question.get_by_role("button", name="Send 1 email").click()
    expect(question.get_by_role("alert")).to_contain_text("The campaign was changed meanwhile.")
    assert marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "draft"


def test_a_dialog_breaks_long_words(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    page = desk
    marketer("POST", "/v1/leads", {"entity": "wide", "stage": "New", "email": "a@wide.example"})
    campaign = write(marketer, "wide", title="d" * 120)
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    expect(question).to_be_visible()
    assert question.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_what_is_refused_is_scheduled_and_sent_only_on_explicit_request(
    desk: Page, stack: LocalStack, marketer: Marketer, bulk_sender: None
) -> None:
    page = desk
    marketer("POST", "/v1/leads", {"entity": "unproven", "stage": "New", "email": "a@unproven.example"})
    campaign = write(marketer, "unproven", html=HTML_IN_SVG, title="Donaudampfschifffahrt" * 4)
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    finding = page.locator(".findings li").filter(has_text="nested in an unusual way")
    expect(finding.get_by_role("button", name="Line 2")).to_be_visible()
    expect(page.get_by_text("nothing else changed")).to_have_count(0)

    page.get_by_role("button", name="Schedule…").click()
    question = page.get_by_role("dialog")
    expect(question.get_by_role("button", name="Schedule", exact=True)).to_be_enabled()
    question.get_by_role("button", name="Schedule", exact=True).press("Enter")
    expect(question.get_by_role("alert")).to_contain_text("Nothing was scheduled.")
    expect(question).to_contain_text("Line 2: Leadflip cannot read this HTML because")
    expect(question.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_visible()
    assert marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "draft"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    bulk = question.get_by_label("Schedule it anyway. Many recipients may not get it")
    expect(bulk).to_be_focused()
    expect(question.get_by_text("No postal address is set.")).to_have_count(1)
    expect(question.get_by_text("large mail services refuse emails with these errors")).to_be_in_viewport()
    expect(question.get_by_role("alert")).to_be_in_viewport()
    assert marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "draft"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Campaigns")).to_be_visible()
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    expect(page.get_by_text("Scheduled without the check, at your request.")).to_be_visible()
    switch(stack, sent_last_24_hours=0)
    page.get_by_role("button", name="Unschedule").click()
    page.get_by_role("dialog").get_by_role("button", name="Unschedule").click()

    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Send 1 email").press("Enter")
    expect(question).to_contain_text("The check could not confirm that recipients get what you wrote:")
    expect(question.get_by_role("alert")).to_contain_text("Nothing was sent.")
    assert question.evaluate("element => element.scrollWidth <= element.clientWidth")
    expect(question.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    question.get_by_role("button", name="Send 1 email").press("Enter")
    expect(page.get_by_text("Sent without the check, at your request.")).to_be_visible()
    expect(page.locator("[data-figure=sent]")).to_have_text("1")
    page.get_by_role("button", name="View email").click()
    expect(page.get_by_role("dialog").frame_locator("iframe").locator("body")).to_be_visible()
