"""Opens and clicks over time: the lead's first, per hour or per day, without gaps between the first and the last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, TypeVar

from chalicelib.store.counters import Sums

By = Literal["hour", "day"]
M = TypeVar("M", datetime, date)

MAX_POINTS = 2_208
"""92 days of hours, six years of days: an answer of some 150 KB. What comes after is summed, not dropped."""


@dataclass(frozen=True, slots=True)
class Counted:
    opened: int = 0
    clicked: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.opened + other.opened, self.clicked + other.clicked)


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    """Where the hour or day begins, in the series' own time zone."""
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class Series:
    points: tuple[Point, ...]
    later: Counted
    """What came after the last of `MAX_POINTS` points."""


def series_of(sums: Sums, by: By, zone: tzinfo) -> Series:
    """One campaign's opens and clicks. Points and `later` together are Opened and Clicked.

    Facts keep UTC hours. A day is the zone's own, 23 to 25 hours long; where the zone is off UTC by half an hour, the
    hour across midnight belongs to the day in which it begins.
    """
    hours = _hours(sums)
    if by == "hour":
        found = _filled(hours, timedelta(hours=1))
        points = [Point(hour.astimezone(zone), each.opened, each.clicked) for hour, each in found]
    else:
        days: dict[date, Counted] = {}
        for hour, each in hours.items():
            day = hour.astimezone(zone).date()
            days[day] = days.get(day, Counted()) + each
        points = [
            Point(datetime.combine(day, time.min, zone), each.opened, each.clicked)
            for day, each in _filled(days, timedelta(days=1))
        ]
    shown = Counted(sum(point.opened for point in points), sum(point.clicked for point in points))
    total = sum(hours.values(), Counted())
    return Series(tuple(points), Counted(total.opened - shown.opened, total.clicked - shown.clicked))


def counted_until(sums: Sums, end: datetime) -> Counted:
    """Opens and clicks in all hours that begin before `end`."""
    return sum((each for hour, each in _hours(sums).items() if hour < end), Counted())


def _hours(sums: Sums) -> dict[datetime, Counted]:
    hours: dict[datetime, Counted] = {}
    for name, number in sums.items():
        if name.startswith("hour/") and number:
            _, hour_text, what = name.split("/")
            hour = datetime.strptime(hour_text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
            each = Counted(opened=number) if what == "opened" else Counted(clicked=number)
            hours[hour] = hours.get(hour, Counted()) + each
    return hours


def _filled(found: Mapping[M, Counted], step: timedelta) -> Iterator[tuple[M, Counted]]:
    """From the first to the last, at most `MAX_POINTS`, with nothing where nothing happened."""
    if found:
        moment, last = min(found), max(found)
        for _ in range(MAX_POINTS):
            if moment > last:
                return
            yield moment, found.get(moment, Counted())
            moment += step
