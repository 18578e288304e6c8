"""Which records of a stream's shard are already in the sums: the runs that were added last, and a floor below them.

    ... everything settled ...| floor   [run]  [run]   [run][run]   newer

Sequence numbers have gaps, so nothing says whether two runs are adjacent. A batch, however it is cut, is a run of its
shard without holes: all records from its first to its last. So a record inside a run that was added is added; one
between two runs was skipped and is new; one at or below the floor is too old to tell.
"""

from dataclasses import dataclass
from typing import Literal, Self

RUNS_KEPT = 40
"""Some 20 bytes each: with the key, the row stays below the 1 KB that one write unit holds."""


@dataclass(frozen=True, slots=True)
class AppliedRuns:
    floor: int = -1
    """At or below this, runs are forgotten."""
    runs: tuple[tuple[int, int], ...] = ()
    """First and last sequence number of each, ascending, none touching another, all above the floor."""

    def state_of(self, sequence: int) -> Literal["new", "added", "forgotten"]:
        if any(first <= sequence <= last for first, last in self.runs):
            return "added"
        return "forgotten" if sequence <= self.floor else "new"

    def with_run(self, first: int, last: int) -> Self:
        """After all records from `first` to `last` were added too."""
        apart = [run for run in self.runs if run[1] < first or last < run[0]]
        touching = [run for run in self.runs if not (run[1] < first or last < run[0])]
        joined = (min([first, *(run[0] for run in touching)]), max([last, *(run[1] for run in touching)]))
        runs = sorted([*apart, joined])
        forgotten, kept = runs[:-RUNS_KEPT], runs[-RUNS_KEPT:]
        return type(self)(forgotten[-1][1] if forgotten else self.floor, tuple(kept))

    def to_text(self) -> str:
        """Floor, and each run as its distance from what is before it and its length: `3f2,1+a,5+0`, hexadecimal."""
        parts = [f"{self.floor + 1:x}"]
        before = self.floor
        for first, last in self.runs:
            parts.append(f"{first - before:x}+{last - first:x}")
            before = last
        return ",".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Self:
        floor_text, *run_texts = text.split(",")
        before = floor = int(floor_text, 16) - 1
        runs = []
        for run_text in run_texts:
            distance, _, length = run_text.partition("+")
            first = before + int(distance, 16)
            before = first + int(length, 16)
            runs.append((first, before))
        return cls(floor, tuple(runs))
