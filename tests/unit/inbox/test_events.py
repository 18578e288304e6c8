"""The events that reach an SNS topic; the topic is a recorder that speaks just enough of SNS's protocol."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.unit.inbox.running_inbox import RunningInbox, eventually, started_inbox

TOPIC = "arn:aws:sns:eu-central-1:123456789012:feedback"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Topic:
    """Takes PublishBatch calls; `refusals` of them are answered with 503 first."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.by_topic: defaultdict[str, list[str]] = defaultdict(list)
        self.refusals = 0
        self.answering = threading.Event()
        self.answering.set()
        topic = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                topic.answering.wait(5)
                status, answer = topic.take(parse_qs(body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, call: dict[str, list[str]]) -> tuple[int, bytes]:
        assert call["Action"] == ["PublishBatch"]
        (arn,) = call["TopicArn"]
        if self.refusals:
            self.refusals -= 1
            return 503, b"<ErrorResponse><Error><Code>InternalError</Code></Error></ErrorResponse>"
        prefix = "PublishBatchRequestEntries.member"
        count = sum(re.fullmatch(rf"{prefix}\.\d+\.Message", name) is not None for name in call)
        events = [json.loads(call[f"{prefix}.{number + 1}.Message"][0]) for number in range(count)]
        self.events += events
        self.by_topic[arn] += [event["eventType"] for event in events]
        return 200, b"<PublishBatchResponse><PublishBatchResult/></PublishBatchResponse>"

    def types(self) -> list[str]:
        return [event["eventType"] for event in self.events]


@pytest.fixture
def topic(shared_topic: Topic) -> Topic:
    shared_topic.events.clear()
    shared_topic.by_topic.clear()
    return shared_topic


@pytest.fixture(scope="module")
def shared_topic() -> Iterator[Topic]:
    topic = Topic()
    yield topic
    topic.server.shutdown()
    topic.server.server_close()


@pytest.fixture(scope="module")
def publishing(shared_topic: Topic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    options = (f"--events-topic={TOPIC}", f"--sns-endpoint={shared_topic.url}")
    with started_inbox(tmp_path_factory.mktemp("publishing"), *options) as inbox:
        yield inbox


def events_after(inbox: RunningInbox, topic: Topic, *, to: str, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Send one mail with a configuration set; gives its events once there are `count` and no more waiting."""
    inbox.send(to=to, ConfigurationSetName="campaigns", **fields)
    assert eventually(lambda: len(topic.events) >= count)
    assert eventually(lambda: inbox.request("GET", "/events").json() == {"unpublished": 0})
    assert len(topic.events) == count
    return topic.events


def test_a_delivered_mail_publishes_send_and_delivery(publishing: RunningInbox, topic: Topic) -> None:
    message_id = publishing.send(
        b"From: Zo <news@leadflip.example>\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHi",
        FromEmailAddress="Zo <news@leadflip.example>",
        ConfigurationSetName="campaigns",
        EmailTags=[{"Name": "delivery", "Value": "AQx_-9"}],
    )
    assert eventually(lambda: len(topic.events) == 2)
    send, delivery = topic.events
    assert STAMP.fullmatch(send["mail"].pop("timestamp"))
    assert send == {
        "eventType": "Send",
        "mail": {
            "source": "Zo <news@leadflip.example>",
            "sourceArn": "arn:aws:ses:eu-central-1:123456789012:identity/leadflip.example",
            "sendingAccountId": "123456789012",
            "messageId": message_id,
            "destination": ["ada@example.com"],
            "headersTruncated": False,
            "headers": [
                {"name": "From", "value": "Zo <news@leadflip.example>"},
                {"name": "To", "value": "ada@example.com"},
                {"name": "Subject", "value": "=?utf-8?q?Gr=C3=BC=C3=9Fe?="},
            ],
            "commonHeaders": {
                "from": ["Zo <news@leadflip.example>"],
                "to": ["ada@example.com"],
                "messageId": message_id,
                "subject": "Grüße",
            },
            "tags": {
                "ses:configuration-set": ["campaigns"],
                "ses:source-ip": ["127.0.0.1"],
                "ses:from-domain": ["leadflip.example"],
                "ses:caller-identity": ["inbox"],
                "delivery": ["AQx_-9"],
            },
        },
        "send": {},
    }
    assert delivery["eventType"] == "Delivery"
    assert delivery["mail"]["messageId"] == message_id
    assert delivery["delivery"]["recipients"] == ["ada@example.com"]
    assert delivery["delivery"]["processingTimeMillis"] >= 0
    assert STAMP.fullmatch(delivery["delivery"]["timestamp"])


@pytest.mark.parametrize(
    ("scenario", "bounce", "delivered"),
    [
        ("bounce", ("Permanent", "General"), False),
        ("suppressionlist", ("Permanent", "Suppressed"), False),
        ("ooto", ("Transient", "General"), True),
    ],
)
def test_the_simulator_bounces_as_its_addresses_say(
    publishing: RunningInbox, topic: Topic, scenario: str, bounce: tuple[str, str], delivered: bool
) -> None:
    address = f"{scenario}+lead-1@simulator.amazonses.com"
    events = events_after(publishing, topic, to=address, count=3 if delivered else 2)
    assert topic.types() == (["Send", "Delivery", "Bounce"] if delivered else ["Send", "Bounce"])
    detail = events[-1]["bounce"]
    assert (detail["bounceType"], detail["bounceSubType"]) == bounce
    assert detail["bouncedRecipients"][0]["emailAddress"] == address
    assert {"timestamp", "feedbackId", "reportingMTA"} <= detail.keys()
    if bounce[0] == "Permanent":
        assert detail["bouncedRecipients"][0]["status"] == "5.1.1"


def test_the_simulator_complains_after_the_delivery(publishing: RunningInbox, topic: Topic) -> None:
    events = events_after(publishing, topic, to="complaint@simulator.amazonses.com", count=3)
    assert topic.types() == ["Send", "Delivery", "Complaint"]
    complaint = events[2]["complaint"]
    assert complaint["complainedRecipients"] == [{"emailAddress": "complaint@simulator.amazonses.com"}]
    assert complaint["complaintFeedbackType"] == "abuse"


def test_a_virus_is_accepted_and_then_rejected(publishing: RunningInbox, topic: Topic) -> None:
    eicar = b"From: n@leadflip.example\r\n\r\nX5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    events = events_after(publishing, topic, to="ada@example.com", count=2, content=eicar)
    assert events[1]["eventType"] == "Reject"
    assert events[1]["reject"] == {"reason": "Bad content"}


def test_long_headers_are_cut_off(publishing: RunningInbox, topic: Topic) -> None:
    content = b"From: n@leadflip.example\r\nX-Long: " + b" word" * 3000 + b"\r\nSubject: late\r\n\r\n"
    mail = events_after(publishing, topic, to="ada@example.com", count=2, content=content)[0]["mail"]
    assert mail["headersTruncated"] is True
    assert [header["name"] for header in mail["headers"]] == ["From"]


def test_without_a_configuration_set_nothing_is_published(publishing: RunningInbox, topic: Topic) -> None:
    publishing.send()
    assert len(events_after(publishing, topic, to="ada@example.com", count=2)) == 2


def test_a_dropped_connection_does_not_keep_the_events_back(publishing: RunningInbox, topic: Topic) -> None:
    publishing.request("PUT", "/faults", {"faults": [{"kind": "drop", "count": 1}]})
    with pytest.raises(Exception, match="closed"):
        publishing.send(ConfigurationSetName="campaigns")
    assert eventually(lambda: topic.types() == ["Send", "Delivery"])


@pytest.mark.parametrize("kind", ["Send", "Delivery", "Bounce", "Complaint", "Reject", "DeliveryDelay"])
def test_any_event_can_be_published_by_hand(publishing: RunningInbox, topic: Topic, kind: str) -> None:
    message_id = publishing.send()
    order = {"message_id": message_id, "kind": kind, "bounce_type": "Transient", "bounce_sub_type": "MailboxFull"}
    assert publishing.request("POST", "/events", {**order, "times": 2}).status == 202
    assert eventually(lambda: len(topic.events) == 2)
    assert topic.types() == [kind, kind]
    detail = topic.events[0][kind[0].lower() + kind[1:]]
    if kind == "Bounce":
        assert (detail["bounceType"], detail["bounceSubType"]) == ("Transient", "MailboxFull")
    if kind == "DeliveryDelay":
        assert detail["delayType"] == "TransientCommunicationFailure"
        assert detail["delayedRecipients"][0]["emailAddress"] == "ada@example.com"


def test_an_event_about_nothing_is_not_found(publishing: RunningInbox, topic: Topic) -> None:
    assert publishing.request("POST", "/events", {"message_id": "0100", "kind": "Send"}).status == 404
    assert topic.events == []


def test_events_wait_for_a_topic_that_is_down_and_come_in_order(publishing: RunningInbox, topic: Topic) -> None:
    topic.refusals = 2
    ids = [publishing.send(ConfigurationSetName="campaigns") for _ in range(4)]
    assert eventually(lambda: len(topic.events) == 8)
    assert [event["mail"]["messageId"] for event in topic.events if event["eventType"] == "Send"] == ids


def test_a_slow_topic_does_not_delay_the_answer(publishing: RunningInbox, topic: Topic) -> None:
    topic.answering.clear()
    for _ in range(3):
        publishing.send(ConfigurationSetName="campaigns")
    assert topic.events == []
    assert publishing.request("GET", "/events").json() == {"unpublished": 6}
    topic.answering.set()
    assert eventually(lambda: len(topic.events) == 6)


def started_with(topic: Topic, folder: Path, *options: str) -> AbstractContextManager[RunningInbox]:
    return started_inbox(folder, f"--events-topic={TOPIC}", f"--sns-endpoint={topic.url}", *options)


def sent_and_taken(inbox: RunningInbox, **fields: Any) -> str:
    """Send one mail and wait until the topic has its events; gives the MessageId."""
    message_id = inbox.send(ConfigurationSetName="campaigns", **fields)
    assert eventually(lambda: inbox.request("GET", "/events").json() == {"unpublished": 0})
    return message_id


def mails_reported(topic: Topic) -> list[str]:
    return [event["mail"]["messageId"] for event in topic.events if event["eventType"] == "Send"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_the_topic_has_not_taken_the_next_inbox_publishes(
    tmp_path: Path, topic: Topic, end: signal.Signals
) -> None:
    with started_with(topic, tmp_path) as inbox:
        first = sent_and_taken(inbox)
        second = sent_and_taken(inbox)
        topic.refusals = 1_000_000
        third = inbox.send(ConfigurationSetName="campaigns")
        inbox.process.send_signal(end)
        inbox.process.wait(10)
    topic.refusals = 0
    assert mails_reported(topic) == [first, second]
    topic.events.clear()
    with started_with(topic, tmp_path):
        assert eventually(lambda: third in mails_reported(topic))
    # Published again may be the one whose events may have been taken in part; SES, too, publishes at least once.
    assert first not in mails_reported(topic)


def test_an_inbox_that_kept_no_account_of_what_was_taken_does_not_publish_all_again(
    tmp_path: Path, topic: Topic
) -> None:
    with started_inbox(tmp_path) as inbox:
        first, newest = inbox.send(ConfigurationSetName="campaigns"), inbox.send(ConfigurationSetName="campaigns")
    with started_with(topic, tmp_path):
        assert eventually(lambda: newest in mails_reported(topic))
    assert first not in mails_reported(topic)


def test_what_a_killed_stack_has_forgotten_is_published_again(tmp_path: Path, topic: Topic) -> None:
    with started_with(topic, tmp_path) as inbox:
        first, second = sent_and_taken(inbox), sent_and_taken(inbox)
        saved_at = time.time()
        third = sent_and_taken(inbox)
    topic.events.clear()
    with started_with(topic, tmp_path, f"--stack-saved-at={saved_at}"):
        assert eventually(lambda: third in mails_reported(topic))
    assert first not in mails_reported(topic)
    assert second in mails_reported(topic)


def test_a_killed_stack_that_sends_again_mails_nobody_twice(tmp_path: Path, topic: Topic) -> None:
    def delivery(number: int) -> dict[str, Any]:
        return {"to": f"p{number}@example.com", "EmailTags": [{"Name": "delivery_id", "Value": f"d{number}"}]}

    with started_with(topic, tmp_path) as inbox:
        known = sent_and_taken(inbox, **delivery(1))
        saved_at = time.time()
        forgotten = sent_and_taken(inbox, **delivery(2))
        untold = sent_and_taken(inbox, to="p3@example.com")
    with started_with(topic, tmp_path, f"--stack-saved-at={saved_at}") as inbox:
        assert eventually(lambda: mails_reported(topic)[-1:] == [untold])
        assert eventually(lambda: inbox.request("GET", "/events").json() == {"unpublished": 0})
        topic.events.clear()
        assert sent_and_taken(inbox, **delivery(2)) == forgotten
        assert topic.types() == ["Send", "Delivery"]
        assert [each["id"] for each in inbox.messages()] == [known, forgotten, untold]
        # Once only: a retry that a marketer asks for is a mail of its own, and so is whatever the stack still knows.
        later = [sent_and_taken(inbox, **delivery(number)) for number in (2, 1)]
        later.append(sent_and_taken(inbox, to="p3@example.com"))
        assert [each["id"] for each in inbox.messages()] == [known, forgotten, untold, *later]


def test_a_topic_gets_the_types_that_it_is_to_get_as_from_an_event_destination(tmp_path: Path, topic: Topic) -> None:
    bounces, deliveries = f"{TOPIC}-bounces", f"{TOPIC}-deliveries"
    topics = (f"--events-topic={bounces}=Bounce,Complaint", f"--events-topic={deliveries}=Delivery")
    with started_inbox(tmp_path, *topics, f"--sns-endpoint={topic.url}") as inbox:
        topic.refusals = 1
        for name in ("complaint", "bounce"):
            sent_and_taken(inbox, to=f"{name}@simulator.amazonses.com")
    assert topic.by_topic == {bounces: ["Complaint", "Bounce"], deliveries: ["Delivery"]}


def test_without_a_topic_nothing_can_be_published(inbox: RunningInbox) -> None:
    message_id = inbox.send(ConfigurationSetName="campaigns")
    assert inbox.request("POST", "/events", {"message_id": message_id, "kind": "Send"}).status == 409
