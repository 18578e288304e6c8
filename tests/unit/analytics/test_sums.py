"""What sums say: rates with their intervals, harm, never found by chance or by a few, and when a campaign is done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.sums import are_all_finished, are_all_marked, harm_of, percent, total_of, wilson
from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import rows_of
from chalicelib.store.keys import DELIVERY_SHARDS
from chalicelib.store.plans import Retry


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_an_interval_holds_its_rate(count: int, of: int) -> None:
    rate = wilson(min(count, of), of)
    assert rate is not None
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_clicks_by_reason_and_by_link_are_read_at_one_moment() -> None:
    """Their totals are compared: in two rows, one could be a batch ahead."""
    by_row = rows_of(["sent", "kept_out/tool", "link/1/clicked_machine_only"])
    assert by_row == {"counters": ["sent"], "counters#links": ["kept_out/tool", "link/1/clicked_machine_only"]}


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


numbers = st.integers(0, 5)


@given(units_done=st.integers(0, 2), pending=numbers, sent=numbers, failed=numbers, skipped=numbers, again=numbers)
def test_a_campaign_is_done_when_nothing_is_pending_and_nobody_is_left_to_plan(
    units_done: int, pending: int, sent: int, failed: int, skipped: int, again: int
) -> None:
    """Done too early, a pause comes too late and no retry would be refused; never done, none can be asked for."""
    progress = PlanProgress(units=2, units_done=units_done, planned=pending + sent + failed + skipped + again)
    sums = {"sent": sent, "failed": failed, "skipped": skipped, "replanned": again}
    assert are_all_finished(progress, sums) == (units_done == 2 and pending == 0)


@given(shards_done=st.integers(DELIVERY_SHARDS - 1, DELIVERY_SHARDS), marked=numbers, counted=numbers)
def test_a_retry_holds_its_campaign_open_until_all_its_marks_are_counted(
    shards_done: int, marked: int, counted: int
) -> None:
    """Before, the sums still say "failed" of deliveries that are about to be sent."""
    retry = Retry(2, frozenset(), shards_done, marked)
    sums = {"retry/1": 9, "retry/2": counted}
    assert are_all_marked(retry, sums) == (shards_done == DELIVERY_SHARDS and marked == counted)


def test_without_a_retry_nothing_is_to_be_marked() -> None:
    assert are_all_marked(None, {})


def test_before_planning_has_begun_nobody_is_in_the_total() -> None:
    assert total_of(None, {}) == 0


@pytest.mark.parametrize(
    ("share", "one_digit", "none"),
    [
        (0.8125, "81.3%", "81%"),
        (0.0715, "7.1%", "7%"),
        (0.0005, "0.1%", "0%"),
        (0.285, "28.5%", "28%"),
        (0.1285, "12.8%", "13%"),
        (0.2165, "21.6%", "22%"),
        (0.9995, "100.0%", "100%"),
        (0.0, "0.0%", "0%"),
        (1.0, "100.0%", "100%"),
    ],
)
def test_percentages_are_rounded_as_the_page_rounds_them(share: float, one_digit: str, none: str) -> None:
    """Expected: what V8 answers to `(share * 100).toFixed(1)`, and of 0."""
    assert (percent(share), percent(share, 0)) == (one_digit, none)
