"""After a slow failure, the circuit breaker refuses calls instead of making them wait."""

import pytest

from chalicelib.tracking.circuit_breaker import CircuitBreaker, CircuitOpen


class Engine:
    """Fails after so many seconds, on a clock of its own, until it is healed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.asked = 0
        self.is_down = True

    def __call__(self, question: str) -> str:
        self.asked += 1
        if self.is_down:
            self.now += self.seconds
            raise TimeoutError(question)
        return question.upper()


def test_after_a_slow_failure_nobody_is_asked_for_a_second() -> None:
    engine = Engine(seconds=0.5)
    breaker = CircuitBreaker(engine, clock=lambda: engine.now)
    with pytest.raises(TimeoutError):
        breaker("one")
    for _ in range(100):
        with pytest.raises(CircuitOpen):
            breaker("more")
    assert engine.asked == 1
    engine.now += 1
    with pytest.raises(TimeoutError):
        breaker("again")
    engine.now += 1
    engine.is_down = False
    assert breaker("fine") == "FINE"


def test_what_fails_fast_is_asked_every_time() -> None:
    engine = Engine(seconds=0.01)
    breaker = CircuitBreaker(engine, clock=lambda: engine.now)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            breaker("throttled")
    assert engine.asked == 10
