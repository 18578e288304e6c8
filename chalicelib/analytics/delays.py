"""How long leads take to open: counted in logarithmic buckets that can be added and subtracted, read as quantiles.

A bucket is a quarter of an octave: its end is 2^(1/4), 19 %, after its beginning. A quantile is the middle of the
bucket that holds it, so it is at most 9.1 % off (2^(1/8)), however many opens there are; 93 buckets reach from a
second to 97 days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

from chalicelib.store.counters import Sums

_PER_OCTAVE = 4
LAST_BUCKET = 92
"""Holds every delay above 97 days, too."""


@dataclass(frozen=True, slots=True)
class TimeToOpen:
    """Seconds from handing the mail over to a person's first open, with at most 9.1 % error."""

    lower_quartile_seconds: int
    median_seconds: int
    upper_quartile_seconds: int
    of: int
    """Leads whose pixel a person has loaded; those that only a machine opened are not among them."""


def bucket_of(seconds: float) -> int:
    """Number of the bucket: 0 up to a second, n from 2^((n-1)/4) seconds to 2^(n/4)."""
    if seconds <= 1:
        return 0
    return min(LAST_BUCKET, int(log2(seconds) * _PER_OCTAVE) + 1)


def seconds_in(bucket: int) -> float:
    """The bucket's geometric middle."""
    return 1.0 if bucket == 0 else float(2 ** ((bucket - 0.5) / _PER_OCTAVE))


def time_to_open(sums: Sums) -> TimeToOpen | None:
    """Quartiles over a campaign; None while no person has opened."""
    counts = {
        int(name.removeprefix("delay/")): count
        for name, count in sums.items()
        if name.startswith("delay/") and count > 0
    }
    of = sum(counts.values())
    if not of:
        return None
    low, middle, high = (round(seconds_in(_bucket_at(share, counts, of))) for share in (0.25, 0.5, 0.75))
    return TimeToOpen(low, middle, high, of)


def _bucket_at(share: float, counts: Mapping[int, int], of: int) -> int:
    """The bucket of the lead below or at which this share of all leads stands (nearest rank)."""
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= share * of:
            return bucket
    raise AssertionError("unreachable: the last bucket completes the whole")
