"""What the readers of import files share: rows, limits, and the errors that refuse a file as a whole."""

from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.model.errors import Fault, TooLong, Unreadable

MAX_LINES = 3_000
"""What a new table takes within half of a request's 29 s: it begins with 4,000 write units a second, and a line may
take eight (docs/decisions/0081, tests/store/test_cost.py)."""
MAX_BYTES = 5 * 1024 * 1024
MAX_COLUMNS = 200
MAX_ROWS = 1_048_576
"""Of a sheet: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3."""


class Unread(NamedTuple):
    """A line that cannot be read: why, and what it has."""

    reason: str
    cells: list[str]


Row = tuple[int, list[str] | Unread]
"""The number of a line as its author sees it, counted from 1, and its trimmed cells."""
Rows = Iterator[Row]


class UnreadableFile(Unreadable, problem="unreadable-file", title="The file cannot be read"):
    """The file as a whole cannot be read, and nothing was imported. `faults` names the columns at fault."""

    def __init__(self, reason: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(reason)
        self.faults = faults

    def members(self) -> dict[str, object]:
        return {"errors": [], **super().members()}


class FileTooLong(TooLong, problem="file-too-long", title="The file is too long for one request"):
    """Too long for one request; nothing was imported."""
