"""What sums say: rates with their intervals, and harm: never found by chance, never by a few, and in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.sums import harm_of, wilson


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_an_interval_holds_its_rate(count: int, of: int) -> None:
    rate = wilson(min(count, of), of)
    assert rate is not None
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_an_interval_agrees_with_a_published_one() -> None:
    # 10 of 100: 0.0552 to 0.1744, e.g. in R's prop.test(10, 100, correct = FALSE).
    rate = wilson(10, 100)
    assert rate is not None
    assert (rate.value, rate.low, rate.high) == (0.1, 0.0552, 0.1744)
    assert wilson(0, 0) is None


@pytest.mark.parametrize(
    ("sums", "kinds"),
    [
        ({}, []),
        ({"sent": 99, "bounced": 99, "complained": 99}, []),
        ({"sent": 100, "bounced": 5}, []),
        ({"sent": 100, "bounced": 11}, ["bounced"]),
        ({"sent": 100, "bounced_soft": 100}, []),
        ({"sent": 100, "failed": 100}, []),
        ({"sent": 1_000, "bounced": 55}, []),
        ({"sent": 1_000, "bounced": 70}, ["bounced"]),
        ({"sent": 100_000, "bounced": 5_200}, ["bounced"]),
        ({"sent": 100, "complained": 1}, []),
        ({"sent": 100, "complained": 2}, ["complained"]),
        ({"sent": 10_000, "complained": 30}, []),
        ({"sent": 10_000, "complained": 45}, ["complained"]),
        ({"sent": 200, "bounced": 40, "complained": 10}, ["bounced", "complained"]),
        ({"sent": 100, "bounced": 9}, []),
        ({"sent": 100, "bounced": 10}, ["bounced"]),
        ({"sent": 1_000, "bounced": 63}, []),
        ({"sent": 1_000, "bounced": 64}, ["bounced"]),
        ({"sent": 1_000_000, "bounced": 50_530}, ["bounced"]),
        ({"sent": 1_000_000, "complained": 3_210}, ["complained"]),
        ({"sent": 1_000, "complained": 6}, []),
        ({"sent": 1_000, "complained": 7}, ["complained"]),
    ],
)
def test_a_limit_is_passed_when_chance_alone_would_not_do_it(sums: dict[str, int], kinds: list[str]) -> None:
    assert [trip.kind for trip in harm_of(sums)] == kinds


def test_the_marketer_is_told_the_figures() -> None:
    (trip,) = harm_of({"sent": 200, "bounced": 40})
    assert trip.reason.startswith("Paused automatically: 40 of 200 emails (20.0%) bounced permanently.")
