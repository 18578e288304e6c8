"""Compares the author's text with the compiled one, character by character, for the proof (proof.py).

Both come with signs for merge tags (unfold.py). The compiled text is the author's, except that values of attributes
give way to click URLs and to links made per delivery, and that footer and pixel are put in, in one place.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple, NoReturn

from chalicelib.content.compiled import Segments
from chalicelib.content.compiler import FOOTER, pixel
from chalicelib.content.errors import SourceError
from chalicelib.content.merge_tags import MIDDLES, OPENERS
from chalicelib.content.unfold import Unfolder
from chalicelib.content.values import escape_attribute

_EXCERPT: Final = 60  # characters of each side that a fault shows
_UNQUOTED = re.compile(r"[^\t\n\f\r >]*+")
_QUOTES = ("'", '"')
_ADDED = (["footer"], ["pixel"], ["footer", "pixel"])


class Differs(SourceError):
    """The compiled text is not the author's at this place."""


class _Part(NamedTuple):
    """A stretch of both texts; `at` is its place in the author's text with all signs, `end` what follows there."""

    author: str
    compiled: str
    at: int
    end: int
    branches: tuple[tuple[int, int], ...]  # the statements that it is in, and in which branch of each


class Reading:
    """Both texts as some leads get them, for the parser: they differ in values of links alone."""

    def __init__(self, alignment: "Alignment", parts: list[_Part]) -> None:
        self.author = "".join(part.author for part in parts)
        self.compiled = "".join(part.compiled for part in parts)
        self._alignment = alignment
        self._parts = parts
        self._starts: dict[bool, list[int]] = {}

    @property
    def behind(self) -> str:
        """The author's text behind footer and pixel."""
        added = [number for number, part in enumerate(self._parts) if part.author and part.at == part.end]
        return "".join(part.author for part in self._parts[added[-1] + 1 :]) if added else ""

    def source_offset(self, offset: int, *, compiled: bool = False) -> int:
        """Where in the source this place of `author`, or of `compiled`, is."""
        if compiled not in self._starts:
            lengths = (len(part.compiled if compiled else part.author) for part in self._parts)
            self._starts[compiled] = [0, *accumulate(lengths)]
        number = min(bisect_right(self._starts[compiled], offset), len(self._parts)) - 1
        part = self._parts[number]
        return self._alignment.in_source(min(part.at + offset - self._starts[compiled][number], part.end))


class Alignment:
    """The stretches that both texts are made of."""

    def __init__(self, unfolder: Unfolder, source: str, html: Segments, base_url: str | None) -> None:
        """`base_url`: of click URLs and pixel; None if nothing is tracked. Raises Differs."""
        self.links: list[str] = []
        """The values that take the place of hrefs, in order: click URLs, and signs of links made per delivery."""
        self.has_footer = False
        self.added_at = len(source)
        """Where in the source footer and pixel are put in."""
        self._unfolder = unfolder
        self._text, self._places = unfolder.source(source)
        self._parts: list[_Part] = []
        self._branches: tuple[tuple[int, int], ...] = ()
        self._counts: list[int] = []  # of each statement: its branches; the last one, {% else %}, may not be written
        self._align(unfolder.compiled(html), base_url)

    def readings(self) -> Iterator[Reading]:
        """The texts with all branches of all statements at once, then with their first, second and last ones."""
        yield Reading(self, self._parts)
        counts = self._counts
        for taken in sorted({0, 1, max(counts) - 1} if counts else ()):
            parts = (
                part for part in self._parts if all(min(taken, counts[n] - 1) == branch for n, branch in part.branches)
            )
            yield Reading(self, list(parts))

    def in_source(self, at: int) -> int:
        """Where in the source this place of the text with signs is."""
        number = bisect_right(self._places, at, key=lambda place: place[0]) - 1
        start, in_source = self._places[max(number, 0)]
        return in_source + at - start

    def _align(self, compiled: str, base_url: str | None) -> None:
        """Go through the compiled text; `at` is the place in the author's."""
        mark, footer = self._unfolder.mark, self._unfolder.compiled(Segments.of(FOOTER))
        links, image = rf"{mark}l\d+{mark}", r"(?!)"
        if base_url is not None:
            click = re.escape(f"{escape_attribute(base_url)}/t/c/{self._unfolder.delivery}")
            links += rf"|{click}[^\"'<>\s]*+"
            image = re.escape(self._unfolder.compiled(Segments.of(pixel(base_url))))
        changes = re.compile(rf"(?P<link>{links})|(?P<footer>{re.escape(footer)})|(?P<pixel>{image})")
        at = position = 0
        added: list[tuple[str, int]] = []
        for change in changes.finditer(compiled):
            at = self._copy(compiled[position : change.start()], at)
            position = change.end()
            if change["link"]:
                at = self._replace(at, change[0])
            elif change["footer"] and self._text.startswith(footer, at):
                at = self._copy(footer, at)  # the author's own
            else:
                added.append((change.lastgroup or "", at))
                put = change[0].replace(self._unfolder.unsubscribe, self._unfolder.own_unsubscribe)
                self._parts.append(_Part(put, put, at, at, self._branches))
        at = self._copy(compiled[position:], at)
        if at < len(self._text):
            self._refuse(at, _excerpt(self._text, at), "nothing")
        kinds = [kind for kind, _ in added]
        if base_url is not None and "pixel" not in kinds:
            raise Differs(self.in_source(at), "the tracking pixel is missing in the compiled mail")
        if added and (kinds not in _ADDED or added[0][1] != added[-1][1]):
            what = " and ".join(kinds)
            raise Differs(self.in_source(added[-1][1]), f"footer and pixel are put in together and once; here: {what}")
        self.has_footer = "footer" in kinds
        self.added_at = self.in_source(added[0][1] if added else at)

    def _copy(self, literal: str, at: int) -> int:
        """The same text on both sides; where the author's goes on behind it."""
        end = at + len(literal)
        if not self._text.startswith(literal, at):
            same = next(n for n, sign in enumerate(literal) if not self._text.startswith(sign, at + n))
            self._refuse(at + same, _excerpt(self._text, at + same), _excerpt(literal, same))
        start = at
        for statement in self._unfolder.statement.finditer(self._text, at, end):
            self._keep(start, statement.start())
            self._enter(self._unfolder.body(statement[1]).partition(" ")[0])
            start = statement.end()
        self._keep(start, end)
        return end

    def _keep(self, start: int, end: int) -> None:
        if end > start:
            text = self._text[start:end]
            self._parts.append(_Part(text, text, start, end, self._branches))

    def _enter(self, word: str) -> None:
        """Go on in another branch."""
        if word in OPENERS:
            self._branches = (*self._branches, (len(self._counts), 0))
            self._counts.append(2)
            return
        *around, (statement, branch) = self._branches
        if word in MIDDLES:
            around.append((statement, branch + 1))
            self._counts[statement] += word == "elif"
        self._branches = tuple(around)

    def _replace(self, at: int, value: str) -> int:
        """The value of an attribute gives way to this one; where the author's text goes on behind it."""
        quote = self._text[at - 1 : at]
        unquoted = _UNQUOTED.match(self._text, at)
        end = self._text.find(quote, at) if quote in _QUOTES else unquoted.end() if unquoted else -1
        program = self._unfolder.program(value)
        if end < 0 or (program and program.quoted != (quote in _QUOTES)):
            self._refuse(at, _excerpt(self._text, at), repr(value))
        author = self._unfolder.within_link(self._text[at:end])
        self._parts.append(_Part(author, value, at, end, self._branches))
        self.links.append(value)
        return end

    def _refuse(self, at: int, author: str, compiled: str) -> NoReturn:
        author, compiled = map(self._unfolder.readable, (author, compiled))
        raise Differs(self.in_source(at), f"where the author wrote {author}, the compiled mail has {compiled}")


def _excerpt(text: str, at: int) -> str:
    return repr(text[at : at + _EXCERPT]) if at < len(text) else "nothing"
