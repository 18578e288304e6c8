"""Planned faults of the SES API."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from tests.unit.inbox.running_inbox import RunningInbox, eventually


def plays(inbox: RunningInbox, *faults: dict[str, Any]) -> None:
    assert inbox.request("PUT", "/faults", {"faults": list(faults)}).status == 200


def outcome(inbox: RunningInbox, to: str = "ada@example.com") -> str:
    """What a client learns of one send: `sent`, the error's code, or the name of what broke."""
    try:
        inbox.send(to=to)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return "sent"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttle", "TooManyRequestsException"),
        ("quota", "LimitExceededException"),
        ("error", "InternalServiceErrorException"),
        ("reject", "MessageRejected"),
        ("drop_unkept", "ConnectionClosedError"),
    ],
)
def test_the_next_sends_fail_as_told_and_keep_nothing(inbox: RunningInbox, kind: str, code: str) -> None:
    plays(inbox, {"kind": kind, "count": 2})
    assert [outcome(inbox) for _ in range(3)] == [code, code, "sent"]
    assert len(inbox.messages()) == 1


def test_a_fault_without_a_count_lasts_until_it_is_taken_back(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "throttle"})
    assert {outcome(inbox) for _ in range(5)} == {"TooManyRequestsException"}
    assert inbox.request("DELETE", "/faults").status == 204
    assert outcome(inbox) == "sent"


def test_faults_come_one_after_another(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "throttle", "count": 1}, {"kind": "error", "count": 1})
    assert [outcome(inbox) for _ in range(3)] == ["TooManyRequestsException", "InternalServiceErrorException", "sent"]


def test_a_fault_can_be_meant_for_one_recipient(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "reject", "to": "Bob@example.com"})
    assert outcome(inbox, to="ada@example.com") == "sent"
    assert outcome(inbox, to="Bob <bob@example.com>") == "MessageRejected"


def test_a_fault_of_the_other_protocol_is_none_here(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "throttle", "protocol": "smtp"})
    assert outcome(inbox) == "sent"


def test_a_server_error_can_have_another_status(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "error", "status": 503, "message": "Slow down."})
    with pytest.raises(ClientError) as caught:
        inbox.send()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert caught.value.response["Error"]["Message"] == "Slow down."


def test_a_connection_dropped_after_accepting_leaves_a_kept_mail(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "drop", "count": 1})
    with pytest.raises(ConnectionClosedError):
        inbox.send()
    assert len(inbox.messages()) == 1


def test_a_stalled_send_is_answered_late(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "stall", "seconds": 0.3, "count": 1})
    started = time.monotonic()
    assert outcome(inbox) == "sent"
    assert time.monotonic() - started >= 0.3


def test_a_stalled_send_that_timed_out_is_accepted_all_the_same(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "stall", "seconds": 0.4, "count": 1})
    client = inbox.ses(read_timeout=0.2)
    with pytest.raises(ReadTimeoutError):
        client.send_email(
            FromEmailAddress="news@leadflip.example",
            Destination={"ToAddresses": ["ada@example.com"]},
            Content={"Raw": {"Data": b"From: news@leadflip.example\r\n\r\n"}},
        )
    assert eventually(lambda: len(inbox.messages()) == 1)


def test_a_stalled_send_holds_up_nobody_else(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "stall", "seconds": 5, "to": "slow@example.com"})
    client = inbox.ses(read_timeout=0.1)
    with pytest.raises(ReadTimeoutError):
        client.send_email(
            FromEmailAddress="news@leadflip.example",
            Destination={"ToAddresses": ["slow@example.com"]},
            Content={"Raw": {"Data": b"From: news@leadflip.example\r\n\r\n"}},
        )
    started = time.monotonic()
    assert outcome(inbox) == "sent"
    assert time.monotonic() - started < 5


def test_the_book_says_how_often_a_fault_was_played(inbox: RunningInbox) -> None:
    plays(inbox, {"kind": "throttle", "count": 5})
    outcome(inbox)
    outcome(inbox)
    (fault,) = inbox.request("GET", "/faults").json()["faults"]
    assert (fault["kind"], fault["count"], fault["played"]) == ("throttle", 5, 2)


@pytest.mark.parametrize(
    ("book", "field"),
    [
        ({"faults": [{"kind": "explode"}]}, "faults.0.kind"),
        ({"faults": [{"kind": "drop", "times": 3}]}, "faults.0.times"),
        ({"fault": []}, "fault"),
    ],
)
def test_a_book_that_makes_no_sense_is_refused_by_field(inbox: RunningInbox, book: dict[str, Any], field: str) -> None:
    answer = inbox.request("PUT", "/faults", book)
    assert answer.status == 400
    assert answer.json()["errors"][0]["field"] == field


def test_an_account_cannot_be_set_to_nonsense(inbox: RunningInbox) -> None:
    assert inbox.request("PUT", "/account", {"max_send_rate": 0}).status == 400
