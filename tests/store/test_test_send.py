"""A test send through the API, on both engines: a real mail, marked, whose tracking works and never counts."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from html import unescape
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

import pytest

from chalicelib.campaigns.drafts import Draft, Written
from chalicelib.campaigns.send_test import START_WITHIN_SECONDS, MailTester, SendTestOutcome
from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Audience, CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.lead import Lead
from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.sending.budget import MustWait, OwnServer, Pacing
from chalicelib.sending.rate import Waiting
from chalicelib.tracking.delivery_ids import DeliveryName, link_is_genuine, read_delivery_id
from chalicelib.tracking.hits import Hit, HitKind
from chalicelib.tracking.key_ring import KeyRingSource
from chalicelib.tracking.replay import ReplayOutcome, replay
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.moves import bring_to

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
HTML = (
    '<p>Hi {{ lead.first_name | default("there") }}, <a href="https://acme.example/prices">prices</a>'
    ' or <a href="https://acme.example/{{ lead.fields.plan | default("free") }}">your plan</a></p>'
)


@dataclass
class MailService:
    """Keeps what it accepted; `answer` may refuse."""

    accepted: list[OutgoingMail] = field(default_factory=list)
    answer: Callable[[OutgoingMail], None] = lambda mail: None

    def send(self, mail: OutgoingMail) -> str:
        self.answer(mail)
        self.accepted.append(mail)
        return "message-1"


class Marketer:
    """One draft, one lead, and the API."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        self.service = MailService()
        self.client, self.tables = client, tables
        self.context = context_of(
            client,
            tables,
            keys=KEYS,
            transport=self.service,
            budget=OwnServer(),
        )
        self.api = ApiClient(self.context).sign_in()
        self.draft = self.written()
        self.path = f"/v1/campaigns/{self.draft.campaign.campaign_id}"
        said = {"entity": "acme", "stage": "New", "email": "ada@example.com", "first_name": "Ada"}
        self.lead: Lead = create_lead(self.context.leads, said | {"fields": {"plan": "pro"}}, NOW)  # type: ignore[arg-type]

    def written(self, subject: str = "Hello {{ lead.first_name }}") -> Draft:
        audience = Audience("acme", ("New",))
        written = Written(title="Prices", subject=subject, from_email="news@acme.example", audience=audience, html=HTML)
        return self.context.drafts.create(written, NOW)

    def test(self, *to: str, **said: Any) -> Reply:
        return self.api("POST", f"{self.path}/test", {"to": list(to)} | said)

    def message(self) -> EmailMessage:
        (mail,) = self.service.accepted
        message = message_from_bytes(mail.message, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def deliveries(self) -> list[Any]:
        items: list[Any] = self.client.scan(TableName=self.tables.deliveries)["Items"]
        return items


@pytest.fixture
def marketer(dynamodb: Any, tables: TableNames) -> Marketer:
    return Marketer(dynamodb, tables)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    content = found.get_content()
    assert isinstance(content, str)
    return content


def test_a_test_is_the_leads_mail_with_marks(marketer: Marketer) -> None:
    reply = marketer.test("me@acme.example", lead_id=marketer.lead.lead_id)
    assert (reply.status, reply.json) == (
        200,
        {"results": [{"email": "me@acme.example", "outcome": "sent", "detail": None, "resumes_about": None}]},
    )
    message = marketer.message()
    assert (message["Subject"], message["X-Leadflip-Test"]) == ("[Test] Hello Ada", "yes")
    assert (message["To"], message["From"]) == ("me@acme.example", "news@acme.example")
    assert "Hi Ada" in part(message, "html")


def test_without_a_lead_merge_tags_say_their_defaults(marketer: Marketer) -> None:
    marketer.test("me@acme.example")
    assert "Hi there" in part(marketer.message(), "html")


def test_its_links_are_genuine_and_nothing_that_happens_to_it_counts(marketer: Marketer) -> None:
    marketer.test("me@acme.example", lead_id=marketer.lead.lead_id)
    html = unescape(part(marketer.message(), "html"))
    urls = [urlsplit(url) for url in re.findall(r'href="(.*?)"', html)]
    links = [{"path": url.path} | dict(parse_qsl(url.query)) for url in urls if "/t/c/" in url.path]
    assert [(link["l"], link["u"]) for link in links] == [
        ("1", "https://acme.example/prices"),
        ("2m", "https://acme.example/pro"),
    ]
    pixel = re.search(r"/t/o/([\w-]+)\.gif", html)
    assert pixel is not None
    name = read_delivery_id(pixel[1], KEYS)
    assert name is not None
    for link in links:
        assert link["path"].endswith(f"/t/c/{pixel[1]}")
        assert link_is_genuine(name, KEYS, link["l"], link["u"], link["s"])
    stores = (marketer.context.deliveries, marketer.context.leads, marketer.context.campaigns)
    assert {replay(hit, KEYS, *stores) for hit in everything(name)} == {ReplayOutcome.KNOWN}
    assert marketer.deliveries() == []
    assert not marketer.context.leads.get(marketer.lead.lead_id).unsubscribed


def everything(name: DeliveryName) -> list[Hit]:
    """All that a tester may do with a mail, twice, and what a scanner may."""
    who = (name.campaign_id, name.lead_id)
    hits = [Hit(HitKind.OPEN, *who, NOW, machine=machine) for machine in (None, "proxy")]
    for machine in (None, "scanner"):
        hits.append(Hit(HitKind.CLICK, *who, NOW, machine, "1"))
        hits.append(Hit(HitKind.CLICK, *who, NOW, machine, "2m", "https://acme.example/pro"))
    hits += [Hit(HitKind.UNSUBSCRIBE, *who, NOW, source=source) for source in ("link", "one_click")]
    return hits * 2


def test_the_campaign_stays_as_it_was(marketer: Marketer) -> None:
    before = marketer.api("GET", marketer.path).json
    marketer.test("me@acme.example", "you@acme.example")
    assert marketer.api("GET", marketer.path).json == before
    assert marketer.api("GET", f"{marketer.path}/deliveries").json["items"] == []
    stats = marketer.api("GET", f"{marketer.path}/stats").json
    assert {name: stats[name] for name in ("total", "sent", "failed", "opened", "clicked")} == dict.fromkeys(
        ("total", "sent", "failed", "opened", "clicked"), 0
    )


def test_a_campaign_that_was_sent_can_still_be_tested(marketer: Marketer) -> None:
    campaign_id = CampaignId(marketer.draft.campaign.campaign_id)
    bring_to(marketer.context.campaigns, campaign_id, CampaignStatus.SENT)
    assert marketer.test("me@acme.example").json["results"][0]["outcome"] == "sent"


def test_every_address_has_its_own_outcome(marketer: Marketer) -> None:
    answers = {
        "gone@acme.example": Rejected(FailureReason.INVALID_ADDRESS, "550 5.1.1 user unknown"),
        "spam@acme.example": Rejected(FailureReason.REJECTED, "554 5.7.1 looks like spam"),
        "slow@acme.example": NotSent("Maximum sending rate exceeded."),
        "lost@acme.example": OutcomeUnknown("timed out"),
    }

    def answer(mail: OutgoingMail) -> None:
        if mail.to_email in answers:
            raise answers[mail.to_email]

    marketer.service.answer = answer
    reply = marketer.test(*answers, "me@acme.example", "me@acme.example")
    assert [(each["email"], each["outcome"], each["detail"]) for each in reply.json["results"]] == [
        ("gone@acme.example", "invalid_address", "550 5.1.1 user unknown"),
        ("spam@acme.example", "rejected", "554 5.7.1 looks like spam"),
        ("slow@acme.example", "not_sent", "Maximum sending rate exceeded."),
        ("lost@acme.example", "outcome_unknown", "timed out"),
        ("me@acme.example", "sent", None),
    ]
    assert len(marketer.service.accepted) == 1


def test_addresses_that_cannot_be_sent_to_are_named_and_nobody_gets_a_mail(marketer: Marketer) -> None:
    reply = marketer.test("me@acme.example", "nobody", "ada@b.c")
    assert (reply.status, reply.json["type"]) == (422, "urn:leadflip:problem:invalid-addresses")
    assert [error["field"] for error in reply.json["errors"]] == ["to[1]", "to[2]"]
    assert marketer.service.accepted == []


@pytest.mark.parametrize("count", [0, 11])
def test_a_test_goes_to_one_to_ten_addresses(marketer: Marketer, count: int) -> None:
    reply = marketer.test(*(f"me{number}@acme.example" for number in range(count)))
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "to")
    assert marketer.service.accepted == []


def test_what_is_not_there_is_said(marketer: Marketer) -> None:
    assert marketer.test("me@acme.example", lead_id="lead_" + "0" * 24).status == 404
    marketer.path = "/v1/campaigns/cmp_" + "0" * 24
    assert marketer.test("me@acme.example").status == 404
    assert marketer.service.accepted == []


def test_the_longest_subject_can_be_tested_too(marketer: Marketer) -> None:
    draft = marketer.written("a very long subject " * 25)
    marketer.path = f"/v1/campaigns/{draft.campaign.campaign_id}"
    assert marketer.test("me@acme.example").status == 200
    assert marketer.message()["Subject"].startswith("[Test] a very long subject")


def test_a_slow_service_does_not_keep_the_marketer_waiting_address_by_address(marketer: Marketer) -> None:
    seconds = 0.0

    def slowly(mail: OutgoingMail) -> None:
        nonlocal seconds
        seconds += START_WITHIN_SECONDS / 2

    marketer.service.answer = slowly
    wait = partial(Pacing(OwnServer(lambda: seconds), lambda: seconds).wait, 1)
    tester = MailTester(marketer.service, wait, KEYS, "https://t.example", lambda: seconds)
    results = tester.send(marketer.draft, None, ["a@acme.example", "b@acme.example", "c@acme.example"], NOW)
    assert [result.outcome for result in results] == [
        SendTestOutcome.SENT,
        SendTestOutcome.SENT,
        SendTestOutcome.NOT_SENT,
    ]


class Allowance:
    """A budget that gives these moments one by one; None: none for now, a Waiting: not before."""

    def __init__(self, *turns: float | Waiting | None) -> None:
        self.turns = list(turns)

    def allowance(self) -> NoReturn:
        raise AssertionError("a test asks for turns alone")

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        turn = self.turns.pop(0)
        if isinstance(turn, Waiting):
            raise MustWait(turn)
        return [] if turn is None else [turn]

    def give_back(self, missed: Sequence[float]) -> None:
        raise AssertionError("a test misses no moment here")

    def block(self, waiting: Waiting) -> None:
        raise AssertionError("a test blocks nobody")


def test_a_test_waits_for_its_turn_among_the_campaigns_mails(marketer: Marketer) -> None:
    now, left_at = 1000.0, []

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    def leave(mail: OutgoingMail) -> None:
        left_at.append(now)

    marketer.service.answer = leave
    budget = Allowance(None, 1001.5, Waiting(WaitReason.QUOTA, NOW))
    wait = partial(Pacing(budget, lambda: now, pause).wait, 1)
    tester = MailTester(marketer.service, wait, KEYS, "https://t.example", lambda: now)
    results = tester.send(marketer.draft, None, ["a@acme.example", "b@acme.example"], NOW)
    assert [result.outcome for result in results] == [SendTestOutcome.SENT, SendTestOutcome.NOT_SENT]
    assert left_at == [1001.5]
    assert results[1].detail == "Waiting for the sending quota."
    assert [result.resumes_about for result in results] == [None, NOW]
