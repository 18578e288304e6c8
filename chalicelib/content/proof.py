"""Proves before a mail leaves that compiling changed in it what it should, and nothing else.

Two readers have to agree. The scanner (markup.py, document.py) finds the links, and the compiler edits the author's
text there. Here html5lib reads the author's HTML and the compiled HTML as a browser does, and both are compared:

1. Both become texts that can be compared, with all branches of all statements at once (unfold.py).
2. As texts they are equal, but for values of attributes, and for footer and pixel in one place (alignment.py).
3. As trees they are equal, but for hrefs of links. Each of those leads where the author's leads, by a click URL that is
   signed for it, or is as the author wrote it and reported as untracked. Footer and pixel are where they are shown.

Nothing here uses the scanner's idea of where a link is, only the rules of what a destination means (destinations.py).
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from time import monotonic
from typing import Final, NoReturn, TypeGuard
from urllib.parse import unquote, urljoin
from xml.dom.minidom import Comment, Document, DocumentType, Element, Node, Text

from chalicelib.content.alignment import Alignment, Differs
from chalicelib.content.compiled import CompiledContent, ContentSource, LinkTracking, Segments
from chalicelib.content.destinations import (
    DELIVERY_ID_LENGTH,
    MAX_CLICK_URL,
    RELATIVE,
    VALUE,
    click_url_parts,
    tidy,
    why_untracked,
    with_utm,
)
from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.tree import NOT_SHOWN, NotParsed, children, elements, is_shown, parse, place_of, walk
from chalicelib.content.unfold import Unfolder
from chalicelib.model.errors import Fault

SECONDS: Final = 2.5  # for one proof; the mail with the longest of 341 real ones takes 0.1
MAX_FAULTS: Final = 20

_CONDITION = re.compile(r"\[if\b[^\]]*+\]>", re.IGNORECASE)
_RELATIVE_HEAD = re.compile(r"(?!#)[^:]*[/?#]")
_QUERY = r"\?l=(\w+)&u=([^&]*)&s=([^&]*)"
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
    if source.html is None or compiled.html is None:
        return Proof(0, 0)
    positions = Positions(source.html)
    try:
        return _Comparison(source.html, compiled.html, compiled, tracking, positions).proof()
    except Differs as error:
        fault = Fault("html", error.reason, *positions.of(error.offset))
    except SourceError as error:
        fault = Fault("html", f"{_UNCHECKED}: {error.reason}", *positions.of(error.offset))
    except Exception as error:
        fault = Fault("html", f"{_UNCHECKED} ({type(error).__name__})")
    return Proof(0, 0, (fault,))


class _Comparison:
    """The comparison of the two trees of one mail."""

    def __init__(
        self,
        source: str,
        html: Segments,
        compiled: CompiledContent,
        tracking: LinkTracking | None,
        positions: Positions,
    ) -> None:
        base_url = tracking.base_url if tracking else None
        self._deadline = monotonic() + SECONDS
        self._tracking = tracking
        self._positions = positions
        self._unfolder = Unfolder(source)
        self._texts = Alignment(self._unfolder, source, html, base_url)
        self._links = compiled.links
        self._tracked = {link.link: link for link in compiled.links if link.tracked}
        self._untracked = {self._unfolder.signed(link.url): link for link in compiled.links if not link.tracked}
        self._utm = dict(compiled.utm)
        self._pixel = f"{base_url}/t/o/{self._unfolder.delivery}.gif"
        self._click = re.compile(re.escape(f"{base_url}/t/c/{self._unfolder.delivery}") + _QUERY)
        self._base: str | None = None
        self._faults: list[Fault] = []
        self._seen: set[str] = set()
        """The ids of links that are followed through a click URL, and the addresses of the others."""

    def proof(self) -> Proof:
        """Raises Differs where the trees differ, and NotParsed for what cannot be read."""
        texts = self._texts
        author = self._parsed(texts.author)
        compiled = author if texts.compiled == texts.author else self._parsed(texts.compiled)
        bases = (tidy(each.getAttribute("href")) for each in elements(author) if each.nodeName == "base")
        base = next(filter(None, bases), "")
        self._base = base if why_untracked(base) is None else None
        self._compare(author, compiled)
        self._check_shown(compiled)
        self._check_end(author)
        self._check_report()
        tracked = self._seen & self._tracked.keys()
        return Proof(len(tracked), len(self._links) - len(self._tracked), tuple(self._faults[:MAX_FAULTS]))

    def _parsed(self, text: str) -> Document:
        try:
            return parse(text, self._deadline)
        except NotParsed as error:
            raise NotParsed(self._texts.source_offset(error.offset, text), error.reason) from error

    def _compare(self, author: Document, compiled: Document, comment: Comment | None = None) -> None:
        """Compare two trees node by node; `comment`: they are what Outlook alone reads in it."""
        pairs: list[tuple[Node, Node]] = [(author, compiled)]
        while pairs:
            mine, other = pairs.pop()
            place = comment or mine
            if isinstance(mine, Element) and isinstance(other, Element):
                self._compare_elements(mine, other, place)
            elif isinstance(mine, Comment) and isinstance(other, Comment):
                self._compare_comments(mine, other)
            elif isinstance(mine, DocumentType) and isinstance(other, DocumentType) and mine.toxml() != other.toxml():
                self._differ(place, mine.toxml(), other.toxml())
            below: list[tuple[Node, Node]] = []
            for ours, theirs in zip_longest(children(mine), children(other)):
                if _kind(ours) != _kind(theirs):
                    self._differ(place, _shown(ours), _shown(theirs))
                if isinstance(ours, Node) and isinstance(theirs, Node):
                    below.append((ours, theirs))
            pairs += reversed(below)

    def _compare_elements(self, mine: Element, other: Element, place: Node) -> None:
        ours, theirs = (dict(each.attributes.items()) for each in (mine, other))
        if _is_link(mine) and "href" in ours and "href" in theirs:
            self._compare_links(ours.pop("href"), theirs.pop("href"), ours, place)
        elif _is_link(mine) and "xlink:href" in ours:
            self._leave(ours["xlink:href"], place)
        if ours != theirs:
            name = next(name for name in ours | theirs if ours.get(name) != theirs.get(name))
            self._differ(place, *(f'{name}="{each[name]}"' if name in each else "nothing" for each in (ours, theirs)))

    def _compare_comments(self, mine: Comment, other: Comment) -> None:
        """What a comment holds within a condition, Outlook reads."""
        condition, theirs = _CONDITION.match(mine.data), _CONDITION.match(other.data)
        if condition and theirs and condition[0] == theirs[0] and "href" in mine.data.lower():
            author, compiled = mine.data[condition.end() :], other.data[theirs.end() :]
            try:
                inside = parse(author, self._deadline)
                outlooks = inside if compiled == author else parse(compiled, self._deadline)
            except NotParsed as error:
                raise NotParsed(self._offset(mine), error.reason) from error
            self._compare(inside, outlooks, mine)
        elif mine.data != other.data:
            self._differ(mine, f"<!--{mine.data}-->", f"<!--{other.data}-->")

    def _compare_links(self, author: str, compiled: str, attributes: Mapping[str, str], place: Node) -> None:
        """One link on both sides: a click URL, a link made per delivery, or as the author wrote it."""
        if program := self._unfolder.program(compiled):
            meant = self._resolved_program(author)
            if program.destination != meant:
                self._note(place, f"this link leads to {meant}, but the compiled one to {program.destination}")
            self._follow(program.link, author, place) if program.link in self._tracked else self._leave(author, place)
        elif (click := self._click.fullmatch(compiled)) and self._tracking is not None:
            link, destination, signature = click.groups()
            meant = with_utm(self._resolved(author), self._utm)
            if unquote(destination) != meant:
                self._note(place, f"this link leads to {meant}, but its click URL to {unquote(destination)}")
            elif signature != self._tracking.sign(link, meant):
                self._note(place, f"the click URL of this link to {meant} is not signed for it")
            self._follow(link, author, place)
        elif author != compiled:
            self._note(place, f"this link is {author!r}, but {compiled!r} in the compiled mail")
        elif author != self._unfolder.own_unsubscribe:
            self._leave(author, place)
            if "data-no-track" not in attributes and self._is_trackable(author):
                self._note(place, f"this link to {author} could be tracked, but is not")

    def _follow(self, link: str, author: str, place: Node) -> None:
        """A link through a click URL, or made per delivery to be one."""
        self._seen.add(link)
        if link not in self._tracked:
            self._note(place, f"this link to {author} is tracked, which the report does not say")
        elif self._unfolder.signed(self._tracked[link].url) not in (tidy(author), author.strip()):
            self._note(place, f"this link leads to {author}, but the report says to {self._tracked[link].url}")

    def _leave(self, author: str, place: Node) -> None:
        """A link that stays as it is."""
        found = {tidy(author), author.strip()} & self._untracked.keys()
        self._seen |= found
        if not found and tidy(author):
            self._note(place, f"this link to {author} is not tracked, which the report does not say")

    def _resolved(self, author: str) -> str:
        """Where an href without merge tags leads."""
        url = tidy(author)
        if self._base is not None and why_untracked(url) == RELATIVE:
            with suppress(ValueError):
                return urljoin(self._base, url)
        return url

    def _resolved_program(self, author: str) -> str:
        """What the destination of an href with merge tags is made of."""
        head, sign, rest = author.replace(VALUE, "\ufffd").partition(self._unfolder.mark)
        if self._base is not None and _RELATIVE_HEAD.match(tidy(head)):
            head = urljoin(self._base, tidy(head) + VALUE).removesuffix(VALUE)
        return head + sign + rest

    def _is_trackable(self, author: str) -> bool:
        url = self._resolved(author)
        if self._tracking is None or self._unfolder.mark in url or why_untracked(url) is not None:
            return False
        parts = click_url_parts(self._tracking.base_url, "1", with_utm(url, self._utm), self._tracking.sign("1", url))
        return sum(map(len, parts)) + DELIVERY_ID_LENGTH + len(str(len(self._links))) <= MAX_CLICK_URL

    def _check_shown(self, compiled: Document) -> None:
        """Pixel and unsubscribe link are where a browser shows them."""
        unfolder = self._unfolder
        pixels, footers, unsubscribes = [], [], []
        for node in walk(compiled):
            href = node.getAttribute("href") if _is_link(node) else ""
            if isinstance(node, Element) and node.nodeName == "img" and node.getAttribute("src") == self._pixel:
                pixels.append(is_shown(node))
            if href == unfolder.own_unsubscribe:
                footers.append(is_shown(node))
            if unfolder.names_unsubscribe(node.data if isinstance(node, Text) else href):
                unsubscribes.append(is_shown(node))
        end = self._texts.added_at
        if self._tracking is not None and pixels != [True]:
            self._note_at(end, "the tracking pixel is not where a browser shows it")
        if self._texts.has_footer and footers != [True]:
            self._note_at(end, "the unsubscribe link that was added is not where a browser shows it")
        if not self._texts.has_footer and not any(unsubscribes):
            self._note_at(end, "a browser shows no unsubscribe link")

    def _check_end(self, author: Document) -> None:
        """A browser shows nothing of what is behind footer and pixel, unless it is behind the body's end."""
        behind = self._texts.behind
        if behind and not _BODY_END.match(behind):
            until = self._parsed(self._texts.author.removesuffix(behind))
            if _visible(until) != _visible(author):
                found = behind[:_EXCERPT]
                self._note_at(
                    self._texts.added_at, f"footer and pixel must be at the end of the mail, not before {found!r}"
                )

    def _check_report(self) -> None:
        """All links of the report were found, and they are numbered in the order of the text."""
        for address, link in [*self._tracked.items(), *self._untracked.items()]:
            if address not in self._seen:
                says = "is tracked" if link.tracked else "is not tracked"
                reason = f"the report says that a link to {link.url} {says}; a browser finds no such link"
                self._faults.append(Fault("html", reason, link.line, link.column))
        numbered = [self._unfolder.link_id(value) for value in self._texts.links]
        if self._tracking is not None and [each for each in numbered if each] != list(self._tracked):
            self._note_at(
                0, f"the links are numbered {', '.join(numbered)}; the report says {', '.join(self._tracked)}"
            )

    def _offset(self, node: Node) -> int:
        return self._texts.source_offset(place_of(node), self._texts.author)

    def _differ(self, place: Node, ours: str, theirs: str) -> NoReturn:
        ours, theirs = (self._unfolder.readable(each)[:_EXCERPT] for each in (ours, theirs))
        raise Differs(
            self._offset(place), f"a browser reads {ours} here in the source, and {theirs} in the compiled mail"
        )

    def _note(self, place: Node, reason: str) -> None:
        self._note_at(self._offset(place), self._unfolder.readable(reason))

    def _note_at(self, offset: int, reason: str) -> None:
        self._faults.append(Fault("html", reason, *self._positions.of(offset)))


def _is_link(node: Node) -> TypeGuard[Element]:
    """Whether a browser, or Outlook, follows the href of this node."""
    return isinstance(node, Element) and (node.tagName in ("a", "area") or node.tagName.startswith("v:"))


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
