"""Proves before a mail leaves that compiling changed in it what it should, and nothing else.

Two readers have to agree. The scanner (markup.py, document.py) finds the links, and the compiler edits the author's
text there. Here html5lib reads the author's HTML and the compiled HTML as a browser does, and both are compared:

1. As texts they are equal, but for values of attributes, and for footer and pixel in one place (alignment.py).
2. As trees they are equal, but for hrefs of links. Each of those leads where the author's leads, by a click URL that is
   signed for it, or is as the author wrote it and reported as untracked. Footer and pixel are where they are shown.
   Trees are compared with all branches of all statements at once, and with the branches that some leads get.

Nothing here uses the scanner's idea of where a link is, only the rules of what a destination means (destinations.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from time import monotonic
from typing import Final, NoReturn, TypeGuard
from xml.dom.minidom import Comment, Document, DocumentType, Element, Node, Text

from chalicelib.content.alignment import Alignment, Differs, Reading
from chalicelib.content.compiled import CompiledContent, ContentSource, LinkTracking, Segments
from chalicelib.content.destinations import tidy
from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.followed import FollowedLinks
from chalicelib.content.tree import NOT_SHOWN, NotParsed, children, elements, is_shown, is_within, parse, place_of, walk
from chalicelib.content.unfold import Unfolder, folded
from chalicelib.model.errors import Fault

SECONDS: Final = 2.5  # for one proof; the mail with the longest of 341 real ones takes 0.1
MAX_FAULTS: Final = 20

_CONDITION = re.compile(r"\[if\b[^\]]*+\]>", re.IGNORECASE)
_BODY_END = re.compile(r"</(?:body[\s/>]|\Z)", re.IGNORECASE)
_UNCHECKED = "this HTML could not be checked"
_EXCERPT: Final = 120  # characters of each side that a fault shows


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven of one compiled mail; without faults, that nothing but these links, footer and pixel changed."""

    tracked: int
    """Links that a browser would follow through a click URL."""
    untracked: int
    """Links that are as the author wrote them."""
    faults: tuple[Fault, ...] = ()
    """What differs, with its place in the author's source."""


def prove(source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None) -> Proof:
    """Compare what the author wrote with what it was compiled to, `tracking` being what it was compiled with.

    Takes SECONDS at most, and never raises: what cannot be checked is a fault.
    """
    html = folded(source.html or "")
    if not html.strip() or compiled.html is None:
        is_text = not html.strip() and compiled.html is None and not compiled.links
        return Proof(0, 0, () if is_text else (Fault("html", "the compiled mail has other parts than the source"),))
    positions = Positions(html)
    try:
        return _Comparison(source, html, compiled, compiled.html, tracking).proof()
    except Differs as error:
        fault = Fault("html", error.reason, *positions.of(error.offset))
    except SourceError as error:
        fault = Fault("html", f"{_UNCHECKED}: {error.reason}", *positions.of(error.offset))
    except Exception as error:
        fault = Fault("html", f"{_UNCHECKED} ({type(error).__name__})")
    return Proof(0, 0, (fault,))


class _Comparison:
    """The comparison of one mail with its source."""

    def __init__(
        self,
        source: ContentSource,
        html: str,
        compiled: CompiledContent,
        segments: Segments,
        tracking: LinkTracking | None,
    ) -> None:
        self._deadline = monotonic() + SECONDS
        self._html = html
        self._positions = Positions(html)
        self._unfolder = Unfolder(html)
        self._is_tracked = tracking is not None
        self._texts = Alignment(self._unfolder, html, segments, tracking.base_url if tracking else None)
        self._links = FollowedLinks(self._unfolder, source, compiled, tracking)
        self._pixel = f"{tracking.base_url if tracking else ''}/t/o/{self._unfolder.delivery}.gif"

    def proof(self) -> Proof:
        """Raises Differs where the trees differ, and NotParsed for what cannot be read."""
        for reading in self._texts.readings():
            author = self._parsed(reading, compiled=False)
            compiled = author if reading.author == reading.compiled else self._parsed(reading, compiled=True)
            bases = (each.getAttribute("href") for each in elements(author) if _is_base(each))
            self._links.base = next((tidy(href) for href in bases if tidy(href)), "")
            self._compare(author, compiled, reading.author, reading.source_offset)
            self._check_shown(compiled)
            self._check_end(reading, author)
        self._links.check_report(self._texts.links)
        return Proof(self._links.tracked, self._links.untracked, tuple(dict.fromkeys(self._links.faults))[:MAX_FAULTS])

    def _parsed(self, reading: Reading, *, compiled: bool) -> Document:
        try:
            return parse(reading.compiled if compiled else reading.author, self._deadline)
        except NotParsed as error:
            raise NotParsed(reading.source_offset(error.offset, compiled=compiled), error.reason) from error

    def _compare(self, author: Document, compiled: Document, text: str, offset_of: Callable[[int], int]) -> None:
        """Compare two trees node by node; `text` is the author's, `offset_of` turns its offsets into the source's."""
        pairs: list[tuple[Node, Node]] = [(author, compiled)]
        while pairs:
            mine, other = pairs.pop()
            if isinstance(mine, Element) and isinstance(other, Element):
                # A browser repeats an element that is not closed, behind the place of its tag.
                is_written = text[(at := place_of(mine)) + 1 : at + 1 + len(mine.tagName)].lower() == mine.tagName
                self._compare_elements(mine, other, offset_of(place_of(mine)), is_written=is_written)
            elif isinstance(mine, Comment) and isinstance(other, Comment):
                self._compare_comments(mine, other, offset_of(place_of(mine)))
            elif isinstance(mine, DocumentType) and isinstance(other, DocumentType) and mine.toxml() != other.toxml():
                self._differ(0, mine.toxml(), other.toxml())
            below: list[tuple[Node, Node]] = []
            for ours, theirs in zip_longest(children(mine), children(other)):
                if _kind(ours) != _kind(theirs):
                    self._differ(offset_of(place_of(mine)), _shown(ours), _shown(theirs))
                if isinstance(ours, Node) and isinstance(theirs, Node):
                    below.append((ours, theirs))
            pairs += reversed(below)

    def _compare_elements(self, mine: Element, other: Element, offset: int, *, is_written: bool) -> None:
        ours, theirs = (dict(each.attributes.items()) for each in (mine, other))
        if _is_link(mine):
            place = self._positions.of(offset)
            if "href" in ours and "href" in theirs:
                self._links.compare(ours.pop("href"), theirs.pop("href"), place, ours, is_written=is_written)
            elif "xlink:href" in ours:
                self._links.leave(ours["xlink:href"], place, is_written=is_written)
        if ours != theirs:
            name = next(name for name in ours | theirs if ours.get(name) != theirs.get(name))
            self._differ(offset, *(f'{name}="{each[name]}"' if name in each else "nothing" for each in (ours, theirs)))

    def _compare_comments(self, mine: Comment, other: Comment, offset: int) -> None:
        """What a comment holds within a condition, Outlook reads."""
        condition, theirs = _CONDITION.match(mine.data), _CONDITION.match(other.data)
        if condition and theirs and condition[0] == theirs[0] and "href" in mine.data.lower():
            author, compiled = mine.data[condition.end() :], other.data[theirs.end() :]
            try:
                inside = parse(author, self._deadline)
                outlooks = inside if compiled == author else parse(compiled, self._deadline)
            except NotParsed as error:
                raise NotParsed(offset, error.reason) from error
            self._compare(inside, outlooks, author, (offset + condition.end()).__add__)
        elif mine.data != other.data:
            self._differ(offset, f"<!--{mine.data}-->", f"<!--{other.data}-->")

    def _check_shown(self, compiled: Document) -> None:
        """Pixel and unsubscribe link are where a browser shows them."""
        unfolder = self._unfolder
        pixels, footers, unsubscribes = [], [], []
        for node in walk(compiled):
            href = node.getAttribute("href") if _is_link(node) else ""
            if isinstance(node, Element) and node.tagName == "img" and node.getAttribute("src") == self._pixel:
                pixels.append(is_shown(node))
            if href == unfolder.own_unsubscribe:
                footers.append(is_shown(node))
            if unfolder.names_unsubscribe(node.data if isinstance(node, Text) else href):
                unsubscribes.append(is_shown(node))
        if self._is_tracked and pixels != [True]:
            self._note("the tracking pixel is not where a browser shows it")
        if self._texts.has_footer and footers != [True]:
            self._note("the unsubscribe link that was added is not where a browser shows it")
        if not self._texts.has_footer and not any(unsubscribes):
            self._note("a browser shows no unsubscribe link, or not to all leads")

    def _check_end(self, reading: Reading, author: Document) -> None:
        """A browser shows nothing of what is behind footer and pixel, unless it is behind the body's end."""
        behind = reading.behind
        if behind and not _BODY_END.match(behind):
            until = parse(reading.author.removesuffix(behind), self._deadline)
            if _visible(until) != _visible(author):
                found = self._unfolder.readable(behind[:_EXCERPT])
                self._note(f"footer and pixel must be at the end of the mail, not before {found!r}")

    def _differ(self, offset: int, ours: str, theirs: str) -> NoReturn:
        ours, theirs = (self._unfolder.readable(each)[:_EXCERPT] for each in (ours, theirs))
        raise Differs(offset, f"a browser reads {ours} here in the source, and {theirs} in the compiled mail")

    def _note(self, reason: str) -> None:
        self._links.faults.append(Fault("html", reason, *self._positions.of(self._texts.added_at)))


def _is_link(node: Node) -> TypeGuard[Element]:
    """Whether a browser, or Outlook, follows the href of this node."""
    return isinstance(node, Element) and (node.tagName in ("a", "area") or node.tagName.startswith("v:"))


def _is_base(element: Element) -> bool:
    """Whether a browser resolves addresses by this element; html5lib does not know that a <template> is no document."""
    return element.tagName == "base" and not is_within(element, ("template",))


def _visible(document: Document) -> list[str]:
    """The texts, and the names of the elements, that a browser shows."""
    visible = []
    for node in walk(document):
        said = node.data.strip() if isinstance(node, Text) else node.nodeName if isinstance(node, Element) else ""
        if said and said not in NOT_SHOWN and is_shown(node):
            visible.append(said)
    return visible


def _kind(node: Node | str | None) -> object:
    """Equal for nodes that are the same but for what they hold, and for equal texts."""
    return (node.nodeType, node.nodeName, getattr(node, "namespaceURI", None)) if isinstance(node, Node) else node


def _shown(node: Node | str | None) -> str:
    return "nothing" if node is None else repr(node) if isinstance(node, str) else f"<{node.nodeName}>"
