"""Identities and DNS as SES's own client meets them: every answer has the shape of the SDK's model."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

MODEL = botocore.session.get_session().get_service_model("sesv2")


def unknown_members(value: Any, shape: Any, place: str = "") -> list[str]:
    """What an answer has that the model does not know, and values outside of an enumeration."""
    if shape.type_name == "structure":
        strangers = [f"{place}.{name}" for name in value if name not in shape.members]
        known = {name: part for name, part in value.items() if name in shape.members}
        parts = [unknown_members(part, shape.members[name], f"{place}.{name}") for name, part in known.items()]
        return strangers + [each for found in parts for each in found]
    if shape.type_name == "list":
        return [each for part in value for each in unknown_members(part, shape.member, f"{place}[]")]
    return [f"{place}: {value}"] if getattr(shape, "enum", None) and value not in shape.enum else []


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"),
    [
        ("CreateEmailIdentity", "POST", "/v2/email/identities", {"EmailIdentity": "new.example"}),
        ("GetEmailIdentity", "GET", "/v2/email/identities/shop.example", None),
        ("ListEmailIdentities", "POST", "/v2/email/list-identities", {"PageSize": 1}),
        ("PutEmailIdentityMailFromAttributes", "PUT", "/v2/email/identities/shop.example/mail-from",
         {"MailFromDomain": "bounce.shop.example"}),
        ("GetAccount", "GET", "/v2/email/account", None),
        ("DeleteEmailIdentity", "DELETE", "/v2/email/identities/shop.example", None),
    ],
)  # fmt: skip
def test_answers_have_the_shapes_of_the_model(
    inbox: RunningInbox, operation: str, method: str, path: str, body: Any
) -> None:
    inbox.request("PUT", "/account", {"identities": {"a.example": "SUCCESS", "shop.example": "SUCCESS"}})
    answer = inbox.request(method, path, body)
    assert (answer.status, MODEL.operation_model(operation).http["requestUri"].split("/")[:3]) == (
        200,
        path.split("/")[:3],
    )
    assert unknown_members(answer.json(), MODEL.operation_model(operation).output_shape) == []


def test_an_added_domain_sends_once_its_records_are_published(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"identities": {}})
    ses = inbox.ses()
    key = ses.create_email_identity(EmailIdentity="new.example")["DkimAttributes"]
    with pytest.raises(ClientError, match="already exist"):
        ses.create_email_identity(EmailIdentity="new.example")
    with pytest.raises(ClientError, match="not verified"):
        inbox.send(FromEmailAddress="a@new.example", content=b"From: a@new.example\r\n\r\nHello")
    records = [
        [f"{each}._domainkey.new.example", "CNAME", f"{each}.{key['SigningHostedZone']}"] for each in key["Tokens"]
    ]
    inbox.request("PUT", "/dns", {"records": records[:2]})
    assert ses.get_email_identity(EmailIdentity="new.example")["VerificationStatus"] == "PENDING"
    inbox.request("PUT", "/dns", {"records": records})
    assert ses.get_email_identity(EmailIdentity="new.example")["VerificationStatus"] == "SUCCESS"
    assert inbox.send(FromEmailAddress="a@new.example", content=b"From: a@new.example\r\n\r\nHello")
    ses.delete_email_identity(EmailIdentity="new.example")
    with pytest.raises(ClientError, match="does not exist"):
        ses.delete_email_identity(EmailIdentity="new.example")


def test_questions_can_be_throttled(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"throttle_questions": True})
    for ask in (inbox.ses().get_account, inbox.ses().list_email_identities):
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            ask()
    assert inbox.send()


def test_only_the_pages_own_button_publishes(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"identities": {}})
    inbox.ses().create_email_identity(EmailIdentity="<b>.example")
    assert "<b>.example" not in inbox.request("GET", "/senders").text
    assert inbox.request("POST", "/senders/%3Cb%3E.example").status == 403
    asked = {"sec-fetch-site": "same-origin"}
    assert inbox.request("POST", "/senders/%3Cb%3E.example", headers=asked).status == 303
    assert inbox.ses().get_email_identity(EmailIdentity="<b>.example")["VerifiedForSendingStatus"] is True


def test_identities_and_records_outlive_the_inbox(tmp_path: Any) -> None:
    with started_inbox(tmp_path, "--verified-domains=shop.example") as first:
        first.ses().create_email_identity(EmailIdentity="new.example")
    with started_inbox(tmp_path, "--verified-domains=shop.example") as second:
        listed = second.ses().list_email_identities()["EmailIdentities"]
    assert [(each["IdentityName"], each["VerificationStatus"]) for each in listed] == [
        ("new.example", "PENDING"),
        ("shop.example", "SUCCESS"),
    ]
