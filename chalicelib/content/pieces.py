"""Takes texts apart, and puts texts together of pieces whose places in the author's text stay known."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from sys import maxsize
from typing import NamedTuple, Protocol, TypeVar

from chalicelib.content.errors import SourceError


class Cut(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


_Cut = TypeVar("_Cut", bound=Cut)


class Piece(NamedTuple):
    """A part of a text; `at` is its place in the author's text, None for what was added."""

    text: str
    at: int | None = None


def split(text: str, cuts: Iterable[_Cut], at: int = 0, end: int | None = None) -> Iterator[tuple[Piece, _Cut | None]]:
    """All of text[at:end] in order: each cut's part with the cut, and what is between them with None.

    A cut that begins before the end of the one before it is left out.
    """
    for cut in cuts:
        if cut.start >= at:
            yield Piece(text[at : cut.start], at), None
            yield Piece(text[cut.start : cut.end], cut.start), cut
            at = cut.end
    yield Piece(text[at:end], at), None


def unused(text: str, marks: range, called: str) -> str:
    """The first of these characters that the text does not have, to mark stand-ins with. Raises SourceError."""
    if mark := next((chr(code) for code in marks if chr(code) not in text), None):
        return mark
    raise SourceError(0, f"it uses every {called}; remove one of them")


class Joined:
    """A text put together of pieces."""

    def __init__(self, pieces: Iterable[Piece], longest: int = maxsize) -> None:
        """Raises SourceError if it becomes longer than that."""
        texts: list[str] = []
        self._places: list[tuple[int, int, int]] = []  # of the pieces with a place: start, end, place
        length = 0
        for text, at in pieces:
            texts.append(text)
            if at is not None:
                self._places.append((length, length + len(text), at))
            length += len(text)
            if length > longest:
                raise SourceError(0, f"it becomes more than {longest // 1024:,} KB of HTML")
        self.text = "".join(texts)

    def source_of(self, offset: int, until: int = 0) -> int:
        """The place in the author's text of this offset; of what was added, the last place before it.

        `until`: for what was added, the first place up to here goes before that.
        """
        number = bisect_right(self._places, offset, key=lambda place: place[0])
        is_added = number == 0 or offset >= self._places[number - 1][1]
        if is_added and number < len(self._places) and self._places[number][0] <= until:
            number += 1
        start, end, at = self._places[number - 1] if number else (offset, offset, 0)
        return at + max(0, min(offset, end) - start)

    def offset_of(self, at: int) -> int:
        """The offset of a place in the author's text, of which all pieces are, in order."""
        start, _, piece_at = self._places[bisect_right(self._places, at, key=lambda place: place[2]) - 1]
        return start + at - piece_at
