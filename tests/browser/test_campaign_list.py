"""The list of campaigns and a running campaign's page: kept up to date under somebody's hands."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.plans import Plans
from local.stack import LocalStack
from tests.browser.steps import look_again, write
from tests.moves import bring_to
from tests.stack.marketer import Marketer


@pytest.fixture
def desk(desk: Page, stack: LocalStack) -> Page:
    """With the clock of Berlin."""
    desk.context.new_cdp_session(desk).send("Emulation.setTimezoneOverride", {"timezoneId": "Europe/Berlin"})
    desk.goto(stack.web_url)
    return desk


def sending(stack: LocalStack, marketer: Marketer, title: str) -> str:
    """A campaign that is being sent and never ends: nobody is planned."""
    client: Any = stack.engine.client("dynamodb")
    campaign_id = CampaignId(write(marketer, "busy", title=title))
    table = stack.outputs["CampaignsTable"]
    bring_to(Campaigns(client, table), campaign_id, CampaignStatus.SENDING, launched_at=datetime.now(UTC))
    Plans(client, table).begin(campaign_id, 1)
    return campaign_id


def hold_over_a_refresh(page: Page, button: Locator, is_refresh: Callable[[str], bool]) -> None:
    """Press the mouse on it, and release it after a refresh."""
    button.hover()
    page.mouse.down()
    with page.expect_response(lambda response: is_refresh(response.url)):
        look_again(page)
    page.wait_for_timeout(300)  # until it is drawn
    page.mouse.up()


def test_focus_and_a_click_that_is_held_survive_a_refresh(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    campaign_id = sending(stack, marketer, "Under way")
    question = desk.get_by_role("dialog").get_by_role("heading", name="Pause sending?")
    desk.goto(f"{stack.web_url}#/campaigns")
    pause = desk.get_by_role("button", name="Pause…: Under way")
    hold_over_a_refresh(desk, pause, lambda url: "/v1/campaigns?" in url)
    expect(question).to_be_visible()
    desk.keyboard.press("Escape")
    expect(pause).to_be_focused()

    desk.goto(f"{stack.web_url}#/campaigns/{campaign_id}/stats")
    hold_over_a_refresh(desk, desk.get_by_role("button", name="Pause…", exact=True), lambda url: url.endswith("/stats"))
    expect(question).to_be_visible()
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="View email").focus()
    marketer("POST", f"/v1/campaigns/{campaign_id}/pause")
    look_again(desk)
    expect(desk.get_by_role("button", name="Resume")).to_be_visible()
    expect(desk.get_by_role("button", name="View email")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("dialog").frame_locator("iframe").get_by_text("Hello")).to_be_visible()
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Cancel").focus()
    marketer("POST", f"/v1/campaigns/{campaign_id}/cancel")
    look_again(desk)
    expect(desk.locator(".pill.cancelled")).to_be_visible()
    expect(desk.get_by_role("heading", name="Under way")).to_be_focused()


def test_the_list_is_narrowed_sorted_and_found_again(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    for title in ("Zebra plums", "apple plums", "Mango plums"):
        write(marketer, "fruit", title=title, subject=f"All about {title}")
    draft = marketer("POST", "/v1/campaigns", {"subject": "Only a subject plums"})["campaign_id"]
    later = write(marketer, "fruit", title="Later plums")
    marketer("POST", "/v1/leads", {"entity": "fruit", "stage": "New", "email": "a@fruit.example", "first_name": "Ada"})
    marketer("POST", "/v1/leads", {"entity": "fruit", "stage": "New"})
    marketer("POST", f"/v1/campaigns/{later}/schedule", {"at": "2031-12-01T09:00", "timezone": "America/New_York"})

    titles = desk.locator(".campaign-name a")
    desk.get_by_label("Search campaigns").fill("plums")
    expect(titles).to_have_count(5)
    desk.get_by_role("button", name="Campaign").click()
    expect(titles).to_have_text(["apple plums", "Later plums", "Mango plums", "Only a subject plums", "Zebra plums"])
    expect(desk.get_by_role("columnheader", name="Campaign")).to_have_attribute("aria-sort", "ascending")
    desk.get_by_role("link", name="Drafts 4").click()
    expect(titles).to_have_text(["apple plums", "Mango plums", "Only a subject plums", "Zebra plums"])
    desk.get_by_role("link", name="Only a subject plums").click()
    expect(desk).to_have_url(f"{stack.web_url}#/campaigns/{draft}/edit")
    desk.go_back()
    expect(titles).to_have_count(4)
    desk.reload()
    expect(titles).to_have_text(["apple plums", "Mango plums", "Only a subject plums", "Zebra plums"])
    expect(desk.get_by_label("Search campaigns")).to_have_value("plums")

    desk.get_by_role("link", name="Scheduled 1").click()
    row = desk.get_by_role("row").filter(has_text="Later plums")
    expect(row).to_contain_text("Mon 1 Dec 2031, 09:00 New York – 15:00 your time")
    row.get_by_role("button", name="Reschedule").click()
    question = desk.get_by_role("dialog")
    expect(question).to_contain_text("Right now: 2 leads, 1 without an address: 1 email")
    assert question.locator("option").first.text_content() == "Berlin (your time)"
    question.get_by_label("Time zone").select_option("UTC")
    expect(question).to_contain_text("Mon 1 Dec 2031, 09:00 UTC – 10:00 your time")
    question.get_by_role("button", name="Reschedule").click()
    expect(row).to_contain_text("09:00 UTC – 10:00 your time")
    # It is no longer scheduled when somebody looks again, and whoever has the focus keeps it.
    desk.get_by_role("link", name="All 5").click()
    expect(titles).to_have_count(5)
    row.get_by_role("button", name="Duplicate").focus()
    marketer("POST", f"/v1/campaigns/{later}/unschedule")
    look_again(desk)
    expect(row.locator(".pill")).to_have_text("Draft")
    expect(row.get_by_role("button", name="Duplicate")).to_be_focused()

    desk.set_viewport_size({"width": 380, "height": 800})
    assert desk.evaluate("document.documentElement.scrollWidth") <= 380
    assert desk.locator(".campaigns").evaluate("table => table.scrollWidth <= table.clientWidth")
    heights = [each.bounding_box() for each in desk.locator(".campaign-actions button").all()]
    assert min(box["height"] for box in heights if box) >= 40
