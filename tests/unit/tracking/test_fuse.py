"""A fuse spares the next ones a wait that the last one had in vain."""

import pytest

from chalicelib.tracking.fuse import Blown, Fuse


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
    fuse = Fuse(engine, clock=lambda: engine.now)
    with pytest.raises(TimeoutError):
        fuse("one")
    for _ in range(100):
        with pytest.raises(Blown):
            fuse("more")
    assert engine.asked == 1
    engine.now += 1
    with pytest.raises(TimeoutError):
        fuse("again")
    engine.now += 1
    engine.is_down = False
    assert fuse("fine") == "FINE"


def test_what_fails_fast_is_asked_every_time() -> None:
    engine = Engine(seconds=0.01)
    fuse = Fuse(engine, clock=lambda: engine.now)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            fuse("throttled")
    assert engine.asked == 10
