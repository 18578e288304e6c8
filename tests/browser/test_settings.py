"""Settings on the page: signing in by a link, the workspace's theme, and a token from its making to its end."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect

from chalicelib.store.access import Sessions
from local.stack import LocalStack
from local.token import is_accepted
from tests.browser.steps import sign_in
from tests.stack.marketer import Marketer


@pytest.fixture
def desk(page: Page, marketer: Marketer) -> Iterator[Page]:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    marketer("PATCH", "/v1/workspace", {"name": "", "postal_address": None, "theme": {"accent": "#3b4fc4"}})


def answer_with_image(route: Route) -> None:
    if "gone" in route.request.url:
        route.fulfill(status=404)
    else:
        route.fulfill(body='<svg xmlns="http://www.w3.org/2000/svg"/>', content_type="image/svg+xml")


def test_a_link_signs_in_once_a_theme_is_seen_and_saved_and_a_token_is_made_and_revoked(
    desk: Page, stack: LocalStack
) -> None:
    sessions = Sessions(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    link = f"{stack.web_url}#/sign-in?code={sessions.make_link(stack.token, datetime.now(UTC))}"
    desk.goto(link)
    expect(desk.get_by_role("heading", name="Campaigns")).to_be_visible()
    expect(desk).to_have_url(f"{stack.web_url}#/campaigns")

    desk.get_by_role("link", name="Settings").click()
    desk.route("https://cdn.shop.example/*", answer_with_image)
    logo = desk.get_by_label("Logo")
    for image, warnings in (("gone", 1), ("there", 0)):
        logo.fill(f"https://cdn.shop.example/{image}.svg")
        with desk.expect_request(f"https://cdn.shop.example/{image}.svg"):
            logo.blur()
        expect(desk.get_by_text("No image could be loaded from this address.")).to_have_count(warnings)
    logo.fill("")
    desk.get_by_label("Name", exact=True).fill("Acme & Sons")
    desk.get_by_label("Postal address").fill("1 Main Street\nSpringfield")
    desk.get_by_label("Accent colour", exact=True).fill("#eeeeee")
    expect(desk.get_by_text("is too light to read beside white")).to_be_visible()
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_label("Accent colour", exact=True)).to_be_focused()
    desk.get_by_label("Accent colour", exact=True).fill("#0b7f74")
    sample = desk.frame_locator("iframe[title^=Preview]")
    expect(sample.get_by_text("1 Main Street")).to_be_visible()
    expect(sample.get_by_role("link", name="A button")).to_have_css("color", "rgb(255, 255, 255)")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    desk.reload()
    expect(desk.get_by_label("Name", exact=True)).to_have_value("Acme & Sons")

    desk.get_by_label("Name", exact=True).fill("Not saved")
    desk.get_by_role("link", name="Senders", exact=True).click()
    question = desk.get_by_role("dialog", name="Save the changed settings?")
    expect(question).to_be_visible()
    desk.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(desk).to_have_url(f"{stack.web_url}#/settings")
    accent = desk.get_by_label("Accent colour", exact=True)
    accent.fill("#ffee00")
    desk.get_by_role("link", name="Senders", exact=True).click()
    question.get_by_role("button", name="Save").click()
    expect(accent).to_be_focused()
    expect(desk.get_by_text("is too light to read beside white")).to_be_visible()
    expect(desk.get_by_label("Name", exact=True)).to_have_value("Not saved")
    desk.get_by_role("link", name="Leads").click()
    question.get_by_role("button", name="Keep editing").click()
    expect(question).to_have_count(0)
    expect(accent).to_have_value("#ffee00")
    desk.get_by_role("link", name="Senders", exact=True).click()
    question.get_by_role("button", name="Discard").click()
    expect(desk).to_have_url(f"{stack.web_url}#/settings/senders")
    desk.get_by_role("link", name="Workspace").click()
    desk.get_by_label("Name", exact=True).fill("Saved on leaving")
    desk.get_by_role("link", name="Senders", exact=True).click()
    question.get_by_role("button", name="Save").click()
    expect(desk).to_have_url(f"{stack.web_url}#/settings/senders")  # the question is gone before it is saved
    desk.get_by_role("link", name="Workspace").click()
    expect(desk.get_by_label("Name", exact=True)).to_have_value("Saved on leaving")

    desk.get_by_role("link", name="API tokens").click()
    desk.get_by_role("button", name="Create token…").click()
    desk.get_by_role("textbox", name="Name").fill("Website form")
    desk.get_by_label("Read only").check()
    desk.get_by_role("button", name="Create", exact=True).click()
    desk.get_by_role("button", name="Copy").click()
    expect(desk.get_by_role("button", name="Copied")).to_be_visible()
    token = str(desk.evaluate("navigator.clipboard.readText()"))
    assert is_accepted(token, stack.api_url)
    desk.get_by_role("button", name="Close").click()
    own = desk.get_by_role("listitem").filter(has_text="You are signed in with it")
    expect(own).to_contain_text("last used today")
    desk.get_by_role("button", name="Revoke Website form…").click()
    desk.get_by_role("button", name="Revoke", exact=True).click()
    expect(desk.get_by_text("Revoked.")).to_be_visible()
    expect(desk.get_by_text("Website form")).to_have_count(0)
    expect(desk.get_by_role("listitem").and_(desk.locator(":focus"))).to_have_count(1)
    assert not is_accepted(token, stack.api_url)

    desk.goto(link)
    expect(desk.get_by_text("This sign-in link has been used or has expired.")).to_be_visible()
    expect(desk.get_by_role("heading", name="Campaigns")).to_be_visible()
    desk.get_by_role("button", name="Sign out").click()
    expect(desk.get_by_label("API token")).to_be_visible()
    desk.goto(link)
    expect(desk.get_by_label("API token")).to_be_focused()
    expect(desk.get_by_role("alert").filter(has_text="This sign-in link has been used or has expired.")).to_be_visible()
    expect(desk).to_have_url(f"{stack.web_url}#/campaigns")


def test_back_and_forward_ask_before_unsaved_settings_are_lost(desk: Page, stack: LocalStack) -> None:
    desk.goto(f"{stack.web_url}#/help")
    sign_in(desk, stack.token)
    for view in ("Campaigns", "Leads", "Settings", "Help"):
        desk.get_by_role("navigation", name="Main").get_by_role("link", name=view).click()
        expect(desk.get_by_role("heading", name=view, exact=True)).to_be_visible()
    desk.evaluate("history.back()")
    name, question = (
        desk.get_by_label("Name", exact=True),
        desk.get_by_role("dialog", name="Save the changed settings?"),
    )
    name.fill("Not saved")
    # What the preview shows is no place in the history.
    expect(desk.frame_locator("iframe[title^=Preview]").get_by_text("Not saved")).to_be_visible()
    for steps in (-1, 1, -2, -1, -3):
        desk.evaluate(f"history.go({steps})")
        expect(question).to_be_visible()
        expect(desk).to_have_url(f"{stack.web_url}#/settings")
        question.get_by_role("button", name="Keep editing").click()
        expect(question).to_have_count(0)
        expect(name).to_be_focused()
        expect(name).to_have_value("Not saved")
    link = desk.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns")
    link.click()
    question.get_by_role("button", name="Keep editing").click()
    expect(link).to_be_focused()
    desk.evaluate("history.go(-2)")
    question.get_by_role("button", name="Discard").click()
    expect(desk).to_have_url(f"{stack.web_url}#/campaigns")
    for view in ("Leads", "Settings", "Help"):
        desk.evaluate("history.forward()")
        expect(desk.get_by_role("heading", name=view, exact=True)).to_be_visible()
