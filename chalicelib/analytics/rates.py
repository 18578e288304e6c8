"""Rates with their confidence intervals, and what each is a share of."""

from dataclasses import dataclass
from math import sqrt

from chalicelib.store.counters import Sums

FEEDBACK = ("delivered", "bounced", "complained")
"""What the mail service reports after it has accepted a mail."""

_Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: 95 % lie between its two tails."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of `of` cases, with its 95 % confidence interval; all from 0 to 1."""

    value: float
    low: float
    high: float
    of: int


def wilson(count: int, of: int) -> Rate | None:
    """The rate `count / of` with Wilson's score interval; None for a share of nothing.

    The interval holds for small samples and rates near 0 or 1. Source: E. B. Wilson, Probable inference, the law of
    succession, and statistical inference, JASA 22 (1927).
    """
    if of <= 0:
        return None
    # A lead may open a mail whose sending failed as far as we know: `count` may exceed `of`.
    share = min(count, of) / of
    spread = _Z95 * _Z95 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z95 * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Rate(round(share, 4), round(low, 4), round(high, 4), of)


def tracked_of(sums: Sums) -> int:
    """Leads whose mail was sent with pixel and tracked links, anonymous or not."""
    return max(0, sums.get("sent", 0) - sums.get("untracked", 0))


def has_feedback(sums: Sums) -> bool:
    return any(sums.get(name) for name in FEEDBACK)


def is_known(sums: Sums, name: str) -> bool:
    """Whether the mail service reports this: reports of deliveries can be switched off, the others cannot."""
    return bool(sums.get(name)) if name == "delivered" else has_feedback(sums)
