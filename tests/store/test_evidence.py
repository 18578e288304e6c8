"""Why things counted, through the API on a real engine: a delivery's evidence, what was kept out, link scanners."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.analytics.fold import fold
from chalicelib.model.access import Scope
from chalicelib.model.campaign import LaunchedMail
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id, new_trace_id
from chalicelib.store import keys
from chalicelib.store.deliveries import DeliveryFilter
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.stream_records import Change
from chalicelib.tracking.delivery_ids import make_delivery_id
from local.tables import TableNames
from tests.claiming import record_claim, record_sent
from tests.recounting import Recounter
from tests.store.cost_model import seen_arguments
from tests.store.test_analytics_api import LINKS, NOW, Desk

pytestmark = pytest.mark.usefixtures("few_shards")

KEY = b"a key for tests"


@pytest.fixture
def desk(dynamodb: Any, tables: TableNames) -> Desk:
    return Desk(dynamodb, tables)


def sent(
    desk: Desk, campaign_id: str, email: str = "ann@example.com", lead_id: LeadId | None = None
) -> tuple[CampaignId, LeadId]:
    """A sent delivery's name."""
    whose = (CampaignId(campaign_id), lead_id or new_lead_id())
    assert record_claim(desk.deliveries, Delivery(*whose, DeliveryStatus.SENDING, NOW, "0.0", email=email))
    assert record_sent(desk.deliveries, *whose, at=NOW, message_id="1", subject="Prices")
    return whose


def click(desk: Desk, whose: tuple[CampaignId, LeadId], link: str, seconds: float, machine: str | None = None) -> None:
    assert desk.deliveries.record_click(*whose, link, Click(NOW + timedelta(seconds=seconds), None, machine))


def address(whose: tuple[CampaignId, LeadId]) -> str:
    return f"/v1/campaigns/{whose[0]}/deliveries/{make_delivery_id(KEY, 1, *whose)}/evidence"


def test_a_deliverys_evidence_is_what_its_leads_timeline_says(desk: Desk) -> None:
    lead = LeadId(desk.api("POST", "/v1/leads", {"entity": "acme", "stage": "New"}).json["lead_id"])
    campaign_id, _ = sent(desk, desk.campaign(), lead_id=lead)
    desk.save_launched(campaign_id, LaunchedMail(LINKS))
    for number in range(4):
        click(desk, (campaign_id, lead), str(number), 31 + number * 0.1)
    click(desk, (campaign_id, lead), "2", 7_200)
    at = NOW + timedelta(seconds=3)
    desk.deliveries.record_open(campaign_id, lead, at=at, machine="privacy_proxy")
    answer = desk.api("GET", address((campaign_id, lead)))
    assert answer.status == 200, answer.body
    assert answer.json["items"] == [
        {
            "kind": "open",
            "at": "2026-11-23T12:00:03.000Z",
            "reason": "privacy_proxy",
            "links": {},
            "text": "Counted as a machine open: loaded by a privacy proxy, 3 s after sending.",
        },
        {
            "kind": "click",
            "at": "2026-11-23T12:00:31.000Z",
            "reason": "burst",
            "links": {"0": "", "1": "https://acme.example/a", "2": "", "3": ""},
            "text": "Not counted: 4 links within 0.3 s, 31 s after sending; typical of a security scanner.",
        },
        {
            "kind": "click",
            "at": "2026-11-23T14:00:00.000Z",
            "reason": None,
            "links": {"2": ""},
            "text": "Counted: clicked by a person, 2 hours after sending.",
        },
    ]
    (event,) = desk.api("GET", f"/v1/leads/{lead}/timeline").json["items"]
    assert event["evidence"] == answer.json["items"]


def test_an_unknown_delivery_is_404(desk: Desk) -> None:
    campaign_id = CampaignId(desk.campaign())
    mailed = sent(desk, campaign_id)
    trace = (campaign_id, new_trace_id())
    desk.deliveries.record_open(*trace, at=NOW, machine=None)
    other = (CampaignId(desk.campaign()), mailed[1])
    forged = address(mailed).replace("/evidence", "A/evidence")
    of_another = address(mailed).replace(campaign_id, other[0])
    for unknown in (address((campaign_id, new_lead_id())), address(other), address(trace), forged, of_another):
        reply = desk.api("GET", unknown)
        assert (reply.status, reply.json["type"]) == (404, "urn:leadflip:problem:delivery-not-found"), unknown
    reply = desk.api("GET", address((new_campaign_id(), mailed[1])))
    assert (reply.status, reply.json["type"]) == (404, "urn:leadflip:problem:campaign-not-found")


def test_a_read_token_may_not_ask_by_delivery_id(desk: Desk) -> None:
    mailed = sent(desk, desk.campaign())
    desk.api.sign_in(Scope.READ)
    reply = desk.api("GET", address(mailed))
    assert (reply.status, reply.json["type"]) == (403, "urn:leadflip:problem:forbidden")


def test_the_panel_says_how_many_clicks_each_reason_kept_out(desk: Desk, dynamodb: Any, tables: TableNames) -> None:
    campaign_id = CampaignId(desk.campaign())
    swept, scanned, person = (sent(desk, campaign_id) for _ in range(3))
    for number in range(4):
        click(desk, swept, str(number), number * 0.1)
    click(desk, scanned, "1", 5, "tool")
    click(desk, person, "1", 5, "tool")
    click(desk, person, "1", 5_000)
    Recounter(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id)
    stats = desk.get(campaign_id, "stats")
    assert stats["clicked"] == 1
    assert [(each["reason"], each["clicks"]) for each in stats["kept_out"]] == [("burst", 4), ("tool", 1)]
    assert stats["kept_out"][0]["name"] == "a security scanner"
    assert stats["kept_out"][0]["meaning"]
    assert desk.get(desk.campaign(), "stats")["kept_out"] == []


def test_reasons_that_an_older_release_did_not_count_are_unknown_until_a_recount(
    desk: Desk, dynamodb: Any, tables: TableNames
) -> None:
    campaign_id = CampaignId(desk.campaign())
    old = sent(desk, campaign_id)
    click(desk, old, "1", 5, "tool")
    click(desk, old, "2", 5, "tool")
    # What a release without reasons has counted of it.
    by_link = {"link/1/clicked_machine_only": 1, "link/2/clicked_machine_only": 1}
    desk.count(campaign_id, {"sent": 1, "clicked_machine_only": 1} | by_link)
    before = desk.deliveries.find(*old)
    click(desk, old, "1", 5_000)
    fold("a", [Change(1, campaign_id, before, desk.deliveries.find(*old), NOW.timestamp())], desk.counters, 0)
    stats = desk.get(campaign_id, "stats")
    assert (stats["clicked"], stats["kept_out"]) == (1, None)
    Recounter(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id)
    (reason,) = desk.get(campaign_id, "stats")["kept_out"]
    assert (reason["reason"], reason["clicks"]) == ("tool", 1)


def test_a_domain_behind_a_link_scanner_is_told_with_the_figures_without_it(
    desk: Desk, dynamodb: Any, tables: TableNames
) -> None:
    campaign_id = CampaignId(desk.campaign())
    feedback = FeedbackRecords(dynamodb, tables.deliveries, BurstRule())
    for number in range(25):
        mailed = sent(desk, campaign_id, f"lead{number}@corp.example")
        feedback.record(*mailed, FeedbackKind.DELIVERED, NOW + timedelta(seconds=100))
        click(desk, mailed, "1", 143 if number < 23 else 9_000)
    for number in range(30):
        mailed = sent(desk, campaign_id, f"lead{number}@mail.example")
        if number < 15:
            click(desk, mailed, "1", 143)
        if number == 20:
            click(desk, mailed, "1", 5, "tool")
    Recounter(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id)
    desk.api.context.now = lambda: NOW + timedelta(minutes=5)
    (early,) = desk.get(campaign_id, "link-scanners")["items"]
    assert (early["code"], early["figure"]) == ("link_scanners_too_early", 40)
    desk.api.context.now = lambda: NOW + timedelta(minutes=15)
    first, second = desk.get(campaign_id, "link-scanners")["items"]
    assert (first["code"], first["figure"]) == ("link_scanner", 0.92)
    assert "23 of 25 clicks from corp.example" in first["text"]
    assert (second["code"], second["figure"]) == ("without_link_scanners", round(17 / 55, 4))
    assert "Clicked is 17 " in second["text"]
    assert desk.get(campaign_id, "stats")["clicked"] == 40, "advice is no verdict"


def test_anonymous_clicks_are_not_looked_at(desk: Desk) -> None:
    campaign_id = desk.campaign(tracking=Tracking.ANONYMOUS, sums={"sent": 50, "anonymous": 50, "clicked": 12})
    assert desk.get(campaign_id, "link-scanners")["items"] == []


def test_of_those_who_clicked_nothing_the_engine_sends_no_row(desk: Desk, dynamodb: Any) -> None:
    """The list of those who clicked reads every delivery and transfers few."""
    campaign_id = CampaignId(desk.campaign())
    quiet, scanned, person = (sent(desk, campaign_id) for _ in range(3))
    click(desk, scanned, "1", 5, "tool")
    click(desk, person, "1", 5)
    for wanted, leads, rows in ((True, {person[1]}, 1), (False, {quiet[1], scanned[1]}, 3)):
        shown = DeliveryFilter(clicked=wanted)
        with counted_rows(dynamodb) as sent_rows:
            page, position = desk.deliveries.list_page(campaign_id, shown, limit=100, position=None)
        assert ({each.lead_id for each in page}, position) == (leads, None)
        assert sum(sent_rows) == rows


@contextmanager
def counted_rows(client: Any) -> Iterator[list[int]]:
    """How many rows each query returns."""
    counts: list[int] = []

    def note(parsed: dict[str, Any], **rest: Any) -> None:
        counts.append(parsed["Count"])

    client.meta.events.register("after-call.dynamodb.Query", note)
    try:
        yield counts
    finally:
        client.meta.events.unregister("after-call.dynamodb.Query", note)


def test_the_numbers_read_no_delivery_and_looking_for_link_scanners_each_once(
    desk: Desk, dynamodb: Any, tables: TableNames
) -> None:
    campaign_id = desk.campaign(sums={"sent": 12, "clicked": 12})
    for number in range(12):
        click(desk, sent(desk, campaign_id, f"lead{number}@corp.example"), "1", 40)

    def queried(what: str) -> int:
        with seen_arguments(dynamodb, "Query") as queries:
            desk.get(campaign_id, what)
        return sum(each["TableName"] == tables.deliveries for each in queries)

    assert queried("stats") == 0
    assert queried("link-scanners") == keys.DELIVERY_SHARDS
