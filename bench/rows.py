"""What a measurement gives: rows of one number each, most of them ratios, some with a limit."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number; `limit` is what it must not exceed (or, `at_least`, not fall below)."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.limit is None or (self.value >= self.limit if self.at_least else self.value <= self.limit)


def table(rows: Sequence[Row]) -> str:
    """The rows as text, one a line, with limits and whether they are met."""
    lines = []
    for row in rows:
        limit = ""
        if row.limit is not None:
            sign = ">=" if row.at_least else "<="
            limit = f"{sign} {row.limit:g}  {'ok' if row.met else 'NOT MET'}"
        lines.append(f"{row.what:<58} {row.value:>10,.2f} {row.unit:<10} {limit}".rstrip())
    return "\n".join(lines)
