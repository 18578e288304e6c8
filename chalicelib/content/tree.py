"""Reads HTML as a browser does, with html5lib: the tree, and where each element starts, in bounded time and memory.

html5lib is quadratic in some things, and a tree can be many times larger than its document. A linear count of the tags
refuses such documents beforehand, and a deadline stops what the count does not foresee.
"""

import re
from collections.abc import Container, Iterator
from functools import partial
from time import monotonic
from typing import Any, Final
from xml.dom.minidom import Document, Element, Node, Text

import html5lib
from html5lib.treebuilders import getTreeBuilder

from chalicelib.content.errors import SourceError

SECONDS: Final = 2.0  # to parse one document; the largest of 341 real mails takes 0.05
MAX_TAGS: Final = 10_000  # and as many references and dashes; the largest of those mails has 1,653
MAX_ATTRIBUTES: Final = 100  # of one tag (17)
MAX_TAG_LENGTH: Final = 16_384  # of one tag without its quoted values (231)
MAX_DEPTH: Final = 100  # open elements, but for those that the next one closes (14)
MAX_FORMATTING: Final = 20  # open elements that a browser opens again in the next paragraph (2)
MAX_FORMATTING_IN_ALL: Final = 100_000  # the sum of those and their attributes over all tags

_PIECE = 1_024  # characters that the parser gets at most at a time
_SPACE = r"\t\n\f\r "
_RAW = "title|textarea|style|xmp|iframe|noembed|noframes|script"
# Comments, the elements that hold no tags, and tags. A missing end is the document's.
_COUNTED = re.compile(
    rf"(?P<comment><!--(?:[^-]|-(?!->))*+)"
    rf"|<(?P<raw>{_RAW})(?=[{_SPACE}/>])(?:[^<]|<(?!/(?P=raw)[{_SPACE}/>]))*+"
    rf"|<(?P<end>/?)(?P<name>[a-z][^{_SPACE}/>]*+)(?P<rest>(?:[^\"'>]|\"[^\"]*+\"|'[^']*+')*+)",
    re.IGNORECASE | re.ASCII,
)
# A tag and the text behind it, or what else there is up to the next "<".
_STRETCH = re.compile(rf"<[a-zA-Z](?:=[{_SPACE}]*+(?:\"[^\"]*+\"|'[^']*+')|[^>])*+[^<]*+|<?[^<]*+")
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_ATTRIBUTE = re.compile(rf"[^{_SPACE}/>=]+")
# html5lib notes each of these as an error, which takes longer than all the rest; to a browser they mean nothing.
_NO_CHARACTER = re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{20}")
_FORMATTING = "a b big code em font i nobr s small strike strong tt u"
_CLOSED_BY_OTHERS = (
    "html head body p li dd dt option optgroup tbody thead tfoot tr td th colgroup caption "
    "area base br col embed hr img input link meta param source track wbr"
)
_REOPENED = frozenset(_FORMATTING.split())
_NOT_COUNTED = frozenset(_CLOSED_BY_OTHERS.split())
_HIDING = (
    "head title style script template select textarea xmp iframe noembed noframes noscript plaintext svg math object "
    "video audio canvas frameset details dialog datalist"
)
NOT_SHOWN: Final = frozenset(_HIDING.split())
"""Elements whose content browsers do not show, or not always, or not as HTML."""


class NotParsed(SourceError):
    """HTML that is not read: it would take too long, or html5lib fails at it."""


def parse(html: str, deadline: float | None = None) -> Document:
    """The tree that a browser builds from this HTML; `place_of` gives the places of its elements.

    `deadline`: of `time.monotonic`, by default in SECONDS. Raises NotParsed.
    """
    _check(html)
    reader = _Reader(_NO_CHARACTER.sub("\ufffd", html), monotonic() + SECONDS if deadline is None else deadline)
    try:
        builder = partial(_Builder, reader)
        parser = html5lib.HTMLParser(builder, namespaceHTMLElements=False)  # type: ignore[arg-type]
        document: Document = parser.parse(reader)
    except NotParsed:
        raise
    except Exception as error:
        # html5lib has defects, such as with <html> in <svg> in a table.
        raise NotParsed(reader.at, "html5lib cannot read this part; make it simpler") from error
    return document


def place_of(node: Node) -> int:
    """Where the tag of this element starts in the parsed text; of other nodes, of the element before or around."""
    above: Node | None = node
    while above is not None:
        place: int | None = getattr(above, "place", None)
        if place is not None:
            return place
        above = above.previousSibling or above.parentNode
    return 0


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it in document order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.childNodes)


def elements(node: Node) -> Iterator[Element]:
    """The elements of a tree in document order."""
    return (each for each in walk(node) if isinstance(each, Element))


def children(node: Node) -> Iterator[Node | str]:
    """The nodes below this one; texts that follow each other come as one."""
    text: list[str] = []
    for child in node.childNodes:
        if isinstance(child, Text):
            text.append(child.data)
            continue
        if text:
            yield "".join(text)
            text = []
        yield child
    if text:
        yield "".join(text)


def is_shown(node: Node) -> bool:
    """Whether a browser shows this node, as far as the elements around it go."""
    return not is_within(node, NOT_SHOWN)


def is_within(node: Node, names: Container[str]) -> bool:
    """Whether one of the elements around this node has one of these names."""
    above = node.parentNode
    while above is not None:
        if above.nodeName in names:
            return True
        above = above.parentNode
    return False


class _Reader:
    """The document as a file, handed out in stretches from one tag to the next; `at` is where the last one starts."""

    def __init__(self, html: str, deadline: float) -> None:
        self.at = 0
        self.until = 0
        self._html = html
        self._stretch = 0  # where the present one ends
        self._deadline = deadline

    def read(self, size: int = -1, /) -> str:
        if not size:  # html5lib asks what kind of file it is
            return ""
        if monotonic() > self._deadline:
            raise NotParsed(self.at, "reading it as a browser does takes too long; make it simpler")
        start = self.until
        if start == self._stretch and (stretch := _STRETCH.match(self._html, start)):
            self.at, self._stretch = start, stretch.end()
        self.until = min(start + _PIECE, self._stretch)
        return self._html[start : self.until]

    def place_of_comment(self, data: str) -> int:
        """Where this text of a comment that has just been read starts."""
        return self._html.rfind(data, 0, self.until)


class _Builder(getTreeBuilder("dom")):  # type: ignore[misc]
    """Notes on each element, and on each comment with a condition, where it starts."""

    def __init__(self, reader: _Reader, namespaces: bool) -> None:
        self._reader = reader
        super().__init__(namespaces)

    def elementClass(self, name: str, namespace: str | None = None) -> Any:  # noqa: N802 - html5lib's name
        built = super().elementClass(name, namespace)
        built.element.place = self._reader.at
        return built

    def commentClass(self, data: str) -> Any:  # noqa: N802 - html5lib's name
        built = super().commentClass(data)
        if data.startswith("["):
            built.element.place = self._reader.place_of_comment(data)
        return built


def _check(html: str) -> None:
    """Raises NotParsed for what may take html5lib too long."""
    for sign, name in (("<", "tags"), ("&", "references like &amp;")):
        if html.count(sign) > MAX_TAGS:
            raise NotParsed(_nth(html, sign, MAX_TAGS), f"it has more than {MAX_TAGS:,} {name}")
    if (nul := html.find("\0")) >= 0:
        raise NotParsed(nul, "it holds a NUL character")
    if number := _LONG_NUMBER.search(html):
        raise NotParsed(number.start(), "no character has a number this long")
    _count(html)


def _nth(html: str, sign: str, number: int) -> int:
    at = -1
    for _ in range(number):
        at = html.find(sign, at + 1)
    return at


def _count(html: str) -> None:
    open_ones: list[tuple[str, int]] = []  # name, and 1 + attributes of a formatting element
    dashes = formatting = weight = in_all = 0
    for tag in _COUNTED.finditer(html):
        at, name = tag.start(), (tag["name"] or "").lower()
        if not name:
            if not tag["raw"] or tag["raw"].lower() == "script":
                dashes += tag[0].count("-")
            if dashes > MAX_TAGS:
                raise NotParsed(at, f"its comments and scripts have more than {MAX_TAGS:,} dashes")
            continue
        if len(tag["rest"]) > MAX_ATTRIBUTES:
            bare = _QUOTED.sub("", tag["rest"])
            if len(bare) > MAX_TAG_LENGTH:
                raise NotParsed(at, f"this tag has more than {MAX_TAG_LENGTH:,} characters outside of quotes")
            if len(_ATTRIBUTE.findall(bare)) > MAX_ATTRIBUTES:
                raise NotParsed(at, f"this tag has more than {MAX_ATTRIBUTES:,} attributes")
        is_foreign = any(each in ("svg", "math") for each, _ in open_ones)
        if name in _NOT_COUNTED or (is_foreign and tag["rest"].endswith("/")):
            in_all += 0 if tag["end"] else weight
        elif not tag["end"]:
            own = 1 + tag["rest"].count("=") if name in _REOPENED else 0
            open_ones.append((name, own))
            formatting, weight, in_all = formatting + bool(own), weight + own, in_all + weight
        else:
            for number in reversed(range(len(open_ones))):
                if open_ones[number][0] == name:
                    own = open_ones.pop(number)[1]
                    formatting, weight = formatting - bool(own), weight - own
                    break
        if len(open_ones) > MAX_DEPTH:
            raise NotParsed(at, f"more than {MAX_DEPTH:,} elements are open here")
        if formatting > MAX_FORMATTING:
            raise NotParsed(at, f"more than {MAX_FORMATTING:,} elements like <b>, <font> and <a> are open here")
        if in_all > MAX_FORMATTING_IN_ALL:
            raise NotParsed(at, "too many elements lie within unclosed ones like <b>, <font> and <a>")
