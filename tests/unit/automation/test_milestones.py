"""What is published of a delivery equals what it contributes to the statistics."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from chalicelib.analytics.facts import facts
from chalicelib.automation.events import Milestone, MilestoneKind, milestones
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.ids import new_trace_id
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SENT = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0", email="ann@example.com", sent_at=NOON)


@given(deliveries)
def test_persons_clicks_are_those_that_count_as_clicked(delivery: Delivery) -> None:
    counted = {name.split("/")[1] for name in facts(delivery) if name.startswith("link/") and name.endswith("/clicked")}
    clicked = {each.link for each in milestones(delivery) if each.kind is MilestoneKind.CLICKED and not each.machine}
    assert clicked == counted


@given(deliveries)
def test_a_delivery_that_only_machines_clicked_has_no_persons_click(delivery: Delivery) -> None:
    by_persons = [each for each in milestones(delivery) if each.kind is MilestoneKind.CLICKED and not each.machine]
    assert bool(by_persons) == ("clicked" in facts(delivery))
    assert not (by_persons and "clicked_machine_only" in facts(delivery))


def test_a_machine_that_opens_and_the_person_who_follows_are_two_milestones() -> None:
    by_proxy = replace(SENT, opened_at=NOON, opened_machine="privacy_proxy")
    by_both = replace(by_proxy, opened_person_at=NOON + timedelta(hours=1))
    machine, person = (Milestone(MilestoneKind.OPENED, machine=machine) for machine in (True, False))
    assert set(milestones(by_proxy)) == {machine}
    assert set(milestones(by_both)) == {machine, person}
    assert milestones(by_both)[machine].reason == "privacy_proxy"
    assert milestones(by_both)[person].at == NOON + timedelta(hours=1)


def test_a_person_who_opens_first_is_the_only_one() -> None:
    opened = replace(SENT, opened_at=NOON, opened_person_at=NOON)
    assert set(milestones(opened)) == {Milestone(MilestoneKind.OPENED)}


def test_reports_and_unsubscribing_happen_too() -> None:
    reported = replace(SENT, bounced_at=NOON, complained_at=NOON, unsubscribed_at=NOON, bounced_soft_at=NOON)
    assert {each.kind for each in milestones(reported)} == {
        MilestoneKind.BOUNCED,
        MilestoneKind.COMPLAINED,
        MilestoneKind.UNSUBSCRIBED,
    }


def test_nothing_happens_to_nobody() -> None:
    trace = replace(
        SENT, lead_id=new_trace_id(), opened_at=NOON, opened_person_at=NOON, clicks={"1": Click(NOON, None)}
    )
    assert milestones(trace) == {}
    assert milestones(None) == {}
