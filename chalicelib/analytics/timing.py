"""When leads open and click: per hour or day, and how long after sending they first open."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import accumulate
from math import log2
from typing import Literal, TypeVar

from chalicelib.store.counters import Sums

By = Literal["hour", "day"]
M = TypeVar("M", datetime, date)

MAX_POINTS = 2_208
"""92 days of hours, six years of days: an answer of some 150 KB. What comes after is summed, not dropped."""

HOUR = "%Y-%m-%dT%H"
"""How facts name an hour, in UTC."""

_PER_OCTAVE = 4
LAST_BUCKET = 92
"""Holds every delay above 97 days, too."""


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
    """Without gaps between the first and the last."""
    later: Counted
    """What came after the last of `MAX_POINTS` points."""


@dataclass(frozen=True, slots=True)
class TimeToOpen:
    """Seconds from handing the mail over to a person's first open, with at most 9.1 % error."""

    lower_quartile_seconds: int
    median_seconds: int
    upper_quartile_seconds: int
    of: int
    """Leads whose pixel a person has loaded."""


def series_of(sums: Sums, by: By, zone: tzinfo) -> Series:
    """Each lead's first open and click. Points and `later` together are Opened and Clicked.

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
            hour = datetime.strptime(hour_text, HOUR).replace(tzinfo=UTC)
            hours[hour] = hours.get(hour, Counted()) + Counted(**{what: number})
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


def bucket_of(seconds: float) -> int:
    """Number of a delay's bucket: 0 up to a second, n from 2^((n-1)/4) seconds to 2^(n/4).

    Counts per bucket can be added and subtracted. A bucket ends 19 % (2^(1/4)) after it begins, so its geometric middle
    is at most 9.1 % (2^(1/8)) off, however many opens there are; 93 buckets reach from a second to 97 days.
    """
    return 0 if seconds <= 1 else min(LAST_BUCKET, int(log2(seconds) * _PER_OCTAVE) + 1)


def seconds_in(bucket: int) -> float:
    """The bucket's geometric middle."""
    return 1.0 if bucket == 0 else float(2 ** ((bucket - 0.5) / _PER_OCTAVE))


def time_to_open(sums: Sums) -> TimeToOpen | None:
    """Quartiles over a campaign (nearest rank); None while no person has opened."""
    counts = {int(name.removeprefix("delay/")): count for name, count in sums.items() if name.startswith("delay/")}
    buckets = sorted(bucket for bucket, count in counts.items() if count > 0)
    if not buckets:
        return None
    leads_until = list(accumulate(counts[bucket] for bucket in buckets))
    of = leads_until[-1]
    low, middle, high = (
        round(seconds_in(buckets[bisect_left(leads_until, share * of)])) for share in (0.25, 0.5, 0.75)
    )
    return TimeToOpen(low, middle, high, of)
