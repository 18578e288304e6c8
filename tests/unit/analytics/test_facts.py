"""What one delivery contributes: the definitions of the numbers."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.facts import difference, facts
from chalicelib.analytics.sums import kept_out_of
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus, Tracking
from chalicelib.model.ids import new_trace_id
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SENT = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0")


def test_a_claimed_delivery_counts_nothing_yet() -> None:
    assert facts(replace(SENT, status=DeliveryStatus.SENDING)) == {}


def test_opening_counts_the_lead_once_in_the_hour_of_the_first_open() -> None:
    opened = facts(replace(SENT, opened_at=NOON, opened_person_at=NOON + timedelta(hours=3)))
    assert opened == {"sent": 1, "opened": 1, "hour/2026-11-23T12/opened": 1}


def test_a_machines_open_is_an_open_and_says_so() -> None:
    assert facts(replace(SENT, opened_at=NOON))["opened_machine_only"] == 1


def test_a_persons_open_after_a_machines_is_a_persons() -> None:
    both = replace(SENT, opened_at=NOON, opened_machine="privacy_proxy", opened_person_at=NOON + timedelta(hours=1))
    assert "opened_machine_only" not in facts(both)


def test_a_machines_click_is_kept_out_of_clicked() -> None:
    scanned = facts(replace(SENT, scans={"1": Click(NOON, None, "tool"), "2": Click(NOON, None, "tool")}))
    assert scanned.get("clicked") is None
    assert scanned["clicked_machine_only"] == 1
    assert scanned["link/1/clicked_machine_only"] == 1


def test_a_person_after_a_scanner_counts() -> None:
    later = Click(NOON + timedelta(minutes=5), None)
    both = facts(replace(SENT, opened_at=NOON, scans={"1": Click(NOON, None, "tool")}, clicks={"1": later}))
    assert both["clicked"] == both["link/1/clicked"] == 1
    assert "clicked_machine_only" not in both
    assert "link/1/clicked_machine_only" not in both


def test_two_links_of_one_lead_are_one_clicked() -> None:
    two = facts(replace(SENT, opened_at=NOON, clicks={"1": Click(NOON, None), "2": Click(NOON, None)}))
    assert two["clicked"] == two["link/1/clicked"] == two["link/2/clicked"] == 1


def test_a_click_without_a_pixel_load_is_told_apart() -> None:
    assert facts(replace(SENT, clicks={"1": Click(NOON, None)}))["clicked_without_open"] == 1


def sweep(start: datetime, *links: str, step_ms: int = 150) -> dict[str, Click]:
    return {link: Click(start + timedelta(milliseconds=step_ms * number), None) for number, link in enumerate(links)}


def test_a_sweep_of_all_links_by_a_browser_is_a_machines() -> None:
    swept = facts(replace(SENT, clicks=sweep(NOON, "1", "2", "3", "4")))
    by_link = {f"link/{n}/clicked_machine_only": 1 for n in range(1, 5)}
    assert swept == {"sent": 1, "clicked_machine_only": 1, "kept_out/burst": 4} | by_link


def test_clicks_are_kept_out_for_the_reason_of_the_first() -> None:
    scans = {"1": Click(NOON, None, "tool"), "2": Click(NOON, None, "not_a_browser")}
    person = Click(NOON + timedelta(hours=1), None)
    counted = facts(replace(SENT, scans=scans, clicks={"2": person, "3": person}))
    assert {name: number for name, number in counted.items() if name.startswith("kept_out/")} == {"kept_out/tool": 1}


def test_what_a_sweep_was_counted_for_is_taken_back() -> None:
    two = replace(SENT, clicks=sweep(NOON, "1", "2"))
    three = replace(SENT, clicks=sweep(NOON, "1", "2", "3"))
    assert facts(two)["clicked"] == 1
    taken_back = difference(two, three)
    assert taken_back["clicked"] == taken_back["link/1/clicked"] == taken_back["hour/2026-11-23T12/clicked"] == -1
    assert taken_back["clicked_machine_only"] == 1


def test_a_persons_click_after_a_sweep_counts_in_its_own_hour_and_on_its_own_link() -> None:
    person = Click(NOON + timedelta(hours=3), None)
    counted = facts(replace(SENT, clicks=sweep(NOON, "1", "2", "3"), later={"1": (person,)}))
    assert counted["clicked"] == counted["link/1/clicked"] == counted["hour/2026-11-23T15/clicked"] == 1
    assert "link/1/clicked_machine_only" not in counted
    assert counted["link/2/clicked_machine_only"] == 1


def test_mails_that_were_not_tracked_or_not_by_name_are_counted_as_such() -> None:
    assert facts(replace(SENT, tracking=Tracking.NONE)) == {"sent": 1, "untracked": 1}
    assert facts(replace(SENT, tracking=Tracking.ANONYMOUS)) == {"sent": 1, "anonymous": 1}
    assert facts(replace(SENT, tracking=Tracking.NONE, status=DeliveryStatus.SKIPPED)) == {"skipped": 1}


def test_links_left_empty_are_counted_in_the_mails_that_were_sent() -> None:
    emptied = replace(SENT, empty_links=2)
    assert facts(emptied) == {"sent": 1, "empty_links": 2}
    assert facts(replace(emptied, status=DeliveryStatus.FAILED, reason="rejected")) == {
        "failed": 1,
        "reason/rejected": 1,
    }


def test_a_trace_counts_what_was_done_and_no_sending() -> None:
    trace = replace(SENT, lead_id=new_trace_id(), opened_at=NOON, opened_person_at=NOON, clicks=sweep(NOON, "1"))
    assert facts(trace) == {
        "opened": 1,
        "clicked": 1,
        "link/1/clicked": 1,
        "hour/2026-11-23T12/opened": 1,
        "hour/2026-11-23T12/clicked": 1,
    }


def test_a_failure_counts_under_its_reason() -> None:
    failed = replace(SENT, status=DeliveryStatus.FAILED, reason="missing_address")
    assert facts(failed) == {"failed": 1, "reason/missing_address": 1}


@pytest.mark.parametrize(
    ("reported", "counted"),
    [
        (("delivered_at",), {"delivered"}),
        (("bounced_soft_at",), {"bounced_soft"}),
        (("bounced_soft_at", "delivered_at"), {"delivered"}),
        (("delivered_at", "bounced_at"), {"bounced"}),
        (("bounced_soft_at", "delivered_at", "bounced_at"), {"bounced"}),
        (("delivered_at", "complained_at"), {"delivered", "complained"}),
    ],
)
def test_a_delivery_counts_as_what_became_of_it_in_the_end(reported: tuple[str, ...], counted: set[str]) -> None:
    """Delivered and bounced of one mail would add up to more than Sent."""
    times: dict[str, Any] = dict.fromkeys(reported, NOON)
    assert facts(replace(SENT, **times)).keys() - {"sent"} == counted


def test_an_unsubscription_counts_once_whatever_its_time() -> None:
    assert facts(replace(SENT, unsubscribed_at=NOON)) == {"sent": 1, "unsubscribed": 1}
    trace = replace(SENT, lead_id=new_trace_id(), unsubscribed_at=NOON)
    assert facts(trace) == {}, "who unsubscribes is known: it counts on the lead's own delivery"


def test_what_completion_waits_for_is_counted() -> None:
    """Marks of a retry, and units that counted a lead again: a campaign stays open or ends by these."""
    counted = facts(replace(SENT, status=DeliveryStatus.WAITING, retry=2, replanned=frozenset({"1.0", "2.0"})))
    assert counted == {"retry/2": 1, "replanned": 2}


@given(st.lists(deliveries, min_size=2, max_size=6))
def test_differences_along_a_history_add_up_to_its_end(history: list[Delivery]) -> None:
    sums: Counter[str] = Counter()
    for old, new in zip([None, *history[:-1]], history, strict=True):
        sums.update(difference(old, new))
    assert {name: number for name, number in sums.items() if number} == dict(facts(history[-1]))


@given(st.lists(deliveries, min_size=1, max_size=6), st.data())
def test_reasons_are_known_again_after_an_upgrade_only_where_they_are_right(
    before: list[Delivery], data: st.DataObject
) -> None:
    """Sums of a release that noted no reasons, to which this one adds: it may not subtract what was never added."""
    sums: Counter[str] = Counter()
    for delivery in before:
        sums.update({name: n for name, n in facts(delivery).items() if not name.startswith("kept_out/")})
    after = [data.draw(deliveries) if data.draw(st.booleans()) else old for old in before]
    for old, new in zip(before, after, strict=True):
        sums.update(difference(old, new))
    recounted: Counter[str] = Counter()
    for delivery in after:
        recounted.update(facts(delivery))
    assert kept_out_of(recounted) is not None
    had_machines = any("clicked_machine_only" in name for old in before for name in facts(old) if "link/" in name)
    assert kept_out_of(sums) == (None if had_machines else kept_out_of(recounted))


def test_reasons_are_unknown_after_a_changed_burst_rule_has_subtracted_what_it_never_added() -> None:
    """A click that was noted as a tool's is subtracted as a burst's."""
    by_link = {"link/1/clicked_machine_only": 2, "link/2/clicked_machine_only": 1}
    assert kept_out_of({"kept_out/tool": 4, "kept_out/burst": -1} | by_link) is None
    assert kept_out_of({"kept_out/tool": 3, "kept_out/burst": 0} | by_link) == {"tool": 3}


@given(deliveries)
def test_parts_never_exceed_their_whole(delivery: Delivery) -> None:
    counted = Counter(facts(delivery))
    assert counted["opened_machine_only"] <= counted["opened"] <= 1
    assert counted["clicked"] + counted["clicked_machine_only"] <= 1
    assert counted["clicked_without_open"] <= counted["clicked"]
    assert counted["sent"] + counted["failed"] + counted["skipped"] <= 1
    assert counted["delivered"] + counted["bounced"] + counted["bounced_soft"] <= 1
    assert all(number > 0 for number in counted.values())
