"""Planning records on a real engine: a page is counted once, whoever writes it down again."""

from typing import Any

import pytest

from chalicelib.model.ids import LeadId, new_campaign_id, new_lead_id
from chalicelib.model.plan import PARTS_OF_A_UNIT, PlanUnit
from chalicelib.store.plans import Plans
from local.tables import TableNames


@pytest.fixture
def plans(dynamodb: Any, tables: TableNames) -> Plans:
    return Plans(dynamodb, tables.campaigns)


def test_a_page_is_written_down_and_counted_once(plans: Plans) -> None:
    campaign_id, leads = new_campaign_id(), [new_lead_id() for _ in range(3)]
    assert plans.begin(campaign_id, units=2)
    assert not plans.begin(campaign_id, units=2)
    assert plans.record_page(campaign_id, "0.0", 1, leads, leads[-1])
    assert not plans.record_page(campaign_id, "0.0", 1, leads, leads[-1])
    assert plans.unit(campaign_id, "0.0") == PlanUnit(page=1, after=leads[-1], done=False)
    assert plans.page_leads(campaign_id, "0.0", 1) == tuple(leads)
    progress = plans.find_progress(campaign_id)
    assert progress is not None
    assert (progress.units_done, progress.planned) == (0, 3)


def test_pages_follow_each_other_without_a_gap(plans: Plans) -> None:
    campaign_id, lead = new_campaign_id(), new_lead_id()
    plans.begin(campaign_id, units=1)
    assert not plans.record_page(campaign_id, "0.0", 2, [lead], None)
    assert plans.record_page(campaign_id, "0.0", 1, [lead], lead)
    assert plans.record_page(campaign_id, "0.0", 2, [], None)
    assert plans.unit(campaign_id, "0.0") == PlanUnit(page=2, after=None, done=False)
    assert [plans.page_leads(campaign_id, "0.0", page) for page in (1, 2, 3)] == [(lead,), (), ()]


def test_planning_is_complete_when_every_unit_is_done_once(plans: Plans) -> None:
    campaign_id = new_campaign_id()
    plans.begin(campaign_id, units=2)
    assert not plans.record_unit_done(campaign_id, "0.0")
    for unit in ("0.0", "0.1"):
        plans.record_page(campaign_id, unit, 1, [], None)
        assert plans.record_unit_done(campaign_id, unit)
        assert not plans.record_unit_done(campaign_id, unit)
    progress = plans.find_progress(campaign_id)
    assert progress is not None
    assert progress.complete
    assert plans.unit(campaign_id, "0.1").done


def test_a_campaign_that_was_never_launched_has_no_progress(plans: Plans) -> None:
    assert plans.find_progress(new_campaign_id()) is None
    assert plans.unit(new_campaign_id(), "0.0") == PlanUnit(page=0, after=None, done=False)


def test_progress_is_the_share_of_the_ids_that_were_looked_through(plans: Plans) -> None:
    campaign_id = new_campaign_id()
    half = LeadId("lead_80" + "0" * 22)
    plans.begin(campaign_id, units=2)
    plans.record_page(campaign_id, "0.0", 1, [half], half)
    progress = plans.find_progress(campaign_id)
    assert progress is not None
    assert progress.share == 0.25
    plans.record_page(campaign_id, "0.0", 2, [], None, start=half)
    plans.record_page(campaign_id, "0.1", 1, [], None)
    for unit in ("0.0", "0.1"):
        plans.record_unit_done(campaign_id, unit)
    progress = plans.find_progress(campaign_id)
    assert progress is not None
    assert (progress.parts_seen, progress.share) == (2 * PARTS_OF_A_UNIT, 1.0)
