"""A person's data on the page: on the suppression list and off it, exported, erased."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from local.stack import LocalStack
from tests.browser.steps import wait_for_list
from tests.stack.marketer import Marketer

ENTITY = "persons-data"
ADDRESS = "ida.person@erased.example"


def test_a_person_is_put_on_the_list_taken_off_it_exported_and_erased(
    desk: Page, stack: LocalStack, marketer: Marketer, until: Callable[[Callable[[], bool]], bool]
) -> None:
    page = desk
    lead = {"entity": ENTITY, "stage": "New", "email": ADDRESS, "first_name": "Ida"}
    lead_id = marketer("POST", "/v1/leads", lead)["lead_id"]
    campaign_id = sent_campaign(marketer, until)

    page.goto(f"{stack.web_url}#/settings/suppressions")
    wait_for_list(page)
    page.get_by_role("button", name="Add…").first.click()
    page.get_by_label("Addresses", exact=True).fill(f"{ADDRESS}, nobody")
    page.get_by_role("dialog").get_by_label("Reason").fill("asked on the fair")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="“nobody” has no @.")).to_be_visible()
    page.get_by_label("Addresses", exact=True).fill(ADDRESS)
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text=ADDRESS)
    expect(row).to_contain_text("Put on the suppression list by local: “asked on the fair”")

    page.goto(f"{stack.web_url}#/leads/{lead_id}")
    status = page.get_by_role("region", name="Email status")
    expect(status).to_contain_text("Put on the suppression list by local: “asked on the fair”")
    expect(status.locator(".pill")).to_have_text("On the suppression list")
    page.goto(f"{stack.web_url}#/leads?entity={ENTITY}")
    expect(page.locator(".lead-row .pill")).to_have_text("On the suppression list")

    page.goto(f"{stack.web_url}#/settings/suppressions?q=ida")
    page.get_by_role("button", name=f"Remove {ADDRESS}…").click()
    page.get_by_role("dialog").get_by_label("Reason", exact=True).fill("signed up again")
    page.keyboard.press("Enter")
    expect(row).to_be_hidden()
    expect(page.get_by_role("heading", name="No addresses found")).to_be_focused()
    page.get_by_role("combobox", name="Reason").select_option("Removed")
    expect(row).to_contain_text("Removed by local: “signed up again”")

    page.goto(f"{stack.web_url}#/leads/{lead_id}")
    expect(status).to_contain_text("Subscribed")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
    exported: dict[str, Any] = json.loads(Path(saved.value.path()).read_text("utf-8"))
    assert exported["lead"]["email"] == ADDRESS
    assert {each["type"] for each in exported["timeline"]} == {"campaign_delivery", "resubscribed"}

    page.get_by_role("button", name="Erase…").click()
    confirm = page.get_by_label(f"Type {ADDRESS} to confirm")
    confirm.fill("somebody@else.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text=f"This is not {ADDRESS}.")).to_be_visible()
    confirm.fill(ADDRESS.upper())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Leads", level=1)).to_be_visible()
    assert "ida.person" not in json.dumps(marketer("GET", f"/v1/campaigns/{campaign_id}/deliveries"))
    page.goto(f"{stack.web_url}#/campaigns/{campaign_id}/stats")
    expect(page.get_by_role("region", name="Recipients")).to_contain_text("Deleted lead")
    assert marketer("GET", f"/v1/campaigns/{campaign_id}/stats")["sent"] == 1
    write_late(stack, marketer, lead_id)
    assert until(lambda: ADDRESS not in json.dumps(rows_of(stack)))


def rows_of(stack: LocalStack) -> list[Any]:
    """What deliveries and suppressions hold."""
    names, dynamodb = stack.outputs, stack.engine.client("dynamodb")
    return [dynamodb.scan(TableName=names[each])["Items"] for each in ("DeliveriesTable", "LeadsTable")]


def write_late(stack: LocalStack, marketer: Marketer, lead_id: str) -> None:
    """As a sender does that read the lead before; then the erasure's own message comes, with the rights of `plan`."""
    marketer("POST", "/v1/suppressions", {"emails": [ADDRESS], "reason": "once more"})
    (delivery,) = (each for each in rows_of(stack)[0] if each["lead_id"]["S"] == lead_id)
    names = stack.outputs
    stack.engine.client("dynamodb").update_item(
        TableName=names["DeliveriesTable"],
        Key={name: delivery[name] for name in ("bucket", "lead_id")},
        UpdateExpression="SET email = :email",
        ExpressionAttributeValues={":email": {"S": ADDRESS}},
    )
    message = json.dumps({"erase": lead_id, "address": ADDRESS})
    stack.engine.client("sqs").send_message(QueueUrl=names["PlanQueueUrl"], MessageBody=message)


def sent_campaign(marketer: Marketer, until: Callable[[Callable[[], bool]], bool]) -> str:
    campaign = {
        "title": "To Ida",
        "subject": "Hello {{ lead.first_name }}",
        "from_email": "news@shop.example",
        "html": "<p>Hello</p>",
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    campaign_id = str(marketer("POST", "/v1/campaigns", campaign)["campaign_id"])
    marketer("POST", f"/v1/campaigns/{campaign_id}/send")
    path = f"/v1/campaigns/{campaign_id}"
    assert any(until(lambda: bool(marketer("GET", path)["status"] == "sent")) for _ in range(3))
    return campaign_id
