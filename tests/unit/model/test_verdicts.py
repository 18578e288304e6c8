"""Person or machine in retrospect: from the times of the clicks alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.verdicts import Verdicts, judged, says_something_new
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SENT = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0")


def click(seconds: float) -> Click:
    return Click(NOON + timedelta(seconds=seconds), None)


def followed(*hits: tuple[str, float]) -> Delivery:
    """The delivery after these clicks came one after the other, as record_click keeps them."""
    delivery = SENT
    for link, seconds in hits:
        delivery = after(delivery, link, click(seconds))
    return delivery


def after(delivery: Delivery, link: str, new: Click) -> Delivery:
    if link not in delivery.clicks:
        return replace(delivery, clicks={**delivery.clicks, link: new})
    if says_something_new(delivery, link, new):
        return replace(delivery, later={**delivery.later, link: (*delivery.later.get(link, ()), new)})
    return delivery


def persons(*hits: tuple[str, float]) -> set[str]:
    return set(judged(followed(*hits)).persons)


SWEEP = (("1", 0.0), ("2", 0.1), ("3", 0.2), ("4", 0.3))


def test_a_sweep_of_all_links_is_nobodys_click() -> None:
    verdicts = judged(followed(*SWEEP))
    assert verdicts.persons == {}
    assert {link: each.machine for link, each in verdicts.machines.items()} == dict.fromkeys("1234", "burst")


def test_two_links_in_two_tabs_are_a_persons() -> None:
    assert persons(("1", 0), ("2", 0.3)) == {"1", "2"}


def test_three_links_read_one_after_the_other_are_a_persons() -> None:
    assert persons(("1", 0), ("2", 1.5), ("3", 3.0), ("4", 4.5)) == {"1", "2", "3", "4"}


@pytest.mark.parametrize("link", ["1", "3", "4"])
def test_a_person_after_a_sweep_counts_on_whatever_link(link: str) -> None:
    assert persons(*SWEEP, (link, 3.5)) == {link}


def test_a_person_behind_two_sweeps_counts() -> None:
    again = [(link, seconds + 900) for link, seconds in SWEEP]
    assert persons(*SWEEP, *again) == set()
    assert persons(*SWEEP, *again, ("1", 1000)) == {"1"}
    assert persons(*SWEEP, ("1", 100), *again) == {"1"}


def test_a_scanner_that_fetches_every_link_twice_is_one_sweep() -> None:
    assert persons(*(hit for link, at in SWEEP for hit in ((link, at), (link, at + 0.05)))) == set()


def test_a_sweep_slower_than_the_window_is_one_as_long_as_it_does_not_pause() -> None:
    assert persons(*((str(number), number * 0.5) for number in range(12))) == set()


def test_what_came_late_from_the_queue_is_judged_by_when_it_was() -> None:
    assert persons(("1", 60), *SWEEP) == {"1"}


def test_a_second_look_by_a_person_says_nothing_new() -> None:
    assert followed(("1", 0), ("1", 50), ("1", 3000)).later == {}


def test_the_same_hit_replayed_says_nothing_new() -> None:
    swept = followed(*SWEEP, ("1", 30))
    assert followed(*SWEEP, ("1", 30), *SWEEP, ("1", 30)) == swept


def test_the_threshold_is_a_setting() -> None:
    two = followed(("1", 0), ("2", 0.3))
    strict = BurstRule(links=2, window=timedelta(seconds=1))
    assert judged(replace(two, rule=strict)).persons == {}
    assert set(judged(replace(two, rule=BurstRule(links=2, window=timedelta(milliseconds=200)))).persons) == {"1", "2"}


def test_what_says_itself_that_it_is_a_machine_is_no_evidence_against_a_person() -> None:
    tools = {link: replace(click(0), machine="tool") for link in ("1", "2", "3")}
    verdicts = judged(replace(followed(("1", 0.5)), scans=tools))
    assert set(verdicts.persons) == {"1"}
    assert set(verdicts.machines_only) == {"2", "3"}


hits = st.lists(st.tuples(st.sampled_from("12345"), st.integers(0, 50).map(lambda n: n / 4)), max_size=14)


@given(hits)
def test_the_number_of_clicks_that_are_kept_is_bounded(history: list[tuple[str, float]]) -> None:
    assert all(len(several) <= BurstRule().later_clicks for several in followed(*history).later.values())


@given(st.permutations(SWEEP), st.integers(4, 5_000), st.sampled_from("1234"))
def test_a_sweep_and_a_person_are_told_apart_in_whatever_order_the_sweep_is_written(
    sweep: list[tuple[str, float]], pause: int, link: str
) -> None:
    assert persons(*sweep, (link, pause)) == {link}
    assert persons((link, pause), *sweep) == {link}


@given(deliveries)
def test_every_link_that_was_followed_has_a_verdict(delivery: Delivery) -> None:
    verdicts: Verdicts = judged(delivery)
    followed_links = delivery.clicks.keys() | delivery.later.keys() | delivery.scans.keys()
    assert verdicts.persons.keys() | verdicts.machines_only.keys() == followed_links
    assert all(each.machine is None for each in verdicts.persons.values())
    assert all(each.machine is not None for each in verdicts.machines.values())


@pytest.mark.parametrize(("last", "clicked"), [(2.0, set()), (2.001, {"1", "2", "3"})])
def test_a_burst_begins_with_three_links_in_exactly_the_window(last: float, clicked: set[str]) -> None:
    """The operator sets the window: a longer one takes clicks from persons, a shorter one lets scanners through."""
    assert persons(("1", 0), ("2", 1), ("3", last)) == clicked


@pytest.mark.parametrize(("next_click", "clicked"), [(3.0, set()), (3.001, {"4"})])
def test_a_burst_lasts_while_the_next_click_comes_within_half_the_window(next_click: float, clicked: set[str]) -> None:
    """A slow scanner does not become a person half way; a person who follows it is not taken for a part of it."""
    assert persons(("1", 0), ("2", 1), ("3", 2), ("4", next_click)) == clicked
