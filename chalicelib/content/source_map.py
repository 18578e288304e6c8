"""From which place of the author's text each part of the HTML made of it comes.

While MJML is compiled, short words, the stand-ins, take the place of what must come out as it was written: merge tags,
addresses, whole texts. Afterwards a SourceMap puts these back and knows where they came from.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple

from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.markup import decode_text
from chalicelib.content.merge_tags import Tag

Place = tuple[str, int | None, int | None]
"""A field of the campaign; line and column in it, if it is a certain place."""
# Letters to Markdown and MJML, which leave them alone; the script of the Yi language, so few texts have any of them.
_MARKS: Final = range(0xA000, 0xA48D)
_TAG = re.compile(r"<[^<>]*+>")
MAX_LENGTH: Final = 1_048_576
"""Of the HTML that is made. What one stand-in stands for may come out many times."""
STATEMENT: Final = "s"
VALUE: Final = "v"


class Piece(NamedTuple):
    """A part of the HTML; `at` is its place in the author's text, None for what was added."""

    text: str
    at: int | None = None


class StandIns:
    """The stand-ins for parts of one text."""

    def __init__(self, source: str) -> None:
        """Raises SourceError if the text has every letter that could mark a stand-in."""
        known = source + decode_text(source)  # Markdown decodes references
        mark = next((chr(code) for code in _MARKS if chr(code) not in known), None)
        if mark is None:
            raise SourceError(0, "it uses every letter of the Yi script; remove one of them")
        self._stood_for: list[list[Piece]] = []
        self._tags: dict[int, Tag] = {}
        self._mark = mark
        self._statements = re.compile(rf"(?:{mark}s\d+{mark}\s*)+")
        self.pattern = re.compile(rf"{mark}([sv])(\d+){mark}")

    def add(self, *pieces: Piece) -> str:
        """A stand-in for these pieces."""
        return self._add(VALUE, pieces)

    def add_tag(self, text: str, tag: Tag) -> str:
        """A stand-in for a merge tag of the author's text."""
        self._tags[len(self._stood_for)] = tag
        return self._add(STATEMENT if tag.word else VALUE, [Piece(text[tag.start : tag.end], tag.start)])

    def pieces(self, text: str) -> Iterable[Piece]:
        """A text with stand-ins as pieces."""
        position = 0
        for stand_in in self.pattern.finditer(text):
            yield Piece(text[position : stand_in.start()])
            yield from self._stood_for[int(stand_in[2])]
            position = stand_in.end()
        yield Piece(text[position:])

    def statements(self, text: str) -> list[Tag]:
        """The statements that this text has stand-ins for."""
        return [self._tags[int(stand_in[2])] for stand_in in self.pattern.finditer(text) if stand_in[1] == STATEMENT]

    def is_statements(self, text: str) -> bool:
        """Whether the text is nothing but statements."""
        return bool(self._statements.fullmatch(text))

    def _add(self, kind: str, pieces: Iterable[Piece]) -> str:
        self._stood_for.append(list(pieces))
        return f"{self._mark}{kind}{len(self._stood_for) - 1}{self._mark}"


class _Place(NamedTuple):
    html_at: int
    length: int
    source_at: int


class SourceMap:
    """HTML that was made, and what of: a field of the campaign and its text."""

    def __init__(self, field: str, source: str, html: str, stand_ins: StandIns) -> None:
        """`html`: with stand-ins, which are replaced. Raises SourceError if it becomes too long."""
        text: list[str] = []
        self._field = field
        self._places: list[_Place] = []
        length = 0
        for piece in stand_ins.pieces(html):
            if piece.at is not None:
                self._places.append(_Place(length, len(piece.text), piece.at))
            text.append(piece.text)
            length += len(piece.text)
            if length > MAX_LENGTH:
                raise SourceError(0, f"it becomes more than {MAX_LENGTH // 1024:,} KB of HTML")
        self.html = "".join(text)
        self._in_html, self._in_source = Positions(self.html), Positions(source)

    def place(self, line: int | None, column: int | None) -> Place:
        """What a place of the HTML was made of."""
        if line is None or column is None:
            return self._field, None, None
        at = self._in_html.offset(line, column)
        number = bisect_right(self._places, at, key=lambda place: place.html_at) - 1
        inside = number >= 0 and at < self._places[number].html_at + self._places[number].length
        # A tag that was added around something of the author's is said to be at that.
        tag = None if inside else _TAG.match(self.html, at)
        if tag and number + 1 < len(self._places) and self._places[number + 1].html_at <= tag.end():
            number += 1
        if number < 0:
            return self._field, 1, 1
        found = self._places[number]
        return self._field, *self._in_source.of(found.source_at + max(0, min(at - found.html_at, found.length)))
