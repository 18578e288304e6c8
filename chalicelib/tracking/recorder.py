"""A hit is never lost and never raises: one conditional write, and two safety nets when that fails.

record ── store ── first or not: done
   └─ store unavailable ── hits queue ── replay ── store
          └─ queue unavailable too ── one structured line in the log, which `make replay-hits` brings back
"""

import time
from collections.abc import Callable

from chalicelib.telemetry import count
from chalicelib.tracking.circuit_breaker import CircuitBreaker, CircuitOpen
from chalicelib.tracking.hits import Hit, UnverifiedHit, to_json, to_values

NOT_PARKED = "hit_not_parked"
"""The message of the log line that is all there is of a hit."""


class HitRecorder:
    """`apply` writes a hit to the store and says whether it was the first; `park` puts a text on the hits queue."""

    def __init__(
        self,
        apply: Callable[[Hit], bool],
        park: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._apply = CircuitBreaker(apply, clock)
        self._park = CircuitBreaker(park, clock)

    def record(self, hit: Hit) -> None:
        try:
            is_first = self._apply(hit)
        except Exception as error:
            self.keep(hit, error)
            return
        metrics = {"Hits": 1, "FirstHits": 1} if is_first else {"Hits": 1}
        if hit.machine is None:
            count("hit", metrics, kind=hit.kind.value)
        else:
            count("hit", metrics, kind=hit.kind.value, machine=hit.machine)

    def keep(self, hit: Hit | UnverifiedHit, reason: Exception) -> None:
        """Park or log a hit that cannot be applied now."""
        why = _words(reason)
        try:
            self._park(to_json(hit))
        except Exception as error:
            count(
                NOT_PARKED,
                {"HitsLogged": 1},
                kind=hit.kind.value,
                level="ERROR",
                reason=why,
                queue=_words(error),
                hit=to_values(hit),
            )
        else:
            count("hit_parked", {"HitsParked": 1}, kind=hit.kind.value, level="WARNING", reason=why)


def _words(error: Exception) -> str:
    return "timed out a moment ago" if isinstance(error, CircuitOpen) else f"{type(error).__name__}: {error}"
