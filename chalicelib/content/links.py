"""Decides for every href what becomes of it: a signed click URL, one made per delivery, or the author's own bytes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urljoin

from chalicelib.content.assemble import Edit, assemble
from chalicelib.content.compiled import DELIVERY, Link, LinkSlot, LinkTracking, Slot
from chalicelib.content.destinations import (
    DELIVERY_ID_LENGTH,
    IS_UNSUBSCRIBE,
    MAX_CLICK_URL,
    RELATIVE,
    VALUE,
    Risk,
    click_url_parts,
    is_settled,
    risk_of,
    tidy,
    why_untracked,
    with_utm,
)
from chalicelib.content.document import Document, Href
from chalicelib.content.errors import Positions, SourceError
from chalicelib.content.markup import decode_attribute, decode_text
from chalicelib.content.merge_tags import CLOSERS, MIDDLES, OPENERS, Tag, tags_in
from chalicelib.content.pieces import split
from chalicelib.content.values import escape_attribute

MAX_LINKS: Final = 1_000
_MAX_LINK_TEXT = 120
_RELATIVE = re.compile(r"(?!#)[^:]*[/?#]")
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'", re.DOTALL)
_JOINS = re.compile(r"[~+]|\b(?:join|sum)\b")
_JOINED = (
    "as long as the host is not written out, values are not joined inside a merge tag; "
    "write them side by side: {{ first }}{{ second }}"
)
_MAX_HEAD = 300  # characters after which an address is settled, or never will be
_MAX_HEADS = 64  # ways to take the branches of one href that are looked at


class _Verdict(NamedTuple):
    """What is decided about one href; `pieces` take the place of its value."""

    url: str
    reason: str | None = None
    pieces: Sequence[str | Slot] | None = None
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
        self.problems: list[SourceError] = []
        self._source = source
        self._tags = tags
        self._tracking = tracking
        self._utm = utm
        base = tidy(document.base or "")
        self._base = base if why_untracked(base) is None else None
        self._hrefs = document.hrefs

    def compile(self) -> tuple[list[Link], list[Edit]]:
        """All links, tracked or not, and the edits that put in what takes the place of their hrefs."""
        links: list[Link] = []
        edits: list[Edit] = []
        positions = Positions(self._source)
        number = 0
        for href in sorted(self._hrefs, key=lambda found: found.start):
            tags = tags_in(self._tags, href.start, href.end)
            link_id = f"{number + 1}m" if tags else f"{number + 1}"
            verdict = self._judge_merged(href, tags, link_id) if tags else self._judge(href, link_id)
            number += verdict.reason is None
            links.append(
                Link(
                    link_id if verdict.reason is None else "",
                    verdict.url,
                    " ".join(decode_text(href.text).split())[:_MAX_LINK_TEXT],
                    *positions.of(href.at),
                    verdict.reason is None and self._tracking is not None,
                    verdict.reason,
                    verdict.risk,
                )
            )
            if verdict.pieces is not None:
                edits.append(Edit(href.start, href.end, verdict.pieces))
        return links, edits

    def _judge(self, href: Href, link_id: str) -> _Verdict:
        url = tidy(decode_attribute(self._source[href.start : href.end]))
        if href.why_untracked:
            return _Verdict(url, href.why_untracked)
        destination, reason = url, why_untracked(url)
        if reason is not None and self._base is not None and reason == RELATIVE:
            try:
                destination = urljoin(self._base, url)
                reason = why_untracked(destination)
            except ValueError:
                reason = "its address is not well-formed"
        if reason is not None or self._tracking is None:
            return _Verdict(url, reason)
        destination = with_utm(destination, self._utm)
        signature = self._tracking.sign(link_id, destination)
        before, after = click_url_parts(self._tracking.base_url, link_id, destination, signature)
        if len(before) + len(after) + DELIVERY_ID_LENGTH > MAX_CLICK_URL:
            return _Verdict(url, "it is too long to be tracked")
        return _Verdict(url, None, (escape_attribute(before), DELIVERY, escape_attribute(after)))

    def _judge_merged(self, href: Href, tags: Sequence[Tag], link_id: str) -> _Verdict:
        written, own_tags = decoded(self._source, href, tags)
        url, head = written.strip(), tidy(written[: own_tags[0].start])
        reason = href.why_untracked
        if any("unsubscribe_url" in tag.body for tag in tags):
            reason = IS_UNSUBSCRIBE
            if all(tag.body.strip() == "unsubscribe_url" for tag in tags):
                return _Verdict(url, reason)
        if self._base is not None and _RELATIVE.match(head):
            resolved = urljoin(self._base, head + VALUE).removesuffix(VALUE)
            written = resolved + written[own_tags[0].start :]
            own_tags = [_moved(tag, len(resolved) - own_tags[0].start) for tag in own_tags]
        elif reason is None and _settles(head):
            reason = why_untracked(head)
        self._refuse_joined_addresses(written, own_tags, tags)
        slot = LinkSlot("" if reason else link_id, assemble(written, own_tags, in_link=True), href.quoted)
        return _Verdict(url, reason, (slot,), risk=risk(written, own_tags))

    def _refuse_joined_addresses(self, written: str, own_tags: Sequence[Tag], tags: Sequence[Tag]) -> None:
        """What one expression joins of an author's host and a lead's values cannot be told apart any more."""
        for tag, heads in zip(tags, _heads(written, own_tags), strict=False):
            joins = tag.word in ("", "for") and _JOINS.search(_STRINGS.sub("", tag.body))
            if joins and not all(map(is_settled, heads)):
                self.problems.append(SourceError(tag.start, _JOINED))


def decoded(source: str, href: Href, tags: Sequence[Tag]) -> tuple[str, list[Tag]]:
    """What the value of an href with these merge tags means, and the tags at their places in that."""
    written, own_tags = "", list[Tag]()
    for piece, tag in split(source, tags, href.start, href.end):
        if tag:
            own_tags.append(_moved(tag, len(written) - tag.start))
        written += piece.text if tag else decode_attribute(piece.text).replace(VALUE, "\ufffd")
    return written, own_tags


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


def _settles(head: str) -> bool:
    """Whether the text before the first merge tag already says that this is no web address."""
    scheme = head.partition(":")[0].lower()
    return head.startswith("#") or bool(_RELATIVE.match(head)) or (":" in head and scheme not in ("http", "https"))
