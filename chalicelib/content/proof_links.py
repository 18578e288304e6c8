"""Compares the links that a browser follows in the compiled mail with the author's and the report's, for the proof."""

import re
from collections.abc import Collection
from contextlib import suppress
from urllib.parse import quote, unquote, urljoin

from chalicelib.content.compiled import UTM_KEYS, CompiledContent, ContentSource, Link, LinkTracking
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
from chalicelib.content.html_tree import as_read
from chalicelib.content.placeholders import Placeholders
from chalicelib.model.errors import Fault

_LEADS_ELSEWHERE = re.compile(r"#|(?!https?:)[^:]*[:/?#]", re.IGNORECASE)
_RELATIVE_HEAD = re.compile(r"(?!#)[^:]*[/?#]")


class FollowedLinks:
    """The links of one mail: each is compared, and in the end all links of the report must have been among them."""

    def __init__(
        self,
        placeholders: Placeholders,
        source: ContentSource,
        compiled: CompiledContent,
        tracking: LinkTracking | None,
    ) -> None:
        self.faults: list[Fault] = []
        self.base = ""
        """The document's base URL, by which relative addresses are resolved."""
        self.place: tuple[int, int] = (1, 1)
        """Line and column of the last link that was compared and that the report has."""
        self._placeholders = placeholders
        self._tracking = tracking
        self._links = {f"{placeholders.mark}{number}": link for number, link in enumerate(compiled.links)}
        self._found: set[str] = set()
        self._utm = {key: source.utm[key] for key in UTM_KEYS if source.utm.get(key)} if tracking else {}
        base_url = tracking.base_url if tracking else ""
        self._click = re.compile(
            re.escape(f"{base_url}/t/c/{placeholders.delivery}") + r"\?l=(\w+)&u=([^&]*)&s=([^&]*)", re.ASCII
        )
        if (compiled.tracked, compiled.base_url, dict(compiled.utm)) != (tracking is not None, base_url, self._utm):
            self.faults.append(Fault("html", "the mail was compiled for other tracking, or with other UTM tags"))

    def count(self) -> tuple[int, int]:
        """How many of the links lead through a click URL, and how many are as they were written."""
        tracked = sum(self._links[number].tracked for number in self._found)
        return tracked, len(self._found) - tracked

    def compare(self, author: str, compiled: str, attributes: Collection[str]) -> None:
        """One href on both sides: a click URL, a link made per delivery, or as the author wrote it.

        `attributes`: the names of all attributes of this link.
        """
        author, compiled = as_read(author), as_read(compiled)
        link = self._reported(attributes)
        if merged := self._placeholders.merged_link(compiled):
            if as_read(merged.destination) != (meant := self._resolved_merged(author)):
                self._note(f"this link leads to {meant}, but the compiled one to {merged.destination}")
            self._check(link, author, merged.link if self._tracking is not None else "", attributes)
        elif (click := self._click.fullmatch(compiled)) and self._tracking is not None:
            link_id, destination, signature = click.groups()
            meant, leads_to = with_utm(self._resolved(author), self._utm), unquote(destination)
            if as_read(leads_to) != meant or quote(leads_to, safe="") != destination:
                self._note(f"this link leads to {meant}, but its click URL to {destination}")
            elif signature != self._tracking.sign(link_id, leads_to):
                self._note(f"the click URL of this link to {meant} is not signed for it")
            self._check(link, author, link_id, attributes)
        elif author != compiled:
            self._note(f"this link is {author!r}, but {compiled!r} in the compiled mail")
        elif author.strip() == self._placeholders.unsubscribe or self._placeholders.mark not in author:
            self._check(link, author, "", attributes)
        elif author != self._placeholders.own_unsubscribe:
            self._note(f"this link to {author} is as written, but its values must be checked per delivery")

    def check_report(self) -> None:
        """All links of the report were found, and are in order."""
        places = [(link.line, link.column) for link in self._links.values()]
        ids = [link.link for link in self._links.values() if link.link]
        if places != sorted(places) or len(ids) > len(set(ids)):
            self.faults.append(Fault("html", "the report has its links in another order, or two with the same number"))
        for number, link in self._links.items():
            if number not in self._found:
                self.place = link.line, link.column
                what = "tracked link" if link.tracked else "link"
                self._note(f"the report has a {what} to {link.url} here; a browser finds none")

    def _reported(self, attributes: Collection[str]) -> Link | None:
        """The link of the report that this one is."""
        number = next((name for name in attributes if name in self._links), None)
        if number is None:
            return None
        link = self._links[number]
        self._found.add(number)
        self.place = link.line, link.column
        return link

    def _check(self, link: Link | None, author: str, link_id: str, attributes: Collection[str]) -> None:
        """What the report says of a link that is tracked with this id, or not tracked if that is ""."""
        if link is None or link.tracked != bool(link_id) or (link_id and link.link != link_id):
            what = f"tracked as link {link_id}" if link_id else "not tracked"
            self._note(f"this link to {author} is {what}, which the report does not say")
        elif not self._leads_to(link, author):
            self._note(f"this link leads to {author}, but the report says to {link.url}")
        if not link_id and self._is_trackable(author, attributes):
            self._note(f"this link to {author} could be tracked, but is not")

    def _leads_to(self, link: Link, author: str) -> bool:
        reported = as_read(self._placeholders.address(link.url))
        return reported == tidy(author) or reported.strip() == author.strip()

    def _resolved(self, author: str) -> str:
        """Where an href without merge tags leads."""
        url = tidy(author)
        if why_untracked(url) == RELATIVE and why_untracked(self.base) is None:
            with suppress(ValueError):
                return urljoin(self.base, url)
        return url

    def _resolved_merged(self, author: str) -> str:
        """Where an href with merge tags leads, with placeholders for these."""
        head, mark, rest = author.replace(VALUE, "\ufffd").partition(self._placeholders.mark)
        if _RELATIVE_HEAD.match(tidy(head)) and why_untracked(self.base) is None:
            head = urljoin(self.base, tidy(head) + VALUE).removesuffix(VALUE)
        return head + mark + rest

    def _is_trackable(self, author: str, attributes: Collection[str]) -> bool:
        """Whether a link could go through a click URL; with merge tags, whether it could for some leads."""
        if self._tracking is None or "data-no-track" in attributes or "href" not in attributes:
            return False
        if self._placeholders.mark in author:
            head = tidy(self._resolved_merged(author).partition(self._placeholders.mark)[0])
            return not self._placeholders.names_unsubscribe(author) and not _LEADS_ELSEWHERE.match(head)
        url = with_utm(self._resolved(author), self._utm)
        if "\ufffd" in url or why_untracked(url) is not None:
            return False
        parts = click_url_parts(self._tracking.base_url, str(len(self._links)), url, self._tracking.sign("1", url))
        return sum(map(len, parts)) + DELIVERY_ID_LENGTH <= MAX_CLICK_URL

    def _note(self, reason: str) -> None:
        self.faults.append(Fault("html", self._placeholders.readable(reason), *self.place))
