"""Pauses between attempts: growing, and random."""

import random
import time
from collections.abc import Iterator


def attempts(most: int, *, longest_pause: float = 0.5) -> Iterator[int]:
    """Numbers of attempts, from 0, with a pause before each but the first.

    Pauses grow to `longest_pause` seconds and are random: two callers that collided once would otherwise collide at
    every repetition. Source: Amazon Builders' Library, "Timeouts, retries, and backoff with jitter".
    """
    for number in range(most):
        if number:
            longest = min(longest_pause, 0.02 * 2**number)
            time.sleep(random.uniform(longest / 2, longest))
        yield number
