"""The marketers' page in real Chromium: from importing leads to reading stats, and how it handles errors."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from chalicelib.model.ids import CampaignId
from chalicelib.store import keys
from chalicelib.store.access import Tokens
from local.stack import LocalStack
from tests.browser.steps import figure, look_again, sign_in, wait_for_requests, write
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]


def test_a_campaign_is_recounted_from_its_stats(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    campaign_id = CampaignId(write(marketer, "recounted"))
    stack.engine.client("dynamodb").update_item(
        TableName=stack.outputs["CampaignsTable"],
        Key=keys.counters(campaign_id, "counters"),
        UpdateExpression="ADD recount_due :one, folds :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    desk.goto(f"{stack.web_url}#/campaigns/{campaign_id}/stats")
    desk.get_by_role("button", name="Recount").click()
    expect(desk.get_by_text("Recounting:")).to_be_visible()
    expect(desk.get_by_text("Recounted: the numbers were corrected.")).to_be_visible()
    expect(desk.get_by_role("button", name="Recount")).to_have_count(0)


def test_deliveries_of_unknown_outcome_are_retried_only_when_asked_for(
    desk: Page, stack: LocalStack, marketer: Marketer, until: Until
) -> None:
    lead_ids = [
        marketer("POST", "/v1/leads", {"entity": "again", "stage": "New", "email": email})["lead_id"]
        for email in ("one@again.example", None, "two@again.example")
    ]
    campaign_id = CampaignId(write(marketer, "again"))
    marketer("POST", f"/v1/campaigns/{campaign_id}/send")

    def status(*numbers: int) -> bool:
        now = marketer("GET", f"/v1/campaigns/{campaign_id}/stats")
        is_sent = marketer("GET", f"/v1/campaigns/{campaign_id}")["status"] == "sent"
        return is_sent and (now["sent"], now["failed"]) == numbers

    assert until(lambda: status(2, 1))
    # Any later report of the mail service would settle the delivery as sent.
    assert until(lambda: bool(marketer("GET", f"/v1/campaigns/{campaign_id}/stats")["delivered"] == 2))
    stack.engine.client("dynamodb").update_item(
        TableName=stack.outputs["DeliveriesTable"],
        Key=keys.delivery(campaign_id, lead_ids[2]),
        UpdateExpression="SET #status = :failed, reason = :reason",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":failed": {"S": "failed"}, ":reason": {"S": "outcome_unknown"}},
    )
    assert until(lambda: status(1, 2))
    marketer("PATCH", f"/v1/leads/{lead_ids[1]}", {"email": "found@again.example"})

    page = desk
    page.goto(f"{stack.web_url}#/campaigns/{campaign_id}/stats")
    page.get_by_role("button", name="Retry failed").click()
    expect(
        page.get_by_text("1 lead had no email address, and will receive the email if there is one now.")
    ).to_be_visible()
    expect(page.get_by_label("Include 1 delivery with an unknown outcome.")).not_to_be_checked()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("Retried: 1 email sent, 1 delivery still failed.")).to_be_visible()
    assert status(2, 1)

    page.reload()
    page.get_by_role("button", name="Retry failed").click()
    page.get_by_label("Include 1 delivery with an unknown outcome.").check()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(figure(page, "sent")).to_have_text("3")


def test_changes_survive_the_end_of_the_session(page: Page, stack: LocalStack, marketer: Marketer) -> None:
    issued = marketer("POST", "/v1/tokens", {"name": "short-lived"})
    campaign = write(marketer, "session")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/edit")
    sign_in(page, issued["token"])
    expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value("For session")
    wait_for_requests(page)  # else a request under way ends the session before anything is typed
    tokens = Tokens(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    tokens.revoke(issued["token_id"])
    page.get_by_role("textbox", name="Title", exact=True).fill("Typed after the end")
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    sign_in(page, stack.token)
    expect(page.locator(".save-state")).to_have_text(re.compile("^Saved "))
    expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value("Typed after the end")
    assert marketer("GET", f"/v1/campaigns/{campaign}")["title"] == "Typed after the end"


def test_stats_stay_visible_while_the_api_cannot_be_reached(desk: Page, stack: LocalStack, marketer: Marketer) -> None:
    page = desk
    campaign = write(marketer, "away")
    page.goto(f"{stack.web_url}#/campaigns/{campaign}/stats")
    expect(figure(page, "total")).to_have_text("0")

    def gone(route: Route) -> None:
        route.abort()

    wait_for_requests(page)
    page.route("**/v1/**", gone)
    look_again(page)
    expect(page.get_by_role("alert").get_by_text("The server cannot be reached.").first).to_be_visible()
    expect(figure(page, "total")).to_be_visible()
    page.unroute("**/v1/**", gone)
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_role("alert").filter(has_text="reached")).to_have_count(0)

    page.context.set_offline(True)
    page.get_by_role("link", name="Leads", exact=True).click()
    page.wait_for_url("**/#/leads")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Leads", exact=True)).to_be_visible()
    expect(page.get_by_text("The server cannot be reached.")).to_have_count(0)


def test_the_panels_first_paint_takes_six_requests_and_150_kilobytes(
    desk: Page, stack: LocalStack, marketer: Marketer
) -> None:
    campaign = write(marketer, "budget")
    asked: list[Route] = []

    def answer_six(route: Route) -> None:
        asked.append(route)
        if len(asked) <= 6:
            route.continue_()

    desk.route("**", answer_six)
    desk.goto(f"{stack.web_url}#/campaigns/{campaign}/stats", wait_until="commit")
    expect(figure(desk, "total")).to_be_visible()
    answers = [route.request.response() for route in asked[:6]]
    sizes = {each.url: len(each.body()) for each in answers if each}
    assert len(sizes) == 6
    assert sum(sizes.values()) <= 150_000, sizes
    for held in asked[6:]:
        held.abort()
