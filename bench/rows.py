"""What a measurement gives: rows of one number each, beside a goal or what another program takes for the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    """What it must not exceed (or, `at_least`, not fall below), in the same unit."""
    peer: str | None = None
    """What it is compared with, measured in the same run."""
    peer_value: float | None = None
    """What that takes, in the same unit."""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def beside(name: str, ours: Sequence[float], peer: str, theirs: Sequence[float], unit: str, times: float | None) -> Row:
    """The medians of both, with a goal as a multiple of the peer's."""
    value, peer_value = median(ours), median(theirs)
    return Row(name, value, unit, None if times is None else times * peer_value, peer, peer_value)


def as_json(rows: Sequence[Row]) -> list[dict[str, str | float | bool | None]]:
    """The rows as bench/results.json has them."""
    names = ("name", "value", "unit", "goal", "met", "peer", "peer_value")
    return [{name: getattr(row, name) for name in names} for row in rows]


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one a line."""
    return "\n".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    goal = peer = ""
    if row.goal is not None:
        goal = f"{'>=' if row.at_least else '<='} {row.goal:,.2f} {'met' if row.met else 'NOT MET'}"
    if row.peer_value is not None:
        peer = f"{row.value / row.peer_value:.2g} of {row.peer}, {row.peer_value:,.2f}"
    return f"{row.name:<64} {row.value:>9,.2f} {row.unit:<6} {goal:<20} {peer}".rstrip()
