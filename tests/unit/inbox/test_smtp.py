"""The SMTP server as smtplib talks to it."""

from __future__ import annotations

import smtplib
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

MAIL = b"From: news@leadflip.example\r\nSubject: Hello\r\n\r\n.a dot, and \xff\r\n"


def deliver(inbox: RunningInbox, *recipients: str, timeout: float = 5.0) -> dict[str, Any]:
    """Send MAIL over a connection of its own; gives the refused recipients."""
    client = smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=timeout)
    try:
        return client.sendmail("bounces@leadflip.example", recipients or ("ada@example.com",), MAIL)
    finally:
        client.close()


def plays(inbox: RunningInbox, **fault: Any) -> None:
    assert inbox.request("PUT", "/faults", {"faults": [{"protocol": "smtp", **fault}]}).status == 200


def test_a_mail_by_smtp_is_kept_byte_for_byte_in_the_same_mailbox(inbox: RunningInbox) -> None:
    inbox.send()
    assert deliver(inbox, "ada@example.com", "bob@example.com") == {}
    mail = inbox.messages()[1]
    assert (mail["to"], mail["from"]) == ("ada@example.com, bob@example.com", "bounces@leadflip.example")
    assert inbox.content(mail["id"]) == MAIL


def test_one_connection_delivers_many_mails(inbox: RunningInbox) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=5) as client:
        for number in range(20):
            client.sendmail("bounces@leadflip.example", [f"lead{number}@example.com"], MAIL)
    assert len(inbox.messages()) == 20


def test_with_a_login_mail_is_taken_after_authentication_alone(tmp_path: Path) -> None:
    with (
        started_inbox(tmp_path, "--smtp-login=mailer:se:cret") as inbox,
        smtplib.SMTP("127.0.0.1", inbox.smtp_port, timeout=5) as client,
    ):
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("a@leadflip.example", ["ada@example.com"], MAIL)
        assert refused.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("mailer", "guess")
        client.login("mailer", "se:cret")
        client.sendmail("a@leadflip.example", ["ada@example.com"], MAIL)
        assert len(inbox.messages()) == 1


def test_a_deferred_mail_gets_a_temporary_code(inbox: RunningInbox) -> None:
    plays(inbox, kind="throttle", count=1)
    with pytest.raises(smtplib.SMTPDataError) as deferred:
        deliver(inbox)
    assert deferred.value.smtp_code == 454
    assert deliver(inbox) == {}


def test_a_rejected_mail_gets_the_servers_words(inbox: RunningInbox) -> None:
    plays(inbox, kind="reject", status=552, message="5.3.4 Too big for me")
    with pytest.raises(smtplib.SMTPDataError) as rejected:
        deliver(inbox)
    assert (rejected.value.smtp_code, rejected.value.smtp_error) == (552, b"5.3.4 Too big for me")
    assert inbox.messages() == []


def test_one_recipient_of_two_can_be_refused(inbox: RunningInbox) -> None:
    plays(inbox, kind="reject", at="rcpt", to="bob@example.com", status=550, message="5.1.1 user unknown")
    assert deliver(inbox, "ada@example.com", "bob@example.com") == {"bob@example.com": (550, b"5.1.1 user unknown")}
    assert inbox.messages()[0]["to"] == "ada@example.com"


def test_a_connection_dropped_after_the_data_leaves_a_kept_mail(inbox: RunningInbox) -> None:
    plays(inbox, kind="drop", count=1)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        deliver(inbox)
    assert len(inbox.messages()) == 1
    assert deliver(inbox) == {}


def test_a_connection_dropped_before_leaves_none(inbox: RunningInbox) -> None:
    plays(inbox, kind="drop_unkept", count=1)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        deliver(inbox)
    assert inbox.messages() == []


def test_a_stalled_server_lets_an_impatient_client_time_out(inbox: RunningInbox) -> None:
    plays(inbox, kind="stall", seconds=5, count=1)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        deliver(inbox, timeout=0.3)


def test_a_stalled_mail_is_taken_in_the_end(inbox: RunningInbox) -> None:
    plays(inbox, kind="stall", seconds=0.3, count=1)
    started = time.monotonic()
    assert deliver(inbox) == {}
    assert time.monotonic() - started >= 0.3
    assert len(inbox.messages()) == 1
