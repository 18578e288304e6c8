"""From which place of the author's text each part of the HTML made of it comes.

While MJML is compiled, short words, the stand-ins, take the place of what must come out as it was written: merge tags,
addresses, whole texts. Afterwards a SourceMap puts these back and knows where they came from.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from chalicelib.content.errors import Positions
from chalicelib.content.markup import decode_text
from chalicelib.content.merge_tags import Tag
from chalicelib.content.pieces import Joined, Piece, unused

Place = tuple[str, int | None, int | None]
"""A field of the campaign; line and column in it, if it is a certain place."""
# Letters to Markdown and MJML, which leave them alone; the script of the Yi language, so few texts have any of them.
_MARKS: Final = range(0xA000, 0xA48D)
_TAG = re.compile(r"<[^<>]*+>")
MAX_LENGTH: Final = 1_048_576
"""Of the HTML that is made. What one stand-in stands for may come out many times."""


class StandIns:
    """The stand-ins for parts of one text."""

    def __init__(self, source: str) -> None:
        """Raises SourceError if the text has every letter that could mark a stand-in."""
        # Markdown decodes references.
        mark = unused(source + decode_text(source), _MARKS, "letter of the Yi script")
        self._stood_for: list[tuple[Sequence[Piece], Tag | None]] = []
        self._mark = mark
        self._statements = re.compile(rf"(?:{mark}s\d+{mark}\s*)+")
        self.pattern = re.compile(rf"{mark}([sv])(\d+){mark}")

    def add(self, *pieces: Piece, tag: Tag | None = None) -> str:
        """A stand-in for these pieces; `tag`: the merge tag that they are."""
        self._stood_for.append((pieces, tag))
        return f"{self._mark}{'s' if tag and tag.word else 'v'}{len(self._stood_for) - 1}{self._mark}"

    def pieces(self, text: str) -> Iterable[Piece]:
        """A text with stand-ins as pieces."""
        position = 0
        for stand_in in self.pattern.finditer(text):
            yield Piece(text[position : stand_in.start()])
            yield from self._stood_for[int(stand_in[2])][0]
            position = stand_in.end()
        yield Piece(text[position:])

    def statements(self, text: str) -> list[Tag]:
        """The statements that this text has stand-ins for."""
        tags = (self._stood_for[int(stand_in[2])][1] for stand_in in self.pattern.finditer(text))
        return [tag for tag in tags if tag and tag.word]

    def is_statements(self, text: str) -> bool:
        """Whether the text is nothing but statements."""
        return bool(self._statements.fullmatch(text))


class SourceMap:
    """HTML that was made, and what of: a field of the campaign and its text."""

    def __init__(self, field: str, source: str, html: str, stand_ins: StandIns) -> None:
        """`html`: with stand-ins, which are replaced. Raises SourceError if it becomes too long."""
        self._field = field
        self._made = Joined(stand_ins.pieces(html), MAX_LENGTH)
        self.html = self._made.text
        self._in_html, self._in_source = Positions(self.html), Positions(source)

    def place(self, line: int | None, column: int | None) -> Place:
        """What a place of the HTML was made of."""
        if line is None or column is None:
            return self._field, None, None
        at = self._in_html.offset(line, column)
        # A tag that was added around something of the author's is said to be at that.
        tag = _TAG.match(self.html, at)
        return self._field, *self._in_source.of(self._made.source_of(at, tag.end() if tag else 0))
