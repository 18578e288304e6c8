"""Reads HTML as a browser does, with html5lib, in bounded time and memory.

html5lib is quadratic in some things, and a tree can be many times larger than its document. A linear count of the tags
refuses such documents beforehand, and limits of CPU time and depth stop what the count does not foresee.
"""

import re
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from time import thread_time
from typing import Any, Final, NamedTuple
from xml.dom import minidom
from xml.dom.minidom import CharacterData, Document, DocumentType, Element, Text

import html5lib

from chalicelib.content.document import HIDING_STYLE
from chalicelib.content.errors import SourceError

SECONDS: Final = 2.5  # of CPU in a request, each for a proof and the findings; the slowest of 341 real mails takes 0.1
MAX_TAGS: Final = 10_000  # and as many references and dashes; the largest of those mails has 1,653
MAX_ATTRIBUTES: Final = 100  # of one tag (17)
MAX_TAG_LENGTH: Final = 16_384  # of one tag without its quoted values (231)
MAX_DEPTH: Final = 200  # elements in each other (27); looked at every thousand characters
MAX_FORMATTING: Final = 20  # open elements that a browser opens again in the next paragraph (2)
MAX_FORMATTING_IN_ALL: Final = 100_000  # the sum of those and their attributes over all tags

_PIECE = 1_024  # characters that the parser gets at a time
_TOO_SLOW = "it would take too long; use fewer elements, and fewer {% if %}"
_UNREADABLE = "its elements are nested in an unusual way here; write them more simply"
_TOO_DEEP = f"more than {MAX_DEPTH:,} elements are open here; close them"
_SPACE = r"\t\n\f\r "
_RAW = "title|textarea|style|xmp|iframe|noembed|noframes|script"
# A missing end is the document's.
_COMMENT = r"<!--(?:-?>|(?:[^-]|-(?!-!?>))*+)"
_WITHOUT_TAGS = rf"<(?P<raw>{_RAW})(?=[{_SPACE}/>])(?:[^<]|<(?!/(?P=raw)[{_SPACE}/>]))*+"
_COUNTED = re.compile(
    rf"{_COMMENT}|{_WITHOUT_TAGS}"
    rf"|<(?P<end>/?)(?P<name>[a-z][^{_SPACE}/>]*+)(?P<rest>(?:[^\"'>]|\"[^\"]*+\"|'[^']*+')*+)",
    re.IGNORECASE | re.ASCII,
)
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_ATTRIBUTE = re.compile(rf"[^{_SPACE}/>=]+")
_NO_CHARACTER = re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{20}")
_FORMATTING = "a b big code em font i nobr s small strike strong tt u"
_REOPENED = frozenset(_FORMATTING.split())
_HIDING = (
    "head title style script template select textarea xmp iframe noembed noframes noscript plaintext svg math object "
    "video audio canvas frameset details dialog datalist"
)
_HIDDEN = "#hidden"
NOT_SHOWN: Final = frozenset((*_HIDING.split(), _HIDDEN))
"""Elements whose content browsers do not show, or not always, or not as HTML."""


class NotParsed(SourceError):
    """HTML that is not read, at an offset of it: it would take too long, or html5lib fails."""


class Node(NamedTuple):
    """One element, text, comment or doctype of a tree."""

    name: str
    """An element's name; "#text", "#comment" and so on of others."""
    namespace: str | None
    around: tuple[str, ...]
    """The names of the elements that it is in, outermost first; _HIDDEN for those that their own style hides."""
    attributes: dict[str, str]
    text: str

    @property
    def is_shown(self) -> bool:
        """Whether a browser shows it, as far as the elements around it say."""
        return NOT_SHOWN.isdisjoint(self.around)


def parse(html: str, deadline: float) -> Document:
    """The tree that a browser builds from this HTML.

    `deadline`: of this thread's CPU time (`time.thread_time`), which a busy machine leaves as it is. Raises NotParsed.
    """
    _check(html)
    parser = html5lib.HTMLParser(_Builder, namespaceHTMLElements=False)
    reader = _Reader(as_read(html), parser, deadline)
    try:
        document: Document = parser.parse(reader)
    except Exception as error:  # html5lib has defects, such as with <html> in <svg> in a table
        line, column = parser.tokenizer.stream.position()
        at = sum(len(each) + 1 for each in html.split("\n")[: line - 1]) + column
        reason = str(error) if isinstance(error, _Stopped) else _UNREADABLE
        raise NotParsed(max(html.rfind("<", 0, at), 0), reason) from error
    return document


def as_read(html: str) -> str:
    """The text with U+FFFD for what is no character: html5lib would note each as an error, which takes too long."""
    return _NO_CHARACTER.sub("\ufffd", html)


def nodes(document: Document) -> Iterator[Node]:
    """All that is in a tree, in document order; texts that follow each other are one."""
    waiting: list[tuple[tuple[str, ...], minidom.Node]] = [((), child) for child in reversed(document.childNodes)]
    while waiting:
        around, node = waiting.pop()
        text = node.data if isinstance(node, CharacterData) else ""
        while isinstance(node, Text) and waiting and waiting[-1][0] is around and isinstance(waiting[-1][1], Text):
            text += waiting.pop()[1].data  # type: ignore[attr-defined]
        if isinstance(node, DocumentType):
            text = node.toxml()
        attributes = dict(node.attributes.items()) if isinstance(node, Element) and node.hasAttributes() else {}
        yield Node(node.nodeName or "", node.namespaceURI, around, attributes, text)
        is_hidden = HIDING_STYLE.search(attributes.get("style", "")) is not None
        below = (*around, _HIDDEN if is_hidden else node.nodeName or "")
        waiting += ((below, child) for child in reversed(node.childNodes))


class _Element(Element):
    def setAttribute(self, attname: str, value: str) -> None:  # noqa: N802 - minidom's name
        """Keep `href` beside `th:href`: minidom takes names that differ in their prefix alone for the same."""
        self.setAttributeNS(attname, attname, value)


class _Builder(html5lib.getTreeBuilder("dom")):  # type: ignore[misc]
    def elementClass(self, name: str, namespace: str | None = None) -> Any:  # noqa: N802 - html5lib's name
        built = super().elementClass(name, namespace)
        built.element.__class__ = _Element
        return built


class _Stopped(Exception):
    """The document is not read to its end; says why."""


class _Reader:
    """A document as a file, which the parser cannot read on after the deadline, or in too many open elements."""

    def __init__(self, html: str, parser: html5lib.HTMLParser, deadline: float) -> None:
        self._file = StringIO(html, newline="")
        self._parser = parser
        self._deadline = deadline

    def read(self, size: int = -1, /) -> str:
        if size and thread_time() > self._deadline:
            raise _Stopped(_TOO_SLOW)
        if size and len(self._parser.tree.openElements) > MAX_DEPTH:
            raise _Stopped(_TOO_DEEP)
        return self._file.read(min(size, _PIECE))


def _check(html: str) -> None:
    """Raises NotParsed for what may take html5lib too long."""
    for sign, name in (("<", "tags"), ("&", "references like &amp;")):
        if html.count(sign) > MAX_TAGS:
            nth = next(islice(re.finditer(sign, html), MAX_TAGS - 1, None))
            raise NotParsed(nth.start(), f"it has more than {MAX_TAGS:,} {name}; shorten the mail")
    if (nul := html.find("\0")) >= 0:
        raise NotParsed(nul, "there is a NUL character here; remove it")
    if number := _LONG_NUMBER.search(html):
        raise NotParsed(number.start(), "no character has a number this long; correct this reference")
    _count(html)


def _count(html: str) -> None:
    weights: dict[str, list[int]] = {name: [] for name in _REOPENED}  # of those open: 1 + attributes of each
    dashes = formatting = weight = in_all = 0
    for tag in _COUNTED.finditer(html):
        at, name = tag.start(), (tag["name"] or "").lower()
        if not name:
            if not tag["raw"] or tag["raw"].lower() == "script":
                dashes += tag[0].count("-")
            if dashes > MAX_TAGS:
                raise NotParsed(at, f"comments and scripts have more than {MAX_TAGS:,} dashes; shorten them")
            continue
        if len(tag["rest"]) > MAX_ATTRIBUTES:
            bare = _QUOTED.sub("", tag["rest"])
            if len(bare) > MAX_TAG_LENGTH:
                raise NotParsed(at, f"this tag has over {MAX_TAG_LENGTH:,} characters outside of quotes; shorten it")
            if len(_ATTRIBUTE.findall(bare)) > MAX_ATTRIBUTES:
                raise NotParsed(at, f"this tag has more than {MAX_ATTRIBUTES:,} attributes; remove some")
        in_all += 0 if tag["end"] else weight
        if name in _REOPENED and not tag["end"]:
            weights[name].append(1 + len(_ATTRIBUTE.findall(_QUOTED.sub("", tag["rest"]))))
            formatting, weight = formatting + 1, weight + weights[name][-1]
        elif weights.get(name):
            formatting, weight = formatting - 1, weight - weights[name].pop()
        if formatting > MAX_FORMATTING:
            raise NotParsed(at, f"more than {MAX_FORMATTING:,} elements like <b> or <a> are open here; close them")
        if in_all > MAX_FORMATTING_IN_ALL:
            raise NotParsed(at, "too many elements are within open ones like <b>, <font> or <a>; close these sooner")
