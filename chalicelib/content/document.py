"""One reading of an HTML mail: its hrefs with their places, its base, and where a pixel may stand."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import maxsize
from typing import Final

from chalicelib.content import markup
from chalicelib.content.destinations import NO_TRACK
from chalicelib.content.errors import SourceError
from chalicelib.content.markup import Attribute, Token, decode_attribute
from chalicelib.content.merge_tags import STATEMENT_MASK, Branches, Tag

_MAX_LINK_TEXT = 200
# Elements that end a word.
_WORD_BREAKS = "br p div table tr td th ul ol li h1 h2 h3 h4 h5 h6"
_BETWEEN_WORDS = frozenset(_WORD_BREAKS.split())
# Elements whose content browsers do not show, or not always, or not as HTML.
_NOT_SHOWING = "select template noscript svg math object video audio canvas details dialog datalist"
_HIDING = frozenset(_NOT_SHOWING.split())
_READ_OTHERWISE = frozenset({"select", "template", "svg", "math"})
# <svg> and <math> are no HTML, these in them are again (https://html.spec.whatwg.org/#html-integration-point).
_FOREIGN = ("svg", "math")
_HTML_INSIDE = ("foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext")
_NEVER_OPEN = markup.VOID | {"option", "optgroup"}  # the options of a select mostly go without an end tag
_BEFORE_BODY = frozenset({"html", "head", "title", "style", "script", "noscript", "base", "link", "meta"})


HIDING_STYLE: Final = re.compile(r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
"""In the style of an element that is not shown, unless a style sheet shows it on some screens."""


@dataclass(slots=True)
class Href:
    """The first href of one element: its value is source[start:end], without quotes."""

    element: str
    at: int  # where the element starts
    start: int
    end: int
    quoted: bool
    why_untracked: str | None
    """What keeps it as it is, wherever it leads."""
    conditional: bool  # inside <!--[if ...]>: only Outlook sees it
    text: str = ""  # what the link shows, as written


@dataclass(slots=True)
class Document:
    """What one pass over the markup finds; offsets are those of the source."""

    tokens: list[Token] = field(default_factory=list)
    conditional: list[Token] = field(default_factory=list)  # those in conditional comments, in order
    hidden: list[tuple[int, int]] = field(default_factory=list)  # elements that do not show their content
    hrefs: list[Href] = field(default_factory=list)
    base: str | None = None
    begins_at: int = 0  # behind <body>, or before what a browser shows first
    insert_at: int = 0


def read_document(source: str, masked: str, tags: Sequence[Tag]) -> Document:
    """Read an HTML mail. `masked` is the source with its merge tags masked: equal offsets, and tags read as HTML alone.

    Raises SourceError for what cannot be read for certain.
    """
    document = Document()
    branches = Branches(tags)
    hidden = _Hidden(branches, document)
    links = _LinkReader(source, masked, document)
    beginning = _Beginning(masked, branches)
    body_end = unfinished = raw_start = -1
    for token in markup.tokens(masked):
        document.tokens.append(token)
        links.take(token)
        if hidden.since >= 0 or token.name in _HIDING:
            hidden.take(masked, token)
        if hidden.is_shown_without_scripts:
            beginning.take(token)
        if token.kind == markup.START_TAG:
            raw_start = token.start
            if token.name == "base" and (hidden.since >= 0 or branches.at(token.start)):
                raise SourceError(
                    token.start,
                    "a <base> holds for the whole mail; it cannot stand within another element or a statement",
                )
        elif token.kind == markup.END_TAG and token.name == "body":
            if hidden.since < 0 and not branches.at(token.start):
                body_end = token.start
        elif token.kind == markup.UNFINISHED:
            unfinished = raw_start if token.name else token.start
        elif token.kind == markup.COMMENT and (inside := markup.conditional_markup(masked, token)):
            links_for_outlook = _LinkReader(source, masked, document, conditional=True)
            for inner in markup.tokens(masked, *inside):
                links_for_outlook.take(inner)
                document.conditional.append(inner)
    # Nothing after an unfinished construct, or in an element that does not show its content, is seen.
    if hidden.since >= 0:
        unfinished = hidden.since
        document.hidden.append((unfinished, len(source)))
        if branches.at(unfinished):
            raise SourceError(unfinished, "this element is not closed, or not all that is in it, within its statement")
    document.insert_at = body_end if body_end >= 0 else unfinished if unfinished >= 0 else len(source)
    begins_at = document.insert_at if beginning.at is None else beginning.at
    document.begins_at = min(begins_at, document.insert_at)
    return document


def hidden_by_style(masked: str, tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The [start, end) of the elements that their own style hides, in order: rather too much than too little."""
    hidden: list[tuple[int, int]] = []
    outermost, depth = Token(markup.TEXT, 0, 0), 0
    for token in tokens:
        if depth and token.name == outermost.name:
            depth += (token.kind == markup.START_TAG) - (token.kind == markup.END_TAG)
            if not depth:
                hidden.append((outermost.start, token.end))
        elif not depth and token.kind == markup.START_TAG and token.name not in _NEVER_OPEN and _hides(masked, token):
            outermost, depth = token, 1
    return [*hidden, (outermost.start, len(masked))] if depth else hidden


def is_within(spans: Sequence[tuple[int, int]], offset: int) -> bool:
    """Whether one of these [start, end) holds the offset; they are in order and do not overlap."""
    before = bisect_right(spans, (offset, maxsize)) - 1
    return before >= 0 and offset < spans[before][1]


def _hides(masked: str, token: Token) -> bool:
    if not HIDING_STYLE.search(masked, token.names_end, token.end):
        return False
    style = markup.attributes(masked, token).get("style")
    return style is not None and HIDING_STYLE.search(masked, style.start, style.end) is not None


class _Beginning:
    """Where the body begins: behind its tag, or before the first content where there is none.

    A browser without scripts reads content in a <noscript> like any other.
    """

    def __init__(self, masked: str, branches: Branches) -> None:
        self.at: int | None = None
        self._masked = masked
        self._branches = branches
        self._before_statement = 0
        self._noscript: int | None = None

    def take(self, token: Token) -> None:
        """`token`: in no element that does not show its content, unless in a <noscript>."""
        if self.at is not None:
            return
        if token.name == "noscript":
            self._noscript = token.start if token.kind == markup.START_TAG else None
        start = token.start if self._noscript is None else self._noscript
        is_outside = not self._branches.at(start)
        if token.kind == markup.TEXT:
            text = self._masked[token.start : token.end]
            self._before_statement = start if is_outside else self._before_statement
            is_content = bool(text.replace(STATEMENT_MASK, "").strip())
        else:
            is_content = token.kind == markup.START_TAG and token.name not in _BEFORE_BODY
        if is_content and token.name == "body" and is_outside:
            self.at = token.end
        elif is_content:
            self.at = start if is_outside else self._before_statement


class _Hidden:
    """The open elements that do not show their content, and all in them: rather too many than too few.

    An end tag is taken to close the innermost element only.
    """

    def __init__(self, branches: Branches, document: Document) -> None:
        self.since = -1
        """Where the outermost one starts; -1 when none is open."""
        self._branches = branches
        self._document = document
        # Name, branch, whether its content is HTML, and whether a browser without scripts shows it.
        self._open: list[tuple[str, int, bool, bool]] = []

    @property
    def is_shown_without_scripts(self) -> bool:
        return not self._open or self._open[-1][3]

    def take(self, masked: str, token: Token) -> None:
        name, branch = token.name, self._branches.at(token.start)
        if token.kind == markup.START_TAG:
            in_html = not self._open or self._open[-1][2]
            may_close_itself = name in _FOREIGN or not in_html
            if name in _NEVER_OPEN or (may_close_itself and markup.closes_itself(masked, token)):
                return
            self.since = self.since if self._open else token.start
            is_html = name not in _FOREIGN and (in_html or name in _HTML_INSIDE)
            is_shown = self.is_shown_without_scripts and (name == "noscript" or name not in _HIDING)
            self._open.append((name, branch, is_html, is_shown))
        elif token.kind == markup.END_TAG and self._open and self._open[-1][0] == name:
            if self._open[-1][1] == branch:
                self._open.pop()
                if not self._open:
                    self._document.hidden.append((self.since, token.end))
                    self.since = -1
            elif name in _READ_OTHERWISE:
                raise SourceError(token.start, f"</{name}> stands in another branch than its <{name}>; put both in one")


class _LinkReader:
    """Collects the hrefs of one run of tokens and the text that each link shows."""

    def __init__(self, source: str, masked: str, document: Document, *, conditional: bool = False) -> None:
        self._source = source
        self._masked = masked
        self._document = document
        self._conditional = conditional
        self._open: Href | None = None

    def take(self, token: Token) -> None:
        if self._open is not None:
            if token.name in _BETWEEN_WORDS:
                self._say(" ")
            elif token.kind == markup.TEXT:
                self._say(self._source[token.start : token.end])
            elif token.kind == markup.END_TAG and token.name == self._open.element:
                self._open = None
        if token.kind == markup.START_TAG:
            self._start(token)

    def _say(self, text: str) -> None:
        if self._open is not None and len(self._open.text) < _MAX_LINK_TEXT:
            self._open.text += text[:_MAX_LINK_TEXT]

    def _start(self, token: Token) -> None:
        name = token.name
        is_link = name in ("a", "area") or name.startswith("v:")
        if not is_link and name not in ("img", "base"):
            return
        found = markup.attributes(self._masked, token)
        if is_link:
            href = found.get("href", found.get("xlink:href"))
            link = None
            if href is not None:
                start, end = (href.start, href.end) if href.start >= 0 else (token.names_end, token.names_end)
                quoted = self._masked[start - 1] in "\"'"
                no_track = NO_TRACK if "data-no-track" in found else None
                why_untracked = no_track or ("it is an xlink:href" if href.name != "href" else None)
                link = Href(name, token.start, start, end, quoted, why_untracked, self._conditional)
                self._document.hrefs.append(link)
            if name != "area":
                self._open = link
        elif name == "img":
            self._say(f" {self._written(found.get('alt')) or ''} ")
        elif self._document.base is None and not self._conditional:
            base = self._written(found.get("href"))
            self._document.base = None if base is None else decode_attribute(base)

    def _written(self, attribute: Attribute | None) -> str | None:
        if attribute is None or attribute.start < 0:
            return None
        return self._source[attribute.start : attribute.end]
