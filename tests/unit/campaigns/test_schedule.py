"""Times on the clocks of a place: gaps are refused, of an overlap the first is meant."""

from datetime import UTC, datetime

import pytest

from chalicelib.campaigns.schedule import InvalidTime, moment_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "timezone", "moment"),
    [
        ("2026-12-01T09:00", "Europe/Berlin", "2026-12-01T08:00+00:00"),
        ("2027-07-01T09:00:30", "Europe/Berlin", "2027-07-01T07:00:30+00:00"),
        ("2026-12-01T09:00", "UTC", "2026-12-01T09:00+00:00"),
        ("2026-12-01T09:00", "Asia/Kathmandu", "2026-12-01T03:15+00:00"),
        ("2026-12-01T09:00", "Pacific/Kiritimati", "2026-11-30T19:00+00:00"),
        # Around the gap of 2027-03-28, when 02:00 is followed by 03:00.
        ("2027-03-28T01:59", "Europe/Berlin", "2027-03-28T00:59+00:00"),
        ("2027-03-28T03:00", "Europe/Berlin", "2027-03-28T01:00+00:00"),
        # Shown twice: the first, still in summer time.
        ("2027-10-31T02:30", "Europe/Berlin", "2027-10-31T00:30+00:00"),
        ("2027-10-31T03:00", "Europe/Berlin", "2027-10-31T02:00+00:00"),
        ("2026-11-23T07:01", "America/New_York", "2026-11-23T12:01+00:00"),
        # Half an hour is set back here, and shown twice.
        ("2027-04-04T01:45", "Australia/Lord_Howe", "2027-04-03T14:45+00:00"),
    ],
)
def test_a_local_time_is_one_moment(local: str, timezone: str, moment: str) -> None:
    assert moment_of(local, timezone, NOW) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("local", "timezone", "field", "said"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", "at", "does not exist in Europe/Berlin"),
        ("2027-03-28T02:00", "Europe/Berlin", "at", "03:00 comes in its place"),
        ("2027-10-03T02:15", "Australia/Lord_Howe", "at", "02:45 comes in its place"),
        ("2026-11-23T13:00", "Europe/Berlin", "at", "in the past: it is 23 November 2026, 13:00 in Europe/Berlin"),
        ("2020-01-01T00:00", "UTC", "at", "past"),
        ("2062-12-01T09:00", "UTC", "at", "within 10 years"),
        ("9999-12-31T23:59", "America/Los_Angeles", "at", "within 10 years"),
        ("0001-01-01T00:00", "Asia/Tokyo", "at", "past"),
        ("2026-02-30T09:00", "UTC", "at", "calendar"),
        ("2026-12-01T25:00", "UTC", "at", "calendar"),
        ("2026-12-01T09:00Z", "UTC", "at", "without an offset"),
        ("2026-12-01T09:00+01:00", "Europe/Berlin", "at", "without an offset"),
        ("2026-12-01", "UTC", "at", "without an offset"),
        ("tomorrow", "UTC", "at", "without an offset"),
        ("2026-12-01T09:00", "Europe/Atlantis", "timezone", "IANA"),
        ("2026-12-01T09:00", "", "timezone", "IANA"),
        ("2026-12-01T09:00", "../../etc/passwd", "timezone", "IANA"),
        ("2026-12-01T09:00", "Europe", "timezone", "IANA"),
    ],
)
def test_what_no_clock_will_show_is_refused_by_field(local: str, timezone: str, field: str, said: str) -> None:
    with pytest.raises(InvalidTime) as refused:
        moment_of(local, timezone, NOW)
    (fault,) = refused.value.faults
    assert fault.field == field
    assert said in fault.reason
