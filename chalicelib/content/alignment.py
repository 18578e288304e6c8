"""Compares the author's text with the compiled one, character by character, for the proof (proof.py).

Both come with signs for merge tags (unfold.py). The compiled text is the author's, except that values of attributes
give way to click URLs and to links made per delivery, and that footer and pixel are put in, in one place.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn

from chalicelib.content.compiled import Segments
from chalicelib.content.compiler import FOOTER, pixel
from chalicelib.content.errors import SourceError
from chalicelib.content.unfold import Unfolder
from chalicelib.content.values import escape_attribute

_EXCERPT: Final = 60  # characters of each side that a fault shows
_UNQUOTED = re.compile(r"[^\t\n\f\r >]*+")
_QUOTES = ("'", '"')
_ADDED = (["footer"], ["pixel"], ["footer", "pixel"])


class Differs(SourceError):
    """The compiled text is not the author's at this place."""


class _Part(NamedTuple):
    """A stretch of both texts: [at, end) of the author's text with all signs, which is `written`."""

    author: str
    compiled: str
    written: str
    at: int
    end: int


class Alignment:
    """Both texts with footer and pixel, without statements, for the parser: they differ in values of links alone."""

    def __init__(self, unfolder: Unfolder, source: str, html: Segments, base_url: str | None) -> None:
        """`base_url`: of click URLs and pixel; None if nothing is tracked. Raises Differs."""
        self.links: list[str] = []
        """The values that take the place of hrefs, in order: click URLs, and signs of links made per delivery."""
        self.has_footer = False
        self.added_at = 0
        """Where in the source footer and pixel are put in."""
        self._unfolder = unfolder
        self._text, self._source_places = unfolder.source(source)
        self._parts: list[_Part] = []
        self._added_part: int | None = None
        self._align(unfolder.compiled(html), base_url)
        self.author = "".join(part.author for part in self._parts)
        self.compiled = "".join(part.compiled for part in self._parts)
        self.behind = "".join(part.author for part in self._parts[self._added_part :]) if self._added_part else ""
        """The author's text behind footer and pixel."""

    def source_offset(self, offset: int, text: str) -> int:
        """Where in the source this place of `author` or `compiled` is."""
        for part in self._parts:
            length = len(part.author if text is self.author else part.compiled)
            if offset < length:
                return self._in_source(min(part.at + self._unfolder.with_statements(part.written, offset), part.end))
            offset -= length
        return self._in_source(len(self._text))

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
                self._parts.append(_Part(put, put, "", at, at))
                self._added_part = len(self._parts)
        at = self._copy(compiled[position:], at)
        if at < len(self._text):
            self._refuse(at, _excerpt(self._text, at), "nothing")
        self._check_added(added, is_tracked=base_url is not None)

    def _copy(self, literal: str, at: int) -> int:
        """The same text on both sides; where the author's goes on behind it."""
        end = at + len(literal)
        if not self._text.startswith(literal, at):
            same = next(n for n, sign in enumerate(literal) if not self._text.startswith(sign, at + n))
            self._refuse(at + same, _excerpt(self._text, at + same), _excerpt(literal, same))
        bare = self._unfolder.without_statements(literal)
        self._parts.append(_Part(bare, bare, literal, at, end))
        return end

    def _replace(self, at: int, value: str) -> int:
        """The value of an attribute gives way to this one; where the author's text goes on behind it."""
        quote = self._text[at - 1 : at]
        end = self._text.find(quote, at) if quote in _QUOTES else _end_of_unquoted(self._text, at)
        if end < 0:
            self._refuse(at, _excerpt(self._text, at), _excerpt(value, 0))
        written = self._text[at:end]
        # Statements are part of what a link made per delivery is compared by.
        is_made = value.startswith(self._unfolder.mark)
        author = written if is_made else self._unfolder.without_statements(written)
        self._parts.append(_Part(author, value, written, at, end))
        self.links.append(value)
        return end

    def _check_added(self, added: Sequence[tuple[str, int]], *, is_tracked: bool) -> None:
        """Footer and pixel belong together, once each at most, behind all that is shown."""
        kinds = [kind for kind, _ in added]
        if is_tracked and "pixel" not in kinds:
            raise Differs(self._in_source(len(self._text)), "the tracking pixel is missing in the compiled mail")
        for kind, at in added:
            if kinds not in _ADDED or at != added[0][1]:
                raise Differs(
                    self._in_source(at), f"footer and pixel must be put in together and once, this is a second {kind}"
                )
        self.has_footer = "footer" in kinds
        self.added_at = self._in_source(added[0][1] if added else len(self._text))

    def _in_source(self, at: int) -> int:
        """Where in the source this place of the text with signs is."""
        number = bisect_right(self._source_places, at, key=lambda place: place[0]) - 1
        start, in_source = self._source_places[max(number, 0)]
        return in_source + at - start

    def _refuse(self, at: int, author: str, compiled: str) -> NoReturn:
        author, compiled = map(self._unfolder.readable, (author, compiled))
        raise Differs(self._in_source(at), f"where the author wrote {author}, the compiled mail has {compiled}")


def _excerpt(text: str, at: int) -> str:
    return repr(text[at : at + _EXCERPT]) if at < len(text) else "nothing"


def _end_of_unquoted(text: str, at: int) -> int:
    unquoted = _UNQUOTED.match(text, at)
    return unquoted.end() if unquoted else -1
