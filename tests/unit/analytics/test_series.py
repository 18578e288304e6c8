"""Opens and clicks over time: nothing is lost, nothing left out, and days are those of the asked place."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics import series as module
from chalicelib.analytics.series import By, Counted, Point, counted_until, series_of

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
@pytest.mark.parametrize("by", ["hour", "day"])
@given(counts=hours)
def test_points_and_what_comes_later_add_up_to_everything(
    by: By, zone: tzinfo, counts: dict[tuple[int, str], int]
) -> None:
    series = series_of(sums_of(counts), by, zone)
    for what in ("opened", "clicked"):
        listed = sum(getattr(point, what) for point in series.points) + getattr(series.later, what)
        assert listed == sum(number for (_, kind), number in counts.items() if kind == what)


@pytest.mark.parametrize("zone", ZONES)
@given(counts=hours)
def test_no_hour_and_no_day_is_left_out(zone: tzinfo, counts: dict[tuple[int, str], int]) -> None:
    by_hour = [point.at for point in series_of(sums_of(counts), "hour", zone).points]
    by_day = [point.at.date() for point in series_of(sums_of(counts), "day", zone).points]
    assert all(b.astimezone(UTC) - a.astimezone(UTC) == timedelta(hours=1) for a, b in pairwise(by_hour))
    assert all(b - a == timedelta(days=1) for a, b in pairwise(by_day))


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
    assert len(series.points) == module.MAX_POINTS
    assert series.later == Counted(opened=1)


def test_before_anything_has_happened_there_are_no_points() -> None:
    assert series_of({"sent": 3}, "day", UTC) == module.Series((), Counted())


def test_what_was_counted_by_a_moment_leaves_out_later_hours() -> None:
    sums = {"hour/2026-11-23T09/opened": 2, "hour/2026-11-23T11/opened": 4, "hour/2026-11-23T10/clicked": 1}
    assert counted_until(sums, datetime(2026, 11, 23, 11, tzinfo=UTC)) == Counted(opened=2, clicked=1)
