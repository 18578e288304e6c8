"""Lines and columns for offsets in the author's text."""

import re
from bisect import bisect_right
from functools import cached_property

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Positions:
    """Turns offsets into 1-based lines and columns (in characters); finds the lines once, when first asked."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self._text))]

    def of(self, offset: int) -> tuple[int, int]:
        """The (line, column) of one offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
