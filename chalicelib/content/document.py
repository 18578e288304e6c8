"""One reading of an HTML mail: its hrefs and images with their places, its base, and where a pixel may stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import markup
from .branches import Branches
from .entities import decode_attribute
from .markup import Attribute, MarkupError, Token
from .merge_tags import Tag

_MAX_LINK_TEXT = 200

# Elements whose content browsers do not show, or not always, or not as HTML.
_NOT_SHOWING = "select template noscript svg math object video audio canvas details dialog datalist"
_HIDING = frozenset(_NOT_SHOWING.split())
_READ_OTHERWISE = frozenset({"select", "template", "svg", "math"})
# <svg> and <math> are no HTML, these in them are again (https://html.spec.whatwg.org/#html-integration-point).
_FOREIGN = ("svg", "math")
_HTML_INSIDE = ("foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext")
# Elements without an end tag, and the options of a select, which mostly go without.
_EMPTY = "area base br col embed hr img input link meta param source track wbr option optgroup"
_NEVER_OPEN = frozenset(_EMPTY.split())


@dataclass(slots=True)
class Href:
    """The first href of one element: its value is source[start:end], without quotes."""

    element: str
    at: int  # where the element starts
    start: int
    end: int
    quoted: bool
    no_track: bool
    conditional: bool  # inside <!--[if ...]>: only Outlook sees it
    is_xlink: bool
    text: str = ""  # what the link shows, as written


@dataclass(frozen=True, slots=True)
class Image:
    """One <img>, for preflight."""

    at: int
    has_alt: bool
    has_width: bool


@dataclass(slots=True)
class Document:
    """What one pass over the markup finds; offsets are those of the source."""

    tokens: list[Token] = field(default_factory=list)
    conditional: list[Token] = field(default_factory=list)  # those in conditional comments, in order
    hidden: list[tuple[int, int]] = field(default_factory=list)  # elements that do not show what is in them
    hrefs: list[Href] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    base: str | None = None
    insert_at: int = 0


def read_document(source: str, masked: str, tags: Sequence[Tag]) -> Document:
    """Read an HTML mail. `masked` is the source with its merge tags masked: equal offsets, no surprises in tags.

    Raises MarkupError for what cannot be read for certain.
    """
    document = Document()
    branches = Branches(tags)
    hidden = _Hidden(branches, document)
    reader = _LinkReader(source, document)
    body_end = unfinished = raw_start = -1
    for token in markup.tokens(masked):
        document.tokens.append(token)
        reader.take(masked, token, 0)
        if hidden.since >= 0 or token.name in _HIDING:
            hidden.take(masked, token)
        if token.kind == markup.START_TAG:
            raw_start = token.start
            if token.name == "base" and (hidden.since >= 0 or branches.at(token.start)):
                raise MarkupError(
                    token.start,
                    "a <base> holds for the whole mail; it cannot stand within another element or a statement",
                )
        elif token.kind == markup.END_TAG and token.name == "body":
            if hidden.since < 0 and not branches.at(token.start):
                body_end = token.start
        elif token.kind == markup.UNFINISHED:
            unfinished = raw_start if token.name else token.start
        elif token.kind == markup.COMMENT and (inside := markup.conditional_markup(masked, token)):
            _read_conditional(source, masked, inside, document)
    # What stands behind an unfinished construct, or in an element that does not show it, is not seen.
    if hidden.since >= 0:
        unfinished = hidden.since
        document.hidden.append((unfinished, len(source)))
        if branches.at(unfinished):
            raise MarkupError(unfinished, "this element is not closed, or not all that is in it, within its statement")
    document.insert_at = body_end if body_end >= 0 else unfinished if unfinished >= 0 else len(source)
    return document


def _read_conditional(source: str, masked: str, inside: tuple[int, int], document: Document) -> None:
    """Read what Outlook does of a conditional comment."""
    start, end = inside
    part = masked[start:end]
    reader = _LinkReader(source, document, conditional=True)
    try:
        for token in markup.tokens(part):
            reader.take(part, token, start)
            kind, begin, finish, name, names_end = token
            document.conditional.append(Token(kind, begin + start, finish + start, name, names_end + start))
    except MarkupError as error:
        raise MarkupError(error.offset + start, error.reason) from None


class _Hidden:
    """Which elements are open that do not show what is in them, and all in them: rather too many than too few.

    An end tag is believed to close the innermost element only.
    """

    def __init__(self, branches: Branches, document: Document) -> None:
        self.since = -1
        """Where the outermost one starts; -1 when none is open."""
        self._branches = branches
        self._document = document
        self._open: list[tuple[str, int, bool]] = []  # name, branch, and whether what is in it is HTML

    def take(self, masked: str, token: Token) -> None:
        name, branch = token.name, self._branches.at(token.start)
        if token.kind == markup.START_TAG:
            in_html = not self._open or self._open[-1][2]
            may_close_itself = name in _FOREIGN or not in_html
            if name in _NEVER_OPEN or (may_close_itself and markup.closes_itself(masked, token)):
                return
            self.since = self.since if self._open else token.start
            self._open.append((name, branch, name not in _FOREIGN and (in_html or name in _HTML_INSIDE)))
        elif token.kind == markup.END_TAG and self._open and self._open[-1][0] == name:
            if self._open[-1][1] == branch:
                self._open.pop()
                if not self._open:
                    self._document.hidden.append((self.since, token.end))
                    self.since = -1
            elif name in _READ_OTHERWISE:
                raise MarkupError(token.start, f"</{name}> stands in another branch than its <{name}>; put both in one")


class _LinkReader:
    """Collects the hrefs and images of one run of tokens and the text that each link shows."""

    def __init__(self, source: str, document: Document, *, conditional: bool = False) -> None:
        self._source = source
        self._document = document
        self._conditional = conditional
        self._open: Href | None = None

    def take(self, markup_text: str, token: Token, shift: int) -> None:
        kind, name = token.kind, token.name
        if kind == markup.START_TAG:
            self._start(markup_text, token, shift)
        elif kind == markup.END_TAG:
            if self._open is not None and name == self._open.element:
                self._open = None
        elif kind == markup.TEXT and self._open is not None and len(self._open.text) < _MAX_LINK_TEXT:
            self._open.text += self._source[token.start + shift : min(token.end, token.start + _MAX_LINK_TEXT) + shift]

    def _start(self, markup_text: str, token: Token, shift: int) -> None:
        name = token.name
        if name in ("a", "area") or name.startswith("v:"):
            found = {attribute.name: attribute for attribute in markup.attributes(markup_text, token)}
            href = found.get("href", found.get("xlink:href"))
            link = None
            if href is not None and href.start >= 0:
                link = self._href(markup_text, token, href, shift, "data-no-track" in found)
                self._document.hrefs.append(link)
            if name != "area":
                self._open = link
        elif name == "img":
            found = {attribute.name: attribute for attribute in markup.attributes(markup_text, token)}
            if not self._conditional:
                self._document.images.append(Image(token.start + shift, "alt" in found, "width" in found))
            alt = found.get("alt")
            if alt is not None and alt.start >= 0 and self._open is not None:
                self._open.text += self._source[alt.start + shift : alt.end + shift]
        elif name == "base" and self._document.base is None and not self._conditional:
            base = next((item for item in markup.attributes(markup_text, token) if item.name == "href"), None)
            if base is not None and base.start >= 0:
                self._document.base = decode_attribute(self._source[base.start : base.end])

    def _href(self, markup_text: str, token: Token, href: Attribute, shift: int, no_track: bool) -> Href:
        return Href(
            element=token.name,
            at=token.start + shift,
            start=href.start + shift,
            end=href.end + shift,
            quoted=markup_text[href.start - 1] in "\"'",
            no_track=no_track,
            conditional=self._conditional,
            is_xlink=href.name != "href",
        )
