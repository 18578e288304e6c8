"""Compares the author's text with the compiled one, character by character, for the proof (proof.py).

Both come with placeholders for merge tags (placeholders.py). The compiled text is the author's, except that values of
attributes are replaced by click URLs and by links made per delivery, and that footer and pixel are added in one place
and the preview text in another.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

from chalicelib.content.compiled import Link, Segments
from chalicelib.content.compiler import footer, pixel
from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.pieces import split
from chalicelib.content.placeholders import BRANCHES, DEFECT, Placeholders, folded
from chalicelib.content.values import escape_attribute
from chalicelib.model.workspace import Language

_UNQUOTED = re.compile(r"[^\t\n\f\r >]*+")
_QUOTES = ("'", '"')
_ADDED = (["footer"], ["pixel"], ["footer", "pixel"])
PREVIEW = "preview"
"""Follows the mark in the name of the attribute that the preview text's element gets, for the parser."""


class Differs(SourceError):
    """The compiled text is not the author's at this offset of the source, which no author can cause."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, f"{reason}{DEFECT}")


class _Edit(NamedTuple):
    """What replaces [start, end) of the author's text in the two texts that the parser gets."""

    start: int
    end: int
    author: str
    compiled: str


class Alignment:
    """Both texts of one mail side by side. `number_links` before `readings`."""

    def __init__(
        self,
        placeholders: Placeholders,
        source: str,
        html: Segments,
        preview: str,
        base_url: str | None,
        language: Language,
    ) -> None:
        """`base_url`: of click URLs and pixel; None if nothing is tracked. `preview`: what is added. Raises Differs."""
        self.has_footer = False
        """Whether a footer is added."""
        self._placeholders = placeholders
        self._source = placeholders.source(source)
        self._text = self._source.text
        self._edits: list[_Edit] = []
        self._added_at = len(self._text)
        self._align(placeholders.compiled(html), folded(placeholders.source(preview).text), base_url, language)

    @property
    def added_at(self) -> int:
        """Where in the source footer and pixel are added."""
        return self._source.source_of(self._added_at)

    @property
    def behind(self) -> str:
        """The author's text behind footer and pixel."""
        return self._placeholders.statement.sub("", self._text[self._added_at :])

    def number_links(self, links: Sequence[Link], positions: Positions) -> None:
        """Give each tag at which the report has a link an attribute with the link's number, in both texts."""
        mark = self._placeholders.mark
        tag = re.compile(rf"<(?:a|area|v:[^\s/>{mark}]*)(?=[\s/>{mark}])", re.IGNORECASE)
        for number, link in enumerate(links):
            if found := tag.match(self._text, self._source.offset_of(positions.offset(link.line, link.column))):
                attribute = f" {mark}{number}"
                self._edits.append(_Edit(found.end(), found.end(), attribute, attribute))

    def readings(self) -> Iterator[tuple[str, ...]]:
        """The author's and the compiled HTML with all branches of all statements, then as some leads get them.

        These get the first, the second or the last branch of each statement.
        """
        texts = self._edited()
        branches = (tuple(self._placeholders.branch(text, each) for text in texts) for each in (None, *BRANCHES))
        yield from dict.fromkeys(branches)  # without statements these are all the same

    def _edited(self) -> tuple[str, str]:
        """The author's and the compiled text with their edits."""
        parts = list(split(self._text, sorted(self._edits, key=lambda edit: edit[:2])))
        author = (edit.author if edit else same.text for same, edit in parts)
        return "".join(author), "".join(edit.compiled if edit else same.text for same, edit in parts)

    def _align(self, compiled: str, preview: str, base_url: str | None, language: Language) -> None:
        """Go through the compiled text; `at` is the place in the author's."""
        mark, ending = self._placeholders.mark, self._placeholders.compiled(Segments.of(footer(language)))
        links, image = rf"{mark}l\d+{mark}", r"(?!)"
        if base_url is not None:
            click = re.escape(f"{escape_attribute(base_url)}/t/c/{self._placeholders.delivery}")
            links += rf"|{click}[^\"'<>\s]*+"
            image = re.escape(self._placeholders.compiled(Segments.of(pixel(base_url))))
        changes = re.compile(
            rf"(?P<link>{links})|(?P<footer>{re.escape(ending)})|(?P<pixel>{image})"
            rf"|(?P<preview>{re.escape(preview) or '(?!)'})"
        )
        previews = 0
        at = position = 0
        added: list[tuple[str, int]] = []
        for change in changes.finditer(compiled):
            at = self._copy(compiled[position : change.start()], at)
            position = change.end()
            if change["link"]:
                at = self._replace(at, change[0])
            elif change["footer"] and self._text.startswith(ending, at):
                at = self._copy(ending, at)  # the author's own
            elif change["preview"] and previews and self._text.startswith(preview, at):
                at = self._copy(preview, at)
            elif change["preview"]:
                previews += 1
                put = change[0].replace("<div", f"<div {mark}{PREVIEW}", 1)
                self._edits.append(_Edit(at, at, put, put))
            else:
                added.append((change.lastgroup or "", at))
                put = change[0].replace(self._placeholders.unsubscribe, self._placeholders.own_unsubscribe)
                self._edits.append(_Edit(at, at, put, put))
        at = self._copy(compiled[position:], at)
        if at < len(self._text):
            self._refuse(at, "")
        if previews != bool(preview):
            raise Differs(self._source.source_of(at), "the preview text is not added once")
        kinds = [kind for kind, _ in added]
        if base_url is not None and "pixel" not in kinds:
            raise Differs(self._source.source_of(at), "the tracking pixel is missing in the compiled mail")
        if added and (kinds not in _ADDED or added[0][1] != added[-1][1]):
            raise Differs(self._source.source_of(added[-1][1]), "footer and pixel are not added once and together")
        self.has_footer = "footer" in kinds
        self._added_at = added[0][1] if added else at

    def _copy(self, literal: str, at: int) -> int:
        """The same text on both sides; where the author's goes on behind it."""
        if not self._text.startswith(literal, at):
            same = next(n for n, character in enumerate(literal) if not self._text.startswith(character, at + n))
            self._refuse(at + same, literal[same:])
        return at + len(literal)

    def _replace(self, at: int, value: str) -> int:
        """This value replaces that of an attribute; where the author's text goes on behind it."""
        quote = self._text[at - 1 : at]
        unquoted = _UNQUOTED.match(self._text, at)
        end = self._text.find(quote, at) if quote in _QUOTES else unquoted.end() if unquoted else -1
        merged = self._placeholders.merged_link(value)
        if end < 0 or (merged and merged.quoted != (quote in _QUOTES)):
            self._refuse(at, value)
        self._edits.append(_Edit(at, end, self._placeholders.within_link(self._text[at:end]), value))
        return end

    def _refuse(self, at: int, compiled: str) -> NoReturn:
        author, compiled = map(self._placeholders.quoted, (self._text[at:], compiled))
        raise Differs(self._source.source_of(at), f"where the author wrote {author}, the compiled mail has {compiled}")
