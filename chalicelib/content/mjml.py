"""Checks MJML and compiles it to HTML.

mjml-python takes unknown elements and attributes silently, ends the process at deep nesting, and names no lines. So
what an author wrote is read here first, by the elements of https://documentation.mjml.io: only those that are known,
where they belong, reach the compiler. Of texts and addresses it gets stand-ins
(source_map.py), which come back as written.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.content import markup
from chalicelib.content.errors import SourceError
from chalicelib.content.markup import Attribute, Token
from chalicelib.content.merge_tags import Tag, find_tags, mask, require_balance, tags_in
from chalicelib.content.pieces import Piece, split
from chalicelib.content.source_map import StandIns

MAX_ELEMENTS: Final = 2_000
"""Each becomes a kilobyte of HTML or so."""
MAX_VALUE: Final = 500
"""Characters of an attribute's value: the compiler repeats it for many elements, where it is a default or inherited."""

_BOX = "padding padding-top padding-right padding-bottom padding-left css-class mj-class"
_BORDER = "border border-top border-right border-bottom border-left border-radius"
_BACKGROUND = (
    "background-color background-url background-repeat background-size background-position background-position-x "
    "background-position-y"
)
_FONT = "color font-family font-size font-style font-weight letter-spacing line-height text-decoration text-transform"
_IN_COLUMN = f"{_BOX} align container-background-color"
_LINK = "href rel target name title"
_SECTION = f"{_BOX} {_BORDER} {_BACKGROUND} direction full-width text-align text-padding"
_INNER = "inner-padding inner-border inner-border-radius inner-background-color"
_ICONS = "icon-align icon-height icon-position icon-width icon-unwrapped-alt icon-unwrapped-url icon-wrapped-alt"
_ICONS += " icon-wrapped-url"
_SOCIAL = f"{_FONT} border-radius icon-height icon-padding icon-size text-padding vertical-align"
_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "mjml": "lang dir owa",
        "mj-head": "",
        "mj-title": "",
        "mj-preview": "",
        "mj-style": "",
        "mj-breakpoint": "width",
        "mj-font": "name href",
        "mj-attributes": "",
        "mj-body": "width background-color css-class",
        "mj-wrapper": f"{_SECTION} gap",
        "mj-section": _SECTION,
        "mj-group": "background-color css-class direction mj-class vertical-align width",
        "mj-column": f"{_BOX} {_BORDER} {_INNER} background-color direction vertical-align width",
        "mj-hero": f"{_BOX} {_BACKGROUND} background-height background-width border-radius container-background-color "
        "height inner-background-color inner-padding mode vertical-align width",
        "mj-text": f"{_IN_COLUMN} {_FONT} height vertical-align",
        "mj-button": f"{_IN_COLUMN} {_FONT} {_BORDER} {_LINK} background-color height inner-padding text-align "
        "vertical-align width",
        "mj-image": f"{_IN_COLUMN} {_BORDER} {_LINK} alt fluid-on-mobile font-size full-width height max-height sizes "
        "src srcset usemap width",
        "mj-divider": f"{_IN_COLUMN} border-color border-style border-width width",
        "mj-spacer": f"{_BOX} container-background-color height",
        "mj-table": f"{_IN_COLUMN} {_FONT} border cellpadding cellspacing role table-layout width",
        "mj-raw": "",
        "mj-social": f"{_IN_COLUMN} {_SOCIAL} inner-padding mode table-layout",
        "mj-social-element": f"{_BOX} {_SOCIAL} {_LINK} align alt background-color icon-position src srcset sizes",
        "mj-navbar": f"{_BOX} align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size "
        "ico-line-height ico-open ico-padding ico-padding-bottom ico-padding-left ico-padding-right ico-padding-top "
        "ico-text-decoration ico-text-transform",
        "mj-navbar-link": f"{_BOX} {_FONT} {_LINK}",
        "mj-accordion": f"{_BOX} {_ICONS} border container-background-color font-family",
        "mj-accordion-element": f"{_ICONS} background-color border css-class font-family mj-class",
        "mj-accordion-title": f"{_BOX} background-color color font-family font-size font-weight",
        "mj-accordion-text": f"{_BOX} background-color color font-family font-size font-weight letter-spacing "
        "line-height",
        "mj-carousel": f"{_IN_COLUMN} border-radius icon-width left-icon right-icon tb-border tb-border-radius "
        "tb-hover-border-color tb-selected-border-color tb-width thumbnails",
        "mj-carousel-image": f"{_LINK} alt border-radius css-class mj-class src tb-border tb-border-radius "
        "thumbnails-src",
    }.items()
}
_OF_COLUMNS = (
    "mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-raw mj-social mj-navbar mj-accordion mj-carousel"
)
_CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(children.split())
    for name, children in {
        "": "mjml",
        "mjml": "mj-head mj-body",
        "mj-head": "mj-title mj-preview mj-attributes mj-style mj-font mj-breakpoint mj-raw",
        "mj-body": "mj-section mj-wrapper mj-hero mj-raw",
        "mj-wrapper": "mj-section mj-hero mj-raw",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": _OF_COLUMNS,
        "mj-hero": _OF_COLUMNS,
        "mj-social": "mj-social-element",
        "mj-navbar": "mj-navbar-link",
        "mj-accordion": "mj-accordion-element",
        "mj-accordion-element": "mj-accordion-title mj-accordion-text",
        "mj-carousel": "mj-carousel-image",
    }.items()
}
_OF_TEXT = (
    "mj-title mj-preview mj-style mj-text mj-button mj-table mj-raw mj-social-element mj-navbar-link "
    "mj-accordion-title mj-accordion-text"
)
_TEXTS = frozenset(_OF_TEXT.split())
"""Elements that hold text or HTML."""
_OF_ADDRESSES = "href src background-url icon-unwrapped-url icon-wrapped-url thumbnails-src left-icon right-icon"
_ADDRESSES = frozenset(_OF_ADDRESSES.split())
_SAID = _ADDRESSES | {"srcset", "alt", "title"}
"""Attributes that come out as written, and may have merge tags."""
_ALLOWED = re.compile(r"\s*(?:https?:|mailto:|tel:|sms:|#|\{\{|\{%|\Z)", re.IGNORECASE)
_PLAIN = re.compile(r"[\w\s.,:;#%()'/+!-]*")

_UNKNOWN = "<{}> is not an MJML element"
_ELSEWHERE = "<{}> cannot be in {}"
_NO_ATTRIBUTE = "{} is not an attribute of <{}>"
_NO_ADDRESS = "an address begins with https://, http://, mailto:, tel: or sms:"
_NO_TAG = "a merge tag can be in texts, and in the attributes href, src, alt and title"
_NO_TEXT = "text must be in an element for it, such as <mj-text>"
_NOT_PLAIN = "this value has a character that {} cannot have"


def mjml_of(source: str, stand_ins: StandIns) -> str:
    """The author's MJML, checked, with stand-ins for texts and addresses. Raises SourceError."""
    return _Reader(source, find_tags(source), stand_ins).read()


def compiled(mjml: str) -> str:
    """The HTML of MJML that was made or checked here."""
    from mjml import mjml2html  # only what makes HTML needs it

    return mjml2html(mjml, fonts={})  # no web fonts but the author's own


class _Reader:
    def __init__(self, source: str, tags: list[Tag], stand_ins: StandIns) -> None:
        self._source = source
        self._masked = mask(source, tags)
        self._tags = tags
        self._stand_ins = stand_ins
        self._out: list[str] = []
        self._open: list[tuple[Token, list[Tag]]] = []
        """The elements around, each with the statements between its children."""
        self._elements = 0

    def read(self) -> str:
        text: Token | None = None
        inside: list[Token] = []
        for token in markup.tokens(self._masked):
            if token.kind == markup.UNFINISHED:
                raise SourceError(token.start, "this is not closed")
            if text is not None and not (token.kind == markup.END_TAG and token.name == text.name):
                self._check_html(token, inside)
            elif token.kind == markup.START_TAG:
                is_open = self._start(token)
                text = token if is_open and token.name in _TEXTS and not self._sets_defaults() else None
            elif token.kind == markup.END_TAG:
                self._end(token, text, inside)
                text = None
            elif token.kind == markup.TEXT:
                self._between(token)
        if self._open:
            raise SourceError(self._open[-1][0].start, f"<{self._open[-1][0].name}> is never closed")
        if not self._elements:
            raise SourceError(0, "it has no <mjml>")
        return "".join(self._out)

    def _start(self, token: Token) -> bool:
        """Writes a start tag; whether its element has an inside."""
        name, around = token.name, self._open[-1][0].name if self._open else ""
        if name not in _ATTRIBUTES and not (around == "mj-attributes" and name in ("mj-all", "mj-class")):
            raise SourceError(token.start, _UNKNOWN.format(name) if name.startswith("mj") else _NO_TEXT)
        is_default = around == "mj-attributes"
        if not is_default and (self._sets_defaults() or name not in _CHILDREN.get(around, ())):
            raise SourceError(token.start, _ELSEWHERE.format(name, f"<{around}>" if around else "front of <mjml>"))
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise SourceError(token.start, f"more than {MAX_ELEMENTS:,} elements")
        attributes = self._attributes(token, _ATTRIBUTES.get(name))  # <mj-all> and <mj-class> may have all
        if name == "mj-class" and ' name="' not in attributes:
            raise SourceError(token.start, "a <mj-class> needs a name")
        closes = markup.closes_itself(self._masked, token)
        self._out.append(f"<{name}{attributes}{' /' if closes or is_default else ''}>")
        if not closes:
            self._open.append((token, []))
        return not closes

    def _sets_defaults(self) -> bool:
        """Whether the innermost open element is one of <mj-attributes>: such a one has no inside."""
        return len(self._open) > 1 and self._open[-2][0].name == "mj-attributes"

    def _end(self, token: Token, text: Token | None, inside: list[Token]) -> None:
        _require_open(self._open[-1][0] if self._open else None, token)
        start, statements = self._open.pop()
        if inside:
            raise SourceError(inside[-1].start, f"<{inside[-1].name}> is not closed in <{token.name}>")
        if self._open and self._open[-1][0].name == "mj-attributes":
            return  # it closed itself
        if text is not None:
            statements = list(tags_in(self._tags, start.end, token.start))
            self._out.append(self._stand_ins.add(*self._text(start, token.start)))
        require_balance(statements, "element or attribute")
        self._out.append(f"</{token.name}>")

    def _text(self, start: Token, end: int) -> Sequence[Piece]:
        """The inside of an element as written; a title also becomes the value of an attribute."""
        if start.name != "mj-title":
            return [Piece(self._source[start.end : end], start.end)]
        return self._pieces(start.end, end)

    def _between(self, token: Token) -> None:
        """Between elements, only statements: MJML has <mj-raw> for them."""
        tags = tags_in(self._tags, token.start, token.end)
        for piece, tag in split(self._source, tags, token.start, token.end):
            if tag is None and not piece.text.strip():
                continue
            if not (tag and tag.word and self._open and "mj-raw" in _CHILDREN.get(self._open[-1][0].name, ())):
                raise SourceError((piece.at or 0) + len(piece.text) - len(piece.text.lstrip()), _NO_TEXT)
            self._open[-1][1].append(tag)
            self._out.append(f"<mj-raw>{self._stand_ins.add(piece, tag=tag)}</mj-raw>")

    def _attributes(self, token: Token, known: frozenset[str] | None) -> str:
        written = markup.written_attributes(self._masked, token)
        within = tags_in(self._tags, token.start, token.end)
        values = [each for each in written if each.name in _SAID and each.start >= 0]
        for tag in within:
            if not any(each.start <= tag.start and tag.end <= each.end for each in values):
                raise SourceError(tag.start, _NO_TAG)
        said: dict[str, str] = {}
        for each in written:
            if known is not None and each.name not in known:
                raise SourceError(token.start, _NO_ATTRIBUTE.format(each.name, token.name))
            value = self._value(each)
            if each.name in _SAID:
                require_balance(tags_in(self._tags, each.start, each.end), "element or attribute")
                said.setdefault(each.name, self._stand_ins.add(*self._pieces(each.start, each.end)))
            elif len(value) > MAX_VALUE:
                raise SourceError(each.start, f"the value of {each.name} is longer than {MAX_VALUE} characters")
            elif not _PLAIN.fullmatch(value):
                raise SourceError(max(each.start, token.start), _NOT_PLAIN.format(each.name))
            else:
                said.setdefault(each.name, value)
        return "".join(f' {name}="{value}"' for name, value in said.items())

    def _pieces(self, start: int, end: int) -> list[Piece]:
        """A text for between quotes, with its merge tags as they are."""
        parts = split(self._source, tags_in(self._tags, start, end), start, end)
        return [each if tag else Piece(each.text.replace('"', "&quot;"), each.at) for each, tag in parts]

    def _value(self, attribute: Attribute) -> str:
        """As written; raises SourceError for an address that is none."""
        value = self._source[attribute.start : attribute.end] if attribute.start >= 0 else ""
        if attribute.name in _ADDRESSES and not _ALLOWED.match(markup.decode_attribute(value)):
            raise SourceError(attribute.start, _NO_ADDRESS)
        return value

    def _check_html(self, token: Token, inside: list[Token]) -> None:
        """The HTML within one element closes all that it opens, so that it cannot end what is around it."""
        if token.kind == markup.START_TAG:
            for each in markup.written_attributes(self._masked, token):
                self._value(each)
            if token.name.startswith("mj"):
                raise SourceError(token.start, _ELSEWHERE.format(token.name, "a text"))
            if token.name not in markup.VOID and not markup.closes_itself(self._masked, token):
                inside.append(token)
        elif token.kind == markup.END_TAG:
            _require_open(inside[-1] if inside else None, token)
            inside.pop()


def _require_open(innermost: Token | None, end: Token) -> None:
    """Raises SourceError unless this end tag closes the innermost open element."""
    if innermost is None or innermost.name != end.name:
        opened = f"; <{innermost.name}> is open" if innermost else ""
        raise SourceError(end.start, f"</{end.name}> closes nothing here{opened}")
