"""Writing an email: its preview beside the text, the toolbar, merge tags, formats, and findings at their lines."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from local.stack import LocalStack
from tests.browser.steps import DRAWN, field
from tests.stack.marketer import Marketer

# The first lead of a list in the order of random ids.
ANYBODY = re.compile("Hello (Ann|Bob)")
WIDTH_OF_TEXT = """each => {
    const { paddingLeft, paddingRight } = getComputedStyle(each);
    return each.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
}"""
IS_WHOLE = (
    """each => each.getBoundingClientRect().bottom <= each.closest(".code-sheet").getBoundingClientRect().bottom"""
)


@pytest.fixture(scope="module", autouse=True)
def leads(marketer: Marketer) -> None:
    for name, city in (("Ann", "Lisbon"), ("Bob", "Porto")):
        lead = {"entity": "desk", "stage": "New", "first_name": name, "email": f"{name}@desk.example"}
        marketer("POST", "/v1/leads", lead | {"fields": {"city": city}})


@pytest.fixture
def desk(desk: Page) -> Page:
    desk.set_viewport_size({"width": 1440, "height": 900})
    return desk


def opened(page: Page, stack: LocalStack, marketer: Marketer, **said: Any) -> str:
    written = {"title": "Desk", "from_email": "news@shop.example", "audience": {"entity": "desk", "stages": ["New"]}}
    campaign = str(marketer("POST", "/v1/campaigns", written | said)["campaign_id"])
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    expect(field(page, "Title")).to_have_value("Desk")
    return campaign


def test_an_email_is_written_beside_its_preview(desk: Page, stack: LocalStack) -> None:
    desk.goto(f"{stack.web_url}#/campaigns/new")
    field(desk, "Title").fill("A newsletter")
    desk.get_by_label("Business line").select_option("desk")
    desk.get_by_label("New", exact=True).check()
    mail, text = desk.frame_locator("iframe.mail"), field(desk, "Markdown")
    desk.get_by_role("button", name="Announcement").click()
    expect(field(desk, "Subject")).to_have_value(re.compile("something new for you$"))
    text.fill("")
    desk.get_by_role("button", name="Newsletter").click()
    expect(mail.get_by_text(ANYBODY)).to_be_visible()
    expect(field(desk, "Preview text")).not_to_have_value("")
    expect(desk.get_by_role("group", name="In the inbox")).to_contain_text("What’s new this month")
    for width in (1440, 1024):
        desk.set_viewport_size({"width": width, "height": 900})
        text.scroll_into_view_if_needed()
        boxes = [desk.locator(each).bounding_box() for each in (".content .code:visible", "iframe.mail")]
        (left, right) = [box for box in boxes if box is not None]
        assert left["x"] + left["width"] <= right["x"], "the preview is beside the text"
        assert right["y"] < 900, "and not below the fold"
    desk.set_viewport_size({"width": 1440, "height": 900})

    # The preview does not wait until the draft is saved.
    expect(desk.locator(".save-state")).to_have_text(re.compile("^Saved "))
    saving = re.compile("/v1/campaigns/cmp_[0-9a-f]+$")
    desk.route(saving, lambda route: route.abort() if route.request.method == "PATCH" else route.fallback())
    text.fill("Once upon a time\n\n" + "A long story.\n\n" * 80)
    expect(mail.get_by_text("Once upon a time")).to_be_visible()
    mail.locator("body").evaluate("each => each.ownerDocument.defaultView.scrollTo(0, 500)")
    text.press("Control+End")
    desk.keyboard.type("The end")
    expect(mail.get_by_text("The end")).to_have_count(1)
    expect(mail.locator("html")).to_have_js_property("scrollTop", 500)
    desk.unroute(saving)

    text.fill("Dear , welcome to ")
    text.press("Control+Home")
    for _ in range(5):
        text.press("ArrowRight")
    desk.keyboard.press("Control+Shift+M")
    expect(desk.get_by_role("combobox", name="Merge tags")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("If a lead has none, show")).to_have_value("there")
    desk.keyboard.press("Enter")
    expect(text).to_be_focused()
    text.press("Control+End")
    desk.get_by_role("button", name="Merge tag", exact=True).click()
    desk.get_by_role("combobox", name="Merge tags").fill("cit")
    expect(desk.get_by_role("option", name="city")).to_contain_text(re.compile("Lisbon|Porto"))
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("If a lead has none, show")).to_be_focused()
    desk.keyboard.press("Enter")
    tags = 'Dear {{ lead.first_name | default("there") }}, welcome to {{ lead.fields.city }}'
    expect(text).to_have_value(tags)
    text.press("Control+a")
    text.press("Control+b")
    expect(text).to_have_value(f"**{tags}**")
    expect(mail.locator("strong", has_text=re.compile("Dear (Ann|Bob), welcome to (Lisbon|Porto)"))).to_be_visible()
    text.press("Control+z")
    expect(text).to_have_value(tags)
    desk.keyboard.press("Tab")
    expect(text).not_to_be_focused()
    # Sending comes behind what is to be sent, and before the email's own links.
    desk.get_by_role("button", name="Send test…").focus()
    desk.keyboard.press("Shift+Tab")
    expect(desk.locator(".write :focus")).to_have_count(1)
    desk.get_by_role("button", name="Send…", exact=True).focus()
    desk.keyboard.press("Tab")
    expect(desk.locator(".preview :focus")).to_have_count(1)

    desk.locator(".lead-choice").click()
    desk.get_by_role("combobox", name="Find a lead").fill("bob")
    desk.get_by_role("option", name="Bob").click()
    expect(mail.get_by_text("Dear Bob")).to_be_visible()
    desk.set_viewport_size({"width": 380, "height": 800})
    expect(desk.locator("iframe.mail")).to_be_hidden()
    desk.get_by_role("group", name="Write or preview").get_by_role("button", name="Preview").click()
    expect(mail.get_by_text("Dear Bob")).to_be_visible()
    expect(text).to_be_hidden()
    desk.set_viewport_size({"width": 1440, "height": 900})


def test_findings_stand_at_their_lines_and_a_format_is_not_changed_by_accident(
    desk: Page, stack: LocalStack, marketer: Marketer
) -> None:
    held: list[Route] = []
    desk.route("**/v1/previews", lambda route: held.append(route))
    campaign = opened(desk, stack, marketer, subject="Hello", markdown="Fine\n\n[look](http://shop.com/a)\n\nThe end")
    text, notes = field(desk, "Markdown"), desk.locator(".content .code:visible .line-note")
    mail, found = desk.frame_locator("iframe.mail"), desk.get_by_role("region", name="Pre-send check")
    # The check of the stored draft answers first, and the preview finds the same once more.
    expect(notes).to_have_text(["http://shop.com/a does not use https."])
    for each in held:
        each.continue_()
    desk.unroute("**/v1/previews")
    expect(mail.get_by_text("Fine")).to_be_visible()
    expect(notes).to_have_text(["http://shop.com/a does not use https."])
    desk.evaluate(DRAWN)
    line, note = (desk.locator(each).bounding_box() for each in (".line.marked", ".line.marked .line-note"))
    assert line is not None
    assert note is not None
    assert line["x"] < note["x"]
    assert abs(line["y"] - note["y"]) < 3
    found.get_by_role("button", name="Line 3").click()
    chosen = "each => each.value.slice(each.selectionStart, each.selectionEnd)"
    assert text.evaluate(chosen) == "[look](http://shop.com/a)"

    text.fill("Changed\n\n{{ lead.nickname }}\n\nThe end")
    expect(notes).to_contain_text(["lead.nickname"])
    expect(found.get_by_role("button", name="Line 3")).to_be_visible()
    expect(mail.get_by_text("Fine")).to_be_visible()
    # What was found in a text that is gone is gone with it, also while the new one cannot be saved.
    text.fill("Changed\n\n[look](https://www.example.com/a)")
    expect(notes).to_have_text(["www.example.com looks like a placeholder. Links there lead recipients nowhere."])
    expect(desk.locator(".save-state")).to_have_text(re.compile("^Saved "))
    text.fill("Anew\n\nHere is no link\n\n[look](www.shop.com) and ![look](shop.com/look)")
    wrong = ["Add https:// in front of www.shop.com.", "Add https:// in front of shop.com/look."]
    expect(notes).to_have_text(["".join(wrong)])
    for said in wrong:
        expect(found.get_by_text(said)).to_be_visible()
    expect(found.get_by_text("placeholder")).to_have_count(0)
    expect(found.get_by_text("Checked: ")).to_have_count(0)
    expect(mail.get_by_text("look")).to_be_visible()
    text.fill("A line\n" * 40 + "{{ lead.nickname }}")
    for width in (1440, 1024):
        desk.set_viewport_size({"width": width, "height": 900})
        expect(notes).to_contain_text(["lead.nickname"])
        expect(notes.first).to_be_visible()
        desk.evaluate(DRAWN)
        assert text.evaluate(WIDTH_OF_TEXT) > 260, f"the text can be read beside its findings, {width} pixels wide"
        assert notes.first.evaluate(IS_WHOLE), "the last finding is not cut off"
    text.fill("Changed")
    expect(notes).to_have_count(0)
    expect(mail.get_by_text("Changed")).to_be_visible()
    expect(desk.locator(".save-state")).to_have_text(re.compile("^Saved "))
    desk.reload()
    expect(mail.get_by_text("Changed")).to_be_visible()
    before = text.evaluate(WIDTH_OF_TEXT)
    text.fill("Changed {{ lead.nickname }}")
    expect(notes).to_contain_text(["lead.nickname"])
    assert text.evaluate(WIDTH_OF_TEXT) == before, "the first finding does not move the text"
    text.fill("Changed")
    expect(mail.get_by_text("{")).to_have_count(0)
    expect(desk.locator(".save-state")).to_have_text(re.compile("^Saved "))

    desk.get_by_label("Format", exact=True).select_option("html")
    desk.get_by_role("button", name="Cancel").click()
    expect(text).to_have_value("Changed")
    desk.get_by_label("Format", exact=True).select_option("html")
    desk.get_by_role("button", name="Change to HTML").click()
    expect(field(desk, "HTML")).to_have_value(re.compile("^<!doctype.*Changed", re.DOTALL))
    expect(desk.locator(".save-state")).to_have_text(re.compile("^Saved "))
    stored = marketer("GET", f"/v1/campaigns/{campaign}")
    assert stored["markdown"] is None
    assert "Changed" in stored["html"]
