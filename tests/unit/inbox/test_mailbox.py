"""The mailbox on disk."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from tests.unit.inbox.running_inbox import REPOSITORY, RunningInbox, started_inbox


def test_mails_survive_a_restart(tmp_path: Path) -> None:
    content = b"From: a@leadflip.example\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\n\n\xff\x00\r\nend"
    with started_inbox(tmp_path) as inbox:
        first = inbox.send(content, EmailTags=[{"Name": "delivery", "Value": "1"}])
        before = inbox.messages()
        assert inbox.stop() == 0
    with started_inbox(tmp_path) as inbox:
        assert inbox.messages() == before
        assert inbox.content(first) == content
        assert inbox.request("GET", f"/messages/{first}.json").json()["envelope"]["tags"] == {"delivery": "1"}
        assert inbox.ses().get_account()["SendQuota"]["SentLast24Hours"] == 1
        assert inbox.send() > first


def test_mails_survive_a_killed_inbox_and_a_torn_index(tmp_path: Path) -> None:
    with started_inbox(tmp_path) as inbox:
        first = inbox.send()
        inbox.process.kill()
    with (tmp_path / "index.jsonl").open("ab") as index:
        index.write(b'{"message_id":"0100')
    with started_inbox(tmp_path) as inbox:
        second = inbox.send()
        assert [message["id"] for message in inbox.messages()] == [first, second]


def test_an_emptied_mailbox_stays_empty(tmp_path: Path) -> None:
    with started_inbox(tmp_path) as inbox:
        message_id = inbox.send()
        assert inbox.request("DELETE", "/messages").status == 204
        assert inbox.messages() == []
        assert inbox.request("GET", f"/messages/{message_id}.eml").status == 404
        assert list((tmp_path / "messages").iterdir()) == []
    with started_inbox(tmp_path) as inbox:
        assert inbox.messages() == []


def test_ids_sort_by_arrival(inbox: RunningInbox) -> None:
    ids = [inbox.send() for _ in range(20)]
    assert ids == sorted(set(ids))


def test_a_second_inbox_on_the_same_folder_says_what_to_do(tmp_path: Path) -> None:
    with started_inbox(tmp_path):
        command = [sys.executable, "-m", "local.inbox", "--http-port=0", "--smtp-port=0", f"--dir={tmp_path}"]
        second = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode == 1
    assert "another inbox keeps its mail in" in second.stderr


def test_a_taken_port_says_what_to_do(inbox: RunningInbox, tmp_path: Path) -> None:
    ports = [f"--http-port={inbox.http_port}", "--smtp-port=0", f"--dir={tmp_path}"]
    command = [sys.executable, "-m", "local.inbox", *ports]
    second = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode == 1
    assert "choose another --http-port" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_list_says_who_wrote_what_to_whom_and_when(inbox: RunningInbox) -> None:
    subject = b"=?iso-8859-1?q?Gr=FC=DFe?=\r\n =?utf-8?q?_!?="
    content = b"From: =?utf-8?q?Zo=C3=AB?= <zoe@leadflip.example>\r\nSubject: " + subject + b"\r\n\r\n"
    message_id = inbox.send(content, FromEmailAddress="Zoe <zoe@leadflip.example>")
    (listed,) = inbox.messages()
    received_at = datetime.fromisoformat(listed.pop("received_at"))
    assert listed == {
        "id": message_id,
        "to": "ada@example.com",
        "from": "zoe@leadflip.example",
        "subject": "Grüße !",
    }
    assert received_at.utcoffset() == timedelta(0)


def test_a_subject_that_was_never_encoded_is_read_as_utf_8(inbox: RunningInbox) -> None:
    inbox.send("From: a@leadflip.example\r\nSubject: Grüße\r\n\r\n".encode())
    inbox.send(b"From: a@leadflip.example\r\nSubject: Gr\xfc\xdfe\r\n\r\n")
    assert [message["subject"] for message in inbox.messages()] == ["Grüße", "Gr\ufffd\ufffde"]


def test_the_list_can_be_asked_for_one_recipient_and_for_later_mails(inbox: RunningInbox) -> None:
    first = inbox.send(to="Ada <ada@example.com>")
    second = inbox.send(to="bob@example.com")
    third = inbox.send(to="ADA@example.com")
    assert [message["id"] for message in inbox.messages("?to=ada@example.com")] == [first, third]
    assert [message["id"] for message in inbox.messages(f"?after={first}")] == [second, third]
    assert inbox.messages("?to=ada") == []


def test_health_counts_the_mails(inbox: RunningInbox) -> None:
    inbox.send()
    assert inbox.request("GET", "/health").json() == {"status": "ok", "messages": 1}


def test_a_name_that_is_not_this_machines_is_turned_away(inbox: RunningInbox) -> None:
    assert inbox.request("GET", "/messages", headers={"Host": "rebound.example:80"}).status == 403
    assert inbox.request("GET", "/messages", headers={"Host": f"inbox.localhost:{inbox.http_port}"}).status == 200


def test_pages_of_other_origins_are_turned_away(inbox: RunningInbox) -> None:
    inbox.send()
    foreign = {"Origin": "https://elsewhere.example"}
    assert inbox.request("GET", "/messages", headers=foreign).status == 403
    assert inbox.request("DELETE", "/messages", headers=foreign).status == 403
    assert inbox.request("PUT", "/faults", {"faults": []}, headers=foreign).status == 403
    assert inbox.request("GET", "/messages", headers={"Origin": inbox.url}).status == 200
    assert len(inbox.messages()) == 1


def test_a_hostile_id_reaches_no_file(inbox: RunningInbox) -> None:
    assert inbox.request("GET", "/messages/..%2Findex.jsonl.eml").status == 404
    assert inbox.request("GET", "/messages/../index.jsonl").status == 404
