"""One reading of an HTML mail: its hrefs and images with their places, its base, and where a pixel may stand."""

from dataclasses import dataclass, field

from . import markup
from .entities import decode_attribute
from .markup import Attribute, Token

_MAX_LINK_TEXT = 200


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
    hrefs: list[Href] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    base: str | None = None
    insert_at: int = 0


def read_document(source: str, masked: str) -> Document:
    """Read an HTML mail. `masked` is the source with its merge tags masked: equal offsets, no surprises in tags."""
    document = Document()
    body_end = unfinished = raw_start = -1
    reader = _LinkReader(source, document)
    for token in markup.tokens(masked):
        document.tokens.append(token)
        reader.take(masked, token, 0)
        if token.kind == markup.START_TAG:
            raw_start = token.start
        elif token.kind == markup.END_TAG and token.name == "body":
            body_end = token.start
        elif token.kind == markup.UNFINISHED:
            unfinished = raw_start if token.name else token.start
        elif token.kind == markup.COMMENT and (inside := markup.conditional_markup(masked, token)):
            part = masked[inside[0] : inside[1]]
            outlook = _LinkReader(source, document, conditional=True)
            for inner in markup.tokens(part):
                outlook.take(part, inner, inside[0])
    # What stands behind an unfinished construct is swallowed by it, so nothing may be added there.
    document.insert_at = body_end if body_end >= 0 else unfinished if unfinished >= 0 else len(source)
    return document


class _LinkReader:
    """Collects the hrefs and images of one run of tokens and the text that each link shows."""

    def __init__(self, source: str, document: Document, *, conditional: bool = False) -> None:
        self._source = source
        self._document = document
        self._conditional = conditional
        self._templates = 0
        self._open: Href | None = None

    def take(self, markup_text: str, token: Token, shift: int) -> None:
        kind, name = token.kind, token.name
        if kind == markup.START_TAG:
            if name == "template":
                self._templates += 1
            elif not self._templates:
                self._start(markup_text, token, shift)
        elif kind == markup.END_TAG:
            if name == "template":
                self._templates = max(0, self._templates - 1)
            elif self._open is not None and name == self._open.element:
                self._open = None
        elif kind == markup.TEXT and self._open is not None and len(self._open.text) < _MAX_LINK_TEXT:
            self._open.text += self._source[token.start + shift : min(token.end, token.start + _MAX_LINK_TEXT) + shift]

    def _start(self, markup_text: str, token: Token, shift: int) -> None:
        name = token.name
        if name in ("a", "area") or name.startswith("v:"):
            found = {attribute.name: attribute for attribute in markup.attributes(markup_text, token)}
            href = found.get("href")
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
        )
