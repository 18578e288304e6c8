"""SES's events, as its developer guide shows them, in our words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.model.feedback import FeedbackKind
from chalicelib.sending.feedback import FeedbackEvent, UnreadableFeedback, read_event

AT = "2026-11-23T12:00:01.500Z"
MAIL = {
    "timestamp": "2026-11-23T12:00:00.000Z",
    "messageId": "0100-message",
    "destination": ["ada@shop.example"],
    "commonHeaders": {"subject": "Grüße"},
    "tags": {"ses:configuration-set": ["leadflip"], "campaign_id": ["cmp_1"], "delivery_id": ["the-id"]},
}
BOUNCED = [{"emailAddress": "ada@shop.example", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]


def event(kind: str, name: str, mail: Any = None, **part: Any) -> str:
    return json.dumps({"eventType": kind, "mail": MAIL if mail is None else mail, name: part})


def bounce(bounce_type: str, **part: Any) -> str:
    return event("Bounce", "bounce", timestamp=AT, bounceType=bounce_type, **part)


def complaint(**part: Any) -> str:
    return event("Complaint", "complaint", timestamp=AT, **part)


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        (event("Reject", "reject", reason="Bad content"), "rejected", "Bad content"),
        (event("Delivery", "delivery", timestamp=AT, smtpResponse="250 ok"), "delivered", None),
        (bounce("Permanent", bounceSubType="NoEmail"), "bounced_hard", "Permanent/NoEmail"),
        (bounce("Permanent", bouncedRecipients=BOUNCED), "bounced_hard", "smtp; 550 5.1.1 user unknown"),
        (bounce("Transient", bounceSubType="MailboxFull"), "bounced_soft", "Transient/MailboxFull"),
        (bounce("Undetermined"), "bounced_soft", "Undetermined"),
        (complaint(complaintFeedbackType="abuse", complaintSubType=None), "complained", None),
        (complaint(), "complained", None),
        (complaint(complaintSubType="OnAccountSuppressionList"), "bounced_hard", "OnAccountSuppressionList"),
        (event("DeliveryDelay", "deliveryDelay", timestamp=AT, delayType="MailboxFull"), "delayed", None),
    ],
)
def test_each_of_sess_events_has_its_kind(text: str, kind: str, detail: str | None) -> None:
    read = read_event(text)
    assert read is not None
    assert (read.kind, read.detail) == (kind, detail)


def test_an_event_says_whose_it_is_and_when() -> None:
    assert read_event(event("Delivery", "delivery", timestamp=AT)) == FeedbackEvent(
        kind=FeedbackKind.DELIVERED,
        at=datetime(2026, 11, 23, 12, 0, 1, 500_000, tzinfo=UTC),
        delivery_id="the-id",
        sent_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        message_id="0100-message",
        subject="Grüße",
        detail=None,
    )


@pytest.mark.parametrize(
    "text",
    [
        event("Send", "send"),
        event("Open", "open", timestamp=AT),
        event("Subscription", "subscription", timestamp=AT),
        event("Delivery", "delivery", {**MAIL, "tags": {}}, timestamp=AT),
        event("Delivery", "delivery", {**MAIL, "tags": None}, timestamp=AT),
        complaint(complaintFeedbackType="not-spam"),
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
)
def test_what_is_not_about_a_delivery_of_ours_is_passed_over(text: str) -> None:
    assert read_event(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"eventType": "Bounce"}',
        event("Bounce", "bounce", timestamp=AT),
        event("Delivery", "delivery", timestamp="yesterday"),
        event("Delivery", "delivery", {**MAIL, "timestamp": 7}, timestamp=AT),
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableFeedback):
        read_event(text)


def test_long_words_are_cut_so_that_the_row_stays_small() -> None:
    read = read_event(event("Reject", "reject", reason="x" * 5000))
    assert read is not None
    assert read.detail == "x" * 200
