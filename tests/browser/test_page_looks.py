"""How the page looks: accessible (WCAG 2.1 AA by axe-core, light and dark) and never wider than the screen.

`SCREENSHOTS=docs/images make browser TESTS=tests/browser/test_page_looks.py` renews the pictures of the documentation.
Install the page's font first (Debian: fonts-inter): without it they show a wider one that nearly no reader has.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from chalicelib.model.ids import new_lead_id
from local.console import NotReady
from local.seed import DRAFT
from local.stack import LocalStack
from tests.browser.axe import axe_source
from tests.browser.showcase import ENTITY, Showcase, build
from tests.browser.steps import DRAWN, sign_in, wait_for_requests
from tests.prerequisites import skip_without
from tests.stack.marketer import Marketer

SCREENSHOTS = os.environ.get("SCREENSHOTS")


@dataclass(frozen=True, slots=True)
class Shop:
    campaign: str
    draft: str
    lead: str
    rule: str


@pytest.fixture(scope="module")
def shop(marketer: Marketer, until: Any) -> Iterator[Shop]:
    campaign = build(marketer)
    counted = until(lambda: marketer("GET", f"/v1/campaigns/{campaign}/stats")["pending"] == 0)
    assert counted, "the showcase's deliveries were not counted"
    marketer("PATCH", "/v1/workspace", {"name": "Acme Realty", "postal_address": ADDRESS})
    marketer("POST", "/v1/senders", {"domain": SENDER})
    marketer("POST", "/v1/suppressions", {"emails": SUPPRESSED, "reason": "Asked by phone not to be emailed"})
    draft = marketer("POST", "/v1/campaigns", json.loads(DRAFT.read_bytes()) | {"title": "Summer gardens"})
    clicked = marketer("GET", f"/v1/campaigns/{campaign}/deliveries?clicked=true&opened=true&limit=20")["items"]
    lead = next(each["lead_id"] for each in clicked if marketer("GET", f"/v1/leads/{each['lead_id']}")["email"])
    rules = [marketer("POST", "/v1/rules", each)["rule_id"] for each in RULES]
    yield Shop(campaign, draft["campaign_id"], lead, rules[0])
    marketer("PATCH", "/v1/workspace", {"name": "", "postal_address": None})
    marketer("DELETE", f"/v1/senders/{SENDER}")


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return axe_source()
    except NotReady as missing:
        skip_without("axe-core", str(missing))


ADDRESS = "Acme Realty\nRua Augusta 100\n1100-053 Lisbon"
SENDER = "acme-homes.example"
SUPPRESSED = ["ines.faria@mail.example", "jonas.berg@mail.example", "zofia.novak@mail.example"]
CUSTOMERS = """E-Mail;Vorname;Nachname;Firma;Größe
jana@kunden.example;Jana;Weiß;Café Grün;12
juergen@kunden.example;Jürgen;Müller;Bäckerei Süß;4
wrong;Ann;Berg;;
"""
RULES = (
    {
        "name": "Pricing clickers are hot",
        "when": {"event": "clicked", "campaign_title": "*pricing*", "url": "https://*/pricing*"},
        "if": {"entity": ENTITY, "stages": ["New", "Contacted", "Qualified"]},
        "then": [{"action": "change_stage", "stage": "Hot Lead"}, {"action": "add_tag", "tag": "hot"}],
    },
    {
        "name": "Gardeners who looked",
        "when": {"event": "opened", "campaign_title": "Garden*"},
        "if": {"entity": ENTITY, "stages": [], "tags": ["garden"]},
        "then": [{"action": "change_stage", "stage": "Warm"}, {"action": "set_field", "field": "score", "value": "10"}],
    },
    {
        "name": "Wrong addresses",
        "enabled": False,
        "when": {"event": "bounced"},
        "then": [{"action": "add_tag", "tag": "ask-for-address"}, {"action": "remove_tag", "tag": "newsletter"}],
    },
)
VIEWS = {
    "campaigns": ("/campaigns", "Spring pricing"),
    "editor": ("/campaigns/{draft}/edit", "right now"),
    "stats": ("/campaigns/{campaign}/stats", "Compared with earlier campaigns"),
    "lead": ("/leads/{lead}", "Campaign: Spring pricing"),
    "leads": ("/leads", "Next"),
    "lead-form": ("/leads/new", "Never track"),
    "import": ("/leads/import", "Choose a spreadsheet"),
    "automation": ("/automation", "Wrong addresses"),
    "rule": ("/automation/{rule}", "Nothing yet."),
    "senders": ("/settings/senders", "Add a domain or address"),
    "suppressions": ("/settings/suppressions", "not emailed"),
    "rule-form": ("/automation/{rule}/edit", "Add action"),
    "settings": ("/settings", "Postal address"),
    "tokens": ("/settings/tokens", "Create token…"),
    "help": ("/help", "The five numbers"),
    "nowhere": ("/nowhere", "There is no such page"),
}
DIALOGS = (
    ("/campaigns", "Delete…: Summer gardens"),
    ("/campaigns/{campaign}/stats", "Follow up…"),
    ("/campaigns/{campaign}/stats", "View email"),
    ("/campaigns/{draft}/edit", "Insert merge tag into Subject"),
    ("/campaigns/{draft}/edit", "Send test…"),
    ("/campaigns/{draft}/edit", "Schedule…"),
    ("/campaigns/{draft}/edit", "Send…"),
    ("/leads/{lead}", "Erase…"),
    ("/settings/suppressions", "Add…"),
    ("/settings/tokens", "Create token…"),
)
"""Where dialogs are opened, and by which button."""
WIDE: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 380, "height": 800}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHIFTS = """self.shifts = []; new PerformanceObserver((found) => shifts.push(...found.getEntries().flatMap((each) =>
  each.sources.map(({ node, previousRect: { y } }) => `${node?.className || node?.textContent}: ${y}`))))
  .observe({ type: "layout-shift", buffered: true })"""
"""Collects what moves on a page without having been asked to."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
NAMES = ["link-name", "button-name", "label", "select-name"]
"""What a narrow page may lose with the texts that it hides."""
SMALL = """() => [...document.querySelectorAll("button, .button, nav a, select, textarea, input")]
  .filter((each) => each.checkVisibility() && !each.matches("[type=checkbox], [type=radio], .quiet .note"))
  .filter((each) => each.getBoundingClientRect().height < 39.5).map((each) => each.outerHTML.slice(0, 120))"""
"""Controls that are too low for a finger."""


@pytest.fixture(scope="module")
def look(stack: LocalStack, signed_in: Page) -> Iterator[Callable[[str], Page]]:
    """Opens a view of the page on a wide, light screen, in the same tab for all tests."""
    tab = signed_in.context.new_page()
    tab.emulate_media(reduced_motion="reduce")

    def opened(fragment: str) -> Page:
        tab.set_viewport_size(WIDE)
        tab.emulate_media(color_scheme="light")
        tab.goto(f"{stack.web_url}#{fragment}")
        return tab

    yield opened
    tab.close()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible(look: Callable[[str], Page], shop: Shop, axe: str, view: str) -> None:
    address, sign = VIEWS[view]
    page = look(address.format(campaign=shop.campaign, draft=shop.draft, lead=shop.lead, rule=shop.rule))
    expect(page.get_by_text(sign).first).to_be_visible()
    if view == "editor":
        expect(page.frame_locator("iframe.mail").locator("h1")).to_be_visible()
    wait_for_requests(page)
    if SCREENSHOTS and view not in ("import", "rule", "rule-form", "lead-form", "tokens", "nowhere"):
        page.emulate_media(color_scheme="dark" if view in ("lead", "leads") else "light")
        page.screenshot(path=Path(SCREENSHOTS) / f"{view}.png")
    assert_accessible(page, axe)
    if view not in ("campaigns", "editor", "stats"):
        assert page.evaluate(SMALL) == []
    if SCREENSHOTS and view == "editor":
        page.emulate_media(color_scheme="light")
        page.get_by_role("button", name="Preview", exact=True).click()
        page.wait_for_timeout(500)
        page.screenshot(path=Path(SCREENSHOTS) / "editor-phone.png")


def test_nothing_moves_while_a_view_loads(stack: LocalStack, signed_in: Page, shop: Shop) -> None:
    page = signed_in.context.new_page()
    page.set_viewport_size(PHONE)
    page.add_init_script(SHIFTS)
    for address, sign in VIEWS.values():
        page.goto("about:blank")
        page.goto(stack.web_url + "#" + address.format(**asdict(shop)))
        expect(page.get_by_text(sign).first).to_be_visible()
        wait_for_requests(page)
        page.evaluate(DRAWN)
        assert page.evaluate("shifts") == [], address
    page.close()


def assert_accessible(page: Page, axe: str) -> None:
    """On this screen, light and dark, and on a phone, where the page stays."""
    page.evaluate(axe)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(DRAWN)
        assert_no_faults(page, WCAG)
    page.set_viewport_size(PHONE)
    page.evaluate(DRAWN)
    assert_no_faults(page, NAMES)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def assert_no_faults(page: Page, rules: list[str], part: str = "html") -> None:
    found = page.evaluate("([part, asked]) => axe.run(part, asked)", [part, {"runOnly": rules, "iframes": False}])
    faults = [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]
    assert not faults, "\n".join(faults)


def test_selecting_and_importing_leads_are_accessible(
    look: Callable[[str], Page], marketer: Marketer, shop: Shop, axe: str
) -> None:
    page = look("/leads")
    page.get_by_label("Select all on this page").check()
    assert_accessible(page, axe)
    assert page.evaluate(SMALL) == []
    page.get_by_role("button", name="Change stage").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page, axe)
    page.get_by_role("button", name="Cancel").click()
    page = look("/leads/import")
    page.get_by_label("Choose a spreadsheet").set_input_files(
        {
            "name": "leads.csv",
            "mimeType": "text/csv",
            "buffer": CUSTOMERS.encode("cp1252"),
        }
    )
    page.get_by_label("Business line").last.fill(ENTITY)
    page.get_by_label("Stage").last.fill("New")
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / "import.png")
    page.get_by_role("button", name="Check all lines").click()
    expect(page.get_by_role("heading", name="Checked: nothing is imported yet")).to_be_visible()
    assert_accessible(page, axe)
    assert page.evaluate(SMALL) == []


def test_dialogs_and_conflicts_are_accessible(
    look: Callable[[str], Page], marketer: Marketer, shop: Shop, axe: str
) -> None:
    draft = marketer("POST", f"/v1/campaigns/{shop.draft}/duplicate")["campaign_id"]
    lead = marketer("POST", "/v1/leads", {"entity": "asked", "stage": "New", "email": "asked@mail.example"})["lead_id"]
    page = look(f"/campaigns/{draft}/edit")
    subject = page.get_by_role("textbox", name="Subject", exact=True)
    expect(subject).not_to_have_value("")
    wait_for_requests(page)
    marketer("PATCH", f"/v1/campaigns/{draft}", {"subject": "Changed elsewhere"})
    subject.fill("Changed here")
    expect(page.get_by_role("region", name="Conflicting changes")).to_be_visible()
    assert_accessible(page, axe)
    marketer("POST", f"/v1/leads/{lead}/unsubscribe")
    look(f"/leads/{lead}")
    page.get_by_role("button", name="Resubscribe…").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    assert_accessible(page, axe)
    page.get_by_role("button", name="Cancel").click()


def test_dialogs_are_accessible_and_give_the_focus_back(
    look: Callable[[str], Page], marketer: Marketer, shop: Shop, axe: str
) -> None:
    for address, opener in DIALOGS:
        page = look(address.format(campaign=shop.campaign, draft=shop.draft, lead=shop.lead))
        page.set_viewport_size(PHONE)
        button = page.get_by_role("button", name=opener, exact=True)
        button.click()
        dialog = page.locator("dialog, .popover").last
        expect(dialog).to_be_visible()
        expect(dialog.get_by_text("Checking…")).to_have_count(0)
        page.evaluate(axe)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert_no_faults(page, WCAG, "dialog, .popover")
        assert dialog.evaluate("each => each.scrollWidth <= each.clientWidth"), opener
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        # On the button again, or for a merge tag in the field that gets it.
        expect(page.locator("button:focus, input:focus"), opener).to_be_visible()


def test_the_click_map_shows_the_clicks_on_the_email(look: Callable[[str], Page], shop: Shop) -> None:
    page = look(f"/campaigns/{shop.campaign}/stats")
    page.set_viewport_size({"width": 1280, "height": 1080})
    expect(page.get_by_text("Compared with earlier campaigns")).to_be_visible()
    expect(page.get_by_role("row", name="See the new prices")).to_be_visible()
    clicked = page.get_by_role("row", name="See the new prices").get_by_role("cell").nth(2).inner_text()
    page.get_by_role("button", name="Show click map").click()
    link = page.frame_locator("iframe.overlay").get_by_role("link", name="See the new prices")
    expect(link).to_be_visible()
    content = link.evaluate("element => getComputedStyle(element, '::after').content")
    assert content.strip('"').startswith(clicked), content
    if SCREENSHOTS:
        wait_for_requests(page)
        expect(page.locator(".toast")).to_have_count(0)
        page.get_by_role("heading", name="Opens and clicks over time").evaluate("each => each.scrollIntoView()")
        page.wait_for_timeout(500)
        page.screenshot(path=Path(SCREENSHOTS) / "stats-links.png")


def not_clicked(marketer: Marketer, campaign_id: str) -> Iterator[tuple[str, str | None]]:
    """All leads who did not click, in the random order of their ids, and why a machine's clicks were kept out."""
    cursor = ""
    while True:
        page = marketer("GET", f"/v1/campaigns/{campaign_id}/deliveries?clicked=false&limit=200{cursor}")
        yield from ((each["lead_id"], each["clicked_machine"]) for each in page["items"])
        if page["cursor"] is None:
            return
        cursor = f"&cursor={page['cursor']}"


def test_the_panel_and_the_timeline_say_why_clicks_count_or_not(
    look: Callable[[str], Page], marketer: Marketer, shop: Shop, axe: str
) -> None:
    page = look(f"/campaigns/{shop.campaign}/stats")
    machines = page.get_by_role("region", name="Machine activity")
    expect(machines.get_by_text("Clicks by a security scanner")).to_be_visible()
    expect(machines.get_by_text("Its user agent names its purpose", exact=False)).to_be_visible()
    notes = page.get_by_role("region", name="Insights")
    expect(notes.get_by_text("21 of 21 clicks from corp.example came within 60 s of delivery")).to_be_visible()
    expect(notes.get_by_text("Without these clicks, 21 in all, Clicked is")).to_be_visible()
    swept = next(lead for lead, machine in not_clicked(marketer, shop.campaign) if machine == "burst")
    look(f"/leads/{swept}")
    why = page.get_by_text("Not counted: 3 links within 0.3 s", exact=False)
    expect(why).to_contain_text("after sending; typical of a security scanner.")
    summary = page.get_by_text("Show the 3 links")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("https://www.acme-realty.example/visit")).to_be_visible()
    assert_accessible(page, axe)


def test_the_panel_looks_for_link_scanners_again_when_it_was_too_early(
    page: Page, stack: LocalStack, marketer: Marketer
) -> None:
    shop, now = Showcase(marketer, datetime.now(UTC)), datetime.now(UTC)
    leads = [new_lead_id() for _ in range(25)]
    campaign = shop.past("Just sent", [], 1, opens=0, clicks=0)
    shop.scan(campaign, leads, now - timedelta(minutes=2))
    page.clock.install()  # in all tabs of this window
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/stats")
    sign_in(page, stack.token)
    notes = page.get_by_role("region", name="Insights")
    expect(notes.get_by_text("Too early to look for link scanners: 15 of the 15 leads")).to_be_visible()
    shop.scan(campaign, leads, now - timedelta(minutes=12))
    page.clock.fast_forward("10:01")
    expect(notes.get_by_text("15 of 15 clicks from corp.example came within 60 s")).to_be_visible()
    expect(notes.get_by_text("Too early")).to_have_count(0)


def test_signing_in_is_accessible(page: Page, stack: LocalStack, axe: str) -> None:
    page.goto(stack.web_url)
    expect(page.get_by_label("API token")).to_be_visible()
    assert_accessible(page, axe)
