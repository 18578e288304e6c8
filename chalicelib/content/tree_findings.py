"""Judges what readers get of a mail: images, links, headings and hidden text of the tree that html5lib builds of it.

Browsers build the same tree: text between table rows moves before the table, and an unclosed <a> is repeated in the
paragraphs that follow. Every start tag gets its place in the source as an attribute beforehand, and elements keep it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from time import thread_time
from typing import Any, Final
from xml.dom.minidom import Document, Element, Node, Text

from chalicelib.content import markup
from chalicelib.content.document import HIDING_STYLE
from chalicelib.content.html_tree import SECONDS, parse
from chalicelib.content.merge_tags import STATEMENT_MASK
from chalicelib.content.pieces import split

MAX_PREVIEW_TEXT: Final = 250  # characters; the longest in 405 published mails and templates has 200
LONG_MAIL: Final = 300  # words; 9 of those have as many and no heading, though several sections

_PLACE = "data-place"
_WITHOUT_TEXT = ("head", "style", "script", "template")
_NAMES = ("alt", "aria-label", "aria-labelledby", "title")
_IMPORT = re.compile(r"@import\b", re.IGNORECASE)
_NO_HOST = re.compile(r"https?:/*(?:[?#]|$)", re.IGNORECASE)
_MARKUP = re.compile(
    r"</?(?:a|b|big|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|script|small|span|strong|style|sub|sup"
    r"|table|td|th|tr|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff]+")


def tree_problems(masked: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """For HTML with its merge tags masked: codes of findings, their places in it, and the values of their messages.

    Conditional comments are left out. Raises NotParsed.
    """
    tree = parse(_with_places(masked), thread_time() + SECONDS)
    for each in _elements(tree):
        is_sheet = each.tagName == "link" and "stylesheet" in each.getAttribute("rel").lower().split()
        if (is_sheet and each.getAttribute("href")) or (each.tagName == "style" and _IMPORT.search(_text(each))):
            yield "external_style_sheet", _place(each), {}
        if each.tagName == "script" and "json" not in each.getAttribute("type").lower():
            yield "script_removed", _place(each), {}
    yield from _without_hidden(tree)
    for image in tree.getElementsByTagName("img"):
        if not image.hasAttribute("alt"):
            yield "image_without_alt", _place(image), {}
            image.setAttribute("alt", "?")  # one finding is enough: its link needs no other
        if not image.hasAttribute("width"):
            yield "image_without_width", _place(image), {}
        if image.getAttribute("src").lower().startswith("http:"):
            yield "image_not_https", _place(image), {}
        if _NO_HOST.match(image.getAttribute("src").strip()):
            yield "image_without_address", _place(image), {}
    for element in _elements(tree):
        text = "".join(each.data for each in element.childNodes if isinstance(each, Text))
        if element.tagName not in ("code", "pre") and _MARKUP.search(text):
            yield "markup_shown", _place(element), {}
    says = dict[int, bool]()
    for link in _elements(tree):
        if link.tagName in ("a", "area") and link.hasAttribute("href"):
            names = (each.getAttribute(name) for each in _elements(link) for name in _NAMES)
            says[_place(link)] = says.get(_place(link), False) or bool(_words(link) or "".join(names).strip())
    yield from (("link_without_text", place, {}) for place, anything in says.items() if not anything)
    headings = [
        (int(each.tagName[1]), _place(each)) for each in _elements(tree) if re.fullmatch("h[1-6]", each.tagName)
    ]
    for (above, _), (level, place) in pairwise(headings):
        if level > above + 1:
            yield "heading_level_skipped", place, {"above": above, "level": level}
    if not headings and (words := len(_words(tree))) >= LONG_MAIL:
        yield "headings_missing", 0, {"words": words}


def _without_hidden(tree: Document) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Takes out of the tree what is not shown, and gives the problems of hidden text."""
    for element in [each for each in _elements(tree) if each.tagName in _WITHOUT_TEXT]:
        element.childNodes.clear()
    is_first = True  # inboxes show the first text behind the subject, hidden or not
    for node in _walk(tree):
        if isinstance(node, Text):
            is_first = is_first and not _words(node)
        elif isinstance(node, Element) and node.parentNode and _is_hidden(node):
            words = " ".join(_words(node))
            if words and not (is_first and len(words) <= MAX_PREVIEW_TEXT):
                yield "hidden_text", _place(node), {}
            is_first = is_first and not words
            node.parentNode.removeChild(node)
            node.childNodes.clear()  # unlink() would recurse, and the walk must not go on within it


def _is_hidden(element: Element) -> bool:
    """Whether it is for certain: a style sheet may show an element with a class or an id on some screens."""
    is_certain = not (element.hasAttribute("class") or element.hasAttribute("id"))
    return is_certain and HIDING_STYLE.search(element.getAttribute("style")) is not None


def _words(node: Node) -> list[str]:
    return _INVISIBLE.sub("", _text(node)).split()


def _text(node: Node) -> str:
    return " ".join(each.data for each in _walk(node) if isinstance(each, Text))


def _walk(node: Node) -> Iterator[Node]:
    """The node and all below it in document order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.childNodes)


def _elements(node: Node) -> Iterator[Element]:
    """The elements of a tree in document order."""
    return (each for each in _walk(node) if isinstance(each, Element))


def _place(element: Element) -> int:
    return int(element.getAttribute(_PLACE) or 0)


def _with_places(masked: str) -> str:
    """As html5lib reads it: statements yield nothing, and every start tag names its place first."""
    names = (token._replace(end=token.names_end) for token in markup.tokens(masked) if token.kind == markup.START_TAG)
    parts = (f'{piece.text} {_PLACE}="{piece.at}"' if name else piece.text for piece, name in split(masked, names))
    return "".join(parts).replace(STATEMENT_MASK, "")
