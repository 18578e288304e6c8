"""Erasing a person: a search through every byte of every table finds nothing, and no number of a campaign changes."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.automation.automate import Automation
from chalicelib.automation.rules import Incident
from chalicelib.crm.import_files import read_file
from chalicelib.crm.importing import import_leads
from chalicelib.crm.lead_input import MAX_TAGS
from chalicelib.crm.suppression import suppress_address
from chalicelib.model.delivery import BurstRule, Tracking
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import LeadFilter
from chalicelib.model.messages import EraseMessage
from chalicelib.model.rule import Trigger
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.sending.feedback import Feedback, FeedbackEvent, FeedbackOutcome
from chalicelib.store import keys
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.leads import Leads
from chalicelib.tracking.delivery_ids import make_delivery_id
from chalicelib.tracking.hits import Hit, HitKind, apply
from chalicelib.tracking.replay import replay
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.claiming import record_claim, record_sent
from tests.recounting import KeptMessages, Recounter
from tests.stand_in import StandIn
from tests.store.test_privacy import KEYS, NOW, Office

ADDRESS, FORMER = "Ann.Needle@shop.example", "former.needle@shop.example"
CSV = {"content-type": "text/csv"}
FIELDS = {"company": "Zanzibarware", "notes": "phone 5550123"}
NEEDLES = ("needle", "annika", "zanzibarware", "5550123", "kept-it-quiet")
"""What the address, the names, the fields, the subject, the personal links and the notes have in them."""


class Story:
    """A person of whom every kind of row tells something, and a bystander."""

    def __init__(self, dynamodb: Any, tables: TableNames) -> None:
        self.client, self.tables, self.messages = dynamodb, tables, KeptMessages()
        self.office = Office(dynamodb, tables)
        self.recounter = Recounter(dynamodb, tables.deliveries, tables.campaigns)
        self.api = ApiClient(context_of(dynamodb, tables, sqs=self.messages, keys=KEYS)).sign_in()
        self.context = self.api.context
        records = FeedbackRecords(dynamodb, tables.deliveries, BurstRule())
        self.feedback = Feedback(records, self.office.leads, KEYS)
        self.bystander = self.office.lead("bystander@shop.example")
        self.lead_id = self._made()
        self.full, self.failed = self.office.launched(Tracking.FULL), self.office.launched(Tracking.FULL)
        self._mailed()
        self._acted_on()
        self._answers_kept()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        reply = self.api("POST", path, body, headers | {"Idempotency-Key": f"key-of-{path}"})
        assert reply.status < 300, reply.body
        return reply.json

    def erase(self, confirm: str = ADDRESS) -> Any:
        return self.api("POST", f"/v1/leads/{self.lead_id}/erase", {"confirm": confirm})

    def _made(self) -> LeadId:
        header = ("entity", "stage", "email", "first_name", "last_name", *FIELDS)
        values = ("acme", "New", FORMER, "Annika", "Needleson", *FIELDS.values())
        csv = "\n".join(map(",".join, (header, values)))
        assert self.api("POST", "/v1/leads/import", csv, CSV).json["created"] == 1
        (found,) = self.api("GET", "/v1/leads?q=needleson").json["items"]
        suppress_address(self.office.leads, FORMER, Mark(SuppressionReason.HARD_BOUNCE, NOW, "bounce"))
        self.api("PATCH", f"/v1/leads/{found['lead_id']}", {"email": ADDRESS})
        return LeadId(found["lead_id"])

    def _mailed(self) -> None:
        office, lead = self.office, self.office.leads.get(self.lead_id)
        office.opened_and_clicked(office.sent(self.full, lead))
        office.opened_and_clicked(office.sent(self.full, self.bystander))
        for machine, minutes in (("scanner", 1), (None, 9), (None, 9.01)):
            url, at = f"https://acme.example/?who={ADDRESS}", NOW + timedelta(minutes=minutes)
            hit = Hit(HitKind.CLICK, self.full, self.lead_id, at, machine, "2m", url)
            apply(hit, office.deliveries, office.leads)
        self.report(FeedbackKind.BOUNCED_SOFT)
        claim = office.deliveries.find(self.full, self.lead_id)
        assert claim is not None
        failed = replace(claim, campaign_id=self.failed, claimed_at=NOW - timedelta(days=1), email=FORMER, nonce="n")
        assert record_claim(office.deliveries, failed)
        office.deliveries.record_failed(failed, reason="rejected", detail=f"550 <{FORMER}> unknown")

    def _acted_on(self) -> None:
        rule = {
            "name": "r",
            "when": {"event": "clicked"},
            "if": {},
            "then": [{"action": "set_field", "field": "seen", "value": "kept-it-quiet"}],
        }
        assert self.api("POST", "/v1/rules", rule).status == 201
        at, url = self.context.now() + timedelta(minutes=1), f"https://acme.example/?who={ADDRESS}"
        self.incident = Incident(Trigger.CLICKED, at, self.full, "Prices", self.lead_id, url)
        automation = Automation(self.context.rules, self.context.leads, self.context.acts, self.context.now)
        assert automation.handle(self.incident) == 1
        path = f"/v1/leads/{self.lead_id}"
        self.post(f"{path}/unsubscribe")
        self.post(f"{path}/resubscribe", {"reason": "Annika asked for it by phone 5550123"})
        self.post("/v1/suppressions", {"emails": [ADDRESS], "reason": "Annika kept-it-quiet"})

    def _answers_kept(self) -> None:
        """Requests with an Idempotency-Key whose answers tell of the person, not all by the lead's id."""
        draft = {"subject": "Dear {{ lead.first_name }}", "from_email": "news@acme.example", "html": "<p>Hello</p>"}
        self.post("/v1/previews", draft | {"lead_id": self.lead_id})
        file = f"email,entity,stage\nbystander@shop.example,acme,\n{ADDRESS},,Annika"
        self.post("/v1/leads/import", file, **CSV)
        self.post("/v1/leads/import/inspect", file, **{"content-type": "application/octet-stream"})
        tags = {"tags": [f"tag {number}" for number in range(MAX_TAGS)]}
        for lead_id in (self.bystander.lead_id, self.lead_id):
            assert self.api("PATCH", f"/v1/leads/{lead_id}", tags).status == 200
        everybody = {"action": "add_tag", "tags": ["one more"], "filter": {}}
        assert len(self.post("/v1/leads/bulk", everybody)["failed"]) == 2

    def report(self, kind: FeedbackKind) -> FeedbackOutcome:
        delivery_id = make_delivery_id(b"a key", 1, self.full, self.lead_id)
        words = f"450 <{ADDRESS}> is full"
        return self.feedback.apply(FeedbackEvent(kind, self.context.now(), delivery_id, NOW, "m", "Prices", words))

    def found(self) -> list[str]:
        """Which needles are where."""
        return sorted(
            {
                f"{needle} in {table}: {key}"
                for table in (self.tables.leads, self.tables.deliveries, self.tables.campaigns)
                for row in rows(self.client, table)
                for key, text in row.items()
                for needle in NEEDLES
                if needle in text.casefold() and "rule_" not in row.get("sk", "")
            }
        )

    def sums(self) -> list[Mapping[str, int]]:
        """Every sum of the campaigns, those of links and hours too, as their deliveries make them."""
        return [self.recounter.sums(each) for each in (self.full, self.failed)]

    def recounted(self) -> list[Mapping[str, int]]:
        """The sums that a recount job leaves."""
        for each in (self.full, self.failed):
            self.recounter.repair(each)
        return [self.context.counters.find(each).sums for each in (self.full, self.failed)]


def rows(client: Any, table: str) -> Iterator[dict[str, str]]:
    """Every row as text by attribute, with what is compressed unpacked."""
    for page in client.get_paginator("scan").paginate(TableName=table):
        for row in page["Items"]:
            yield {name: f"{name} {_text(value)}" for name, value in row.items()}


def _text(value: Mapping[str, Any]) -> str:
    ((kind, inner),) = value.items()
    if kind != "B":
        return json.dumps(inner, ensure_ascii=False, default=str)
    try:
        return zlib.decompress(inner).decode("utf-8", "replace")
    except zlib.error:
        return bytes(inner).decode("utf-8", "replace")


@pytest.fixture
def story(dynamodb: Any, tables: TableNames) -> Story:
    return Story(dynamodb, tables)


def test_an_erased_person_is_in_no_byte_of_any_table_and_every_number_stays(story: Story) -> None:
    before, counted, places = story.sums(), story.recounted(), story.found()
    assert any("/" in name for name in before[0]), "links and hours are among the sums"
    assert {each.split()[0] for each in places} == set(NEEDLES)
    assert len(places) > 25
    exported = story.api("GET", f"/v1/leads/{story.lead_id}/export")
    assert exported.status == 200
    assert all(each in exported.body for each in (ADDRESS, FORMER, *FIELDS.values(), "Resubscribed", "kept-it-quiet"))
    assert (len(exported.json["timeline"]), exported.json["cursor"]) == (5, None)

    assert story.erase("somebody@else.example").status == 422
    assert story.found() == places, "an erasure that is not confirmed changes nothing"
    erased = story.erase(ADDRESS.upper())
    assert (erased.status, erased.json["complete"], erased.json["same_address"]) == (202, True, [])
    assert story.found() == []
    assert (story.sums(), story.recounted()) == (before, counted)
    assert story.api("GET", f"/v1/leads/{story.lead_id}/export").status == 404
    assert story.erase().json["erased_at"] == erased.json["erased_at"], "it may be repeated"
    assert story.erase("somebody@else.example").status == 422
    assert {each["erase"] for each in story.messages.bodies} == {story.lead_id}
    listed = story.api("GET", f"/v1/campaigns/{story.full}/deliveries").json["items"]
    assert sorted((each["lead_deleted"], each["email"]) for each in listed) == [
        (False, "bystander@shop.example"),
        (True, None),
    ]


def test_what_comes_after_an_erasure_counts_and_names_nobody(story: Story) -> None:
    story.erase()
    before = story.sums()[0]
    url = f"https://acme.example/?who={ADDRESS}"
    hit = Hit(HitKind.CLICK, story.full, story.lead_id, NOW + timedelta(hours=1), None, "9m", url)
    assert apply(hit, story.office.deliveries, story.office.leads)
    assert story.report(FeedbackKind.COMPLAINED) is FeedbackOutcome.FIRST
    assert story.report(FeedbackKind.BOUNCED_HARD) is FeedbackOutcome.FIRST
    assert story.report(FeedbackKind.REJECTED) is FeedbackOutcome.FIRST
    leaves = Hit(HitKind.UNSUBSCRIBE, story.full, story.lead_id, story.context.now(), source="one_click")
    replay(leaves, KEYS, story.office.deliveries, story.office.leads, story.office.campaigns)
    automation = Automation(story.context.rules, story.context.leads, story.context.acts, story.context.now)
    automation.handle(replace(story.incident, campaign_id=story.failed))
    assert story.found() == []
    after = story.sums()[0]
    changed = {name: after.get(name, 0) - before.get(name, 0) for name in after}
    assert {name for name, number in changed.items() if number} >= {"complained", "bounced", "unsubscribed", "failed"}
    # The address comes again: what is kept as a hash holds for it, the complaint that came afterwards included.
    again = story.api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": ADDRESS.lower()}).json
    assert again["unsubscribed"]
    marks = story.api("GET", f"/v1/leads/{again['lead_id']}/suppressions").json["items"]
    assert {"manual", "complaint", "hard_bounce", "unsubscribed"} == {each["reason"] for each in marks}
    assert {each["note"] for each in marks} == {None}


@pytest.mark.one_engine
def test_a_mail_that_was_being_sent_is_found_by_the_second_look(story: Story) -> None:
    third, lead = story.office.launched(Tracking.FULL), story.office.leads.get(story.lead_id)
    story.erase()
    claim = story.office.deliveries.find(story.full, story.lead_id)
    assert claim is not None
    late = replace(claim, campaign_id=third, email=lead.email, subject="For Annika", erased=None, claimed_at=NOW)
    assert record_claim(story.office.deliveries, late)
    record_sent(story.office.deliveries, third, story.lead_id, at=NOW, message_id="m", subject="For Annika")
    assert story.found()
    (first, *_) = [EraseMessage(**each) for each in story.messages.bodies]
    assert not story.context.eraser.forget(first, lambda: True), "time is short: the rest is on the queue"
    assert story.context.eraser.forget(EraseMessage(**story.messages.bodies[-1]), lambda: False)
    assert story.found() == []
    assert story.office.sums(third)["sent"] == 1


class ErasesBeforeSuppressing(StandIn):
    """A client that erases the person between what a report says of a delivery and the suppression of its address."""

    def __init__(self, client: Any, erase: Callable[[], Any]) -> None:
        self._client, self._erase = client, erase

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def update_item(self, **arguments: Any) -> Any:
        if arguments["Key"].get("lead_id", {}).get("S", "").startswith(keys.SUPPRESSION):
            assert self._erase().status == 202
        return self._client.update_item(**arguments)


@pytest.mark.one_engine
def test_an_address_that_was_being_suppressed_is_found_by_the_second_look(story: Story) -> None:
    client = ErasesBeforeSuppressing(story.client, story.erase)
    records = FeedbackRecords(client, story.tables.deliveries, BurstRule())
    story.feedback = Feedback(records, Leads(client, story.tables.leads), KEYS)
    assert story.report(FeedbackKind.COMPLAINED) is FeedbackOutcome.FIRST
    assert story.found()
    story.context.eraser.forget(EraseMessage(**story.messages.bodies[0]), lambda: False)
    assert story.found() == []
    again = story.api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": ADDRESS}).json
    marks = story.api("GET", f"/v1/leads/{again['lead_id']}/suppressions").json["items"]
    assert "complaint" in {each["reason"] for each in marks}


class DiesAfter(StandIn):
    """A client whose process ends after some writes."""

    def __init__(self, client: Any, writes: int) -> None:
        self._client, self._left = client, writes

    def __getattr__(self, operation: str) -> Any:
        if operation in ("update_item", "delete_item", "transact_write_items"):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return getattr(self._client, operation)


@pytest.mark.one_engine
def test_an_erasure_that_dies_anywhere_is_completed_by_the_next(story: Story) -> None:
    before = story.sums()
    for writes in range(50):
        dying = context_of(DiesAfter(story.client, writes), story.tables, sqs=story.messages, keys=KEYS)
        try:
            dying.eraser.erase(story.lead_id, ADDRESS, "test", story.context.now(), lambda: False)
            break
        except KeyboardInterrupt:
            continue
    assert 3 < writes < 50
    assert (story.found(), story.sums()) == ([], before)


class ErasesBeforeWriting(StandIn):
    """A client whose first transaction finds the person erased."""

    def __init__(self, client: Any, erase: Callable[[], Any]) -> None:
        self._client, self._erase, self._is_first = client, erase, True

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def transact_write_items(self, **arguments: Any) -> Any:
        if self._is_first:
            self._is_first = False
            assert self._erase().status == 202
        return self._client.transact_write_items(**arguments)


@pytest.mark.one_engine
def test_an_import_that_meets_an_erasure_makes_another_lead_who_is_not_mailed(story: Story) -> None:
    client = ErasesBeforeWriting(story.client, story.erase)
    leads = Leads(client, story.tables.leads, story.context._hash_of)
    file = read_file(f"entity,stage,email,first_name\nacme,New,{ADDRESS},Another\n".encode(), "csv")
    assert import_leads(leads, file, story.context.now()).created == 1
    (lead,) = (each for each in leads.list_page(LeadFilter("acme", "New"))[0] if each.email == ADDRESS)
    assert lead.lead_id != story.lead_id
    assert lead.suppressed is not None
    assert lead.suppressed.reason is SuppressionReason.MANUAL


@pytest.mark.one_engine
def test_a_deleted_lead_is_not_shown_and_can_be_erased_later(story: Story) -> None:
    (named,) = (
        each["delivery_id"]
        for each in story.api("GET", f"/v1/campaigns/{story.full}/deliveries").json["items"]
        if each["lead_id"] == story.lead_id
    )
    evidence = f"/v1/campaigns/{story.full}/deliveries/{named}/evidence"
    assert "needle" in story.api("GET", evidence).body.lower()
    assert story.api("DELETE", f"/v1/leads/{story.lead_id}").status == 204
    shown = story.api("GET", evidence)
    assert shown.json["items"]
    assert "needle" not in shown.body.lower(), "personal links are not shown either"
    csv = story.api("GET", f"/v1/campaigns/{story.full}/deliveries.csv").body
    assert "needle" not in csv.lower()
    assert "bystander@shop.example" in csv
    assert story.found()
    assert story.erase(story.lead_id).status == 202
    assert story.found() == []
    assert story.api("POST", "/v1/leads/lead_000000000000000000000000/erase", {"confirm": "x"}).status == 404


@pytest.mark.one_engine
def test_a_deleted_lead_that_was_never_mailed_can_be_erased(story: Story) -> None:
    story.erase()
    lead = story.post("/v1/leads", {"entity": "acme", "stage": "New", "first_name": "Annika", "last_name": "Needleson"})
    path = f"/v1/leads/{lead['lead_id']}"
    assert story.api("POST", f"{path}/unsubscribe").status == 202
    assert story.api("POST", f"{path}/resubscribe", {"reason": "Annika asked for it"}).status == 202
    assert story.api("DELETE", path).status == 204
    assert {each.split()[0] for each in story.found()} == {"annika", "needle"}
    assert story.api("POST", f"{path}/erase", {"confirm": lead["lead_id"]}).status == 202
    assert story.found() == []


@pytest.mark.one_engine
def test_what_another_lead_with_the_address_is_held_to_stays_with_the_address(story: Story) -> None:
    sibling = story.post("/v1/leads", {"entity": "outlet", "stage": "New", "email": ADDRESS.lower()})["lead_id"]
    path = f"/v1/leads/{story.lead_id}"
    assert story.api("POST", f"{path}/unsubscribe").status == 202
    assert story.erase().json["same_address"] == [sibling]

    def on_the_list() -> list[set[str]]:
        found = story.api("GET", f"/v1/suppressions?q={ADDRESS}").json["items"]
        return [{each["reason"] for each in item["marks"]} for item in found]

    assert on_the_list() == [{"manual", "unsubscribed"}]
    for message in [EraseMessage(**each) for each in story.messages.bodies]:
        assert story.context.eraser.forget(message, lambda: False)
    assert on_the_list() == [{"manual", "unsubscribed"}], "the second look leaves it too"
    assert story.office.leads.get(sibling).suppressed is not None
    again = story.api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": ADDRESS}).json
    assert again["unsubscribed"]
    for lead_id in (again["lead_id"], sibling):
        assert story.api("POST", f"/v1/leads/{lead_id}/erase", {"confirm": ADDRESS}).status == 202
    assert (on_the_list(), story.found()) == ([], []), "the last one takes it along"
    third = story.api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": ADDRESS}).json
    assert third["unsubscribed"]
