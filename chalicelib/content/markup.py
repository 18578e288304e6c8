"""Reads HTML as browsers do and gives the place of every token in the source, in one linear pass.

The tag rules of the HTML standard's tokenizer form a regular language. Possessive regular expressions match it without
backtracking, so that no document costs more than its length. html5lib's tokenizer reads the same language (the tests
compare the two on thousands of documents) but is quadratic in attributes and dashes and gives no offsets.
Source of the rules: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import Final, NamedTuple

from chalicelib.content.errors import SourceError
from chalicelib.content.merge_tags import STATEMENT_MASK

TEXT: Final = 0
START_TAG: Final = 1
END_TAG: Final = 2
COMMENT: Final = 3
RAW_TEXT: Final = 4  # the inside of <style>, <script>, <title>, ...: no markup
UNFINISHED: Final = 5  # what the document's end cuts off; with a name, the inside of that raw element or its end tag

_VOID = "area base br col embed hr img input link meta param source track wbr"
VOID: Final = frozenset(_VOID.split())
"""Elements that have no content: https://html.spec.whatwg.org/#void-elements, and <param>, which was one."""

# Elements whose content is no markup. <noscript> is none of them: mail clients run no scripts.
_RAW_ELEMENTS = frozenset({"title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "script", "plaintext"})
# Elements in which those are read otherwise, or not at all.
_WITHOUT_RAW_TEXT = frozenset({"svg", "math", "select"})
_UNCERTAIN = (
    "in an unclosed <{around}>, mail clients differ in whether this <{name}> holds text or markup; "
    "close the <{around}> before it, or write plain text and </{name}>"
)

_SPACE = r"\t\n\f\r "
_OPENING = re.compile("<(?=[a-zA-Z/!?])")
_TAG_NAME = re.compile(rf"[a-zA-Z][^{_SPACE}/>{STATEMENT_MASK}]*+")
_ATTRIBUTE = (
    rf"[^{_SPACE}/>{STATEMENT_MASK}][^{_SPACE}/>={STATEMENT_MASK}]*+"
    rf"(?:[{_SPACE}]*+=[{_SPACE}]*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^{_SPACE}>\"'][^{_SPACE}>]*+|(?=>)|\Z))?+"
)
_REST_OF_TAG = re.compile(rf"(?:[{_SPACE}/{STATEMENT_MASK}]++|{_ATTRIBUTE})*+(>?)")
_NAMED_ATTRIBUTE = re.compile(
    rf"([^{_SPACE}/>{STATEMENT_MASK}][^{_SPACE}/>={STATEMENT_MASK}]*+)"
    rf"(?:[{_SPACE}]*+=[{_SPACE}]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^{_SPACE}>\"'][^{_SPACE}>]*+)|(?=>)))?+"
)
_UPPER_TO_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
_COMMENT_END = re.compile(r"--!?>")
_RAW_END = {
    name: re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE | re.ASCII) for name in _RAW_ELEMENTS - {"script"}
}
_SCRIPT_MARK = re.compile(rf"<!--|-->|<(/?)script(?=[{_SPACE}/>])", re.IGNORECASE | re.ASCII)
_CDATA = re.compile(r"<!\[CDATA\[.*?\]\]>", re.DOTALL)
_CONDITION = re.compile(r"\[if\b[^\]]*+\]>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#([xX][0-9a-fA-F]++|[0-9]++);?|([A-Za-z][A-Za-z0-9]*+)(;?)(=?))")
_ENDLESS_NUMBER = re.compile(r"&#(?:[0-9]{100,}+|[xX][0-9a-fA-F]{100,}+);?")
_MAX_CODE_POINT = 0x10FFFF


class Token(NamedTuple):
    """One stretch of the source: [start, end). `name` is a tag's name in lower case; `names_end` where it ends."""

    kind: int
    start: int
    end: int
    name: str = ""
    names_end: int = 0


class Attribute(NamedTuple):
    """One attribute: its name in lower case and the [start, end) of its value without quotes; start -1 when none."""

    name: str
    start: int
    end: int


def tokens(source: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """Every token of source[start:end] in order, without gaps. Linear in its length.

    Within <svg>, <math> and <select> it takes the whole tree to know whether a <style> or <title> holds text or markup,
    and what a CDATA section is. Raises SourceError where that makes a difference, and at a <frameset>.
    """
    limit = len(source) if end is None else end
    position = start
    within: list[str] = []  # more rather than less: an end tag closes the innermost one or none
    selects = 0
    while position < limit:
        opening = _OPENING.search(source, position, limit)
        if opening is None:
            yield Token(TEXT, position, limit)
            return
        token = _token_at(source, opening.start(), limit, foreign=len(within) > selects)
        if token.start > position:
            yield Token(TEXT, position, token.start)
        yield token
        position = token.end
        if token.kind == UNFINISHED:
            return
        if token.kind == END_TAG and within and token.name == within[-1]:
            within.pop()
            selects -= token.name == "select"
        elif token.kind == START_TAG:
            if token.name in _WITHOUT_RAW_TEXT:
                if token.name == "select" or not closes_itself(source, token):
                    within.append(token.name)
                    selects += token.name == "select"
            elif token.name == "frameset":
                raise SourceError(token.start, "a <frameset> takes the place of the mail; remove it")
            elif token.name in _RAW_ELEMENTS:
                inside_end = _raw_end(source, token.name, position, limit)
                if within and not (inside_end >= 0 and _is_text(source[position:inside_end])):
                    raise SourceError(token.start, _UNCERTAIN.format(name=token.name, around=within[-1]))
                if inside_end > position:
                    yield Token(RAW_TEXT, position, inside_end, token.name)
                position = max(position, inside_end)
                if inside_end < 0 or _token_at(source, inside_end, limit, foreign=False).kind == UNFINISHED:
                    yield Token(UNFINISHED, position, limit, token.name)
                    return


def attributes(source: str, token: Token) -> dict[str, Attribute]:
    """The attributes of a start tag by name, in order; of several with one name only the first, as in browsers."""
    found: dict[str, Attribute] = {}
    for attribute in written_attributes(source, token):
        found.setdefault(attribute.name, attribute)
    return found


def written_attributes(source: str, token: Token) -> list[Attribute]:
    """All attributes of a start tag in order."""
    written = []
    for match in _NAMED_ATTRIBUTE.finditer(source, token.names_end, token.end):
        group = match.lastindex or 1
        begin, end = match.span(group) if group > 1 else (-1, -1)
        written.append(Attribute(match[1].translate(_UPPER_TO_LOWER), begin, end))
    return written


def closes_itself(source: str, token: Token) -> bool:
    """Whether there is a "/" before ">" that stands on its own and is not the end of an unquoted value."""
    if source[token.end - 2] != "/" or token.end - 2 < token.names_end:
        return False
    return all(attribute.end < token.end - 1 for attribute in attributes(source, token).values())


def conditional_markup(source: str, comment: Token) -> tuple[int, int] | None:
    """The [start, end) of the markup inside `<!--[if ...]>...<![endif]-->` (what Outlook reads), or None."""
    condition = _CONDITION.match(source, comment.start + 4, comment.end)
    if condition is None:
        return None
    end = source.rfind("--", condition.end(), comment.end)
    return (condition.end(), end) if end >= 0 else None


def decode_attribute(raw: str) -> str:
    """What an attribute's value means.

    In attributes `&copy=1` and `&notit` are no references, so html.unescape would corrupt the query strings of careless
    authors (https://html.spec.whatwg.org/#named-character-reference-state).
    """
    return _REFERENCE.sub(_decoded, raw) if "&" in raw else raw


def decode_text(raw: str) -> str:
    """What a text means. Numbers of thousands of digits are no characters, and html.unescape fails at them."""
    return unescape(_ENDLESS_NUMBER.sub("\ufffd", raw)) if "&" in raw else raw


def _token_at(source: str, opening: int, limit: int, *, foreign: bool) -> Token:
    """The tag or comment that starts here; `foreign`: within <svg> or <math>."""
    kind = END_TAG if source[opening + 1] == "/" else START_TAG
    if name := _TAG_NAME.match(source, opening + (2 if kind == END_TAG else 1), limit):
        rest = _REST_OF_TAG.match(source, name.end(), limit)
        if rest is None or not rest[1]:
            return Token(UNFINISHED, opening, limit)
        return Token(kind, opening, rest.end(), name[0].translate(_UPPER_TO_LOWER), name.end())
    if source.startswith("<!--", opening, limit):
        return _comment(source, opening, limit)
    end = source.find(">", opening, limit)
    comment = Token(COMMENT, opening, end + 1) if end >= 0 else Token(UNFINISHED, opening, limit)
    is_cdata = foreign and source.startswith("<![CDATA[", opening, limit)
    if is_cdata and comment.end != source.find("]]>", opening, limit) + 3:
        raise SourceError(opening, "where this CDATA section ends is uncertain, for it holds a >; write &gt;")
    return comment


def _comment(source: str, opening: int, limit: int) -> Token:
    inside = opening + 4
    if source.startswith(">", inside, limit):
        return Token(COMMENT, opening, inside + 1)
    if source.startswith("->", inside, limit):
        return Token(COMMENT, opening, inside + 2)
    end = _COMMENT_END.search(source, inside, limit)
    return Token(COMMENT, opening, end.end()) if end else Token(UNFINISHED, opening, limit)


def _is_text(inside: str) -> bool:
    """Whether this means the same read as raw text and as markup, foreign or not."""
    if inside.rfind("<![CDATA[") > inside.rfind("]]>"):
        return False
    for reading in (inside, _CDATA.sub("", inside)):
        if not all(token.kind in (TEXT, COMMENT) for token in tokens(reading)):
            return False
    return True


def _raw_end(source: str, name: str, position: int, limit: int) -> int:
    """Where the raw text of an element ends, that is where its end tag starts; -1 when the document ends first."""
    if name == "plaintext":
        return -1
    if name != "script":
        end = _RAW_END[name].search(source, position, limit)
        return end.start() if end else -1
    commented = nested = False
    while mark := _SCRIPT_MARK.search(source, position, limit):
        position = mark.end()
        if mark[0] == "<!--":
            commented = True
            position -= 2  # "<!-->" ends what it has just begun
        elif mark[0] == "-->":
            commented = nested = False
        elif mark[1]:
            if not nested:
                return mark.start()
            nested = False
        elif commented:
            nested = True
    return -1


def _decoded(match: re.Match[str]) -> str:
    number, name, semicolon, equals = match.groups()
    if number:
        return _code_point(number)
    if semicolon:
        known = html5.get(name + ";")
        if known is not None:
            return known + equals
    elif not equals and name in html5:
        return html5[name]
    return match[0]


def _code_point(number: str) -> str:
    digits = number[1:] if number[0] in "xX" else number
    significant = digits.lstrip("0")
    if not significant or len(significant) > 8:  # int() of a megabyte of digits is quadratic
        return "\ufffd"
    code = int(significant, 16 if number[0] in "xX" else 10)
    if code > _MAX_CODE_POINT or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if 0x80 <= code <= 0x9F:
        return bytes((code,)).decode("cp1252", "ignore") or chr(code)
    return chr(code)
