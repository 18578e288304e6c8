"""Decides for every href what becomes of it: a signed click URL, one made per delivery, or the author's own bytes."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import urljoin

from .assemble import Edit, assemble
from .compiled import Link
from .destinations import (
    MAX_CLICK_URL,
    VALUE,
    Risk,
    click_url_parts,
    is_settled,
    risk_of,
    tidy,
    why_untracked,
    with_utm,
)
from .document import Document, Href
from .entities import decode_attribute, encode_attribute
from .merge_tags import CLOSERS, MIDDLES, OPENERS, Tag, TagError
from .positions import Positions
from .segments import DELIVERY, LinkSlot, Slot
from .source import LinkTracking

MAX_LINKS: Final = 1_000
_DELIVERY_ID_LENGTH = 48
_MAX_LINK_TEXT = 120
_RELATIVE = re.compile(r"(?!#)[^:]*[/?#]")
_UNSUBSCRIBE = re.compile(r"\s*unsubscribe_url\s*")
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'", re.DOTALL)
_JOINS = re.compile(r"[~+]|\b(?:join|sum)\b")
_JOINED = (
    "as long as the host is not written out, values are not joined inside a merge tag; "
    "write them side by side: {{ first }}{{ second }}"
)
_MAX_HEAD = 300  # characters after which an address is settled, or never will be
_MAX_HEADS = 64  # ways to take the branches of one href that are looked at


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is decided about one href; `pieces` take the place of its value."""

    url: str
    reason: str | None = None
    pieces: list[str | Slot] | None = None
    merged: bool = False
    risk: Risk | None = None


class LinkCompiler:
    """Turns a document's hrefs into links and edits, in document order; `problems` are those met on the way."""

    def __init__(
        self,
        source: str,
        tags: Sequence[Tag],
        document: Document,
        tracking: LinkTracking | None,
        utm: Mapping[str, str],
    ) -> None:
        self.problems: list[TagError] = []
        self._source = source
        self._tags = tags
        self._tag_starts = [tag.start for tag in tags]
        self._tracking = tracking
        self._utm = utm
        base = tidy(document.base or "")
        self._base = base if why_untracked(base) is None else None
        self._hrefs = document.hrefs

    def compile(self) -> tuple[list[Link], list[Edit]]:
        """All links, tracked or not, and the edits that make of them what they are to be."""
        links: list[Link] = []
        edits: list[Edit] = []
        positions = Positions(self._source)
        number = 0
        for href in sorted(self._hrefs, key=lambda found: found.start):
            link_id = str(number + 1)
            verdict = self._judge(href, link_id)
            if verdict.reason is None:
                number += 1
                link_id += "m" if verdict.merged else ""
            else:
                link_id = ""
            tracked = verdict.reason is None and self._tracking is not None
            text = " ".join(unescape(href.text).split())[:_MAX_LINK_TEXT]
            place = positions.of(href.at)
            links.append(Link(link_id, verdict.url, text, *place, tracked, verdict.reason, verdict.risk))
            if verdict.pieces is not None:
                edits.append(Edit(href.start, href.end, verdict.pieces))
        return links, edits

    def _judge(self, href: Href, number: str) -> _Verdict:
        raw = self._source[href.start : href.end]
        tags = self._tags_in(href.start, href.end)
        if tags:
            return self._judge_merged(href, tags, f"{number}m")
        url = tidy(decode_attribute(raw))
        if left_alone := _why_left_alone(href):
            return _Verdict(url, left_alone)
        destination, reason = url, why_untracked(url)
        if reason is not None and self._base is not None and reason.startswith("it is relative"):
            try:
                destination = urljoin(self._base, url)
                reason = why_untracked(destination)
            except ValueError:
                reason = "its address is not well-formed"
        if reason is not None or self._tracking is None:
            return _Verdict(url, reason)
        destination = with_utm(destination, self._utm)
        before, after = click_url_parts(
            self._tracking.base_url, number, destination, self._tracking.sign(number, destination)
        )
        if len(before) + len(after) + _DELIVERY_ID_LENGTH > MAX_CLICK_URL:
            return _Verdict(url, "it is too long to be tracked")
        pieces: list[str | Slot] = [
            encode_attribute(before, quoted=True),
            DELIVERY,
            encode_attribute(after, quoted=True),
        ]
        return _Verdict(url, None, pieces)

    def _judge_merged(self, href: Href, tags: Sequence[Tag], link_id: str) -> _Verdict:
        written, own_tags = decoded(self._source, href, tags)
        url, head = written.strip(), tidy(written[: own_tags[0].start])
        reason = _why_left_alone(href)
        if any("unsubscribe_url" in tag.body for tag in tags):
            reason = "it is the unsubscribe link"
            if all(_UNSUBSCRIBE.fullmatch(tag.body) for tag in tags):
                return _Verdict(url, reason)
        if self._base is not None and _RELATIVE.match(head):
            resolved = urljoin(self._base, head + VALUE).removesuffix(VALUE)
            written, own_tags = (
                resolved + written[own_tags[0].start :],
                [_moved(tag, len(resolved) - own_tags[0].start) for tag in own_tags],
            )
        elif reason is None and _settles(head):
            reason = why_untracked(head)
        self._refuse_joined_addresses(written, own_tags, tags)
        slot = LinkSlot("" if reason else link_id, assemble(written, own_tags, in_link=True), href.quoted)
        return _Verdict(url, reason, [slot], merged=True, risk=risk(written, own_tags))

    def _refuse_joined_addresses(self, written: str, own_tags: Sequence[Tag], tags: Sequence[Tag]) -> None:
        """What one expression joins of an author's host and a lead's values cannot be told apart any more."""
        for tag, heads in zip(tags, _heads(written, own_tags), strict=False):
            joins = tag.word in ("", "for") and _JOINS.search(_STRINGS.sub("", tag.body))
            if joins and not all(map(is_settled, heads)):
                self.problems.append(TagError(tag.start, _JOINED))

    def _tags_in(self, start: int, end: int) -> Sequence[Tag]:
        return self._tags[bisect_left(self._tag_starts, start) : bisect_left(self._tag_starts, end)]


def decoded(source: str, href: Href, tags: Sequence[Tag]) -> tuple[str, list[Tag]]:
    """What the value of an href with these merge tags means, and the tags at their places in that."""
    written, position = "", href.start
    own_tags = []
    for tag in tags:
        written += decode_attribute(source[position : tag.start]).replace(VALUE, "\ufffd")
        own_tags.append(_moved(tag, len(written) - tag.start))
        written += source[tag.start : tag.end]
        position = tag.end
    return written + decode_attribute(source[position : href.end]).replace(VALUE, "\ufffd"), own_tags


def risk(written: str, tags: Sequence[Tag]) -> Risk | None:
    """The greatest risk that values are to a link, whichever branches are taken."""
    *_, heads = _heads(written, tags)
    risks = {risk_of(head) for head in heads}
    return next((each for each in (Risk.HOST, Risk.NOWHERE, Risk.ADDRESS) if each in risks), None)


def _heads(written: str, tags: Sequence[Tag]) -> Iterator[set[str]]:
    """What a link may begin with, before each of its merge tags and at its end: one text for each way through branches.

    `VALUE` stands for a value. A text that is settled is left as it is.
    """
    heads = {""}
    blocks: list[tuple[set[str], set[str]]] = []  # of each open statement: before it, and after its branches so far
    position = 0
    for tag in tags:
        heads = _longer(heads, written[position : tag.start])
        yield heads
        position = tag.end
        if tag.word in OPENERS:
            blocks.append((heads, set()))
        elif tag.word in MIDDLES:
            before, after = blocks[-1]
            after |= heads
            heads = before
            if tag.word == "else":
                before = set()
            blocks[-1] = (before, after)
        elif tag.word in CLOSERS:
            before, after = blocks.pop()
            heads = heads | before | after
        elif not tag.word:
            heads = _longer(heads, VALUE)
    yield _longer(heads, written[position:])


def _longer(heads: set[str], text: str) -> set[str]:
    text = text[:_MAX_HEAD]
    longer = {head if is_settled(head) or len(head) > _MAX_HEAD else head + text for head in heads}
    return set(sorted(longer)[:_MAX_HEADS])


def _moved(tag: Tag, by: int) -> Tag:
    return tag._replace(start=tag.start + by, end=tag.end + by)


def _why_left_alone(href: Href) -> str | None:
    if href.no_track:
        return "it is marked data-no-track"
    return "it is an xlink:href" if href.is_xlink else None


def _settles(head: str) -> bool:
    """Whether the text before the first merge tag already says that this is no web address."""
    scheme = head.partition(":")[0].lower()
    return head.startswith("#") or bool(_RELATIVE.match(head)) or (":" in head and scheme not in ("http", "https"))
