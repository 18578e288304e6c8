"""Problems in the editor: conflicting changes, invalid fields, lost connections, campaigns that are not drafts."""

import re
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.store.campaigns import Campaigns
from local.stack import LocalStack
from tests.browser.steps import field, look_again, write
from tests.moves import bring_to
from tests.stack.marketer import Marketer

SAVED = re.compile("^Saved ")


def write_sent(stack: LocalStack, marketer: Marketer, entity: str, **said: str) -> CampaignId:
    """A campaign whose sending has ended, without a delivery."""
    campaign_id = CampaignId(write(marketer, entity, **said))
    campaigns = Campaigns(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    now = datetime.now(UTC)
    bring_to(campaigns, campaign_id, CampaignStatus.SENT, launched_at=now, completed_at=now)
    return campaign_id


def editor(window: BrowserContext, stack: LocalStack, campaign: str) -> Page:
    page = window.new_page()
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    expect(field(page, "Title")).not_to_have_value("")
    return page


def state(page: Page) -> Any:
    return page.locator(".save-state")


def test_two_windows_on_one_draft_keep_each_others_fields(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "windows", html="<p>one</p>\r\n<p>two</p>")
    one, two = (editor(window, stack, campaign) for _ in range(2))
    field(one, "Title").fill("Changed in one")
    expect(state(one)).to_have_text(SAVED)
    field(two, "Subject").fill("Changed in two")
    expect(state(two)).to_have_text(SAVED)
    expect(field(two, "Title")).to_have_value("Changed in one")
    stored = marketer("GET", f"/v1/campaigns/{campaign}")
    assert (stored["title"], stored["subject"]) == ("Changed in one", "Changed in two")
    assert stored["html"] == "<p>one</p>\r\n<p>two</p>", "the text was not changed"


def test_a_follow_ups_recipients_stay_when_something_else_is_changed(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    sent = write_sent(stack, marketer, "first")
    campaign = marketer("POST", f"/v1/campaigns/{sent}/follow-up", {"to": "not_opened"})
    page = editor(window, stack, campaign["campaign_id"])
    page.get_by_text("Recipients", exact=True).click()
    page.get_by_label("Add tag").fill("vip")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Add tag")).to_be_focused()
    field(page, "Title").fill("Once more")
    expect(state(page)).to_have_text(SAVED)
    stored = marketer("GET", f"/v1/campaigns/{campaign['campaign_id']}")
    assert stored["title"] == "Once more"
    assert stored["audience"] == campaign["audience"] | {"tags": ["vip"]}
    assert stored["audience"]["behavior"] == [{"campaign_id": sent, "did": "not_opened"}]


def test_the_number_of_recipients_is_never_that_of_another_audience(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    for stage in ("New", "New", "Hot", "Won"):
        marketer("POST", "/v1/leads", {"entity": "counted", "stage": stage})
    campaign = write(marketer, "counted")
    page, held = window.new_page(), list[Route]()
    page.route("**/audience", lambda route: held.append(route))
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    shown = page.get_by_role("region", name="Recipients").locator(".count")
    expect(shown).to_have_text("Counting…")
    page.get_by_text("Recipients", exact=True).click()
    # Gone at once: until the draft is saved and counted, no number is shown.
    after = "each => { each.click(); return document.querySelector('.recipients .count').textContent; }"
    with page.expect_request("**/audience"):
        assert page.get_by_label("Hot", exact=True).evaluate(after) == ""
    expect(shown).to_have_text("Counting…")
    while len(held) < 2:
        page.wait_for_timeout(50)
    held[1].continue_()
    expect(shown).to_have_text("3 leads right now.")
    held[0].fulfill(json={"total": 2, "at_least": False})  # the first answer comes last
    page.wait_for_timeout(300)
    expect(shown).to_have_text("3 leads right now.")

    saving = list[Route]()

    def hold_the_first(route: Route) -> None:
        saving.append(route)
        if len(saving) > 1:
            route.continue_()

    page.unroute("**/audience")
    page.route(f"**/v1/campaigns/{campaign}", hold_the_first)
    page.get_by_label("Won", exact=True).check()
    while not saving:
        page.wait_for_timeout(50)
    page.get_by_label("New", exact=True).uncheck()  # while the audience with it is saved
    saving[0].continue_()
    expect(shown).to_have_text("2 leads right now.")


def test_the_marketer_resolves_a_conflict(window: BrowserContext, stack: LocalStack, marketer: Marketer) -> None:
    campaign = write(marketer, "conflict")
    page = editor(window, stack, campaign)
    conflict = page.get_by_role("region", name="Conflicting changes")
    for choice, theirs, mine, kept in (
        ("Keep mine", "Theirs", "Mine", "Mine"),
        ("Use saved version", "Theirs again", "Mine again", "Theirs again"),
    ):
        marketer("PATCH", f"/v1/campaigns/{campaign}", {"subject": theirs})
        field(page, "Subject").fill(mine)
        expect(conflict.get_by_text(theirs, exact=True)).to_be_visible()
        expect(conflict.get_by_text(mine, exact=True)).to_be_visible()
        field(page, "Title").fill(f"Goes on meanwhile: {choice}")
        expect(state(page)).to_have_text(re.compile("^Saved .*except Subject"))
        stored = marketer("GET", f"/v1/campaigns/{campaign}")
        assert (stored["title"], stored["subject"]) == (f"Goes on meanwhile: {choice}", theirs)
        page.get_by_role("button", name="Send…").click()
        expect(conflict).to_be_focused()
        conflict.get_by_role("button", name=choice).click()
        expect(conflict).to_have_count(0)
        expect(state(page)).to_have_text(re.compile("^Saved [^,]*, [0-9:]+$"))
        expect(field(page, "Subject")).to_have_value(kept)
        assert marketer("GET", f"/v1/campaigns/{campaign}")["subject"] == kept


def test_what_was_saved_elsewhere_is_shown_when_the_window_comes_to_the_front(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "front")
    page = editor(window, stack, campaign)
    marketer("PATCH", f"/v1/campaigns/{campaign}", {"title": "Saved elsewhere"})
    look_again(page)
    expect(field(page, "Title")).to_have_value("Saved elsewhere")
    expect(page.get_by_role("heading", name="Saved elsewhere")).to_be_visible()


def test_nothing_is_sent_that_the_marketer_has_not_seen(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "unseen")
    page = editor(window, stack, campaign)
    marketer("PATCH", f"/v1/campaigns/{campaign}", {"subject": "Saved elsewhere"})
    page.get_by_role("button", name="Send…").click()
    expect(field(page, "Subject")).to_have_value("Saved elsewhere")
    expect(page.get_by_role("status").get_by_text("changed elsewhere")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Send…").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_dialog_says_what_the_check_says(window: BrowserContext, stack: LocalStack, marketer: Marketer) -> None:
    for address in ("ann@said.example", None):
        marketer("POST", "/v1/leads", {"entity": "said", "stage": "New", "email": address})
    page = editor(window, stack, write(marketer, "said"))
    warning = "Some recipients have no email address and will count as failed. (1 lead)"
    expect(page.get_by_role("region", name="Pre-send check").get_by_text(warning)).to_be_visible()
    expect(page.get_by_text("2 leads right now.")).to_be_visible()
    page.get_by_role("button", name="Send…").click()
    question = page.get_by_role("dialog")
    expect(question.get_by_text(warning)).to_be_visible()
    expect(question.get_by_role("button", name="Send 1 email")).to_be_visible()


def test_an_old_copy_in_the_browser_does_not_replace_a_newer_saved_text(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "copy")
    page = editor(window, stack, campaign)

    def gone(route: Route) -> None:
        route.abort()

    page.route("**/v1/**", gone)
    field(page, "Subject").fill("Typed offline")
    expect(state(page)).to_have_text("Not saved. Your changes are kept in this browser.")
    page.close()
    marketer("PATCH", f"/v1/campaigns/{campaign}", {"subject": "Saved since"})
    for wait_ms in (0, 1500):  # longer than it takes until what is written is saved
        page = editor(window, stack, campaign)
        conflict = page.get_by_role("region", name="Conflicting changes")
        expect(conflict.get_by_text("Saved since", exact=True)).to_be_visible()
        page.wait_for_timeout(wait_ms)
        assert marketer("GET", f"/v1/campaigns/{campaign}")["subject"] == "Saved since"
        page.reload()
    conflict.get_by_role("button", name="Use saved version").click()
    expect(field(page, "Subject")).to_have_value("Saved since")
    page.reload()
    expect(field(page, "Subject")).to_have_value("Saved since")
    expect(page.get_by_role("region", name="Conflicting changes")).to_have_count(0)


def test_unsaved_changes_are_restored(window: BrowserContext, stack: LocalStack, marketer: Marketer) -> None:
    campaign = write(marketer, "kept")
    page = editor(window, stack, campaign)
    page.route("**/v1/**", lambda route: route.abort())
    field(page, "Subject").fill("Typed offline")
    expect(state(page)).to_have_text("Not saved. Your changes are kept in this browser.")
    page.get_by_role("button", name="Send…").click()
    expect(page.locator("#messages")).to_contain_text("The server cannot be reached.")
    page.close()
    page = editor(window, stack, campaign)
    expect(field(page, "Subject")).to_have_value("Typed offline")
    expect(state(page)).to_have_text(SAVED)
    assert marketer("GET", f"/v1/campaigns/{campaign}")["subject"] == "Typed offline"


def test_an_invalid_field_is_named_and_gets_the_focus(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "wrong")
    page = editor(window, stack, campaign)
    address = field(page, "From address")
    address.fill("nobody")
    expect(page.locator("#from_email-error")).to_have_text("From address has no @.")
    field(page, "Title").fill("Saved all the same")
    expect(state(page)).to_have_text(re.compile("^Saved .* Not saved: From address has no @.$"))
    assert marketer("GET", f"/v1/campaigns/{campaign}")["title"] == "Saved all the same"
    state(page).get_by_role("button").click()
    expect(address).to_be_focused()
    for action in ("Send test…", "Schedule…", "Send…"):
        field(page, "Title").focus()
        page.evaluate("document.getElementById('messages').replaceChildren()")
        page.get_by_role("button", name=action).click()
        expect(address).to_be_focused()
        expect(page.locator("#messages").get_by_text("From address has no @.", exact=True)).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_new_campaign_has_the_last_sender_and_no_stages_and_what_it_lacks_gets_the_focus(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    write(marketer, "last", from_email="last@bücher.example")
    marketer("POST", "/v1/leads", {"entity": "last", "stage": "New", "email": "ann@last.example"})
    page = window.new_page()
    page.goto(f"{stack.web_url}#/campaigns/new")
    expect(field(page, "From address")).to_have_value("last@bücher.example")
    expect(page.get_by_text("Draft", exact=True)).to_be_visible()
    expect(field(page, "Business line")).to_have_value("last")
    expect(page.locator(".chip input:checked")).to_have_count(0)
    field(page, "Title").fill("Lacks a subject")
    page.get_by_role("button", name="Send…").click()
    expect(field(page, "Subject")).to_be_focused()
    expect(page.locator("#subject-error")).to_have_text("Write a subject.")
    field(page, "Subject").fill("Hello")
    expect(page.locator("#subject-error")).to_have_text("")
    expect(state(page)).to_have_text(re.compile("^Saved [^.]*$"))
    saved = marketer("GET", f"/v1/campaigns/{page.url.split('/')[-2]}")
    assert saved["from_email"] == "last@xn--bcher-kva.example"
    assert page.evaluate("Object.keys(localStorage)") == [], "its letters are no change"

    # On a phone, with the email in view: the stage is shown, and the message does not cover what comes next.
    page.set_viewport_size({"width": 380, "height": 800})
    field(page, "Markdown").fill("Hello")
    switch = page.get_by_role("group", name="Write or preview")
    switch.get_by_role("button", name="Preview").click()
    expect(field(page, "Title")).to_be_hidden()
    page.get_by_role("button", name="Schedule…").click()
    stages = page.get_by_role("group", name="Stages (any of)")
    expect(stages.get_by_role("checkbox", name="New")).to_be_focused()
    # The message first, which goes after some seconds.
    message, action = (
        each.bounding_box() for each in (page.locator(".toast"), page.get_by_role("button", name="Send…"))
    )
    assert message is not None
    assert action is not None
    assert message["y"] + message["height"] <= action["y"]
    expect(page.locator("#stages-error")).to_have_text("Choose at least one stage.")
    expect(page.locator("#stages-error")).to_be_in_viewport()


def test_what_is_refused_of_a_new_campaign_is_kept_and_is_no_conflict(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    write(marketer, "refused", reply_to="team@shop.example")
    page = window.new_page()
    page.goto(f"{stack.web_url}#/campaigns/new")
    expect(field(page, "Reply-to")).to_have_value("team@shop.example")
    written = {"Title": "Refused", "Subject": "Hello {{ lead.vorname }}", "Reply-to": "info@"}
    for name, value in written.items():
        field(page, name).fill(value)
    expect(state(page)).to_have_text(re.compile("^Saved .* Not saved: Subject, Reply-to$"))
    expect(page.locator("#subject-error")).to_have_text(re.compile("did you mean lead.first_name?"))
    page.reload()
    for name, value in written.items():
        expect(field(page, name)).to_have_value(value)
    expect(state(page)).to_have_text(re.compile("^Saved .* Not saved: Subject, Reply-to$"))
    expect(page.get_by_role("region", name="Conflicting changes")).to_have_count(0)
    state(page).get_by_role("button", name="Reply-to").click()
    expect(field(page, "Reply-to")).to_be_focused()


def test_a_new_campaign_whose_answer_was_lost_is_created_once(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    page, lost = window.new_page(), list[Any]()

    def lose(route: Route) -> None:
        if route.request.method != "POST" or lost:
            return route.fallback()
        lost.append(route.fetch())
        return route.abort()

    page.route(re.compile("/v1/campaigns$"), lose)
    page.goto(f"{stack.web_url}#/campaigns/new")
    field(page, "Title").fill("Answer lost")
    expect(state(page)).to_have_text("Not saved. Your changes are kept in this browser.")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        field(page, "Subject").fill("Typed since")
    (stored,) = (each for each in marketer("GET", "/v1/campaigns")["items"] if each["title"] == "Answer lost")
    assert stored["subject"] == "Typed since"


def test_a_corrected_field_shows_no_error(window: BrowserContext, stack: LocalStack, marketer: Marketer) -> None:
    marketer("POST", "/v1/leads", {"entity": "corrected", "stage": "New"})
    page = window.new_page()
    page.goto(f"{stack.web_url}#/campaigns/new")
    for name, value in (("Title", "Corrected"), ("Subject", "Hello"), ("From address", "nobody")):
        field(page, name).fill(value)
    page.get_by_label("Business line").select_option("corrected")
    page.get_by_label("New", exact=True).check()
    expect(state(page)).to_have_text(re.compile("^Saved .* Not saved: From address has no @.$"))
    field(page, "From address").fill("news@shop.example")
    expect(state(page)).to_have_text(SAVED)
    expect(page.locator("#from_email-error")).to_have_text("")
    expect(field(page, "From address")).not_to_have_attribute("aria-invalid", "true")


def test_a_corrected_test_address_shows_no_error(window: BrowserContext, stack: LocalStack, marketer: Marketer) -> None:
    page = editor(window, stack, write(marketer, "test-address"))
    page.get_by_role("button", name="Send test…").click()
    address, fault = page.get_by_label("To (up to 10 addresses)"), page.get_by_text("address 1 has no @")
    address.fill("nobody")
    page.keyboard.press("Enter")
    expect(fault).to_be_visible()
    address.fill("me@shop.example")
    expect(fault).to_have_count(0)


def test_a_scheduled_campaign_is_read_only_and_a_sent_one_shows_its_stats(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    for number in range(2):
        marketer("POST", "/v1/leads", {"entity": "gone", "stage": "New", "email": f"a{number}@gone.example"})
    scheduled, sent = write(marketer, "gone"), write_sent(stack, marketer, "gone", from_email="news@bücher.example")
    marketer("POST", f"/v1/campaigns/{scheduled}/schedule", {"at": "2032-02-03T10:00", "timezone": "Europe/Lisbon"})
    page = editor(window, stack, scheduled)
    recipients = page.get_by_role("region", name="Recipients")
    expect(recipients.get_by_text("2 leads right now.")).to_be_visible()
    expect(recipients.get_by_text("false")).to_have_count(0)
    expect(page.get_by_text("Scheduled for Tue 3 Feb 2032, 10:00")).to_be_visible()
    page.get_by_role("button", name="Reschedule…").click()
    question = page.get_by_role("dialog", name="Reschedule")
    question.get_by_label("Date and time").fill("2020-02-04T10:00")
    question.get_by_role("button", name="Reschedule").click()
    expect(question.locator("#at-error")).to_have_text(re.compile("^Date and time is in the past: it is "))
    expect(question.get_by_label("Date and time")).to_be_focused()
    question.get_by_label("Date and time").fill("2032-02-04T10:00")
    question.get_by_role("button", name="Reschedule").click()
    expect(page.get_by_text("Scheduled for Wed 4 Feb 2032, 10:00")).to_be_visible()
    page = window.new_page()
    page.goto(f"{stack.web_url}#/campaigns/{sent}/edit")
    expect(page.locator("[data-figure=sent]")).to_have_text("0")
    expect(page).to_have_url(f"{stack.web_url}#/campaigns/{sent}/stats")
    expect(page.locator(".mail-head")).to_contain_text("news@bücher.example")
    expect(page.get_by_text("Compared with earlier campaigns from news@bücher.example")).to_be_visible()


def test_resubscribing_asks_for_a_reason_and_shows_who_did_it(
    window: BrowserContext, stack: LocalStack, marketer: Marketer
) -> None:
    lead = marketer("POST", "/v1/leads", {"entity": "back", "stage": "New", "email": "ann@back.example"})["lead_id"]
    marketer("POST", f"/v1/leads/{lead}/unsubscribe")
    page = window.new_page()
    page.goto(f"{stack.web_url}#/leads/{lead}")
    page.get_by_role("button", name="Resubscribe…").click()
    assert marketer("GET", f"/v1/leads/{lead}")["unsubscribed"]
    page.get_by_label("Reason").fill("Asked for it by phone")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Subscribed", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Unsubscribe")).to_be_focused()
    event = page.locator(".event").first
    expect(event.get_by_text("Resubscribed")).to_be_visible()
    expect(event.get_by_text("Asked for it by phone")).to_be_visible()
    name = marketer("GET", f"/v1/leads/{lead}/timeline")["items"][0]["by"]
    expect(event.get_by_text(f"by {name}")).to_be_visible()
