"""A marketer's day, from a messy spreadsheet to the follow-up: by mouse, by keyboard alone, and with hostile input."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, FilePayload, Locator, Page, expect

from chalicelib.store.access import Sessions
from local.stack import LocalStack
from tests.browser.conftest import open_window
from tests.browser.steps import field, figure, look_again, wait_for_list, wait_for_requests
from tests.stack.marketer import Marketer
from tests.unit.crm.workbooks import workbook

DOMAIN = "cafe-gruen.example"
CUSTOMERS = """Vorname;Nachname;E-Mail;Firma;Status
Jürgen;Müller;juergen@kunden.example;Café Grün;Neu
Zoë;Weiß;zoe@kunden.example;"Weiß & Söhne; Köln";Neu
Anna;Schmidt;anna@kunden.example;;Interessent
Ohne;Adresse;;Nichts;Neu
Kaputt;Mail;keine-adresse;X – „Y“;Neu
"""
SAVED = re.compile("^Saved ")
EVIL = '"><img src=x onerror=alert(1)>'
EXPRESSION = "{{ 7*7 }}"
EVIL_LINES = f"""email,first_name,<script>alert(2)</script>,formula
evil@evil.example,"{EVIL.replace('"', '""')}",<script>alert(3)</script>,"=HYPERLINK(""http://evil.example"")"
seven@evil.example,{EXPRESSION},{{% for each in all %}},@SUM(1)
nobody,<b>bold</b>,=1+1,-2
"""
EVIL_HTML = """<html><head><meta http-equiv="refresh" content="0;url={site}/refresh">
<base href="{site}/base/" target="_top">
<style>@import url({secure}/imported.css); @font-face {{ font-family: evil; src: url({secure}/font.woff); }}
html, body {{ position: fixed; inset: 0; z-index: 2147483647; font-family: evil; }}</style>
<link rel="stylesheet" href="{secure}/sheet.css">
<script>alert(4)</script><script src="{site}/script.js"></script></head><body onload="alert(5)">
<img name="open"><img name="write"><img name="close"><img name="addEventListener"><img name="styleSheets">
<img name="querySelector"><img name="documentElement">
<img src="{secure}/image.png" alt="" onerror="alert(6)">
<svg onload="alert(7)"></svg><iframe src="{site}/frame"></iframe>
<object data="{site}/object"></object><embed src="{site}/embed"><video autoplay src="{site}/video"></video>
<form action="{site}/form" target="_top"><input autofocus onfocus="alert(8)"><button>Submit</button></form>
<a href="javascript:alert(9)">Script</a> <a target="_self" href="{site}/self">Self</a>
<a target="_top" href="{site}/top" ping="{site}/ping">Top</a>
<p id="end">Hello {{{{ lead.first_name }}}}</p></body></html>"""
EVIL_MJML = """<mjml><mj-head><mj-raw><meta http-equiv="refresh" content="0;url={site}/refresh"></mj-raw></mj-head>
<mj-body>
<mj-raw><script>alert(10)</script><iframe src="{site}/frame"></iframe>
<link rel="stylesheet" href="{secure}/sheet.css"></mj-raw><mj-section><mj-column>
<mj-text>Hello {{{{ lead.first_name }}}}
<form action="{site}/form" target="_top"><button>Submit</button></form></mj-text>
<mj-image src="{secure}/image.png" alt=""/><mj-button href="{site}/top">Top</mj-button>
</mj-column></mj-section></mj-body></mjml>"""
EVIL_MARKDOWN = """# Hello {{{{ lead.first_name }}}}

<script>alert(11)</script> <iframe src="{site}/frame"></iframe> {{{{ "<img src=x onerror=alert(12)>" }}}}

[Top]({site}/top) {{button}}

![" onerror="alert(13)]({secure}/image.png)"""


@contextmanager
def inert(page: Page) -> Iterator[Page]:
    """No script of a lead, a file or a mail has opened a dialog in it."""
    page.set_viewport_size({"width": 1440, "height": 900})
    alarms: list[str] = []

    def alarm(dialog: Dialog) -> None:
        alarms.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", alarm)
    yield page
    assert alarms == []


@pytest.fixture
def desk(browser: Browser, marketer: Marketer) -> Iterator[Page]:
    """A window that is not signed in."""
    context = open_window(browser)
    with inert(context.new_page()) as page:
        yield page
    context.close()
    marketer("PATCH", "/v1/workspace", {"name": "", "postal_address": None, "theme": {"accent": "#3b4fc4"}})


@pytest.fixture
def tab(window: BrowserContext) -> Iterator[Page]:
    """A new tab of the window that is signed in."""
    with inert(window.new_page()) as page:
        yield page


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name, exact=isinstance(name, str)).click()


def choice(page: Page, name: str) -> Locator:
    """A radio button, whose name ends in a number once that is known."""
    return page.get_by_role("radio", name=re.compile(f"^{name}"))


def choose(page: Page, name: str, content: bytes) -> None:
    file = FilePayload(name=name, mimeType="application/octet-stream", buffer=content)
    page.get_by_label("Choose a spreadsheet, or drop it here").set_input_files(file)


def test_from_a_spreadsheet_to_the_follow_up(
    desk: Page, page: Page, stack: LocalStack, marketer: Marketer, until: Callable[[Callable[[], bool]], bool]
) -> None:
    sessions = Sessions(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    desk.goto(f"{stack.web_url}#/sign-in?code={sessions.make_link(stack.token, datetime.now(UTC))}")
    expect(desk.get_by_role("heading", name="Campaigns")).to_be_visible()
    desk.evaluate("window.neverReloaded = true")

    desk.get_by_role("link", name="Settings").click()
    field(desk, "Name").fill("Café Grün")
    field(desk, "Postal address").fill("Gartenstraße 1\n10115 Berlin")
    field(desk, "Accent colour").fill("#0b7f74")
    press(desk, "Save")
    expect(desk.get_by_text("Saved.")).to_be_visible()
    expect(desk.get_by_role("button", name="Save")).to_be_focused()
    desk.get_by_role("link", name="Senders").click()
    field(desk, "Add a domain or address").fill(DOMAIN)
    press(desk, "Add")
    sender = desk.locator(f"[data-sender='{DOMAIN}']")
    expect(sender.locator("summary")).to_contain_text("Waiting for verification")
    page.goto(f"{stack.inbox_url}/senders")
    page.get_by_role("row", name=DOMAIN).get_by_role("button", name="Publish its DNS records").click()
    sender.get_by_role("button", name="Check again").click()
    expect(sender.locator("summary")).to_contain_text("Verified")

    desk.get_by_role("link", name="Leads", exact=True).click()
    wait_for_list(desk)
    desk.get_by_role("link", name="Import leads").click()
    choose(desk, "Kunden.csv", CUSTOMERS.replace("\n", "\r\n").encode("windows-1252"))
    expect(field(desk, "Character set")).to_have_value("windows-1252")
    for column, target in {
        "E-Mail": "email",
        "Vorname": "first_name",
        "Nachname": "last_name",
        "Status": "stage",
    }.items():
        expect(desk.get_by_label(f"{column} goes to")).to_have_value(target)
    desk.get_by_role("combobox", name="Business line").fill("café")
    press(desk, "Check all lines")
    press(desk, "Import 4 leads")
    expect(desk.get_by_role("heading", name="Import finished")).to_be_focused()
    expect(
        desk.get_by_role("row", name="6 Email: has no @ Kaputt · Mail · keine-adresse · X – „Y“ · Neu")
    ).to_be_visible()

    desk.get_by_role("link", name="New campaign").click()
    press(desk, re.compile("^Invitation"))
    text, mail = field(desk, "Markdown"), desk.frame_locator("iframe.mail")
    expect(text).to_be_focused()
    field(desk, "Title").fill("Sommerfest")
    field(desk, "Subject").fill("Sommerfest, {{ lead.first_name }}?")
    field(desk, "Preview text").fill("Musik und Kuchen")
    field(desk, "From name").fill("Café Grün")
    field(desk, "From address").fill("fest@")
    field(desk, "From address").press("ArrowDown")
    search = desk.get_by_role("combobox", name="Verified senders")
    search.fill(DOMAIN)
    expect(desk.get_by_role("option", name=f"fest@{DOMAIN}")).to_have_attribute("aria-selected", "true")
    search.press("Enter")
    expect(field(desk, "From address")).to_have_value(f"fest@{DOMAIN}")
    expect(field(desk, "From address")).to_be_focused()
    field(desk, "Reply-to").fill("")
    field(desk, "Business line").select_option("café")
    field(desk, "Neu").check()
    field(desk, "Interessent").check()
    text.fill(f"# Willkommen\n\nHallo \n\n[Zur Feier]({stack.inbox_url}/website/feier)")
    select(text, "Hallo ", is_whole=False)
    press(desk, "Merge tag")
    desk.get_by_role("option", name="First name").click()
    press(desk, "Insert")
    select(text, f"[Zur Feier]({stack.inbox_url}/website/feier)")
    press(desk, "Button")
    expect(text).to_have_value(re.compile(r"\n\n\[Zur Feier\]\(http://[^)\[]*\) {button}\n\n$"))
    expect(text).to_have_value(re.compile(r"^Hallo {{ lead\.first_name \| default\(\"there\"\) }}$", re.MULTILINE))
    expect(desk.locator(".save-state")).to_have_text(SAVED)
    expect(desk.get_by_text("4 leads right now.")).to_be_visible()
    expect(desk.get_by_text("Checked: 1 link tracked, 1 left as it is, nothing else changed.")).to_be_visible()

    desk.locator(".lead-choice").click()
    desk.get_by_role("combobox", name="Find a lead").fill("zoe")
    desk.get_by_role("option", name="Zoë").click()
    expect(mail.get_by_text("Hallo Zoë")).to_be_visible()
    expect(mail.get_by_role("link", name="Zur Feier")).to_have_css("color", "rgb(255, 255, 255)")
    expect(desk.get_by_role("group", name="In the inbox")).to_contain_text("Sommerfest, Zoë?")
    views = desk.get_by_role("group", name="Preview as")
    views.get_by_role("button", name="Phone").click()
    expect(desk.locator("iframe.mail")).to_have_css("width", "375px")
    bright = mail.locator("body").evaluate("each => getComputedStyle(each).backgroundColor")
    views.get_by_role("button", name="Dark").click()
    expect(mail.locator("body")).not_to_have_css("background-color", bright)
    views.get_by_role("button", name="Plain text").click()
    expect(desk.locator(".mail-text")).to_contain_text("10115 Berlin")

    press(desk, "Send test…")
    desk.get_by_label("To (up to 10 addresses)").fill("ich@kunden.example")
    press(desk, "Send test")
    expect(desk.get_by_text("ich@kunden.example: sent")).to_be_visible()
    press(desk, "Close")
    press(desk, "Schedule…")
    desk.get_by_label("Date and time").fill("2031-05-01T09:30")
    desk.get_by_label("Time zone").select_option("Europe/Lisbon")
    press(desk, "Schedule")
    row = desk.get_by_role("row").filter(has_text="Sommerfest")
    expect(row).to_contain_text("Sends Thu 1 May 2031, 09:30 Lisbon")
    campaign = str(row.get_by_role("link", name="Sommerfest").get_attribute("href")).split("/")[2]
    assert marketer("GET", f"/v1/campaigns/{campaign}")["scheduled_at"] == "2031-05-01T08:30:00.000Z"
    row.get_by_role("button", name="Reschedule").click()
    desk.get_by_label("Time zone").select_option("Asia/Tokyo")
    desk.get_by_role("dialog").get_by_role("button", name="Reschedule").click()
    expect(row).to_contain_text("Sends Thu 1 May 2031, 09:30 Tokyo")
    row.get_by_role("link", name="Sommerfest").click()
    press(desk, "Unschedule…")
    desk.get_by_role("dialog").get_by_role("button", name="Unschedule").click()
    press(desk, "Send…")
    expect(desk.get_by_role("dialog")).to_contain_text("4 leads, 1 without an address: 3 emails")
    press(desk, "Send 3 emails")
    expect(figure(desk, "sent")).to_have_text("3")  # the first mails of a cold stack
    expect(figure(desk, "failed")).to_have_text("1")
    expect(figure(desk, "opened")).to_have_text("0")

    page.goto(stack.inbox_url)
    page.get_by_role("link", name="Sommerfest, Zoë?").first.click()
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").get_by_role("link", name="Zur Feier").click()
    expect(opened.value).to_have_url(f"{stack.inbox_url}/website/feier")
    assert until(lambda: bool(marketer("GET", f"/v1/campaigns/{campaign}/stats")["clicked"]))
    look_again(desk)
    expect(figure(desk, "opened")).to_have_text("1")
    expect(figure(desk, "clicked")).to_have_text("1")

    press(desk, "Show recipients: No email address")
    expect(desk.get_by_role("link", name="no email address")).to_have_count(1)
    with desk.expect_download() as saved:
        press(desk, "Download CSV")
    assert saved.value.suggested_filename == "Sommerfest.csv"
    assert saved.value.path().read_text("utf-8").count("missing_address") == 1
    narrowed, zoe = desk.get_by_label("Filter recipients"), desk.get_by_role("link", name="zoe@kunden.example")
    narrowed.select_option("Sent")
    expect(zoe).to_be_visible()
    desk.route("**/deliveries?clicked=*", lambda _: None)  # the answer does not come in time
    narrowed.select_option("Clicked")
    zoe.click()
    expect(desk.get_by_role("heading", name="Zoë Weiß")).to_be_focused()
    desk.unroute_all()  # the answer comes now
    event = desk.locator(".event").first
    expect(event.get_by_text("Campaign: Sommerfest")).to_be_visible()
    expect(event.get_by_text("Sommerfest, Zoë?")).to_be_visible()
    expect(event.locator(".pill.opened")).to_have_text("Opened")
    expect(event.locator(".pill.clicked")).to_have_text("Clicked")
    expect(event.locator(".evidence")).to_have_text(re.compile("^Clicked .*20[0-9]{2}"))
    desk.go_back()
    expect(narrowed).to_have_value("clicked")
    expect(desk).to_have_url(re.compile(r"/stats\?recipients=clicked$"))
    expect(desk.locator("[aria-labelledby=recipients] tbody tr")).to_have_count(1)

    press(desk, "Follow up…")
    choice(desk, "Opened").check()
    press(desk, "Create draft")
    expect(desk.get_by_role("heading", name="Sommerfest (follow-up)")).to_be_focused()
    expect(desk.get_by_text("café · Neu, Interessent · opened “Sommerfest”")).to_be_visible()
    expect(desk.get_by_text("1 lead right now.")).to_be_visible()
    expect(mail.get_by_role("link", name="Zur Feier")).to_be_visible()
    assert desk.evaluate("window.neverReloaded")
    press(desk, "Sign out")
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()


def select(text: Locator, words: str, *, is_whole: bool = True) -> None:
    """Select these words, or put the cursor behind them."""
    text.evaluate(
        """(area, [words, isWhole]) => {
            const start = area.value.indexOf(words);
            area.focus();
            area.setSelectionRange(isWhole ? start : start + words.length, start + words.length);
        }""",
        [words, is_whole],
    )


class Keyboard:
    """A marketer without a mouse, who sees where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press: Callable[[str], None] = page.keyboard.press
        self.type: Callable[[str], None] = page.keyboard.type

    def here(self) -> str:
        """The name of what has the focus."""
        return str(
            self.page.evaluate(
                """() => {
                    const here = document.activeElement;
                    const said = here.getAttribute("aria-label") || here.labels?.[0]?.textContent || here.textContent;
                    return here === document.body ? "" : said.trim();
                }"""
            )
        )

    def to(self, name: str, key: str = "Tab") -> None:
        """Go on until something that begins with this name has the focus."""
        passed = []
        for _ in range(60):
            self.press(key)
            passed.append(self.here())
            if passed[-1].startswith(name):
                return
        raise AssertionError(f"{name} is not reached: {passed}")

    def do(self, name: str, key: str = "Tab") -> None:
        self.to(name, key)
        self.press("Enter")


def test_the_day_by_keyboard_alone(desk: Page, stack: LocalStack, tmp_path: Path) -> None:
    keys = Keyboard(desk)
    file = tmp_path / "Kunden.csv"
    file.write_bytes(CUSTOMERS.replace("kunden", "tasten").encode("windows-1252"))
    desk.goto(stack.web_url)
    expect(desk.get_by_label("API token")).to_be_focused()
    keys.type("lf_" + "x" * 43)
    keys.press("Enter")
    expect(desk.get_by_text("This token is unknown or was revoked.")).to_be_visible()
    keys.press("Control+a")
    keys.type(stack.token)
    keys.press("Enter")
    expect(desk.get_by_role("heading", name="Campaigns")).to_be_focused()

    keys.do("Leads", "Shift+Tab")
    expect(desk.get_by_role("heading", name="Leads", exact=True)).to_be_focused()
    wait_for_list(desk)
    keys.do("Import leads")
    expect(desk.get_by_role("heading", name="Import leads")).to_be_focused()
    with desk.expect_file_chooser() as chooser:
        keys.do("Choose a spreadsheet")
    chooser.value.set_files(file)
    expect(desk.get_by_role("heading", name="Kunden.csv")).to_be_focused()
    keys.to("Business line")
    keys.type("tasten")
    keys.do("Check all lines")
    expect(desk.get_by_role("heading", name="Checked: nothing is imported yet")).to_be_focused()
    keys.do("Import 4 leads")
    expect(desk.get_by_role("heading", name="Import finished")).to_be_focused()
    keys.do("New campaign")
    expect(desk.get_by_role("heading", name="New campaign")).to_be_focused()

    for name, written in {"Title": "Tasten", "Subject": "Hallo", "From address": "fest@shop.example"}.items():
        keys.to(name)
        keys.press("Control+a")
        keys.type(written)
    keys.to("Business line")
    keys.press("Home")
    while field(desk, "Business line").input_value() != "tasten":
        keys.press("ArrowDown")
    expect(field(desk, "Neu")).to_be_visible()
    keys.to("Neu")
    keys.press("Space")
    keys.do("Personal letter")
    text = field(desk, "Markdown")
    expect(text).to_be_focused()
    keys.press("Control+a")
    keys.type("Hallo ")
    keys.press("Control+Shift+M")
    expect(desk.get_by_role("combobox", name="Merge tags")).to_be_focused()
    keys.press("Enter")
    expect(desk.get_by_label("If a lead has none, show")).to_be_focused()
    keys.press("Enter")
    expect(text).to_be_focused()
    keys.press("Enter")
    keys.press("Enter")
    keys.to("Bold", "Shift+Tab")
    keys.to("Button", "ArrowRight")
    keys.press("Enter")
    keys.type("Zur Feier")
    expect(text).to_have_value('Hallo {{ lead.first_name | default("there") }}\n\n[Zur Feier](https://) {button}\n\n')
    for _ in "](":
        keys.press("ArrowRight")
    for _ in "https://":
        keys.press("Shift+ArrowRight")
    keys.type("https://www.cafe-gruen.de/feier")
    expect(desk.locator(".save-state")).to_have_text(SAVED)
    expect(desk.frame_locator("iframe.mail").get_by_role("link", name="Zur Feier")).to_be_visible()
    expect(desk.get_by_text("3 leads right now.")).to_be_visible()
    keys.do("Send…")
    expect(desk.get_by_role("button", name="Send 2 emails")).to_be_enabled()
    keys.do("Send 2 emails")
    expect(desk.get_by_role("heading", name="Tasten", exact=True)).to_be_focused()
    expect(figure(desk, "sent")).to_have_text("2")
    expect(desk.get_by_role("button", name="Follow up…")).to_be_visible()  # once it has ended, a moment later
    expect(desk.get_by_role("heading", name="Tasten", exact=True)).to_be_focused()

    keys.do("Follow up…")
    expect(choice(desk, "Did not open")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(choice(desk, "Did not click")).to_be_checked()
    expect(desk.get_by_role("button", name="Create draft")).to_be_enabled()
    keys.do("Create draft")
    expect(desk.get_by_role("heading", name="Tasten (follow-up)")).to_be_focused()
    expect(desk.get_by_text("tasten · Neu, Interessent · did not click in “Tasten”")).to_be_visible()
    keys.do("Campaigns")
    expect(desk.get_by_role("heading", name="Campaigns")).to_be_focused()
    expect(desk.get_by_role("link", name="Tasten (follow-up)")).to_be_visible()
    keys.do("Tasten (follow-up)")
    expect(field(desk, "Title")).to_have_value("Tasten (follow-up)")


def test_hostile_files_are_refused_and_hostile_leads_are_text(tab: Page, stack: LocalStack, marketer: Marketer) -> None:
    desk = tab
    desk.goto(f"{stack.web_url}#/leads/import")
    # The workbook has 72 MB in some 70 kB.
    for name, content, reason in (
        ("bomb.xlsx", workbook({"Leads": "<row/>" * 12_000_000}), "more than 64 MB when it is unpacked"),
        ("fake.xlsx", b"PK\x03\x04" + b"x" * 1000, "not a readable .xlsx workbook"),
        ("binary.csv", bytes(range(256)) * 1000, "not a text file"),
    ):
        choose(desk, name, content)
        expect(desk.get_by_role("alert")).to_contain_text(reason)
        expect(desk.get_by_role("button", name="Choose another file")).to_be_focused()
        desk.keyboard.press("Enter")
    choose(desk, "quotes.csv", b'email;name\n"' + b'""' * 2_500_000)
    desk.get_by_role("combobox", name="Business line").fill("evil")
    desk.get_by_role("combobox", name="Stage").fill("New")
    press(desk, "Check all lines")
    expect(desk.get_by_role("row", name=re.compile("^2 .*a quote is not closed"))).to_be_visible()
    press(desk, "Choose another file")

    choose(desk, "<img src=x onerror=alert(0)>.csv", EVIL_LINES.encode())
    desk.get_by_role("combobox", name="Business line").fill("evil")
    desk.get_by_role("combobox", name="Stage").fill("New")
    press(desk, "Check all lines")
    press(desk, "Import 2 leads")
    expect(desk.get_by_role("heading", name="Import finished")).to_be_visible()
    with desk.expect_download() as rejected:
        press(desk, "Download lines with errors")
    assert '"nobody","<b>bold</b>","\'=1+1",' in rejected.value.path().read_text("utf-8-sig")

    desk.goto(f"{stack.web_url}#/leads?entity=evil")
    with desk.expect_download() as exported:
        press(desk, "Export CSV")
    lines = exported.value.path().read_text("utf-8-sig")
    assert "'=HYPERLINK" in lines
    assert f"seven@evil.example,{EXPRESSION}" in lines
    desk.get_by_role("link", name=EVIL).click()
    expect(desk.get_by_role("heading", name=EVIL)).to_be_focused()

    campaign: dict[str, Any] = {
        "title": EVIL,
        "subject": "For {{ lead.first_name }}",
        "from_email": "news@shop.example",
    }
    campaign |= {"markdown": "Hello {{ lead.first_name }}", "audience": {"entity": "evil", "stages": ["New"]}}
    made = marketer("POST", "/v1/campaigns", campaign)["campaign_id"]
    marketer("POST", f"/v1/campaigns/{made}/send")
    desk.goto(f"{stack.web_url}#/campaigns/{made}/stats")
    expect(figure(desk, "sent")).to_have_text("2")
    expect(desk.get_by_role("heading", name=EVIL)).to_be_visible()
    inbox = desk.context.new_page()
    for name in (EVIL, EXPRESSION):
        inbox.goto(stack.inbox_url)
        inbox.get_by_role("link", name=f"For {name}").first.click()
        expect(inbox.frame_locator("iframe").get_by_text(f"Hello {name}")).to_be_visible()


@pytest.mark.parametrize(("kind", "hostile"), [("html", EVIL_HTML), ("mjml", EVIL_MJML), ("markdown", EVIL_MARKDOWN)])
def test_a_hostile_mail_does_nothing_in_the_preview(
    tab: Page, stack: LocalStack, marketer: Marketer, kind: str, hostile: str
) -> None:
    desk = tab
    marketer(
        "POST", "/v1/leads", {"entity": "victim", "stage": "New", "first_name": EVIL, "email": f"{kind}@victim.example"}
    )
    site = f"{stack.inbox_url}/hostile"
    secure = site.replace("http:", "https:")
    written: dict[str, Any] = {"title": "Hostile", "subject": EVIL, "from_email": "news@shop.example"}
    written |= {"audience": {"entity": "victim", "stages": ["New"]}, kind: hostile.format(site=site, secure=secure)}
    campaign = marketer("POST", "/v1/campaigns", written)["campaign_id"]
    asked: set[str] = set()
    tabs = len(desk.context.pages)
    blocked: set[str] = set()
    desk.context.on("request", lambda request: asked.add(request.url))
    desk.context.on("requestfailed", lambda each: blocked.add(each.url) if "csp" in str(each.failure) else None)
    desk.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    mail, address = desk.frame_locator("iframe.mail"), desk.url
    expect(mail.get_by_text(f"Hello {EVIL}")).to_be_visible()
    expect(desk.get_by_role("group", name="In the inbox")).to_contain_text(EVIL)
    for name in ("Submit", "Script", "Self", "Top"):
        for each in mail.get_by_text(name, exact=True).all():
            each.click(no_wait_after=True)
            each.press("Enter", no_wait_after=True)
    text = field(desk, {"html": "HTML", "mjml": "MJML", "markdown": "Markdown"}[kind])
    text.fill(text.input_value().replace("Hello", "Still here"))
    expect(mail.get_by_text(f"Still here {EVIL}")).to_be_visible()
    press(desk, "Send test…")
    expect(desk.get_by_label("To (up to 10 addresses)")).to_be_focused()
    wait_for_requests(desk)
    assert desk.url == address
    assert len(desk.context.pages) == tabs
    assert {each for each in asked - blocked if "/hostile/" in each} == {f"{secure}/image.png"}
    assert {each.split("/v1/")[0] for each in asked if "/v1/" in each} == {stack.web_url.rstrip("/")}
    assert desk.evaluate("document.querySelector('iframe.mail').getAttribute('sandbox')") == "allow-same-origin"
