"""Time to open: what the buckets keep of it, and how far the quartiles may be off."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from statistics import quantiles

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.delays import LAST_BUCKET, TimeToOpen, bucket_of, seconds_in, time_to_open
from chalicelib.analytics.facts import facts
from tests.unit.analytics.any_delivery import NOON
from tests.unit.analytics.test_facts import SENT

WORST = 2**0.125
"""Half a bucket: the error that delays.py promises."""


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
