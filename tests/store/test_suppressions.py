"""Who must not be mailed stays so: over entities, over deletion and import, over repeated and late news."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.crm.import_files import read_file
from chalicelib.crm.importing import import_leads
from chalicelib.crm.leads import create_lead, delete_lead, update_lead
from chalicelib.crm.suppression import list_marks, resubscribe, suppress_address, suppressions_of
from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.errors import LeadNotFound
from chalicelib.model.ids import new_campaign_id
from chalicelib.model.lead import Lead, LeadFilter
from chalicelib.model.suppression import Mark, Resubscription, SuppressionReason
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.tracking.hits import Hit, HitKind
from chalicelib.tracking.key_ring import KeyRingSource
from chalicelib.tracking.replay import ReplayOutcome, replay
from local.tables import TableNames
from tests.claiming import record_claim
from tests.stand_in import StandIn
from tests.store.test_sending import World

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADDRESS = "Ada@shop.example"
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
ASKED = Resubscription(LATER, "sales laptop", "asked by phone")


@pytest.fixture
def leads(dynamodb: Any, tables: TableNames) -> Leads:
    return Leads(dynamodb, tables.leads)


@pytest.fixture
def resubscriptions(dynamodb: Any, tables: TableNames) -> Resubscriptions:
    return Resubscriptions(dynamodb, tables.campaigns)


def make(leads: Leads, entity: str = "acme", email: str | None = ADDRESS) -> Lead:
    return create_lead(leads, {"entity": entity, "stage": "New", "email": email}, NOW)


def bounced(at: datetime = NOW) -> Mark:
    return Mark(SuppressionReason.HARD_BOUNCE, at, "bounce", "cmp_1")


def in_audience(leads: Leads, entity: str = "acme") -> int:
    return leads.count_audience(entity, ["New"], [], lambda: False).total


def again_by_creating(leads: Leads) -> Lead:
    return make(leads, email=ADDRESS.upper())


def again_by_importing(leads: Leads) -> Lead:
    report = import_leads(leads, read_file(f"entity,stage,email\nacme,New,{ADDRESS}\n".encode(), "csv"), LATER)
    assert report.created == 1
    return listed(leads)


def again_by_changing_another(leads: Leads) -> Lead:
    other = make(leads, email="other@shop.example")
    return update_lead(leads, other.lead_id, {"email": ADDRESS}, LATER)


def again_by_importing_a_change(leads: Leads) -> Lead:
    create_lead(leads, {"entity": "acme", "stage": "New", "external_id": "7", "email": "other@shop.example"}, NOW)
    text = f"external_id,entity,stage,email\n7,acme,New,{ADDRESS}\n"
    assert import_leads(leads, read_file(text.encode(), "csv"), LATER).updated == 1
    return listed(leads)


def again_by_moving_in(leads: Leads) -> Lead:
    other = make(leads, entity="outlet")
    return update_lead(leads, other.lead_id, {"entity": "acme"}, LATER)


def listed(leads: Leads) -> Lead:
    ((lead,), _) = leads.list_page(LeadFilter("acme", "New"))
    return lead


AGAIN = [
    again_by_creating,
    again_by_importing,
    again_by_changing_another,
    again_by_importing_a_change,
    again_by_moving_in,
]


@pytest.mark.parametrize("again", AGAIN)
def test_who_left_and_was_deleted_is_not_mailed_when_the_address_comes_again(
    leads: Leads, again: Callable[[Leads], Lead]
) -> None:
    first = make(leads)
    leads.unsubscribe(first.lead_id, at=NOW, source="link", campaign_id="cmp_1")
    delete_lead(leads, first.lead_id)
    second = leads.get(again(leads).lead_id)
    assert second.lead_id != first.lead_id
    assert second.unsubscription == Mark(SuppressionReason.UNSUBSCRIBED, NOW, "link", "cmp_1")
    assert in_audience(leads) == 0


@pytest.mark.parametrize("again", AGAIN)
def test_a_dead_address_is_not_mailed_when_it_comes_again(leads: Leads, again: Callable[[Leads], Lead]) -> None:
    first = make(leads)
    suppress_address(leads, ADDRESS, bounced(), lead_id=first.lead_id)
    delete_lead(leads, first.lead_id)
    second = leads.get(again(leads).lead_id)
    assert second.suppressed == bounced()
    assert not second.unsubscribed
    assert in_audience(leads) == 0


def test_a_dead_address_is_dead_for_every_entity_and_every_spelling(leads: Leads) -> None:
    first, second, other = make(leads), make(leads, "outlet", ADDRESS.lower()), make(leads, email="b@shop.example")
    assert suppress_address(leads, ADDRESS.upper(), bounced(), lead_id=first.lead_id)
    assert [leads.get(lead.lead_id).suppressed for lead in (first, second, other)] == [bounced(), bounced(), None]
    assert in_audience(leads) == 1
    assert in_audience(leads, "outlet") == 0


def test_who_leaves_one_entitys_mail_keeps_anothers(leads: Leads) -> None:
    first, second = make(leads), make(leads, "outlet")
    leads.unsubscribe(first.lead_id, at=NOW, source="one_click")
    delete_lead(leads, second.lead_id)
    again = make(leads, "outlet")
    assert not again.unsubscribed
    assert in_audience(leads, "outlet") == 1
    kept = suppressions_of(leads, again.lead_id)
    assert (kept.marks, {entity: mark.at for entity, mark in kept.elsewhere.items()}) == ([], {"acme": NOW})
    assert not suppressions_of(leads, first.lead_id).elsewhere


def test_a_new_address_is_not_held_to_what_became_of_the_old_one(leads: Leads) -> None:
    lead = make(leads)
    suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    update_lead(leads, lead.lead_id, {"first_name": "Ada"}, LATER)
    assert leads.get(lead.lead_id).suppressed == bounced()
    update_lead(leads, lead.lead_id, {"email": "new@shop.example"}, LATER)
    assert leads.get(lead.lead_id).suppressed is None
    assert in_audience(leads) == 1


def test_who_left_has_left_under_a_new_address_too(leads: Leads) -> None:
    lead = make(leads)
    leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    update_lead(leads, lead.lead_id, {"email": "new@shop.example"}, LATER)
    assert leads.get(lead.lead_id).unsubscription == Mark(SuppressionReason.UNSUBSCRIBED, NOW, "link")


def test_the_first_reason_stays_on_the_lead_and_the_address_keeps_them_all(leads: Leads) -> None:
    lead = make(leads)
    complaint = Mark(SuppressionReason.COMPLAINT, LATER, "complaint", "cmp_2")
    for mark in (bounced(), complaint, bounced(LATER)):
        suppress_address(leads, ADDRESS, mark, lead_id=lead.lead_id)
    assert leads.get(lead.lead_id).suppressed == bounced()
    assert leads.suppressions.find_many([ADDRESS])[ADDRESS.lower()].everywhere == (bounced(), complaint)


def test_resubscribing_lifts_all_that_kept_the_lead_away(leads: Leads, resubscriptions: Resubscriptions) -> None:
    lead, other = make(leads), make(leads, "outlet")
    leads.unsubscribe(lead.lead_id, at=NOW, source="complaint")
    leads.unsubscribe(other.lead_id, at=NOW, source="link")
    suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    assert [mark.reason.value for mark in list_marks(leads, lead.lead_id)] == ["unsubscribed", "hard_bounce"]
    after = resubscribe(leads, resubscriptions, lead.lead_id, ASKED)
    assert (after.unsubscribed, after.suppressed) == (False, None)
    assert list_marks(leads, lead.lead_id) == []
    assert in_audience(leads) == 1
    delete_lead(leads, lead.lead_id)
    assert not make(leads).unsubscribed
    left = leads.get(other.lead_id)
    assert (left.unsubscribed, left.suppressed) == (True, None)


def test_who_resubscribed_a_lead_is_kept_with_it_and_with_its_address(
    dynamodb: Any, tables: TableNames, leads: Leads, resubscriptions: Resubscriptions
) -> None:
    lead, other = make(leads), make(leads, "outlet")
    leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    left = leads.get(lead.lead_id).unsubscription
    resubscribe(leads, resubscriptions, lead.lead_id, ASKED)
    assert resubscriptions.list_of_lead(lead.lead_id) == [replace(ASKED, ended=left)]
    assert resubscriptions.list_of_lead(other.lead_id) == []
    delete_lead(leads, lead.lead_id)
    row = dynamodb.get_item(TableName=tables.leads, Key=keys.suppression(ADDRESS))["Item"]
    assert (row["lifted_by"]["S"], row["lifted_reason"]["S"]) == (ASKED.by, ASKED.reason)


def test_a_resubscription_that_died_half_way_is_completed_and_recorded_once(
    dynamodb: Any, tables: TableNames, leads: Leads, resubscriptions: Resubscriptions
) -> None:
    lead = make(leads)
    suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    dying = Leads(DiesAfterOneUpdate(dynamodb), tables.leads)
    with pytest.raises(KeyboardInterrupt):
        resubscribe(dying, resubscriptions, lead.lead_id, ASKED)
    assert in_audience(leads) == 0
    for _ in range(2):
        resubscribe(leads, resubscriptions, lead.lead_id, ASKED)
    assert in_audience(leads) == 1
    assert resubscriptions.list_of_lead(lead.lead_id) == [ASKED]


def test_who_left_after_somebody_resubscribed_them_has_left(leads: Leads, resubscriptions: Resubscriptions) -> None:
    lead = make(leads)
    leads.unsubscribe(lead.lead_id, at=LATER + timedelta(seconds=1), source="link")
    assert resubscribe(leads, resubscriptions, lead.lead_id, ASKED).unsubscribed
    assert resubscriptions.list_of_lead(lead.lead_id) == []


def test_who_may_be_mailed_is_not_resubscribed(leads: Leads, resubscriptions: Resubscriptions) -> None:
    lead = make(leads)
    assert resubscribe(leads, resubscriptions, lead.lead_id, ASKED) == lead
    assert resubscriptions.list_of_lead(lead.lead_id) == []


def test_old_news_that_comes_late_does_not_undo_a_resubscription(
    leads: Leads, resubscriptions: Resubscriptions
) -> None:
    lead = make(leads)
    leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    resubscribe(leads, resubscriptions, lead.lead_id, ASKED)
    assert not suppress_address(leads, ADDRESS, bounced(), lead_id=lead.lead_id)
    assert not leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    assert in_audience(leads) == 1
    delete_lead(leads, lead.lead_id)
    again = make(leads)
    assert (again.unsubscribed, again.suppressed) == (False, None)
    assert suppress_address(leads, ADDRESS, bounced(LATER + timedelta(1)), lead_id=again.lead_id)
    assert in_audience(leads) == 0


class DiesAfterOneUpdate(StandIn):
    """A client whose process ends before the second update."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._updates = 0

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def update_item(self, **arguments: Any) -> Any:
        self._updates += 1
        if self._updates > 1:
            raise KeyboardInterrupt
        return self._client.update_item(**arguments)

    def transact_write_items(self, **arguments: Any) -> Any:
        raise KeyboardInterrupt


class Interrupting(StandIn):
    """A client before whose write of this number something else happens."""

    def __init__(self, client: Any, number: int, happens: Callable[[], object]) -> None:
        self._client, self._left, self._happens = client, number, happens

    def __getattr__(self, operation: str) -> Any:
        if operation in ("update_item", "transact_write_items"):
            self._left -= 1
            if self._left == 0:
                self._happens()
        return getattr(self._client, operation)


@pytest.mark.one_engine
@pytest.mark.parametrize("number", range(1, 4))
def test_a_complaint_during_a_resubscription_holds(
    dynamodb: Any, tables: TableNames, leads: Leads, resubscriptions: Resubscriptions, number: int
) -> None:
    lead, other = make(leads), make(leads, "outlet")
    suppress_address(leads, ADDRESS, bounced())
    complaint = Mark(SuppressionReason.COMPLAINT, LATER + timedelta(seconds=1), "complaint", "cmp_2")
    client = Interrupting(dynamodb, number, lambda: suppress_address(leads, ADDRESS, complaint))
    resubscribe(Leads(client, tables.leads), resubscriptions, lead.lead_id, ASKED)
    assert leads.suppressions.find_many([ADDRESS])[ADDRESS.lower()].everywhere == (complaint,)
    assert [leads.get(each.lead_id).suppressed for each in (lead, other)] == [complaint, complaint]


@pytest.mark.one_engine
def test_old_news_does_not_mark_a_lead_that_is_resubscribed_meanwhile(
    dynamodb: Any, tables: TableNames, leads: Leads, resubscriptions: Resubscriptions
) -> None:
    lead = make(leads)
    client = Interrupting(dynamodb, 2, lambda: resubscribe(leads, resubscriptions, lead.lead_id, ASKED))
    suppress_address(Leads(client, tables.leads), ADDRESS, bounced())
    assert (leads.get(lead.lead_id).suppressed, list_marks(leads, lead.lead_id)) == (None, [])


def test_a_worker_that_died_between_the_lead_and_its_address_is_completed_by_the_next_one(
    dynamodb: Any, tables: TableNames, leads: Leads
) -> None:
    lead = make(leads)
    dying = Leads(DiesAfterOneUpdate(dynamodb), tables.leads)
    with pytest.raises(KeyboardInterrupt):
        dying.unsubscribe(lead.lead_id, at=NOW, source="link")
    assert not leads.unsubscribe(lead.lead_id, at=LATER, source="one_click")
    delete_lead(leads, lead.lead_id)
    assert make(leads).unsubscribed


def test_a_deleted_lead_may_still_leave_by_its_old_mail_and_so_does_who_has_its_address_now(
    dynamodb: Any, tables: TableNames, leads: Leads
) -> None:
    deliveries, campaigns = Deliveries(dynamodb, tables.deliveries, BurstRule()), Campaigns(dynamodb, tables.campaigns)
    campaign = Campaign(
        campaign_id=new_campaign_id(),
        title="Prices",
        subject="Prices",
        from_email="news@shop.example",
        from_name=None,
        reply_to=None,
        audience=Audience("acme", ("New",)),
        status=CampaignStatus.SENT,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    campaigns.create(campaign, Body(None, "Hello"))
    first = make(leads)
    record_claim(
        deliveries, Delivery(campaign.campaign_id, first.lead_id, DeliveryStatus.SENT, NOW, "0.0", email=ADDRESS)
    )
    delete_lead(leads, first.lead_id)
    second, other = make(leads), make(leads, "outlet")
    hit = Hit(HitKind.UNSUBSCRIBE, campaign.campaign_id, first.lead_id, LATER, source="one_click")
    outcomes = [replay(hit, KEYS, deliveries, leads, campaigns) for _ in range(2)]
    assert outcomes == [ReplayOutcome.FIRST, ReplayOutcome.KNOWN]
    assert leads.get(second.lead_id).unsubscription == Mark(
        SuppressionReason.UNSUBSCRIBED, LATER, "one_click", campaign.campaign_id
    )
    assert not leads.get(other.lead_id).unsubscribed
    delete_lead(leads, second.lead_id)
    assert make(leads).unsubscribed


def test_nobody_is_made_by_unsubscribing_nobody(dynamodb: Any, tables: TableNames, leads: Leads) -> None:
    deliveries, campaigns = Deliveries(dynamodb, tables.deliveries, BurstRule()), Campaigns(dynamodb, tables.campaigns)
    lead = make(leads, email=None)
    delete_lead(leads, lead.lead_id)
    hit = Hit(HitKind.UNSUBSCRIBE, new_campaign_id(), lead.lead_id, NOW, source="link")
    assert replay(hit, KEYS, deliveries, leads, campaigns) is ReplayOutcome.KNOWN
    with pytest.raises(LeadNotFound):
        leads.get(lead.lead_id)


def test_a_lead_suppressed_while_its_mail_was_queued_is_skipped(dynamodb: Any, tables: TableNames) -> None:
    world = World(dynamodb, tables)
    bouncing, staying = world.lead(1), world.lead(2)
    campaign_id = world.launched()
    world.plan_all()
    suppress_address(world.leads, str(bouncing.email), bounced(), lead_id=bouncing.lead_id)
    world.send_all()
    assert [mail.to_email for mail in world.mail.accepted] == [staying.email]
    assert world.status(campaign_id, bouncing.lead_id) == ("skipped", "suppressed")
