"""The simulation of docs/VERDICT.md judges and keeps requests as the function `track` and the tables do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from bench.verdict.campaigns import COMPANIES, leads
from bench.verdict.headers import Request
from bench.verdict.people import BROWSERS, MAIL_CLIENTS
from bench.verdict.product import SENT_AT, judge, kept, recorded
from bench.verdict.scanners import SCANNERS
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.store.deliveries import Deliveries
from chalicelib.tracking.delivery_ids import CampaignTracking
from local.tables import TableNames
from tests.claiming import record_claim
from tests.store.tracking_process import KEY, TrackingProcess, running

URL = "https://shop.example/offer"


@pytest.fixture
def deliveries(dynamodb: Any, tables: TableNames) -> Deliveries:
    return Deliveries(dynamodb, tables.deliveries, BurstRule())


@pytest.fixture
def track(dynamodb: Any, tables: TableNames) -> Iterator[TrackingProcess]:
    with running(dynamodb.meta.endpoint_url, tables) as started:
        yield started


def sent(deliveries: Deliveries) -> Delivery:
    delivery = Delivery(new_campaign_id(), new_lead_id(), DeliveryStatus.SENT, SENT_AT, "0.0", sent_at=SENT_AT)
    assert record_claim(deliveries, delivery)
    return delivery


def now_of(deliveries: Deliveries, delivery: Delivery) -> Delivery:
    found = deliveries.find(delivery.campaign_id, delivery.lead_id)
    assert found is not None
    return found


def of_people_and_scanners() -> dict[Request, bool]:
    """Every request of the simulation over TLS, and whether it is a click."""
    pixels = [each for client in MAIL_CLIENTS.values() for each in (*client.pixels, client.prefetch) if each]
    clicks = [each for browser in BROWSERS.values() for each in browser.requests]
    clicks += [each for scanner in SCANNERS.values() for each in scanner.requests]
    return dict.fromkeys(pixels, False) | {each: True for each in clicks if each.tls}


@pytest.mark.one_engine
def test_the_tracking_function_judges_every_request_as_the_simulation_does(
    track: TrackingProcess, deliveries: Deliveries
) -> None:
    for request, is_click in of_people_and_scanners().items():
        delivery = sent(deliveries)
        tracking = CampaignTracking("https://t.example", delivery.campaign_id, 1, KEY.encode())
        name = tracking.delivery_id(delivery.lead_id)
        path, query = f"/t/o/{name}.gif", ""
        if is_click:
            path, query = f"/t/c/{name}", urlencode({"l": "1", "u": URL, "s": tracking.sign("1", URL)})
        answer = track.answer(path, query, method=request.method, headers=dict(request.headers))
        assert answer["statusCode"] == (302 if is_click else 200)
        found = now_of(deliveries, delivery)
        noted = [each.machine for each in (*found.clicks.values(), *found.scans.values())]
        if found.opened_at is not None:
            noted = [found.opened_machine]
        judged = judge(request, click=is_click)
        assert noted == ([judged.machine] if judged.counts else []), request


@pytest.mark.one_engine
def test_the_tables_keep_of_a_leads_requests_what_the_simulation_keeps(deliveries: Deliveries) -> None:
    audience = replace(COMPANIES, scanned=0.5, clicked=0.5, shared=0.3)
    compared = 0
    for lead in leads(audience, 250, "compared with the tables"):
        if len(lead.hits) < 3:
            continue
        delivery = sent(deliveries)
        for link, click in kept(lead.hits):
            if link is None:
                deliveries.record_open(delivery.campaign_id, delivery.lead_id, at=click.at, machine=click.machine)
            else:
                deliveries.record_click(delivery.campaign_id, delivery.lead_id, link, click)
        found, simulated = now_of(deliveries, delivery), recorded(lead.hits, BurstRule())
        for name in ("opened_at", "opened_person_at", "opened_machine", "clicks", "scans"):
            assert getattr(found, name) == getattr(simulated, name), lead
        assert {link: list(each) for link, each in found.later.items()} == simulated.later
        compared += 1
    assert compared > 50
