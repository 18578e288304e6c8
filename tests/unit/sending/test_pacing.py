"""A worker waits for its moments on a clock that goes on between any two looks at it."""

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sending.budget import Allowance, Pacing
from chalicelib.sending.rate import LATENESS_SECONDS, Waiting


class Moments:
    """A budget that gives a moment some time ahead of each request."""

    def __init__(self, clock: Callable[[], float], ahead: float) -> None:
        self._clock, self._ahead = clock, ahead

    def allowance(self) -> Allowance:
        return Allowance(None, 0)

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        return [self._clock() + self._ahead]

    def give_back(self, missed: Sequence[float]) -> None:
        """Nothing is kept here."""

    def block(self, waiting: Waiting) -> None:
        """Nobody is blocked here."""


@given(
    between_looks=st.sampled_from([1e-6, 0.001, 0.01]),
    looks_ahead=st.floats(0, 12),
    sleeps_short_by=st.sampled_from([0, 0.001, 0.01]),
)
def test_a_wait_ends_at_its_moment_and_never_sleeps_for_less_than_nothing(
    between_looks: float, looks_ahead: float, sleeps_short_by: float
) -> None:
    now = 1000.0

    def look() -> float:
        nonlocal now
        now += between_looks
        return now

    def pause(seconds: float) -> None:
        nonlocal now
        assert seconds >= 0  # time.sleep raises ValueError
        now += max(0, seconds - sleeps_short_by)

    pacing = Pacing(Moments(look, looks_ahead * between_looks), look, pause)
    moment = pacing.secure(1, lambda: False)
    pacing.wait(1, lambda: False)
    assert moment <= now <= moment + LATENESS_SECONDS + between_looks
