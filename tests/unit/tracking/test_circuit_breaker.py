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


@pytest.mark.parametrize(("seconds", "asked"), [(0.09, 2), (0.1, 1)])
def test_a_failure_is_slow_from_a_tenth_of_a_second_on(seconds: float, asked: int) -> None:
    """A lower threshold would park hits for a single throttled write; a higher one would let every recipient wait."""
    engine = Engine(seconds)
    breaker = CircuitBreaker(engine, clock=lambda: engine.now)
    for _ in range(2):
        with pytest.raises((TimeoutError, CircuitOpen)):
            breaker("one")
    assert engine.asked == asked


def test_the_circuit_is_open_for_exactly_one_second() -> None:
    """Longer, and hits are parked that could have been written; shorter, and more recipients wait."""
    engine = Engine(seconds=0.5)
    breaker = CircuitBreaker(engine, clock=lambda: engine.now)
    with pytest.raises(TimeoutError):
        breaker("one")
    engine.now = 1.499
    with pytest.raises(CircuitOpen):
        breaker("too early")
    engine.now = 1.5
    with pytest.raises(TimeoutError):
        breaker("asked again")


def test_what_fails_fast_is_asked_every_time() -> None:
    engine = Engine(seconds=0.01)
    breaker = CircuitBreaker(engine, clock=lambda: engine.now)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            breaker("throttled")
    assert engine.asked == 10
