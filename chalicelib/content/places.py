"""Lines and columns for offsets in the author's text."""

import re
from bisect import bisect_right

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Places:
    """Turns offsets into 1-based lines and columns (in characters); built once per text, one bisection per question."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]

    def of(self, offset: int) -> tuple[int, int]:
        """The (line, column) of one offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
