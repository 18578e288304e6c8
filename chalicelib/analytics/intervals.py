"""How sure a rate is: Wilson's score interval, which stays honest for small samples and rates near 0 or 1."""

from dataclasses import dataclass
from math import sqrt

_Z95 = 1.959963984540054
"""The standard normal distribution's 97.5 % point: 95 % lie between its two tails."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of `of` cases, with the interval that holds the true rate in 95 of 100 samples; all from 0 to 1."""

    value: float
    low: float
    high: float
    of: int


def wilson(count: int, of: int) -> Rate | None:
    """The rate `count / of`; None where there is nothing to be a share of.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if of <= 0:
        return None
    # A lead may open a mail whose sending is not known to have worked: such a count is no share, but all there is.
    share = min(count, of) / of
    spread = _Z95 * _Z95 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z95 * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return Rate(
        value=round(share, 4), low=round(max(0.0, centre - half), 4), high=round(min(1.0, centre + half), 4), of=of
    )
