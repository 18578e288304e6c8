"""A circuit breaker: stops calling a dependency that has just timed out."""

import time
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from chalicelib.model.errors import Unavailable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class CircuitOpen(Unavailable):
    """A call timed out within the last second, so this one was not made."""


class CircuitBreaker(Generic[Parameters, Result]):
    """A callable that refuses calls for a second after one has failed slowly.

    While a dependency is down, only one request a second waits for it. Calls that fail fast, such as throttled writes,
    delay nobody and do not open the circuit.
    """

    SLOW_SECONDS = 0.1
    PAUSE_SECONDS = 1.0

    def __init__(self, call: Callable[Parameters, Result], clock: Callable[[], float] = time.time) -> None:
        self._call = call
        self._clock = clock
        self._open_until = 0.0

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Raises CircuitOpen, or what the call raises."""
        started = self._clock()
        if started < self._open_until:
            raise CircuitOpen
        try:
            return self._call(*args, **kwargs)
        except Exception:
            now = self._clock()
            if now - started >= self.SLOW_SECONDS:
                self._open_until = now + self.PAUSE_SECONDS
            raise
