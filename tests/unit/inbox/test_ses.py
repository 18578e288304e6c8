"""The SES API as boto3's own client calls it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.inbox.running_inbox import RunningInbox, eventually, started_inbox

RAW = {"Raw": {"Data": b"From: news@leadflip.example\r\n\r\nHello"}}


def refused(inbox: RunningInbox, **request: Any) -> dict[str, Any]:
    """The error that SendEmail answers with."""
    complete = {
        "FromEmailAddress": "news@leadflip.example",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": RAW,
        **request,
    }
    with pytest.raises(ClientError) as caught:
        inbox.ses().send_email(**complete)
    error: dict[str, Any] = caught.value.response
    return error


def test_a_raw_mail_is_kept_byte_for_byte(inbox: RunningInbox) -> None:
    content = b"from:News <news@leadflip.example>\nSubject:  odd \r\n\r\n.dot\r\n\x00\xff bare\nlines\r\n\r\n\r\n"
    message_id = inbox.send(content)
    assert inbox.content(message_id) == content


def test_the_message_id_names_the_mail_in_the_mailbox(inbox: RunningInbox) -> None:
    assert inbox.send() == inbox.messages()[0]["id"]


def test_a_mail_goes_to_its_destination_from_its_sender(inbox: RunningInbox) -> None:
    inbox.ses().send_email(
        FromEmailAddress="Leadflip <news@leadflip.example>",
        Destination={"ToAddresses": ["Ada <ada@example.com>"]},
        Content=RAW,
    )
    listed = inbox.messages()[0]
    assert (listed["to"], listed["from"]) == ("ada@example.com", "news@leadflip.example")


def test_content_that_is_no_finished_message_is_refused(inbox: RunningInbox) -> None:
    simple = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}}
    error = refused(inbox, Content=simple)
    assert (error["Error"]["Code"], inbox.messages()) == ("BadRequestException", [])
    assert "Content needs Raw" in error["Error"]["Message"]


def test_without_a_destination_the_headers_name_the_recipients(inbox: RunningInbox) -> None:
    content = b"From: news@leadflip.example\r\nTo: Ada <ada@example.com>\r\nBcc: bob@example.com\r\n\r\nHello"
    inbox.ses().send_email(Content={"Raw": {"Data": content}})
    assert inbox.messages()[0]["to"] == "ada@example.com, bob@example.com"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ada", "Missing final '@domain'"),
        ("Ada <ada>", "Missing final '@domain'"),
        ("ada@", "Missing domain"),
        ("@example.com", "Missing local name"),
        ("a da@example.com", "Local address contains control or whitespace"),
        ("zoë@example.com", "Local address contains control or whitespace"),
        ("ada@exam ple.com", "Domain contains control or whitespace"),
    ],
)
def test_a_malformed_recipient_is_refused_in_the_words_of_ses(inbox: RunningInbox, address: str, words: str) -> None:
    error = refused(inbox, Destination={"ToAddresses": ["ok@example.com", address]})
    assert error["Error"] == {"Code": "BadRequestException", "Message": words}
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert inbox.messages() == []


def test_more_than_fifty_recipients_are_refused(inbox: RunningInbox) -> None:
    error = refused(inbox, Destination={"ToAddresses": [f"lead{n}@example.com" for n in range(51)]})
    assert error["Error"]["Code"] == "BadRequestException"


def test_a_raw_mail_without_a_sender_is_refused(inbox: RunningInbox) -> None:
    error = refused(inbox, Content={"Raw": {"Data": b"Subject: Nobody\r\n\r\nHello"}})
    assert error["Error"]["Message"] == "Missing required header 'From'."


def test_an_unverified_sender_is_rejected_by_name(inbox: RunningInbox) -> None:
    error = refused(inbox, FromEmailAddress="News <news@mail.unverified.example>")["Error"]
    assert error["Code"] == "MessageRejected"
    assert error["Message"] == (
        "Email address is not verified. The following identities failed the check in region US-EAST-1: "
        "news@mail.unverified.example"
    )


def test_the_sender_in_the_headers_must_be_verified_too(inbox: RunningInbox) -> None:
    error = refused(inbox, Content={"Raw": {"Data": b"From: boss@pending.example\r\n\r\nHello"}})
    assert error["Error"]["Code"] == "MessageRejected"


def test_only_the_given_domains_and_their_subdomains_may_send(tmp_path: Path) -> None:
    with started_inbox(tmp_path, "--verified-domains=acme.example", "--region=eu-central-1") as inbox:
        inbox.send(b"From: a@mail.acme.example\r\n\r\n", FromEmailAddress="a@mail.acme.example")
        error = refused(inbox)
        assert error["Error"]["Message"].endswith("EU-CENTRAL-1: news@leadflip.example")


@pytest.mark.parametrize(("identity", "verified"), [("leadflip.example", True), ("pending.example", False)])
def test_an_identity_says_whether_it_may_send(inbox: RunningInbox, identity: str, verified: bool) -> None:
    answer = inbox.ses().get_email_identity(EmailIdentity=identity)
    assert answer["VerifiedForSendingStatus"] is verified
    assert answer["VerificationStatus"] == ("SUCCESS" if verified else "PENDING")


@pytest.mark.parametrize("identity", ["unverified.example", "news@leadflip.example"])
def test_an_identity_that_the_account_does_not_have_is_not_found(inbox: RunningInbox, identity: str) -> None:
    client = inbox.ses()
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_email_identity(EmailIdentity=identity)


def test_tags_and_configuration_set_stay_with_the_message(inbox: RunningInbox) -> None:
    tags = [{"Name": "delivery", "Value": "AQx_-9"}]
    message_id = inbox.send(EmailTags=tags, ConfigurationSetName="campaigns")
    envelope = inbox.request("GET", f"/messages/{message_id}.json").json()["envelope"]
    assert envelope["tags"] == {"delivery": "AQx_-9"}
    assert envelope["configuration_set"] == "campaigns"


def test_tags_and_configuration_set_may_come_in_headers(inbox: RunningInbox) -> None:
    head = b"X-SES-CONFIGURATION-SET: campaigns\r\nX-SES-MESSAGE-TAGS: a=1, b=2\r\nFrom: n@leadflip.example\r\n\r\n"
    envelope = inbox.request("GET", f"/messages/{inbox.send(head)}.json").json()["envelope"]
    assert (envelope["tags"], envelope["configuration_set"]) == ({"a": "1", "b": "2"}, "campaigns")


def test_a_tag_with_other_characters_is_refused(inbox: RunningInbox) -> None:
    error = refused(inbox, EmailTags=[{"Name": "delivery", "Value": "a=b"}])
    assert error["Error"]["Code"] == "BadRequestException"


def test_the_account_says_its_limits_and_what_it_sent(inbox: RunningInbox) -> None:
    inbox.send()
    inbox.send(to="bounce+label@simulator.amazonses.com")  # the simulator uses no quota
    account = inbox.ses().get_account()
    assert account["SendQuota"] == {"Max24HourSend": 1_000_000, "MaxSendRate": 1000, "SentLast24Hours": 1}
    assert (account["SendingEnabled"], account["ProductionAccessEnabled"]) == (True, True)


def test_above_the_rate_sends_are_throttled_until_the_second_is_over(tmp_path: Path) -> None:
    with started_inbox(tmp_path, "--max-send-rate=3") as inbox:
        for _ in range(3):
            inbox.send()
        error = refused(inbox)
        assert error["Error"] == {"Code": "TooManyRequestsException", "Message": "Maximum sending rate exceeded."}
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 429

        def leaves() -> bool:
            try:
                return bool(inbox.send())
            except ClientError:
                return False

        assert eventually(leaves, seconds=1.5)


def test_a_rate_raised_at_run_time_holds_at_once(tmp_path: Path) -> None:
    with started_inbox(tmp_path, "--max-send-rate=1") as inbox:
        inbox.send()
        assert refused(inbox)["Error"]["Code"] == "TooManyRequestsException"
        inbox.request("PUT", "/account", {"max_send_rate": 100})
        inbox.send()
        assert inbox.ses().get_account()["SendQuota"]["MaxSendRate"] == 100


def test_no_second_ever_holds_more_than_the_rate(tmp_path: Path) -> None:
    with started_inbox(tmp_path, "--max-send-rate=25") as inbox:
        client = inbox.ses()

        refusals: list[int] = []

        def send_when_allowed(number: int) -> None:
            while True:
                try:
                    client.send_email(
                        FromEmailAddress="news@leadflip.example",
                        Destination={"ToAddresses": ["ada@example.com"]},
                        Content=RAW,
                    )
                    return
                except client.exceptions.TooManyRequestsException:
                    refusals.append(number)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(send_when_allowed, range(40)))
        times = [datetime.fromisoformat(message["received_at"]) for message in inbox.messages()]
    # The list's times are taken after the rate was, on a busy machine some milliseconds: a tenth of a second of slack.
    second = timedelta(milliseconds=900)
    assert max(sum(at <= other < at + second for other in times) for at in times) <= 25
    # A machine too slow for the rate is refused nothing; else a second was full before the last mail.
    assert not refusals or max(times) - min(times) >= second
    assert len(times) == 40


def test_beyond_the_daily_quota_sends_are_refused(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"max_24_hour_send": 5, "sent_last_24_hours": 4})
    inbox.send()
    error = refused(inbox)["Error"]
    assert error == {"Code": "LimitExceededException", "Message": "Daily message quota exceeded."}


def test_a_paused_account_sends_nothing(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"sending_enabled": False})
    assert refused(inbox)["Error"]["Code"] == "SendingPausedException"


def test_the_sandbox_writes_to_verified_recipients_and_the_simulator_alone(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"production_access_enabled": False})
    inbox.send(to="success@simulator.amazonses.com")
    error = refused(inbox, Destination={"ToAddresses": ["ada@unverified.example"]})
    assert error["Error"]["Code"] == "MessageRejected"


def test_sixty_senders_at_once_lose_nothing(inbox: RunningInbox) -> None:
    client = inbox.ses()

    def send(number: int) -> str:
        answer = client.send_email(
            FromEmailAddress="news@leadflip.example",
            Destination={"ToAddresses": [f"lead{number}@example.com"]},
            Content={"Raw": {"Data": b"From: news@leadflip.example\r\n\r\n%d" % number}},
        )
        return str(answer["MessageId"])

    with ThreadPoolExecutor(60) as pool:
        ids = list(pool.map(send, range(300)))
    listed = inbox.messages()
    assert sorted(ids) == [message["id"] for message in listed]
    assert {message["to"] for message in listed} == {f"lead{number}@example.com" for number in range(300)}


def test_an_operation_that_is_not_played_is_not_found(inbox: RunningInbox) -> None:
    with pytest.raises(ClientError) as caught:
        inbox.ses().list_contact_lists()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("switched", "code", "status", "words"),
    [
        ({"suspended": True}, "AccountSuspendedException", 400, "suspended"),
        ({"enforcement_status": "SHUTDOWN"}, "SendingPausedException", 400, "Sending paused for this account"),
        ({"mail_from_verified": False}, "MailFromDomainNotVerifiedException", 400, "not verified"),
        ({"access_denied": True}, "AccessDeniedException", 403, "is not authorized to perform `ses:SendRawEmail'"),
        ({"configuration_set_exists": False}, "NotFoundException", 404, "Configuration set <set> does not exist"),
    ],
)
def test_what_keeps_every_mail_from_leaving_can_be_switched_on(
    inbox: RunningInbox, switched: dict[str, Any], code: str, status: int, words: str
) -> None:
    inbox.request("PUT", "/account", switched)
    error = refused(inbox, ConfigurationSetName="set")
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert words in error["Error"]["Message"]
    assert inbox.messages() == []


def test_identities_are_changed_at_run_time(inbox: RunningInbox) -> None:
    inbox.request("PUT", "/account", {"identities": {"acme.example": "SUCCESS", "a@other.example": "SUCCESS"}})
    for sender in ("x@mail.acme.example", "a@other.example"):
        inbox.send(b"From: %s\r\n\r\n" % sender.encode(), FromEmailAddress=sender)
    assert refused(inbox, FromEmailAddress="b@other.example")["Error"]["Code"] == "MessageRejected"
    assert inbox.ses().get_email_identity(EmailIdentity="a@other.example")["IdentityType"] == "EMAIL_ADDRESS"
    inbox.request("PUT", "/account", {"identities": None})
    inbox.send()
