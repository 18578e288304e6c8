"""Leads on the page: tended one by one and many at once; and a list that keeps its place."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from local.stack import LocalStack
from tests.stack.marketer import Marketer

HOSTILE = "<img src=x onerror=alert(1)>"


def leads_of(marketer: Marketer, entity: str) -> list[dict[str, Any]]:
    return list(marketer("GET", f"/v1/leads?entity={entity}&limit=200")["items"])


def row(page: Page, name: str) -> Any:
    return page.locator(".lead-row").filter(has=page.get_by_role("link", name=name, exact=True))


def in_dialog(page: Page, button: str, **fields: str) -> None:
    dialog = page.get_by_role("dialog")
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(value)
    dialog.get_by_role("button", name=button).click()
    expect(dialog).to_have_count(0)


def test_leads_are_added_edited_changed_together_and_deleted(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    alarms: list[str] = []
    desk.on("dialog", lambda dialog: alarms.append(dialog.message))
    full = marketer("POST", "/v1/leads", {"entity": "tend", "stage": "New", "email": "full@tend.example"})
    marketer("PATCH", f"/v1/leads/{full['lead_id']}", {"tags": [f"t{number}" for number in range(50)]})

    desk.goto(f"{stack.web_url}#/leads")
    desk.get_by_role("link", name="Add lead").click()
    desk.get_by_label("Email").fill("nope")
    desk.get_by_label("Business line").fill("tend")
    desk.get_by_role("button", name="Add lead").click()
    expect(desk.get_by_label("Email")).to_be_focused()
    expect(desk.locator("[data-error=email]")).to_have_text("Email has no @.")
    expect(desk.locator("[data-error=stage]")).to_have_text("Stage must not be empty.")
    assert len(leads_of(marketer, "tend")) == 1
    desk.get_by_label("Email").fill("eve@tend.example")
    desk.get_by_label("First name").fill(HOSTILE)
    desk.get_by_label("Stage").fill("New")
    desk.get_by_role("button", name="Add field").click()
    desk.get_by_label("Name of the custom field").fill("plan")
    desk.get_by_label("Value of the custom field").fill("=Gold")
    desk.get_by_role("button", name="Add lead").click()

    expect(desk.get_by_role("heading", name=HOSTILE)).to_be_visible()
    desk.get_by_role("button", name="Edit details").click()
    desk.get_by_label("Name of the custom field").fill("tariff")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator("dt", has_text="tariff")).to_be_visible()
    expect(desk.get_by_role("button", name="Edit details")).to_be_focused()
    (eve,) = [each for each in leads_of(marketer, "tend") if each["email"] == "eve@tend.example"]
    assert eve["fields"] == {"tariff": "=Gold"}

    desk.goto(f"{stack.web_url}#/leads?entity=tend")
    eves = row(desk, HOSTILE)
    eves.get_by_label(f"Stage of {HOSTILE}").select_option("Other…")
    in_dialog(desk, "Change stage", Stage="Hot")
    expect(eves.get_by_label(f"Stage of {HOSTILE}")).to_have_value("Hot")
    eves.get_by_role("button", name=f"Add a tag to {HOSTILE}").click()
    desk.keyboard.type("vip")
    desk.keyboard.press("Enter")
    expect(eves.locator(".tag")).to_have_text("vip×")
    add = eves.get_by_role("button", name=f"Add a tag to {HOSTILE}")
    expect(add).to_be_focused()
    desk.keyboard.press("Enter")
    desk.keyboard.type("b")
    with desk.expect_response("**/v1/leads/bulk"):
        desk.keyboard.press("Shift+Tab")
    expect(eves.locator(".tag")).to_have_count(2)
    # The answer leaves the focus where Tab has put it.
    expect(eves.get_by_role("button", name=f"Remove tag vip from {HOSTILE}")).to_be_focused()
    eves.get_by_label(f"Stage of {HOSTILE}").press("ArrowDown")
    expect(desk.get_by_role("dialog")).to_have_count(0)  # the list opens; "Other…" is not chosen by passing it
    desk.keyboard.press("Escape")
    eves.get_by_role("button", name=f"Remove tag b from {HOSTILE}").click()
    expect(eves.locator(".tag")).to_have_count(1)
    expect(desk.get_by_text("2 leads", exact=True)).to_be_visible()
    desk.get_by_label("Email status").select_option("Unsubscribed")
    expect(desk.get_by_text("No leads found")).to_be_visible()
    desk.get_by_label("Email status").select_option("Subscribed")

    with desk.expect_download() as saved:
        desk.get_by_role("button", name="Export CSV").click()
    exported = saved.value.path().read_text("utf-8-sig").splitlines()
    assert exported[0] == "external_id,entity,stage,email,first_name,last_name,tags,mailing_status,tariff"
    assert f",tend,Hot,eve@tend.example,{HOSTILE},,vip,subscribed,'=Gold" in exported

    desk.get_by_label("Select all on this page").check()
    desk.get_by_role("button", name="Add tag…", exact=True).click()
    in_dialog(desk, "Add tag", Tags="spring, fair")
    run = desk.get_by_role("region", name="Progress")
    expect(run.get_by_text("1 lead changed. 1 lead could not be changed:")).to_be_visible()
    expect(run.get_by_role("listitem")).to_have_text("full@tend.example: tags must not be more than 50")
    run.get_by_role("button", name="Close").click()
    expect(desk.get_by_label("Select all on this page")).not_to_be_checked()

    row(desk, "full@tend.example").get_by_role("checkbox").check()
    desk.get_by_role("button", name="Delete…", exact=True).click()
    expect(desk.get_by_role("dialog").get_by_text("Emails already sent stay")).to_be_visible()
    in_dialog(desk, "Delete (1)")
    expect(desk.get_by_text("1 lead deleted.")).to_be_visible()
    expect(desk.locator(".lead-row")).to_have_count(1)
    eves.get_by_role("link", name=HOSTILE).click()
    desk.get_by_role("button", name="Delete…").click()
    in_dialog(desk, "Delete lead")
    expect(desk.get_by_role("heading", name="Leads", exact=True)).to_be_visible()
    assert leads_of(marketer, "tend") == []
    assert alarms == []


def test_the_list_keeps_its_place_and_shows_the_latest_search(
    desk: Page, stack: LocalStack, marketer: Marketer
) -> None:
    lines = [f"place,New,p{number:02}@place.example" for number in range(60)]
    marketer("POST", "/v1/leads/import", "\n".join(["entity,stage,email", *lines]), "text/csv")
    held: list[Callable[[], None]] = []

    def hold(route: Route) -> None:
        held.append(route.continue_) if "q=p0" in route.request.url else route.continue_()

    desk.goto(f"{stack.web_url}#/leads?entity=place")
    expect(desk.locator(".lead-row")).to_have_count(50)
    desk.route("**/v1/leads?**", hold)
    with desk.expect_request(re.compile("/v1/leads.*q=p0")):
        desk.get_by_label("Search leads").fill("p0")
    expect(desk).to_have_url(re.compile("q=p0"))
    desk.get_by_label("Search leads").fill("p59")
    expect(desk.locator(".lead-row")).to_have_count(1)
    for go_on in held:
        go_on()
    desk.wait_for_timeout(300)
    expect(desk.get_by_role("link", name="p59@place.example")).to_be_visible()
    expect(desk.locator(".lead-row")).to_have_count(1)
    desk.unroute("**/v1/leads?**", hold)

    desk.get_by_label("Search leads").fill("")
    expect(desk.locator(".lead-row")).to_have_count(50)
    desk.get_by_role("button", name="Next").click()
    expect(desk.locator(".lead-row")).to_have_count(10)
    expect(desk.locator(".lead-row").first).to_be_in_viewport()
    second = desk.locator(".lead-row a").first.inner_text()
    desk.locator(".lead-row a").first.click()
    expect(desk.get_by_role("heading", name="Timeline")).to_be_visible()
    desk.go_back()
    expect(desk.locator(".lead-row")).to_have_count(10)
    expect(desk.locator(".lead-row a").first).to_have_text(second)
    desk.reload()
    expect(desk.locator(".lead-row a").first).to_have_text(second)
    expect(desk.get_by_label("Business line", exact=True)).to_have_value("place")
    desk.get_by_role("button", name="Previous").click()
    expect(desk.locator(".lead-row")).to_have_count(50)
    lower = desk.locator(".lead-row a").nth(40)
    lower.click()
    expect(desk.get_by_role("heading", name="Timeline")).to_be_visible()
    desk.go_back()
    expect(lower).to_be_in_viewport()

    def shorten(route: Route) -> None:
        # As the API answers when a long list has few matches in the part that it looked through.
        page = route.fetch().json()
        route.fulfill(json=page | {"items": page["items"][:7]})

    desk.route("**/v1/leads?**limit=50", shorten)
    desk.reload()
    expect(desk.locator(".lead-row")).to_have_count(7)
    expect(desk.get_by_text("Only part of this long list has been searched.")).to_be_visible()
    desk.get_by_role("button", name="Continue search").click()
    expect(desk.locator(".lead-row")).to_have_count(10)
    desk.get_by_role("button", name="Previous").click()
    expect(desk.locator(".lead-row")).to_have_count(7)
    desk.unroute("**/v1/leads?**limit=50", shorten)
    desk.reload()
    expect(desk.locator(".lead-row")).to_have_count(50)

    desk.get_by_label("Select all on this page").check()
    desk.get_by_role("button", name="Select all that match").click()
    expect(desk.get_by_text("60 selected")).to_be_visible()
    desk.get_by_role("button", name="Change stage…", exact=True).click()
    in_dialog(desk, "Change stage", New_stage="Won")
    expect(desk.get_by_text("60 leads changed.")).to_be_visible()
    assert {each["stage"] for each in leads_of(marketer, "place")} == {"Won"}

    desk.goto(f"{stack.web_url}#/nonsense")
    expect(desk.get_by_role("heading", name="There is no such page")).to_be_visible()
    desk.get_by_role("link", name="Go to Campaigns").click()
    expect(desk).to_have_url(re.compile("#/campaigns$"))
