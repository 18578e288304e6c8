"""/v1/senders and /v1/sending-account as a client sees them: SES and DNS are the inbox's, over the network."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.campaigns.account import SesAccount
from chalicelib.crm.leads import create_lead
from chalicelib.senders.lookups import Dns
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.store.test_campaigns_api import WRITTEN, OpenQueue, written
from tests.store.test_not_proven import HTML_IN_SVG
from tests.store.test_schedule_api import SOON, Scheduler
from tests.store.test_sending import NOW
from tests.unit.inbox.running_inbox import RunningInbox
from tests.wired import schedules_over

pytestmark = pytest.mark.one_engine

WAIVERS = {"proof": "not-proven", "bulk_sender_rules": "bulk-sender-rules-not-met"}


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, inbox: RunningInbox) -> ApiClient:
    context = context_of(
        dynamodb,
        tables,
        ses=inbox.ses(),
        dns=Dns(f"127.0.0.1:{inbox.http_port}"),
        sqs=OpenQueue(),
        schedules=schedules_over(Scheduler()),
    )
    return ApiClient(context).sign_in()


def publish(inbox: RunningInbox, records: list[dict[str, Any]]) -> None:
    zone = [[each["name"], each["type"], each["value"]] for each in records]
    assert inbox.request("PUT", "/dns", {"records": zone}).status == 200


def states(sender: Reply) -> list[str]:
    return [each["state"] for each in sender.json["records"]]


def codes(api: ApiClient, campaign_id: str) -> dict[str, str]:
    findings = api("GET", f"/v1/campaigns/{campaign_id}/preflight").json["findings"]
    return {each["code"]: each["severity"] for each in findings}


def test_a_domain_is_added_published_used_and_removed(api: ApiClient, inbox: RunningInbox) -> None:
    campaign_id = api("POST", "/v1/campaigns", WRITTEN | {"from_email": "news@mail.new.example"}).json["campaign_id"]
    inbox.request("PUT", "/account", {"identities": {"other.example": "SUCCESS"}})
    added = api("POST", "/v1/senders", {"domain": " New.Example. "})
    assert (added.status, added.headers["Location"]) == (201, "senders/new.example")
    assert (added.json["verified"], added.json["mail_from"]) == (False, "bounce.new.example")
    assert states(added) == ["missing"] * 6
    assert added.json["used_by"] == [{"campaign_id": campaign_id, "title": "Prices", "status": "draft"}]
    assert codes(api, campaign_id)["sender_not_verified"] == "error"

    without_policy, policy = added.json["records"][:5], added.json["records"][5]
    publish(
        inbox, [each | {"value": "1.other.example"} if each["type"] == "CNAME" else each for each in without_policy]
    )
    assert states(api("GET", "/v1/senders/new.example")) == ["wrong"] * 3 + ["found"] * 2 + ["missing"]
    publish(inbox, without_policy)
    found = api("GET", "/v1/senders/new.example").json
    assert (found["verified"], found["dkim_status"], found["mail_from_status"]) == (True, "SUCCESS", "SUCCESS")
    assert found["dmarc"]["reason"] == "no DMARC record is published for new.example"
    assert codes(api, campaign_id)["dmarc_fails"] == "warning"
    inbox.request("PUT", "/account", {"sent_last_24_hours": 5_001})
    api.context.sending_account = SesAccount(api.context.ses, api.context.dns)  # forgets
    assert codes(api, campaign_id)["dmarc_fails"] == "error"
    publish(inbox, [*without_policy, policy])
    assert codes(api, campaign_id)["dmarc_fails"] == "error", "for a minute, what was found is remembered"
    api.context.sending_account = SesAccount(api.context.ses, api.context.dns)
    assert not {"dmarc_fails", "sender_not_verified", "sender_not_checked"} & set(codes(api, campaign_id))

    again = api("POST", "/v1/senders", {"domain": "new.example"})
    assert (again.status, states(again)) == (201, ["found"] * 6)
    listed = api("GET", "/v1/senders?limit=1").json
    rest = api("GET", f"/v1/senders?limit=1&cursor={listed['cursor']}").json
    assert [each["sender"] for each in listed["items"] + rest["items"]] == ["new.example", "other.example"]
    assert api("DELETE", "/v1/senders/new.example").status == 204
    assert api("DELETE", "/v1/senders/new.example").status == 404
    assert [each["sender"] for each in api("GET", "/v1/senders").json["items"]] == ["other.example"]


def test_an_address_is_added_without_records(api: ApiClient, inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"identities": {}})
    added = api("POST", "/v1/senders", {"address": "Me@GMail.example"}).json
    assert (added["kind"], added["records"], added["mail_from"]) == ("address", [], None)
    assert api("DELETE", "/v1/senders/Me%40GMail.example").status == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"domain": "localhost"}, "domain"),
        ({"domain": "a@b.example"}, "domain"),
        ({"domain": "https://shop.example/"}, "domain"),
        ({"address": "shop.example"}, "address"),
        ({}, "domain"),
        ({"domain": "shop.example", "address": "me@shop.example"}, "domain"),
    ],
)
def test_what_is_neither_domain_nor_address_is_refused(api: ApiClient, body: dict[str, str], field: str) -> None:
    refused = api("POST", "/v1/senders", body)
    assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field])
    assert api("GET", "/v1/senders/..%2Fconfiguration-sets").status == 404


def test_the_account_and_what_does_not_answer(api: ApiClient, inbox: RunningInbox) -> None:
    campaign_id = api("POST", "/v1/campaigns", WRITTEN).json["campaign_id"]
    inbox.request("PUT", "/account", {"production_access_enabled": False, "sent_last_24_hours": 12})
    account = api("GET", "/v1/sending-account").json
    assert (account["service"], account["sandbox"], account["quota"], account["sent"]) == ("ses", True, 1_000_000, 12)
    inbox.request("PUT", "/account", {"throttle_questions": True})
    assert api("GET", "/v1/sending-account").status == 503
    assert {api(method, "/v1/senders/shop.example").status for method in ("GET", "DELETE")} == {503}
    assert api("GET", "/v1/senders").status == 503
    assert codes(api, campaign_id)["sender_not_checked"] == "note"


@pytest.mark.parametrize(("verb", "body"), [("send", {}), ("schedule", SOON)])
def test_what_bulk_senders_must_not_send_is_refused_unless_waived(
    api: ApiClient, inbox: RunningInbox, verb: str, body: dict[str, Any]
) -> None:
    for number in (1, 2):
        create_lead(api.context.leads, {"entity": "acme", "stage": "New", "email": f"{number}@acme.example"}, NOW)
    inbox.request("PUT", "/account", {"identities": {"news@acme.example": "SUCCESS"}, "sent_last_24_hours": 4_999})
    campaign = written(api)
    path, key = f"/v1/campaigns/{campaign['campaign_id']}", {"Idempotency-Key": "once"}
    errors = {
        (each["field"], each["message"])
        for each in api("GET", f"{path}/preflight").json["findings"]
        if each["severity"] == "error"
    }
    assert {field for field, _ in errors} == {"from_email", "postal_address"}

    refused = api("POST", f"{path}/{verb}", body, key)
    assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:bulk-sender-rules-not-met")
    assert {(each["field"], each["reason"]) for each in refused.json["errors"]} == errors
    assert api("GET", path).json == campaign
    waived = body | {"bulk_sender_rules": "waived"}
    (error,) = api("POST", f"{path}/{verb}", waived).json["errors"]
    assert error == {"field": "version", "reason": 'is required with "bulk_sender_rules": "waived"'}
    api("PATCH", path, {"html": HTML_IN_SVG})
    both = waived | {"proof": "waived", "version": 2}
    types = [api("POST", f"{path}/{verb}", both | {left_out: None}).json["type"] for left_out in WAIVERS]
    assert types == [f"urn:leadflip:problem:{each}" for each in WAIVERS.values()]
    assert api("POST", f"{path}/{verb}", both, key).status == 202


@pytest.mark.parametrize(("verb", "body"), [("send", {}), ("schedule", SOON)])
def test_a_sender_that_ses_has_not_verified_is_refused_whatever_is_waived(
    api: ApiClient, inbox: RunningInbox, verb: str, body: dict[str, Any]
) -> None:
    create_lead(api.context.leads, {"entity": "acme", "stage": "New", "email": "1@acme.example"}, NOW)
    inbox.request("PUT", "/account", {"identities": {"other.example": "SUCCESS"}})
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    (error,) = (each for each in api("GET", f"{path}/preflight").json["findings"] if each["severity"] == "error")
    waived = {"proof": "waived", "bulk_sender_rules": "waived", "version": 1}
    for said in (body, body | waived):
        refused = api("POST", f"{path}/{verb}", said)
        assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:sender-not-verified")
        assert refused.json["errors"] == [{"field": "from_email", "reason": error["message"]}]
    assert api("GET", path).json == campaign
    inbox.request("PUT", "/account", {"identities": {"acme.example": "SUCCESS"}})
    assert api("POST", f"{path}/{verb}", body).status == 202


def test_a_repeated_send_is_not_refused(api: ApiClient, inbox: RunningInbox) -> None:
    """Its queue may not have had it, and the marketer has waived the rules already."""
    create_lead(api.context.leads, {"entity": "acme", "stage": "New", "email": "1@acme.example"}, NOW)
    inbox.request("PUT", "/account", {"sent_last_24_hours": 5_000})
    path = f"/v1/campaigns/{written(api)['campaign_id']}"
    assert api("POST", f"{path}/send").status == 409
    assert api("POST", f"{path}/send", {"bulk_sender_rules": "waived", "version": 1}).status == 202
    assert api("POST", f"{path}/send").status == 202


@pytest.mark.parametrize("account", [{"sent_last_24_hours": 4_999}, {"throttle_questions": True}])
def test_small_senders_and_an_account_that_does_not_answer_stop_nothing(
    api: ApiClient, inbox: RunningInbox, account: dict[str, Any]
) -> None:
    create_lead(api.context.leads, {"entity": "acme", "stage": "New", "email": "1@acme.example"}, NOW)
    inbox.request(
        "PUT", "/account", {"identities": {"news@acme.example": "SUCCESS"}, "sent_last_24_hours": 9_999} | account
    )
    assert api("POST", f"/v1/campaigns/{written(api)['campaign_id']}/send").status == 202


def test_with_an_smtp_server_senders_are_not_known(api: ApiClient) -> None:
    campaign_id = api("POST", "/v1/campaigns", WRITTEN).json["campaign_id"]
    api.context.settings = replace(api.context.settings, smtp_secret="arn:of-a-secret")
    refused = api("GET", "/v1/senders")
    assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:senders-unknown")
    assert api("GET", "/v1/sending-account").json["service"] == "smtp"
    assert not {"sender_not_checked", "dmarc_fails"} & set(codes(api, campaign_id))
