"""Judges the links that a browser follows in a compiled mail, beside what the author wrote and what the report says."""

import re
from collections.abc import Container, Sequence
from contextlib import suppress
from urllib.parse import quote, urljoin

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
from chalicelib.content.unfold import Unfolder
from chalicelib.model.errors import Fault

_RELATIVE_HEAD = re.compile(r"(?!#)[^:]*[/?#]")

_Place = tuple[int, int]
"""Line and column of a link's tag in the source."""


class FollowedLinks:
    """The links of one mail: each is compared, and in the end all of the report must have been among them."""

    def __init__(
        self, unfolder: Unfolder, source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None
    ) -> None:
        self.faults: list[Fault] = []
        self.base = ""
        """What the document says that relative addresses are resolved by."""
        self._unfolder = unfolder
        self._tracking = tracking
        self._links = compiled.links
        self._at = {(link.line, link.column): link for link in compiled.links}
        self._by_key = {
            link.link if link.tracked else unfolder.address(link.url).strip(): link for link in compiled.links
        }
        self._found: set[_Place] = set()
        self._utm = {key: source.utm[key] for key in UTM_KEYS if source.utm.get(key)} if tracking else {}
        base_url = tracking.base_url if tracking else ""
        self._click = re.compile(
            re.escape(f"{base_url}/t/c/{unfolder.delivery}") + r"\?l=(\w*)&u=([^&]*)&s=([^&]*)", re.ASCII
        )
        if (compiled.tracked, compiled.base_url, dict(compiled.utm)) != (tracking is not None, base_url, self._utm):
            self.faults.append(Fault("html", "the mail is compiled for other tracking, or with other UTM tags"))

    @property
    def tracked(self) -> int:
        """How many of the links lead through a click URL."""
        return sum(link.tracked for place, link in self._at.items() if place in self._found)

    @property
    def untracked(self) -> int:
        """How many of the links are as they were written."""
        return len(self._found) - self.tracked

    def compare(
        self, author: str, compiled: str, place: _Place, attributes: Container[str], *, is_written: bool
    ) -> None:
        """One href on both sides: a click URL, a link made per delivery, or as the author wrote it.

        `is_written`: this element's tag is at this place; if not, a browser repeats an element that is not closed.
        """
        if program := self._unfolder.program(compiled):
            if program.destination != (meant := self._resolved_program(author)):
                self._note(place, f"this link leads to {meant}, but the compiled one to {program.destination}")
            if program.link and self._tracking is not None:
                self._follow(program.link, author, place, is_written=is_written)
            else:
                self.leave(author, place, is_written=is_written)
        elif (click := self._click.fullmatch(compiled)) and self._tracking is not None:
            link, destination, signature = click.groups()
            meant = with_utm(self._resolved(author), self._utm)
            if destination != quote(meant, safe=""):
                self._note(place, f"this link leads to {meant}, but its click URL to {destination}")
            elif signature != self._tracking.sign(link, meant):
                self._note(place, f"the click URL of this link to {meant} is not signed for it")
            self._follow(link, author, place, is_written=is_written)
        elif author != compiled:
            self._note(place, f"this link is {author!r}, but {compiled!r} in the compiled mail")
        elif author != self._unfolder.own_unsubscribe:
            self.leave(author, place, is_written=is_written)
            if "data-no-track" not in attributes and self._is_trackable(author):
                self._note(place, f"this link to {author} could be tracked, but is not")

    def leave(self, author: str, place: _Place, *, is_written: bool) -> None:
        """A link that stays as the author wrote it."""
        link = self._reported(place, (tidy(author), author.strip()), is_written=is_written)
        if link is None or link.tracked:
            self._note(place, f"this link to {author} is not tracked, which the report does not say")
        elif not self._leads_to(link, author):
            self._note(place, f"this link leads to {author}, but the report says to {link.url}")

    def check_report(self, values: Sequence[str]) -> None:
        """All links of the report were found, once each; `values` took the place of hrefs, in the order of the text."""
        if len(self._at) < len(self._links):
            self.faults.append(Fault("html", "the report has two links at one place"))
        for place, link in self._at.items():
            if place not in self._found:
                what = "tracked link" if link.tracked else "link"
                self._note(place, f"the report has a {what} to {link.url} here; a browser finds none")
        programs = ((value, self._unfolder.program(value)) for value in values)
        ids = [program.link if program else value.partition("?l=")[2].partition("&")[0] for value, program in programs]
        reported = [link.link for link in self._links if link.tracked]
        if self._tracking is not None and [each for each in ids if each] != reported:
            self.faults.append(Fault("html", f"the links are {', '.join(ids)}; the report has {', '.join(reported)}"))

    def _follow(self, link_id: str, author: str, place: _Place, *, is_written: bool) -> None:
        """A link through a click URL, or made per delivery to be one."""
        link = self._reported(place, (link_id,), is_written=is_written)
        if link is None or not link.tracked or link.link != link_id:
            self._note(place, f"this link to {author} is tracked as link {link_id}, which the report does not say")
        elif not self._leads_to(link, author):
            self._note(place, f"this link leads to {author}, but the report says to {link.url}")

    def _reported(self, place: _Place, keys: Sequence[str], *, is_written: bool) -> Link | None:
        link = self._at.get(place)
        if link is None and not is_written:
            return next((self._by_key[key] for key in keys if key in self._by_key), None)
        self._found |= {place} if link else set()
        return link

    def _leads_to(self, link: Link, author: str) -> bool:
        reported = self._unfolder.address(link.url)
        return reported == tidy(author) or reported.strip() == author.strip()

    def _resolved(self, author: str) -> str:
        """Where an href without merge tags leads."""
        url = tidy(author)
        if why_untracked(url) == RELATIVE and why_untracked(self.base) is None:
            with suppress(ValueError):
                return urljoin(self.base, url)
        return url

    def _resolved_program(self, author: str) -> str:
        """What the destination of an href with merge tags is made of."""
        head, sign, rest = author.replace(VALUE, "\ufffd").partition(self._unfolder.mark)
        if _RELATIVE_HEAD.match(tidy(head)) and why_untracked(self.base) is None:
            head = urljoin(self.base, tidy(head) + VALUE).removesuffix(VALUE)
        return head + sign + rest

    def _is_trackable(self, author: str) -> bool:
        url = self._resolved(author)
        if self._tracking is None or self._unfolder.mark in url or why_untracked(url) is not None:
            return False
        parts = click_url_parts(self._tracking.base_url, "1", with_utm(url, self._utm), self._tracking.sign("1", url))
        return sum(map(len, parts)) + DELIVERY_ID_LENGTH + len(str(len(self._links))) <= MAX_CLICK_URL

    def _note(self, place: _Place, reason: str) -> None:
        self.faults.append(Fault("html", self._unfolder.readable(reason), *place))
