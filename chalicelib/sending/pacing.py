"""One worker's turns: it takes moments to send at from the budget, waits for each, and lets go of those it missed."""

import random
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from chalicelib.model.reasons import WaitReason
from chalicelib.sending.budget import Budget, MustWait
from chalicelib.sending.rate import HORIZON_SECONDS, LATENESS_SECONDS, Waiting

_FIRST_GUESS_SECONDS = 0.1
"""What a mail takes, before the first was sent."""


class Pacing:
    """Not for several threads. `clock` gives epoch seconds, `pause` sleeps for seconds."""

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._pause = pause
        self._moments: deque[float] = deque()
        self._seconds_a_mail = _FIRST_GUESS_SECONDS
        self._busy_since = 0.0

    def secure(self, wanted: int, time_is_short: Callable[[], bool]) -> float:
        """When the next mail may leave, which may be a moment ago; up to `wanted` turns are taken if there is none.

        Raises MustWait, also when time is short and none is to be had now.
        """
        while True:
            while self._moments and self._moments[0] + LATENESS_SECONDS < self._clock():
                self._moments.popleft()
            if self._moments:
                return self._moments[0]
            if time_is_short():
                raise MustWait(Waiting(WaitReason.RATE, datetime.fromtimestamp(self._clock(), UTC)))
            self._moments.extend(self._budget.take(wanted, self._seconds_a_mail))
            if not self._moments:
                self.rest(HORIZON_SECONDS / 4 * random.uniform(0.5, 1.5))  # by chance: workers do not ask in step

    def wait(self, wanted: int, time_is_short: Callable[[], bool]) -> None:
        """Return when it is this worker's turn, which is used up then. Raises MustWait."""
        while (moment := self.secure(wanted, time_is_short)) > self._clock():
            self.rest(moment - self._clock())
        self._moments.popleft()

    def begin(self) -> None:
        """A mail is begun: measure this worker's pace."""
        self._busy_since = self._clock()

    def rest(self, seconds: float) -> None:
        """Sleep; that is no part of the pace."""
        self._pause(seconds)
        self._busy_since += seconds

    def end(self) -> None:
        """The mail that was begun has been handed over."""
        took = max(self._clock() - self._busy_since, 0.001)
        self._seconds_a_mail += (took - self._seconds_a_mail) / 4
