"""A campaign is done when all that was planned has ended, and not before."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.completion import are_all_finished, are_all_marked, total_of
from chalicelib.model.plan import PlanProgress
from chalicelib.store.keys import DELIVERY_SHARDS
from chalicelib.store.retries import Retry

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
