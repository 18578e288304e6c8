"""A campaign's numbers as a client sees them, on a real engine: stats, series, links, comparison, CSV, timeline."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus, LaunchedLink, LaunchedMail, Wait
from chalicelib.model.csv_text import MOST_CHARACTERS
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id
from chalicelib.model.suppression import Resubscription
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans
from chalicelib.store.table import Table
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, context_of
from tests.claiming import record_claim
from tests.recounting import add

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LINKS = (
    LaunchedLink("1", "https://acme.example/a", "A", 4, 12),
    LaunchedLink("2m", "https://acme.example/b", "B", 9, 3),
)


class Desk:
    """The API, and the tables behind it."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        keys = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
        context = context_of(client, tables, keys=keys)
        context.now = lambda: NOW
        self.api = ApiClient(context).sign_in()
        self.campaigns = Campaigns(client, tables.campaigns)
        self.counters = Counters(client, tables.campaigns)
        self.deliveries = Deliveries(client, tables.deliveries, BurstRule())
        self.leads = context.leads

    def campaign(self, *, age: timedelta = timedelta(days=3), sums: dict[str, int] | None = None, **said: Any) -> str:
        """A sent campaign with these sums."""
        campaign = Campaign(
            campaign_id=new_campaign_id(),
            title="Prices",
            subject="Prices",
            from_email="news@acme.example",
            from_name=None,
            reply_to=None,
            audience=Audience("acme", ("New",)),
            status=CampaignStatus.SENT,
            version=1,
            created_at=NOW - age,
            updated_at=NOW - age,
            launched_at=NOW - age,
            key_number=1,
        )
        campaign = replace(campaign, **said)
        self.campaigns.create(campaign, Body("<p>", None))
        if sums:
            self.count(campaign.campaign_id, sums)
        return campaign.campaign_id

    def save_launched(self, campaign_id: str, mail: LaunchedMail) -> None:
        campaign = self.campaigns.find(CampaignId(campaign_id))
        assert campaign is not None
        self.campaigns.save_launched(campaign, mail)

    def count(self, campaign_id: str, sums: dict[str, int]) -> None:
        add(self.counters, CampaignId(campaign_id), sums)

    def get(self, campaign_id: str, what: str) -> Any:
        reply = self.api("GET", f"/v1/campaigns/{campaign_id}/{what}")
        assert reply.status == 200, reply.body
        return reply.json


@pytest.fixture
def desk(dynamodb: Any, tables: TableNames) -> Desk:
    return Desk(dynamodb, tables)


def test_stats_are_what_clients_rely_on(desk: Desk) -> None:
    campaign_id = desk.campaign(sums={"sent": 95, "failed": 5, "reason/rejected": 5, "opened": 40, "delay/48": 30})
    stats = desk.get(campaign_id, "stats")
    assert {name: stats[name] for name in ("total", "sent", "failed", "opened", "clicked", "skipped", "pending")} == {
        "total": 100,
        "sent": 95,
        "failed": 5,
        "opened": 40,
        "clicked": 0,
        "skipped": 0,
        "pending": 0,
    }
    assert stats["failures"] == [{"reason": "rejected", "count": 5}]
    assert stats["rates"]["failed"] == {"value": 0.05, "low": 0.0215, "high": 0.1118, "of": 100}
    assert [step["step"] for step in stats["funnel"]] == ["sent", "delivered", "opened", "clicked"]
    assert stats["time_to_open"]["of"] == 30
    assert stats["advice"][0]["code"] == "failed_high"
    assert stats["advice"][0]["figure"] == 0.05
    assert stats["as_of"] == "2026-11-23T12:00:00.000Z"


def test_stats_warn_of_a_mail_that_was_launched_too_large(desk: Desk) -> None:
    campaign_id = desk.campaign(sums={"sent": 50})
    desk.save_launched(campaign_id, LaunchedMail(LINKS, html_bytes=140_000))
    codes = [advice["code"] for advice in desk.get(campaign_id, "stats")["advice"]]
    assert codes.index("clipped") < codes.index("sent_is_not_delivered")


def test_a_series_is_per_day_of_the_asked_zone_without_gaps(desk: Desk) -> None:
    sums = {"hour/2026-11-20T23/opened": 3, "hour/2026-11-22T08/opened": 1, "hour/2026-11-22T08/clicked": 2}
    campaign_id = desk.campaign(sums=sums)
    days = desk.get(campaign_id, "series?by=day&timezone=Europe/Berlin")
    assert days["items"] == [
        {"at": "2026-11-21T00:00:00+01:00", "opened": 3, "clicked": 0},
        {"at": "2026-11-22T00:00:00+01:00", "opened": 1, "clicked": 2},
    ]
    assert (days["by"], days["timezone"], days["cursor"]) == ("day", "Europe/Berlin", None)
    hours = desk.get(campaign_id, "series?by=hour")
    assert len(hours["items"]) == 34
    assert hours["items"][0] == {"at": "2026-11-20T23:00:00+00:00", "opened": 3, "clicked": 0}
    assert hours["later"] == {"opened": 0, "clicked": 0}


@pytest.mark.parametrize(
    "query", ["by=week", "timezone=Mars/Olympus", "timezone=../etc/passwd", "timezone=Europe", "timezone=%2Fetc", "x=1"]
)
def test_a_wrong_period_or_zone_is_a_problem_that_names_it(desk: Desk, query: str) -> None:
    reply = desk.api("GET", f"/v1/campaigns/{desk.campaign()}/series?{query}")
    assert reply.status == 400
    assert [error["field"] for error in reply.json["errors"]] == [query.partition("=")[0]]


def test_links_come_with_place_text_and_clicks(desk: Desk) -> None:
    campaign_id = desk.campaign(sums={"sent": 10, "link/2m/clicked": 4, "link/1/clicked_machine_only": 1})
    assert desk.get(campaign_id, "links") == {"items": [], "cursor": None}
    desk.save_launched(campaign_id, LaunchedMail(LINKS))
    first, second = desk.get(campaign_id, "links")["items"]
    assert first | {"rate": None} == {
        "link": "1",
        "url": "https://acme.example/a",
        "text": "A",
        "position": 1,
        "line": 4,
        "column": 12,
        "clicked": 0,
        "clicked_machine_only": 1,
        "rate": None,
    }
    assert (second["position"], second["clicked"], second["rate"]["value"]) == (2, 4, 0.4)


def earlier(desk: Desk, opened_soon: int, opened_later: int, *, days: int, **said: Any) -> str:
    """A campaign to a hundred leads: some open within its first hours, others after a week."""
    launched = NOW - timedelta(days=days)
    sums = {
        "sent": 100,
        f"hour/{launched + timedelta(hours=2):%Y-%m-%dT%H}/opened": opened_soon,
        f"hour/{launched + timedelta(days=7):%Y-%m-%dT%H}/opened": opened_later,
    }
    return desk.campaign(age=timedelta(days=days), sums=sums | {"opened": opened_soon + opened_later}, **said)


def test_a_campaign_is_compared_with_the_senders_last_ten_at_its_own_age(desk: Desk) -> None:
    for number in range(12):
        earlier(desk, 20 + number, 30, days=40 + number)
    earlier(desk, 90, 0, days=20, from_email="other@acme.example")
    earlier(desk, 90, 0, days=21, status=CampaignStatus.CANCELLED)
    campaign_id = desk.campaign(age=timedelta(hours=30), sums={"sent": 100, "opened": 41})
    desk.campaign(age=timedelta(hours=1), sums={"sent": 100, "opened": 99})
    comparison = desk.get(campaign_id, "comparison")
    assert comparison["age_hours"] == 30
    assert [each["opened"] for each in comparison["campaigns"]] == [(20 + number) / 100 for number in range(10)]
    assert comparison["opened"]["median"] == 0.245
    assert comparison["opened"]["value"]["value"] == 0.41
    assert comparison["opened"]["verdict"] == "higher"
    assert comparison["clicked"] == {
        "value": {"value": 0, "low": 0, "high": 0.037, "of": 100},
        "median": 0,
        "verdict": "usual",
    }


def test_two_campaigns_make_no_median_and_small_ones_do_not_count(desk: Desk) -> None:
    earlier(desk, 20, 0, days=10)
    earlier(desk, 20, 0, days=11)
    desk.campaign(age=timedelta(days=12), sums={"sent": 5})
    comparison = desk.get(desk.campaign(sums={"sent": 100}), "comparison")
    assert len(comparison["campaigns"]) == 2
    assert (comparison["opened"]["median"], comparison["opened"]["verdict"]) == (None, None)


def test_a_draft_compares_with_nothing(desk: Desk) -> None:
    comparison = desk.get(desk.campaign(launched_at=None, status=CampaignStatus.DRAFT), "comparison")
    assert (comparison["age_hours"], comparison["campaigns"]) == (None, [])


def deliver(desk: Desk, campaign_id: str, number: int, **said: Any) -> Delivery:
    email = f"lead{number}@example.com"
    lead_id = create_lead(desk.leads, {"entity": "acme", "stage": "New", "first_name": email}, NOW).lead_id
    delivery = Delivery(CampaignId(campaign_id), lead_id, DeliveryStatus.SENT, NOW, "0.0", email=email)
    delivery = replace(delivery, **said)
    record_claim(desk.deliveries, delivery)
    return delivery


def parts(desk: Desk, campaign_id: str, query: str) -> Iterator[str]:
    """The parts of the file, following the links as a client would."""
    base, here = f"/v1/campaigns/{campaign_id}/deliveries.csv", query
    while True:
        reply = desk.api("GET", base + here)
        assert reply.status == 200, reply.body
        assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
        yield reply.body
        link = reply.headers.get("Link")
        if link is None:
            return
        found = re.fullmatch(r'<(\?[^>]*)>; rel="next"', link)
        assert found is not None
        here = found[1]


@pytest.mark.parametrize("query", ["?limit=7", "?limit=1000", ""])
def test_the_linked_parts_are_one_file_with_every_delivery_once(desk: Desk, query: str) -> None:
    campaign_id = desk.campaign()
    emails = {deliver(desk, campaign_id, number).email for number in range(40)}
    file = "".join(parts(desk, campaign_id, query))
    assert file.startswith("\ufeffdelivery_id,lead_id,email,status,")
    lines = list(csv.DictReader(io.StringIO(file[1:], newline="")))
    assert len(lines) == 40
    assert {line["email"] for line in lines} == emails
    assert all(len(line["delivery_id"]) == 48 for line in lines)


def test_a_filter_goes_with_the_links_from_part_to_part(desk: Desk) -> None:
    campaign_id = desk.campaign()
    failed = {deliver(desk, campaign_id, n, status=DeliveryStatus.FAILED, reason="rejected").email for n in range(9)}
    for number in range(20, 40):
        deliver(desk, campaign_id, number)
    clicked = deliver(desk, campaign_id, 50)
    desk.deliveries.record_click(clicked.campaign_id, clicked.lead_id, "1", Click(NOW, None))
    file = "".join(parts(desk, campaign_id, "?limit=2&status=failed"))
    assert {line["email"] for line in csv.DictReader(io.StringIO(file[1:]))} == failed
    file = "".join(parts(desk, campaign_id, "?limit=5&clicked=true"))
    assert [line["clicked_links"] for line in csv.DictReader(io.StringIO(file[1:]))] == ["1"]


def test_a_part_stays_below_what_a_function_may_answer(desk: Desk) -> None:
    campaign_id = desk.campaign()
    for number in range(12):
        deliver(desk, campaign_id, number, subject="ä" * 100_000)
    found = list(parts(desk, campaign_id, ""))
    assert len(found) == 2
    assert all(len(part) <= MOST_CHARACTERS + 1_000 for part in found)
    assert len(list(csv.DictReader(io.StringIO("".join(found)[1:], newline="")))) == 12


def test_the_csv_is_a_file_to_save_and_calculates_nothing(desk: Desk) -> None:
    campaign_id = desk.campaign()
    deliver(desk, campaign_id, 1, email="=1+1@example.com")
    reply = desk.api("GET", f"/v1/campaigns/{campaign_id}/deliveries.csv")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{campaign_id}-deliveries.csv"'
    assert ",'=1+1@example.com," in reply.body


def test_a_campaign_without_deliveries_is_a_file_with_a_header(desk: Desk) -> None:
    assert len("".join(parts(desk, desk.campaign(), "")).splitlines()) == 1


@pytest.mark.parametrize("what", ["stats", "series", "links", "comparison", "deliveries", "deliveries.csv"])
def test_an_unknown_campaign_is_404(desk: Desk, what: str) -> None:
    reply = desk.api("GET", f"/v1/campaigns/{new_campaign_id()}/{what}")
    assert (reply.status, reply.json["type"]) == (404, "urn:leadflip:problem:campaign-not-found")


@pytest.mark.parametrize("query", ["cursor=mangled", "limit=0", "limit=10001"])
def test_a_mangled_cursor_and_a_wrong_limit_are_refused(desk: Desk, query: str) -> None:
    assert desk.api("GET", f"/v1/campaigns/{desk.campaign()}/deliveries.csv?{query}").status == 400


def test_a_filter_that_few_pass_reads_on_within_one_page(desk: Desk) -> None:
    campaign_id = desk.campaign()
    for number in range(60):
        deliver(desk, campaign_id, number)
    opened = deliver(desk, campaign_id, 99)
    desk.deliveries.record_open(opened.campaign_id, opened.lead_id, at=NOW, machine=None)
    page = desk.get(campaign_id, "deliveries?opened=true&limit=1")
    assert [each["lead_id"] for each in page["items"]] == [opened.lead_id]
    everybody: list[str] = []
    cursor = ""
    while True:
        page = desk.get(campaign_id, f"deliveries?opened=false&limit=9{cursor}")
        everybody += [each["lead_id"] for each in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert len(everybody) == len(set(everybody)) == 60


@pytest.mark.one_engine
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 40])
def test_a_timeline_is_paged_through_mails_with_what_was_done_to_the_lead(desk: Desk, limit: int) -> None:
    lead = LeadId(desk.api("POST", "/v1/leads", {"entity": "acme", "stage": "New"}).json["lead_id"])
    context, expected = desk.api.context, []
    for number in range(17):
        at = NOW + timedelta(minutes=number)
        if number in (0, 3, 4, 7, 9, 16):
            allowed = Resubscription(at, "ops", f"Number {number}")
            recording = context.resubscriptions.recording(lead, allowed)
            assert Table(context.dynamodb, context.settings.campaigns_table).transact(recording)
            expected.append(allowed.reason)
        else:
            campaign_id = CampaignId(desk.campaign(title=f"Number {number}"))
            assert record_claim(desk.deliveries, Delivery(campaign_id, lead, DeliveryStatus.SENT, at, "0.0"))
            expected.append(f"Campaign: Number {number}")
    told: list[str] = []
    cursor = ""
    while True:
        page = desk.api("GET", f"/v1/leads/{lead}/timeline?limit={limit}{cursor}").json
        assert len([item for item in page["items"] if item["type"] == "campaign_delivery"]) <= limit
        told += [item["reason"] if item["type"] == "resubscribed" else item["title"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert told == expected[::-1]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("mail_service", "Waiting for the mail service."), (None, None)],
)
def test_stats_say_what_a_campaign_waits_for_where_no_account_is_known(
    dynamodb: Any, tables: TableNames, reason: str | None, said: str | None
) -> None:
    desk, plans = Desk(dynamodb, tables), Plans(dynamodb, tables.campaigns)
    wait = Wait(NOW + timedelta(minutes=5), reason)
    campaign_id = CampaignId(desk.campaign(status=CampaignStatus.SENDING, waiting=wait))
    plans.begin(campaign_id, units=1)
    plans.record_page(campaign_id, "0.0", 1, [new_lead_id()], None)
    waiting = desk.get(campaign_id, "stats")["waiting"]
    assert (waiting and waiting["text"]) == said
