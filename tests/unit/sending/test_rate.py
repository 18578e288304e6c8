"""The grid of moments: no second sees more than the account's rate, wherever it begins and however workers crowd."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.reasons import WaitReason
from chalicelib.sending.budget import MustWait
from chalicelib.sending.rate import GROUPS_A_ROW, LATENESS_SECONDS, Grid, Waiting, waiting_of
from chalicelib.store.rate import AccountRow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def most_in_a_second(moments: list[float]) -> int:
    """Of all seconds that begin with one of the moments."""
    ordered = sorted(moments)
    return max(bisect_left(ordered, start + 1) - number for number, start in enumerate(ordered))


@given(rate=st.sampled_from([1, 5, 14, 50, 90]), late=st.lists(st.floats(0, LATENESS_SECONDS), min_size=1))
def test_no_second_holds_more_mails_than_the_rate_however_late_each_is(rate: float, late: list[float]) -> None:
    grid = Grid(rate)
    count = int(2 * rate) + 3
    moments = [grid.moment(0, position) + late[position % len(late)] for position in range(count)]
    assert most_in_a_second(moments) <= rate


@pytest.mark.parametrize("rate", [1, 5, 14, 50, 90, 200, 1000])
def test_the_grid_uses_more_than_nine_tenths_of_the_rate(rate: float) -> None:
    assert 1 / Grid(rate).step_seconds > 0.94 * rate


@given(
    rate=st.floats(0.5, 2000),
    now=st.floats(1.7e9, 1.8e9),
    count=st.integers(1, 10),
    pace=st.floats(0.001, 5),
    taken=st.dictionaries(st.integers(0, 60), st.integers(0, 100)),
)
def test_what_is_chosen_is_ahead_free_and_of_one_row(
    rate: float, now: float, count: int, pace: float, taken: dict[int, int]
) -> None:
    grid = Grid(rate)
    here = int(now / grid.group_seconds)
    known = {here + offset: min(number, grid.positions_a_group) for offset, number in taken.items()}
    chosen = grid.choose(now, count, pace, known)
    assert 0 <= sum(chosen.values()) <= count
    assert len({group // GROUPS_A_ROW for group in chosen}) <= 1
    for group, some in chosen.items():
        assert grid.moment(group, 0) > now
        assert some + known.get(group, 0) <= grid.positions_a_group


def test_a_slow_worker_takes_turns_that_it_can_keep() -> None:
    grid = Grid(100)
    chosen = grid.choose(grid.moment(GROUPS_A_ROW * 10**8, 0), 3, 0.2, {})
    moments = list(grid.moments(chosen, chosen))
    assert len(moments) == 3
    assert all(later - earlier >= 0.17 for earlier, later in pairwise(moments))


def test_no_group_is_passed_over_when_one_is_full() -> None:
    """What is passed over is rate that the account has and nobody uses."""
    grid = Grid(100)
    start = grid.moment(GROUPS_A_ROW * 10**8, 0)
    (first,) = grid.choose(start, 1, 0.001, {})
    assert grid.choose(start, 1, 0.001, {first: grid.positions_a_group}) == {first + 1: 1}


def test_two_workers_never_get_the_same_moment() -> None:
    grid, taken = Grid(50), dict[int, int]()
    all_moments: list[float] = []
    for _ in range(20):
        chosen = grid.choose(1.7e9, 4, 0.05, taken)
        taken |= {group: taken.get(group, 0) + some for group, some in chosen.items()}
        all_moments += grid.moments(chosen, taken)
    assert len(all_moments) == len(set(all_moments))
    assert len(all_moments) >= 60


def account(**known: object) -> AccountRow:
    usual: dict[str, object] = {
        "max_rate": 14.0,
        "left": 100,
        "taken": 0,
        "taken_before": 0,
        "limits_at": NOW,
        "checked_at": 0,
        "blocked": None,
        "blocked_until": NOW,
        "history": {},
    }
    return AccountRow(**(usual | known))  # type: ignore[arg-type]


def test_an_account_with_something_left_does_not_wait() -> None:
    assert waiting_of(account(), NOW) is None


def test_an_exhausted_quota_resumes_when_the_oldest_mails_are_a_day_old() -> None:
    first = int((NOW - timedelta(hours=21, minutes=40)).timestamp()) // 1800 * 1800
    waiting = waiting_of(account(left=0, history={first: 40, first + 7200: 60}), NOW)
    assert waiting is not None
    assert waiting.reason is WaitReason.QUOTA
    assert waiting.until == datetime.fromtimestamp(first, UTC) + timedelta(hours=24)


def test_half_hours_that_free_nothing_are_not_waited_for() -> None:
    """Neither one in which no mail left, nor one whose mails have left the window already."""
    counted = int(NOW.timestamp()) // 1800 * 1800 - 12 * 3600
    history = {counted - 24 * 3600: 40, counted - 1800: 0, counted: 60}
    waiting = waiting_of(account(left=0, history=history), NOW)
    assert waiting is not None
    assert waiting.until == datetime.fromtimestamp(counted, UTC) + timedelta(hours=24)


def test_a_quota_that_is_coming_back_is_looked_at_a_minute_later() -> None:
    """At once would be again and again, as long as the half hour's mails leave the window."""
    half_hour, now = int(NOW.timestamp()) - 24 * 3600, NOW + timedelta(minutes=10)
    waiting = waiting_of(account(left=0, history={half_hour: 40}), now)
    assert waiting is not None
    assert waiting.until == now + timedelta(minutes=1)


def test_a_quota_used_up_by_others_is_looked_at_again_soon() -> None:
    waiting = waiting_of(account(left=-5), NOW)
    assert waiting is not None
    assert waiting.until == NOW + timedelta(minutes=15)


def test_a_refusal_that_has_passed_is_forgotten() -> None:
    blocked = account(blocked="rate", blocked_until=NOW + timedelta(seconds=5))
    assert waiting_of(blocked, NOW) is not None
    assert waiting_of(blocked, NOW + timedelta(seconds=5)) is None


def test_waiting_is_said_in_words_also_beside_a_test_mail() -> None:
    waiting = Waiting(WaitReason.QUOTA, datetime(2026, 11, 24, 14, 20, tzinfo=UTC))
    assert waiting.text == "Waiting for the sending quota."  # when it ends is shown in the reader's own zone
    assert str(MustWait(waiting)) == waiting.text


@pytest.mark.parametrize("reason", WaitReason)
def test_every_reason_to_wait_has_words(reason: WaitReason) -> None:
    assert Waiting(reason, datetime(2026, 11, 24, tzinfo=UTC)).text.startswith("Waiting for the ")
