"""Automation on the page: creating and editing rules, their log, and follow-up campaigns."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chalicelib.crm.lead_input import MAX_TAGS
from local.recipients import follow
from local.stack import LocalStack
from tests.browser.steps import look_again, sign_in
from tests.stack.marketer import Marketer

ENTITY = "automation"
CLICKERS: dict[str, Any] = {
    "name": "Pricing clickers become hot",
    "when": {"event": "clicked", "campaign_title": "pricing", "url": "/pricing"},
    "if": {"entity": ENTITY, "stages": ["New"]},
    "then": [{"action": "change_stage", "stage": "Hot Lead"}, {"action": "add_tag", "tag": "hot"}],
}
RULE: dict[str, Any] = {
    "name": "Openers",
    "when": {"event": "opened"},
    "if": {"stages": ["Never used"]},
    "then": [{"action": "set_field", "field": "score", "value": "10"}],
}


@pytest.fixture(scope="module")
def leads(marketer: Marketer) -> dict[str, str]:
    """Ids by first name. Mia has the maximum number of tags."""
    full = [f"tag-{number}" for number in range(MAX_TAGS)]
    tags: dict[str, list[str]] = {"Ann": [], "Bob": [], "Mia": full}
    asked = {
        name: {"entity": ENTITY, "stage": "New", "email": f"{name}@rules.example", "first_name": name, "tags": of_lead}
        for name, of_lead in tags.items()
    }
    return {name: marketer("POST", "/v1/leads", lead)["lead_id"] for name, lead in asked.items()}


def write_campaign(marketer: Marketer, title: str, **said: object) -> str:
    campaign = {
        "title": title,
        "subject": "Hello",
        "from_email": "news@shop.example",
        "html": '<p><a href="https://shop.example/pricing">Prices</a></p>',
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    return str(marketer("POST", "/v1/campaigns", campaign | said)["campaign_id"])


@pytest.fixture(scope="module", autouse=True)
def clicked(marketer: Marketer, leads: dict[str, str], until: Callable[[Callable[[], bool]], bool]) -> str:
    """A campaign that two leads have clicked. The rule acts a quarter of a minute later, while other tests run."""
    marketer("POST", "/v1/rules", CLICKERS)
    campaign = write_campaign(marketer, "Our pricing, autumn")
    marketer("POST", f"/v1/campaigns/{campaign}/send")
    assert until(lambda: bool(marketer("GET", f"/v1/campaigns/{campaign}")["status"] == "sent"))
    for name in ("ann", "mia"):
        follow(marketer.mails(f"{name}@rules.example")[0].links[0])
    return campaign


def press_until(page: Page, target: Locator) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(60):
        if target.evaluate("each => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached by keyboard")


def test_a_rule_is_written(desk: Page, stack: LocalStack, marketer: Marketer, leads: dict[str, str]) -> None:
    before = marketer("GET", "/v1/rules")["items"]
    desk.goto(stack.web_url)
    desk.get_by_role("link", name="Automation").click()
    desk.get_by_role("link", name="New rule").last.click()  # an empty list offers it in its place
    desk.get_by_role("button", name="Create rule").click()
    expect(desk.locator("#name-error")).to_have_text("Name must not be empty.")
    expect(desk.get_by_label("Name", exact=True)).to_be_focused()
    expect(desk.locator(".step").get_by_label("Stage")).to_have_attribute("aria-invalid", "true")
    assert marketer("GET", "/v1/rules")["items"] == before

    desk.get_by_label("Name", exact=True).fill("Sale clickers become hot")
    expect(desk.locator("#name-error")).to_be_empty()
    desk.get_by_label("Campaign title contains").fill("sale")
    desk.get_by_label("Link", exact=True).fill("/pricing")
    desk.get_by_label("Business line").select_option(ENTITY)
    desk.get_by_label("New", exact=True).check()
    desk.locator(".step").get_by_label("Stage").fill("Keen")
    desk.get_by_role("button", name="Add action").click()
    desk.locator(".step").nth(1).get_by_label("Tag", exact=True).fill("hot")
    desk.get_by_role("button", name="Create rule").click()
    words = (
        f"When a lead clicks a link to /pricing in a campaign titled sale, and is in {ENTITY} at stage New, "
        "then change the stage to Keen and add the tag hot."
    )
    expect(desk.get_by_text(words)).to_be_visible()
    expect(desk.get_by_text(f"No lead of {ENTITY} has the stage Keen yet.")).to_be_visible()
    stored = marketer("GET", f"/v1/rules/{desk.url.rsplit('/', 1)[1]}")
    assert {name: stored["when"][name] for name in CLICKERS["when"]} == CLICKERS["when"] | {"campaign_title": "sale"}
    assert (stored["if"]["entity"], stored["if"]["stages"]) == (ENTITY, ["New"])
    assert stored["then"] == [{"action": "change_stage", "stage": "Keen"}, {"action": "add_tag", "tag": "hot"}]


def test_an_anonymous_campaign_has_no_follow_up(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    marketer("POST", "/v1/leads", {"entity": "anonymous", "stage": "New", "email": "ida@rules.example"})
    audience = {"entity": "anonymous", "stages": ["New"]}
    campaign = write_campaign(marketer, "Anonymous", tracking="anonymous", audience=audience)
    marketer("POST", f"/v1/campaigns/{campaign}/send")
    desk.goto(f"{stack.web_url}#/campaigns/{campaign}/stats")
    expect(desk.locator(".pill.sent").first).to_be_visible()
    expect(desk.get_by_role("button", name="Follow up…")).to_have_count(0)
    desk.goto(f"{stack.web_url}#/campaigns?q=Anonymous")
    expect(desk.get_by_role("row").filter(has_text="Anonymous")).to_contain_text("Duplicate")
    expect(desk.get_by_role("button", name="Follow up…")).to_have_count(0)


def test_a_rule_is_changed_disabled_and_deleted_by_keyboard(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    rule = marketer("POST", "/v1/rules", RULE)["rule_id"]
    desk.goto(f"{stack.web_url}#/automation")
    row = desk.locator(".rule").filter(has_text="Openers")
    expect(row).to_contain_text(
        "When a lead opens an email in any campaign, and is at stage Never used, then set score to 10."
    )
    expect(row).to_contain_text("No lead has the stage Never used yet.")

    press_until(desk, row.get_by_role("switch", name="Enabled: Openers"))
    desk.keyboard.press("Space")
    expect(desk.get_by_text("Rule disabled.")).to_be_visible()
    expect(row.get_by_text("Disabled", exact=True)).to_be_visible()
    assert marketer("GET", f"/v1/rules/{rule}")["enabled"] is False

    press_until(desk, row.get_by_role("link", name="Edit Openers"))
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("Link", exact=True)).to_be_hidden()
    press_until(desk, desk.get_by_label("Name", exact=True))
    desk.keyboard.press("ControlOrMeta+a")
    desk.keyboard.type("Readers")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Nothing yet. Leads changed by this rule appear here.")).to_be_visible()
    changed = marketer("GET", f"/v1/rules/{rule}")
    assert (changed["name"], changed["enabled"]) == ("Readers", False)
    assert {name: changed["when"][name] for name in RULE["when"]} == RULE["when"]
    assert (changed["if"]["stages"], changed["then"]) == (RULE["if"]["stages"], RULE["then"])

    press_until(desk, desk.get_by_role("button", name="Delete"))
    desk.keyboard.press("Enter")
    press_until(desk, desk.get_by_role("button", name="Delete rule"))
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Automation")).to_be_visible()
    expect(desk.locator(".loading")).to_have_count(0)
    expect(desk.get_by_role("link", name="Readers", exact=True)).to_have_count(0)
    assert rule not in {each["rule_id"] for each in marketer("GET", "/v1/rules")["items"]}


def test_a_read_only_token_cannot_change_rules(page: Page, stack: LocalStack, marketer: Marketer) -> None:
    marketer("POST", "/v1/rules", RULE | {"name": "Looked at"})
    reader = marketer("POST", "/v1/tokens", {"name": "reader", "scope": "read"})["token"]
    page.goto(f"{stack.web_url}#/automation")
    sign_in(page, reader)
    row = page.locator(".rule").filter(has_text="Looked at")
    expect(row.get_by_text("Enabled")).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    expect(page.locator("main").get_by_role("switch")).to_have_count(0)
    expect(page.get_by_role("link", name="New rule")).to_have_count(0)
    row.get_by_role("link", name="Looked at").click()
    expect(page.get_by_role("heading", name="Log")).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    page.goto(f"{page.url}/edit")
    expect(page.get_by_role("heading", name="This page needs full access")).to_be_focused()


def test_a_rule_acts_and_is_followed_up(
    desk: Page,
    stack: LocalStack,
    marketer: Marketer,
    clicked: str,
    until: Callable[[Callable[[], bool]], bool],
) -> None:
    desk.goto(stack.web_url)
    desk.get_by_role("link", name="Automation").click()
    desk.get_by_role("link", name="Pricing clickers become hot", exact=True).click()
    log = desk.get_by_role("row")
    (rule,) = (each for each in marketer("GET", "/v1/rules")["items"] if each["name"] == CLICKERS["name"])
    assert until(lambda: len(marketer("GET", f"/v1/rules/{rule['rule_id']}/log")["items"]) == 2)
    look_again(desk)
    expect(log.filter(has=desk.get_by_role("link", name="Ann"))).to_contain_text("Tag hot added")
    failed = log.filter(has=desk.get_by_role("link", name="Mia"))
    expect(failed).to_contain_text("Stage New → Hot Lead")
    expect(failed).to_contain_text("Failed Add the tag hot")
    desk.get_by_role("link", name="Ann").click()
    event = desk.locator(".event").first
    expect(event.get_by_role("link", name="Rule: Pricing clickers become hot")).to_be_visible()
    expect(event).to_contain_text("Stage New → Hot Lead; Tag hot added")
    expect(desk.locator(".event").nth(1)).to_contain_text("Campaign: Our pricing, autumn")

    desk.goto(f"{stack.web_url}#/campaigns/{clicked}/stats")
    expect(desk.locator("[data-figure=sent]")).to_have_text("3")
    expect(desk.locator("[data-figure=clicked]")).to_have_text("2")
    desk.get_by_role("button", name="Follow up…").click()
    desk.get_by_label("Did not click").check()
    desk.get_by_role("button", name="Create draft").click()
    desk.locator("summary", has_text="Recipients").click()
    expect(desk.get_by_text("did not click in “Our pricing, autumn”", exact=True)).to_be_visible()
    expect(desk.get_by_text("1 lead right now.")).to_be_visible()
    draft = desk.url.split("/")[-2]
    desk.get_by_role("textbox", name="Title", exact=True).fill("Still time")
    expect(desk.locator(".save-state")).to_contain_text("Saved")
    saved = marketer("GET", f"/v1/campaigns/{draft}")
    assert saved["title"] == "Still time"
    assert saved["audience"]["behavior"] == [{"campaign_id": clicked, "did": "not_clicked"}]
    desk.get_by_role("link", name="Campaigns", exact=True).first.click()
    row = desk.get_by_role("row").filter(has=desk.get_by_role("link", name="Still time"))
    expect(row).to_contain_text("did not click in “Our pricing, autumn”")
    desk.get_by_role("navigation", name="Campaigns by status").get_by_role("link", name="Drafts").click()
    expect(desk.get_by_role("link", name="Our pricing, autumn")).to_have_count(0)
    expect(row).to_contain_text("did not click in “Our pricing, autumn”")
    row.get_by_role("link", name="Still time").click()
    desk.locator("summary", has_text="Recipients").click()
    desk.get_by_role("button", name="Remove: did not click in").click()
    expect(desk.get_by_text("did not click in")).to_have_count(0)
    assert until(lambda: not marketer("GET", f"/v1/campaigns/{draft}")["audience"]["behavior"])
