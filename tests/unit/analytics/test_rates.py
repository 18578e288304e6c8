"""Rates and their confidence intervals."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.rates import wilson


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


def test_a_rate_is_told_to_a_hundredth_of_a_percent() -> None:
    """Complaints are judged by tenths of a percent."""
    rate = wilson(1, 3000)
    assert rate is not None
    assert (rate.value, rate.low, rate.high) == (0.0003, 0.0001, 0.0019)
