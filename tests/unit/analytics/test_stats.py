"""The panel's numbers and the words beside them."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.intervals import wilson
from chalicelib.analytics.stats import Stats, stats_of
from chalicelib.model.plan import PlanProgress

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def stats(planned: int = 0, **sums: int) -> Stats:
    return stats_of(PlanProgress(units=16, units_done=16, planned=planned), sums, NOW)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_total_is_sent_failed_skipped_and_pending(planned: int, sent: int, failed: int, skipped: int) -> None:
    panel = stats(planned, sent=sent, failed=failed, skipped=skipped)
    assert panel.total == panel.sent + panel.failed + panel.skipped + panel.pending
    assert panel.pending >= 0


def test_a_lead_that_two_units_planned_is_one_of_the_total() -> None:
    assert stats(101, sent=100, replanned=1).total == 100


def test_a_draft_has_no_numbers_and_no_advice() -> None:
    draft = stats_of(None, {}, NOW)
    assert (draft.total, draft.sent, draft.pending, draft.advice, draft.total_is_final) == (0, 0, 0, (), False)


def codes(panel: Stats) -> dict[str, str]:
    return {advice.code: advice.severity for advice in panel.advice}


def test_failures_above_three_percent_are_a_warning_with_their_reasons_first() -> None:
    panel = stats(100, sent=96, failed=4, **{"reason/missing_address": 3, "reason/rejected": 1})
    assert panel.advice[0].code == "failed_high"
    assert panel.advice[0].severity == "warning"
    assert panel.advice[0].figure == 0.04
    assert "missing address: 3" in panel.advice[0].text
    assert [(failure.reason, failure.count) for failure in panel.failures] == [("missing_address", 3), ("rejected", 1)]


def test_failures_above_two_percent_are_a_notice_and_below_nothing() -> None:
    assert codes(stats(1000, sent=975, failed=25))["failed_high"] == "notice"
    assert "failed_high" not in codes(stats(1000, sent=985, failed=15))


def test_an_open_rate_above_sixty_percent_is_suspicious() -> None:
    assert "opened_suspicious" in codes(stats(100, sent=100, opened=61))
    assert "opened_suspicious" not in codes(stats(100, sent=100, opened=60))


def test_small_samples_are_said_to_be_small_instead_of_judged() -> None:
    few = codes(stats(10, sent=8, failed=2, opened=8))
    assert "small_sample" in few
    assert not few.keys() & {"failed_high", "opened_suspicious"}


def test_without_feedback_delivered_is_said_to_be_unknown() -> None:
    assert "no_feedback" in codes(stats(100, sent=100))
    assert "no_feedback" not in codes(stats(100, sent=100, delivered=90))


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
