"""Decides for every href what becomes of it: a signed click URL, one signed per delivery, or the author's own bytes."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import urljoin

from .assemble import Edit, assemble
from .compiled import Link
from .destinations import MAX_CLICK_URL, click_url_parts, tidy, why_untracked, with_utm
from .document import Document, Href
from .entities import decode_attribute, encode_attribute
from .merge_tags import Tag, TagError, find_tags, is_balanced
from .places import Places
from .program import DELIVERY, LinkSlot, Slot
from .source import LinkTracking

MAX_LINKS: Final = 1_000
_DELIVERY_ID_LENGTH = 48
_MAX_LINK_TEXT = 120


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is decided about one href; `pieces` take the place of its value."""

    url: str
    reason: str | None = None
    pieces: list[str | Slot] | None = None
    merged: bool = False


class LinkCompiler:
    """Turns a document's hrefs into links and edits, in document order."""

    def __init__(
        self,
        source: str,
        tags: Sequence[Tag],
        document: Document,
        tracking: LinkTracking | None,
        utm: Mapping[str, str],
    ) -> None:
        self._source = source
        self._tags = tags
        self._tag_starts = [tag.start for tag in tags]
        self._tracking = tracking
        self._utm = utm
        self._base = document.base if document.base and why_untracked(tidy(document.base)) is None else None
        self._hrefs = document.hrefs

    def compile(self) -> tuple[list[Link], list[Edit]]:
        """All links, tracked or not, and the edits that make the tracked ones so."""
        links: list[Link] = []
        edits: list[Edit] = []
        places = Places(self._source)
        number = 0
        for href in sorted(self._hrefs, key=lambda found: found.start):
            link_id = str(number + 1)
            verdict = self._judge(href, link_id)
            if verdict.reason is None:
                number += 1
                link_id += "m" if verdict.merged else ""
            else:
                link_id = ""
            tracked = verdict.pieces is not None
            text = " ".join(unescape(href.text).split())[:_MAX_LINK_TEXT]
            links.append(Link(link_id, verdict.url, text, *places.of(href.at), tracked, verdict.reason))
            if verdict.pieces is not None:
                edits.append(Edit(href.start, href.end, verdict.pieces))
        return links, edits

    def _judge(self, href: Href, number: str) -> _Verdict:
        raw = self._source[href.start : href.end]
        tags = self._tags_in(href.start, href.end)
        if tags:
            return self._judge_merged(href, raw, tags, f"{number}m")
        url = tidy(decode_attribute(raw))
        if href.no_track:
            return _Verdict(url, "it is marked data-no-track")
        destination = url
        reason = why_untracked(url)
        if (
            reason is not None
            and self._base is not None
            and url
            and url[0] != "#"
            and reason.startswith("it is relative")
        ):
            try:
                destination = urljoin(tidy(self._base), url)
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

    def _judge_merged(self, href: Href, raw: str, tags: Sequence[Tag], link_id: str) -> _Verdict:
        written, position = "", href.start
        for tag in tags:
            written += decode_attribute(self._source[position : tag.start]) + self._source[tag.start : tag.end]
            position = tag.end
        url = (written + decode_attribute(self._source[position : href.end])).strip()
        if href.no_track:
            return _Verdict(url, "it is marked data-no-track")
        if any("unsubscribe_url" in tag.body for tag in tags):
            return _Verdict(url, "it is the unsubscribe link")
        try:
            own_tags = find_tags(url)
        except TagError:
            own_tags = []
        if len(own_tags) != len(tags) or not is_balanced(list(tags)):
            return _Verdict(url, "a merge tag in it reaches beyond the link")
        first = own_tags[0].start
        fixed_reason = why_untracked(url) if first > 0 and _settles(url[:first]) else None
        if fixed_reason is not None:
            return _Verdict(url, fixed_reason)
        if self._tracking is None:
            return _Verdict(url, merged=True)
        return _Verdict(url, None, [LinkSlot(link_id, assemble(url, own_tags), href.quoted)], merged=True)

    def _tags_in(self, start: int, end: int) -> Sequence[Tag]:
        return self._tags[bisect_left(self._tag_starts, start) : bisect_left(self._tag_starts, end)]


def _settles(beginning: str) -> bool:
    """Whether the text before the first merge tag already says that this is no web address."""
    scheme = beginning.partition(":")[0].lower()
    return beginning.startswith("#") or (":" in beginning and scheme not in ("http", "https"))
