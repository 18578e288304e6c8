"""Something that may be away: asked again only after a moment, once it has kept somebody waiting in vain."""

import time
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


class Blown(Exception):
    """It kept the last one waiting, a moment ago; nobody was asked."""


class Fuse(Generic[Question, Answer]):
    """A callable that blows when it fails slowly, and is whole again a second later.

    So of all recipients that a process serves while an engine is down, one a second waits for it. What fails fast, such
    as a throttled write, costs nobody anything and is asked each time.
    """

    SLOW_SECONDS = 0.1
    PAUSE_SECONDS = 1.0

    def __init__(self, ask: Callable[Question, Answer], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._whole_at = 0.0

    def __call__(self, *question: Question.args, **named: Question.kwargs) -> Answer:
        """Raises Blown, or whatever is raised by what is asked."""
        started = self._clock()
        if started < self._whole_at:
            raise Blown
        try:
            return self._ask(*question, **named)
        except Exception:
            now = self._clock()
            if now - started >= self.SLOW_SECONDS:
                self._whole_at = now + self.PAUSE_SECONDS
            raise
