"""The events that reach an SNS topic; the topic is a recorder that speaks just enough of SNS's protocol."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
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
        assert call["TopicArn"] == [TOPIC]
        if self.refusals:
            self.refusals -= 1
            return 503, b"<ErrorResponse><Error><Code>InternalError</Code></Error></ErrorResponse>"
        prefix = "PublishBatchRequestEntries.member"
        count = sum(re.fullmatch(rf"{prefix}\.\d+\.Message", name) is not None for name in call)
        self.events += [json.loads(call[f"{prefix}.{number + 1}.Message"][0]) for number in range(count)]
        return 200, b"<PublishBatchResponse><PublishBatchResult/></PublishBatchResponse>"

    def types(self) -> list[str]:
        return [event["eventType"] for event in self.events]


@pytest.fixture
def topic(shared_topic: Topic) -> Topic:
    shared_topic.events.clear()
    return shared_topic


@pytest.fixture(scope="module")
def shared_topic() -> Iterator[Topic]:
    topic = Topic()
    yield topic
    topic.server.shutdown()
    topic.server.server_close()


@pytest.fixture(scope="module")
def publishing(shared_topic: Topic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    options = (f"--events-topic-arn={TOPIC}", f"--sns-endpoint={shared_topic.url}")
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


def test_a_stopping_inbox_hands_over_what_it_has(tmp_path: Path, topic: Topic) -> None:
    options = (f"--events-topic-arn={TOPIC}", f"--sns-endpoint={topic.url}")
    with started_inbox(tmp_path, *options) as inbox:
        inbox.send(ConfigurationSetName="campaigns")
        inbox.stop()
    assert topic.types() == ["Send", "Delivery"]


def test_without_a_topic_nothing_can_be_published(inbox: RunningInbox) -> None:
    message_id = inbox.send(ConfigurationSetName="campaigns")
    assert inbox.request("POST", "/events", {"message_id": message_id, "kind": "Send"}).status == 409
