"""/v1/senders and /v1/sending-account as a client sees them: SES and DNS are the inbox's, over the network."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.campaigns.account import SesAccount
from chalicelib.senders.lookups import Dns
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.store.test_campaigns_api import WRITTEN
from tests.unit.inbox.running_inbox import RunningInbox

pytestmark = pytest.mark.one_engine


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, inbox: RunningInbox) -> ApiClient:
    context = context_of(dynamodb, tables, ses=inbox.ses(), dns=Dns(f"127.0.0.1:{inbox.http_port}"))
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


def test_with_an_smtp_server_senders_are_not_known(api: ApiClient) -> None:
    campaign_id = api("POST", "/v1/campaigns", WRITTEN).json["campaign_id"]
    api.context.settings = replace(api.context.settings, smtp_secret="arn:of-a-secret")
    refused = api("GET", "/v1/senders")
    assert (refused.status, refused.json["type"]) == (409, "urn:leadflip:problem:senders-unknown")
    assert api("GET", "/v1/sending-account").json["service"] == "smtp"
    assert not {"sender_not_checked", "dmarc_fails"} & set(codes(api, campaign_id))
