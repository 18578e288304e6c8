"""Deliveries on a real engine: every fact holds for its first caller only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, new_campaign_id, new_lead_id, new_trace_id
from chalicelib.model.verdicts import judged
from chalicelib.store.deliveries import Deliveries, DeliveryFilter
from chalicelib.store.feedback import FeedbackRecords
from local.tables import TableNames
from tests.claiming import claims_of, record_claim, record_sent
from tests.stand_in import StandIn

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def deliveries(dynamodb: Any, tables: TableNames) -> Deliveries:
    return Deliveries(dynamodb, tables.deliveries, BurstRule())


def claimed(deliveries: Deliveries, campaign_id: CampaignId | None = None) -> Delivery:
    ids = (campaign_id or new_campaign_id(), new_lead_id())
    delivery = Delivery(*ids, DeliveryStatus.SENDING, NOW, "0.0", nonce="a", email="ann@example.com")
    assert record_claim(deliveries, delivery)
    return delivery


def now_of(deliveries: Deliveries, delivery: Delivery) -> Delivery:
    found = deliveries.find(delivery.campaign_id, delivery.lead_id)
    assert found is not None
    return found


def test_a_delivery_is_claimed_by_exactly_one_of_many(deliveries: Deliveries) -> None:
    delivery = Delivery(new_campaign_id(), new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0")
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: record_claim(deliveries, delivery), range(24))) == 1


def test_what_was_claimed_is_read_back_whole(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    assert now_of(deliveries, delivery) == delivery


def test_a_finished_delivery_cannot_be_finished_again(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert record_sent(deliveries, *ids, at=LATER, message_id="m-1", subject="Hello Ann")
    assert not record_sent(deliveries, *ids, at=LATER, message_id="m-2", subject="Hello again")
    assert not deliveries.record_failed(delivery, reason="rejected", detail=None)
    sent = now_of(deliveries, delivery)
    assert (sent.status, sent.message_id, sent.subject, sent.sent_at) == ("sent", "m-1", "Hello Ann", LATER)


def test_only_the_claimer_gives_back_a_claim_and_only_while_sending(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert not deliveries.release(replace(delivery, nonce="another's"))
    assert deliveries.release(delivery)
    assert deliveries.find(*ids) is None
    assert record_claim(deliveries, delivery)
    record_sent(deliveries, *ids, at=LATER, message_id="m", subject="s")
    assert not deliveries.release(delivery)


def test_only_the_claim_that_was_looked_at_is_given_up(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    assert not deliveries.record_failed(replace(delivery, nonce="before"), reason="outcome_unknown", detail=None)
    assert now_of(deliveries, delivery) == delivery
    assert deliveries.record_failed(delivery, reason="outcome_unknown", detail=None)


def test_a_claim_of_an_older_version_has_no_nonce_and_can_be_given_up(deliveries: Deliveries) -> None:
    delivery = Delivery(new_campaign_id(), new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0")
    assert claims_of(deliveries).claim_and_record([delivery], []) == ([True], [])
    assert deliveries.record_failed(delivery, reason="outcome_unknown", detail=None)


def test_two_hundred_loads_of_one_pixel_are_one_open(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)

    def load(second: int) -> bool:
        at = NOW + timedelta(seconds=second)
        return deliveries.record_open(delivery.campaign_id, delivery.lead_id, at=at, machine=None)

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(load, range(200))) == 1


def test_a_persons_open_after_a_machines_keeps_the_first_time(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert deliveries.record_open(*ids, at=NOW, machine="privacy_proxy")
    assert not deliveries.record_open(*ids, at=LATER, machine="privacy_proxy")
    assert deliveries.record_open(*ids, at=LATER, machine=None)
    opened = now_of(deliveries, delivery)
    assert (opened.opened_at, opened.opened_person_at, opened.opened_machine) == (NOW, LATER, "privacy_proxy")


def test_a_machine_after_a_person_changes_nothing(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert deliveries.record_open(*ids, at=NOW, machine=None)
    assert not deliveries.record_open(*ids, at=LATER, machine="privacy_proxy")


def test_each_link_is_clicked_once_by_persons_and_once_by_machines(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert deliveries.record_click(*ids, "1", Click(NOW, None, machine="tool"))
    assert deliveries.record_click(*ids, "1", Click(LATER, None))
    assert not deliveries.record_click(*ids, "1", Click(LATER, None))
    assert deliveries.record_click(*ids, "2m", Click(LATER, "https://x.example/ann"))
    clicked = now_of(deliveries, delivery)
    assert clicked.clicks == {"1": Click(LATER, None), "2m": Click(LATER, "https://x.example/ann")}
    assert clicked.scans == {"1": Click(NOW, None, "tool")}


def sweep(deliveries: Deliveries, delivery: Delivery, start: datetime) -> list[bool]:
    ids = (delivery.campaign_id, delivery.lead_id)
    return [
        deliveries.record_click(*ids, str(link), Click(start + timedelta(milliseconds=100 * link), None))
        for link in range(1, 5)
    ]


def test_a_person_after_a_scanner_counts_on_the_very_link_it_took_first(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert sweep(deliveries, delivery, NOW) == [True] * 4
    assert judged(now_of(deliveries, delivery)).persons == {}
    assert deliveries.record_click(*ids, "1", Click(LATER, None))
    assert judged(now_of(deliveries, delivery)).persons == {"1": Click(LATER, None)}
    assert not deliveries.record_click(*ids, "1", Click(LATER + timedelta(minutes=1), None))


def test_a_second_sweep_adds_nothing_and_hides_nobody(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    sweep(deliveries, delivery, NOW)
    sweep(deliveries, delivery, LATER)
    assert judged(now_of(deliveries, delivery)).persons == {}
    person = Click(LATER + timedelta(minutes=5), None)
    assert deliveries.record_click(delivery.campaign_id, delivery.lead_id, "1", person)
    assert judged(now_of(deliveries, delivery)).persons == {"1": person}


def test_a_hit_of_a_sweep_that_is_replayed_changes_nothing(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    sweep(deliveries, delivery, NOW)
    once = now_of(deliveries, delivery)
    assert sweep(deliveries, delivery, NOW) == [False] * 4
    assert now_of(deliveries, delivery) == once


class CountsWrites(StandIn):
    """The engine's client, with a count of the updates that were asked of it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.updates = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **arguments: Any) -> Any:
        self.updates += 1
        return self._client.update_item(**arguments)


def test_only_a_click_that_changes_a_verdict_takes_a_second_write(dynamodb: Any, tables: TableNames) -> None:
    client = CountsWrites(dynamodb)
    deliveries = Deliveries(client, tables.deliveries, BurstRule())
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    sweep(deliveries, delivery, NOW)
    assert client.updates == 4
    deliveries.record_click(*ids, "1", Click(LATER, None))
    assert client.updates == 6
    deliveries.record_click(*ids, "1", Click(LATER + timedelta(minutes=1), None))
    assert client.updates == 7


@pytest.mark.parametrize("machine", [None, "tool"])
def test_a_trace_begins_with_its_first_hit_and_says_no_destination(deliveries: Deliveries, machine: str | None) -> None:
    campaign_id, trace = new_campaign_id(), new_trace_id()
    clicked = Click(NOW, "https://x.example/?email=ann@example.com", machine)
    assert deliveries.record_click(campaign_id, trace, "1m", clicked)
    assert not deliveries.record_click(campaign_id, trace, "1m", clicked)
    assert deliveries.record_open(campaign_id, trace, at=NOW, machine=None)
    assert not deliveries.record_open(campaign_id, trace, at=LATER, machine=None)
    noted = deliveries.find(campaign_id, trace)
    assert noted is not None
    assert noted.is_trace
    assert {**noted.clicks, **noted.scans} == {"1m": Click(NOW, None, machine)}


def test_a_trace_that_begins_with_an_open_takes_clicks_and_later_ones(deliveries: Deliveries) -> None:
    campaign_id, trace = new_campaign_id(), new_trace_id()
    assert deliveries.record_open(campaign_id, trace, at=NOW, machine="privacy_proxy")
    noted = deliveries.find(campaign_id, trace)
    assert noted is not None
    sweep(deliveries, noted, NOW)
    assert deliveries.record_click(campaign_id, trace, "1", Click(LATER, None))
    swept = deliveries.find(campaign_id, trace)
    assert swept is not None
    assert set(judged(swept).persons) == {"1"}


def test_traces_are_in_no_list_of_deliveries(deliveries: Deliveries) -> None:
    campaign_id, trace = new_campaign_id(), new_trace_id()
    deliveries.record_open(campaign_id, trace, at=NOW, machine=None)
    delivery = claimed(deliveries, campaign_id)
    found, _ = deliveries.list_page(campaign_id, DeliveryFilter(), limit=10, position=None)
    assert [each.lead_id for each in found] == [delivery.lead_id]
    assert deliveries.list_of_lead(trace, limit=10, position=None) == ([], None)
    assert {each.lead_id for each in deliveries.iter_campaign(campaign_id)} == {delivery.lead_id, trace}


def test_a_hit_on_a_delivery_that_never_was_makes_none(deliveries: Deliveries) -> None:
    campaign_id, lead_id = new_campaign_id(), new_lead_id()
    assert not deliveries.record_open(campaign_id, lead_id, at=NOW, machine=None)
    assert not deliveries.record_click(campaign_id, lead_id, "1", Click(NOW, None))
    assert not deliveries.record_unsubscribed(campaign_id, lead_id, at=NOW)
    assert deliveries.find(campaign_id, lead_id) is None


def test_another_planning_unit_is_noted_once_and_its_own_never(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert not deliveries.record_replanned(*ids, "1.0"), "a claim may still be given back, and what is noted with it"
    assert deliveries.record_failed(delivery, reason="rejected", detail=None)
    assert not deliveries.record_replanned(*ids, "0.0")
    assert deliveries.record_replanned(*ids, "1.0")
    assert not deliveries.record_replanned(*ids, "1.0")
    assert deliveries.mark_for_retry(*ids, 1)
    assert deliveries.claim_again(replace(delivery, nonce="b", retry=1))
    assert deliveries.record_replanned(*ids, "2.0"), "one that is sent again stays when it is given back"
    assert now_of(deliveries, delivery).replanned == {"1.0", "2.0"}


def test_another_planning_unit_makes_no_delivery_of_one_that_was_given_back(deliveries: Deliveries) -> None:
    delivery = claimed(deliveries)
    ids = (delivery.campaign_id, delivery.lead_id)
    assert deliveries.release(delivery)
    assert not deliveries.record_replanned(*ids, "1.0")
    assert deliveries.find(*ids) is None


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_deliveries_show_each_once(deliveries: Deliveries, limit: int) -> None:
    campaign_id = new_campaign_id()
    made = {claimed(deliveries, campaign_id).lead_id for _ in range(20)}
    shown, position = [], None
    while True:
        page, position = deliveries.list_page(campaign_id, DeliveryFilter(), limit=limit, position=position)
        assert len(page) <= limit
        shown += [each.lead_id for each in page]
        if position is None:
            break
    assert len(shown) == 20
    assert set(shown) == made == {each.lead_id for each in deliveries.iter_campaign(campaign_id)}


def test_a_list_shows_only_what_was_asked_for(deliveries: Deliveries, dynamodb: Any, tables: TableNames) -> None:
    campaign_id = new_campaign_id()
    opened, clicked, other = (claimed(deliveries, campaign_id) for _ in range(3))
    deliveries.record_open(campaign_id, opened.lead_id, at=NOW, machine=None)
    deliveries.record_click(campaign_id, clicked.lead_id, "1", Click(NOW, None))
    deliveries.record_failed(other, reason="rejected", detail="no")

    def shown(wanted: DeliveryFilter) -> set[str]:
        return {each.lead_id for each in deliveries.list_page(campaign_id, wanted, limit=50, position=None)[0]}

    assert shown(DeliveryFilter(opened=True)) == {opened.lead_id}
    assert shown(DeliveryFilter(clicked=True)) == {clicked.lead_id}
    sweep(deliveries, opened, NOW)
    assert shown(DeliveryFilter(clicked=True)) == {clicked.lead_id}
    assert shown(DeliveryFilter(clicked=False)) == {opened.lead_id, other.lead_id}
    assert shown(DeliveryFilter(opened=False, clicked=False)) == {other.lead_id}
    assert deliveries.record_unsubscribed(campaign_id, opened.lead_id, at=NOW)
    assert shown(DeliveryFilter(unsubscribed=True)) == {opened.lead_id}
    assert shown(DeliveryFilter(unsubscribed=False, clicked=False)) == {other.lead_id}
    assert shown(DeliveryFilter(status=DeliveryStatus.FAILED)) == {other.lead_id}
    feedback = FeedbackRecords(dynamodb, tables.deliveries, BurstRule())
    feedback.record(campaign_id, opened.lead_id, FeedbackKind.BOUNCED_SOFT, NOW)
    for kind in (FeedbackKind.BOUNCED_HARD, FeedbackKind.COMPLAINED):
        feedback.record(campaign_id, clicked.lead_id, kind, NOW)
    assert shown(DeliveryFilter(bounced=True)) == shown(DeliveryFilter(complained=True)) == {clicked.lead_id}
    assert shown(DeliveryFilter(bounced=False, opened=False)) == {other.lead_id}


def test_a_leads_deliveries_come_newest_first_page_by_page(deliveries: Deliveries) -> None:
    lead_id = new_lead_id()
    made = [
        Delivery(new_campaign_id(), lead_id, DeliveryStatus.SENDING, NOW + timedelta(hours=hour), "0.0", nonce="n")
        for hour in range(5)
    ]
    assert all(record_claim(deliveries, each) for each in made)
    first, position = deliveries.list_of_lead(lead_id, limit=3, position=None)
    rest, end = deliveries.list_of_lead(lead_id, limit=3, position=position)
    assert [*first, *rest] == [replace(each) for each in reversed(made)]
    assert end is None
