"""Opens and clicks over time are complete, days are those of the zone; time to open is at most 9 % off."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import quantiles
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.facts import facts
from chalicelib.analytics.timing import (
    LAST_BUCKET,
    MAX_POINTS,
    Counted,
    Point,
    Series,
    TimeToOpen,
    bucket_of,
    counted_until,
    seconds_in,
    series_of,
    time_to_open,
)
from tests.unit.analytics.any_delivery import NOON
from tests.unit.analytics.test_facts import SENT

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [UTC, BERLIN, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]

hours = st.dictionaries(
    st.tuples(st.integers(0, 24 * 400), st.sampled_from(["opened", "clicked"])), st.integers(1, 9), max_size=20
)


def sums_of(counts: dict[tuple[int, str], int]) -> dict[str, int]:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        f"hour/{start + timedelta(hours=hour):%Y-%m-%dT%H}/{what}": number for (hour, what), number in counts.items()
    }


@pytest.mark.parametrize("zone", ZONES)
@given(counts=hours)
def test_no_hour_and_no_day_is_left_out_and_all_with_what_comes_later_add_up(
    zone: tzinfo, counts: dict[tuple[int, str], int]
) -> None:
    sums = sums_of(counts)
    by_hour, by_day = series_of(sums, "hour", zone), series_of(sums, "day", zone)
    for series in (by_hour, by_day):
        for what in ("opened", "clicked"):
            listed = sum(getattr(point, what) for point in series.points) + getattr(series.later, what)
            assert listed == sum(number for (_, kind), number in counts.items() if kind == what)
    starts = [point.at.astimezone(UTC) for point in by_hour.points]
    assert all(b - a == timedelta(hours=1) for a, b in pairwise(starts))
    days = [point.at.date() for point in by_day.points]
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))


def test_hours_without_opens_are_zero() -> None:
    series = series_of({"hour/2026-11-23T09/opened": 2, "hour/2026-11-23T11/clicked": 1}, "hour", UTC)
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert series.points == (
        Point(nine, 2, 0),
        Point(nine + timedelta(hours=1), 0, 0),
        Point(nine + timedelta(hours=2), 0, 1),
    )


def test_an_evening_in_utc_is_the_next_day_in_berlin() -> None:
    sums = {"hour/2026-11-23T22/opened": 1, "hour/2026-11-23T23/opened": 1}
    assert [point.opened for point in series_of(sums, "day", UTC).points] == [2]
    berlin = series_of(sums, "day", BERLIN).points
    assert [(point.at.isoformat(), point.opened) for point in berlin] == [
        ("2026-11-23T00:00:00+01:00", 1),
        ("2026-11-24T00:00:00+01:00", 1),
    ]


def test_the_day_on_which_clocks_go_back_has_twenty_five_hours() -> None:
    night = [datetime(2026, 10, 24, 22, tzinfo=UTC) + timedelta(hours=hour) for hour in range(25)]
    sums = {f"hour/{hour:%Y-%m-%dT%H}/opened": 1 for hour in night}
    (day,) = series_of(sums, "day", BERLIN).points
    assert (day.at.isoformat(), day.opened) == ("2026-10-25T00:00:00+02:00", 25)
    assert len({point.at.isoformat() for point in series_of(sums, "hour", BERLIN).points}) == 25


def test_an_open_years_later_does_not_make_the_answer_endless() -> None:
    series = series_of({"hour/2026-11-23T09/opened": 5, "hour/2046-11-23T09/opened": 1}, "hour", UTC)
    assert len(series.points) == MAX_POINTS
    assert series.later == Counted(opened=1)


def test_before_anything_has_happened_there_are_no_points() -> None:
    assert series_of({"sent": 3}, "day", UTC) == Series((), Counted())


def test_what_was_counted_by_a_moment_leaves_out_later_hours() -> None:
    sums = {"hour/2026-11-23T09/opened": 2, "hour/2026-11-23T11/opened": 4, "hour/2026-11-23T10/clicked": 1}
    assert counted_until(sums, datetime(2026, 11, 23, 11, tzinfo=UTC)) == Counted(opened=2, clicked=1)


WORST = 2**0.125
"""Half a bucket: the error that timing.py promises."""


def counted(delays: list[float]) -> dict[str, int]:
    return dict(Counter(f"delay/{bucket_of(delay)}" for delay in delays))


@given(st.floats(1.001, 90 * 86_400))
def test_a_bucket_tells_its_delay_within_nine_percent(seconds: float) -> None:
    assert seconds / WORST * 0.999 <= seconds_in(bucket_of(seconds)) <= seconds * WORST * 1.001


@given(st.floats(-100, 1e12), st.floats(-100, 1e12))
def test_a_longer_delay_never_stands_in_an_earlier_bucket(one: float, other: float) -> None:
    assert 0 <= bucket_of(min(one, other)) <= bucket_of(max(one, other)) <= LAST_BUCKET


@given(st.lists(st.integers(2, 5_000_000), min_size=1, max_size=300))
def test_the_median_is_that_of_the_leads_within_nine_percent(delays: list[int]) -> None:
    exact = sorted(delays)[(len(delays) + 1) // 2 - 1]
    found = time_to_open(counted([float(delay) for delay in delays]))
    assert found is not None
    assert exact / WORST - 1 <= found.median_seconds <= exact * WORST + 1
    assert found.lower_quartile_seconds <= found.median_seconds <= found.upper_quartile_seconds
    assert found.of == len(delays)


def test_quartiles_of_an_even_spread_agree_with_the_statisticians() -> None:
    delays = [float(seconds) for seconds in range(60, 7200)]
    found = time_to_open(counted(delays))
    assert found is not None
    names = ("lower_quartile_seconds", "median_seconds", "upper_quartile_seconds")
    for name, exact in zip(names, quantiles(delays, n=4), strict=True):
        assert abs(getattr(found, name) / exact - 1) < WORST - 1


def test_before_anybody_has_opened_there_is_no_time_to_open() -> None:
    assert time_to_open({"sent": 100, "opened": 3}) is None
    assert time_to_open({"sent": 100, "delay/5": 0}) is None, "an open that was taken back leaves a zero"


def test_only_a_persons_open_has_a_delay() -> None:
    sent = replace(SENT, sent_at=NOON, opened_at=NOON + timedelta(seconds=4), opened_machine="privacy_proxy")
    assert time_to_open(facts(sent)) is None
    opened = replace(sent, opened_person_at=NOON + timedelta(hours=1))
    found = time_to_open(facts(opened))
    assert found is not None
    assert 3600 / WORST <= found.median_seconds <= 3600 * WORST


def test_an_open_that_was_noted_before_its_sending_counts_as_at_once() -> None:
    early = replace(SENT, sent_at=NOON, opened_at=NOON, opened_person_at=NOON - timedelta(seconds=2))
    assert time_to_open(facts(early)) == TimeToOpen(1, 1, 1, 1)
