"""Harm on a real engine: a campaign that is going is paused once, and then left to the person who resumes it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus
from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, new_campaign_id, new_lead_id
from chalicelib.model.lifecycle import RESUME
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.feedback import FeedbackRecords
from local.tables import TableNames
from tests.claiming import record_claim
from tests.moves import lifecycle_of
from tests.recounting import Recounter

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class World:
    def __init__(self, client: Any, tables: TableNames) -> None:
        self._client, self._tables = client, tables
        self.campaigns = Campaigns(client, tables.campaigns)
        self.lifecycle = lifecycle_of(client, tables.campaigns)
        self._counters = Counters(client, tables.campaigns)

    def campaign(self, status: CampaignStatus, **sums: int) -> CampaignId:
        campaign = Campaign(
            campaign_id=new_campaign_id(),
            title="Prices",
            subject="Prices",
            from_email="news@shop.example",
            from_name=None,
            reply_to=None,
            audience=Audience("acme", ("New",)),
            status=status,
            version=1,
            created_at=NOW,
            updated_at=NOW,
        )
        self.campaigns.create(campaign, Body(None, "Hello"))
        self.count(campaign.campaign_id, **sums)
        return campaign.campaign_id

    def count(self, campaign_id: CampaignId, **sums: int) -> None:
        assert self._counters.replace(campaign_id, self._counters.find(campaign_id), sums, [0] * keys.DELIVERY_SHARDS)

    def status(self, campaign_id: CampaignId) -> str:
        found = self.campaigns.find(campaign_id)
        assert found is not None
        return found.status.value

    def reason(self, campaign_id: CampaignId) -> str | None:
        row = self._client.get_item(TableName=self._tables.campaigns, Key=keys.campaign(campaign_id))["Item"]
        said: str | None = row.get("status_reason", {}).get("S")
        return said

    def resume(self, campaign_id: CampaignId) -> None:
        assert self.campaigns.move(campaign_id, RESUME, to=CampaignStatus.SENDING)


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> World:
    return World(dynamodb, tables)


@pytest.mark.parametrize("status", [CampaignStatus.PLANNING, CampaignStatus.SENDING])
def test_a_campaign_that_passes_a_limit_is_paused_and_says_so(world: World, status: CampaignStatus) -> None:
    harmful, harmless = world.campaign(status, sent=200, bounced=40), world.campaign(status, sent=200, bounced=4)
    for campaign_id in (harmful, harmless):
        world.lifecycle.protect(campaign_id)
    assert (world.status(harmful), world.status(harmless)) == ("paused", status.value)
    assert "40 of 200 emails (20.0%) bounced" in (world.reason(harmful) or "")


@pytest.mark.parametrize("status", [CampaignStatus.SENT, CampaignStatus.CANCELLED, CampaignStatus.PAUSED])
def test_what_is_not_going_is_left_as_it_is(world: World, status: CampaignStatus) -> None:
    campaign_id = world.campaign(status, sent=200, bounced=40)
    world.lifecycle.protect(campaign_id)
    assert (world.status(campaign_id), world.reason(campaign_id)) == (status.value, None)


def test_who_resumes_a_campaign_is_not_overruled_but_for_another_trouble(world: World) -> None:
    campaign_id = world.campaign(CampaignStatus.SENDING, sent=200, bounced=40)
    world.lifecycle.protect(campaign_id)
    world.resume(campaign_id)
    world.count(campaign_id, sent=300, bounced=100)
    world.lifecycle.protect(campaign_id)
    assert world.status(campaign_id) == "sending"
    world.count(campaign_id, sent=300, bounced=100, complained=10)
    world.lifecycle.protect(campaign_id)
    assert world.status(campaign_id) == "paused"
    assert "reported as spam" in (world.reason(campaign_id) or "")


def test_reports_are_what_harm_is_judged_by(world: World, dynamodb: Any, tables: TableNames) -> None:
    campaign_id = world.campaign(CampaignStatus.SENDING)
    records = FeedbackRecords(dynamodb, tables.deliveries, BurstRule())
    for number in range(120):
        lead_id = new_lead_id()
        record_claim(
            Deliveries(dynamodb, tables.deliveries, BurstRule()),
            Delivery(campaign_id, lead_id, DeliveryStatus.SENT, NOW, "0.0", email="ada@shop.example"),
        )
        if number < 30:
            records.record(campaign_id, lead_id, FeedbackKind.BOUNCED_HARD, NOW)
    world.count(campaign_id, **Recounter(dynamodb, tables.deliveries, tables.campaigns).sums(campaign_id))
    world.lifecycle.protect(campaign_id)
    assert "30 of 120 emails (25.0%)" in (world.reason(campaign_id) or "")
