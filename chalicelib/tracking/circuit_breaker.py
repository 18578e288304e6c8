"""A circuit breaker: stops calling a dependency that has just timed out."""

import time
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from chalicelib.model.errors import Unavailable

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


class CircuitOpen(Unavailable):
    """The last call timed out a moment ago, so this one was not made."""


class CircuitBreaker(Generic[Question, Answer]):
    """A callable that refuses calls for a second after one has failed slowly.

    So of all recipients that a process serves while an engine is down, one a second waits for it. What fails fast, such
    as a throttled write, costs nobody anything and is asked each time.
    """

    SLOW_SECONDS = 0.1
    PAUSE_SECONDS = 1.0

    def __init__(self, ask: Callable[Question, Answer], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._closed_at = 0.0

    def __call__(self, *question: Question.args, **named: Question.kwargs) -> Answer:
        """Raises CircuitOpen, or whatever is raised by what is asked."""
        started = self._clock()
        if started < self._closed_at:
            raise CircuitOpen
        try:
            return self._ask(*question, **named)
        except Exception:
            now = self._clock()
            if now - started >= self.SLOW_SECONDS:
                self._closed_at = now + self.PAUSE_SECONDS
            raise
