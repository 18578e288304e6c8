"""What a marketer should know before sending: findings computed from the content and from what the caller counted."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from chalicelib.content.compiled import CompiledContent, ContentSource, Link, LinkTracking, Segments
from chalicelib.content.destinations import IS_UNSUBSCRIBE, NO_TRACK, RELATIVE, Risk, tidy
from chalicelib.content.errors import Positions
from chalicelib.content.findings import Finding, finding, in_order
from chalicelib.content.merge_tags import find_tags, mask
from chalicelib.content.render import html_size
from chalicelib.model.campaign import GMAIL_CLIPS_AT
from chalicelib.model.errors import Fault

LONG_SUBJECT: Final = 60  # characters; phones show fewer
MAX_FINDINGS_OF_A_KIND: Final = 20

_PLACEHOLDER_HOST = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local)$|(?:^|\.)example\.(?:com|net|org)$"
    r"|(?:^|\.)(?:yourdomain|yoursite|yourcompany|domain|website)\.com$|^(?:127\.|0\.0\.0\.0|10\.|192\.168\.)",
    re.IGNORECASE,
)
_SCHEME_ALONE = re.compile(r"https?:/*|(?:mailto|tel|sms):", re.IGNORECASE)
_TAG_IN_HOST = re.compile(r"https?://[^\s/?#\\{]*+\{\{", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class AudienceFacts:
    """What the caller knows of the audience; `None` where it was not looked up.

    `empty_fields`: for each path of `CompiledContent.merge_fields` without default, how many leads have nothing there.
    `with_empty_links`: to how many, of those whose mails were tried, a link with merge tags leads nowhere.
    """

    total: int | None = None
    without_email: int | None = None
    empty_fields: Mapping[str, int] = field(default_factory=dict)
    with_empty_links: int | None = None
    failures: Mapping[Fault, int | None] = field(default_factory=dict)
    """What cannot be rendered, and for how many leads; None where the audience had no lead to try it with."""


def preflight_findings(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> list[Finding]:
    """All findings, the most severe first, then by line; at most 20 of one kind. Pure."""
    found: list[Finding] = []
    seen: Counter[str] = Counter()
    for each in _all(source, compiled, tracking, audience):
        seen[each.code] += 1
        if seen[each.code] <= MAX_FINDINGS_OF_A_KIND:
            found.append(_placed(source, each))
    return in_order(found)


def _all(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> Iterator[Finding]:
    yield from _audience(audience)
    for use in compiled.merge_fields:
        empty = audience.empty_fields.get(use.path, 0)
        if empty and not use.has_default:
            case = "merge_field_empty:all" if empty == audience.total else "merge_field_empty"
            yield finding(case, use.field, use.line, use.column, count=empty, path=use.path)
    yield from _subject(compiled.subject)
    if (size := html_size(compiled, tracking) or 0) > GMAIL_CLIPS_AT:
        yield finding("gmail_clips", "html", kilobytes=size / 1024)
    placeholders = set[str]()
    for link in compiled.links:
        yield from _link(compiled, link, placeholders)
    yield from _links_at_risk(compiled, audience)
    positions = Positions(text := source.text or "")
    for address in _TAG_IN_HOST.finditer(text):
        yield finding("link_host_varies:text", "text", *positions.of(address.start()))
    yield from _shown(source)
    if compiled.html is None:
        if not compiled.text_generated:
            yield finding("plain_text_only", "text")
    elif compiled.text_generated:
        yield finding("text_part_missing", "text")


def _placed(source: ContentSource, found: Finding) -> Finding:
    """The same finding, with its place in what the author wrote."""
    if found.field is None:
        return found
    field, line, column = source.place(found.field, found.line, found.column)
    return replace(found, field=field, line=line, column=column)


def _audience(audience: AudienceFacts) -> Iterator[Finding]:
    if audience.total == 0:
        yield finding("audience_empty", "audience", count=0)
    if audience.without_email:
        yield finding("leads_without_email", "audience", count=audience.without_email)
    for fault, count in audience.failures.items():
        yield finding("rendering_failed", fault.field, fault.line, fault.column, count=count, reason=fault.reason)


def _subject(subject: Segments) -> Iterator[Finding]:
    """Judges it with default values in place of merge tags."""
    words = "".join(
        each if isinstance(each, str) else getattr(each, "default", None) or "" for each in subject.pieces()
    )
    if len(words) > LONG_SUBJECT:
        place = (1, LONG_SUBJECT + 1)
        yield finding("subject_long", "subject", *place, length=len(words), limit=LONG_SUBJECT)
    letters = _LETTERS.findall(words)
    shouted = sum(letter.isupper() for letter in letters)
    if (len(letters) >= 8 and shouted > len(letters) * 0.7) or "!!" in words:
        yield finding("subject_shouts", "subject", 1, 1)


def _shortened(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:79]}…"


def _link(compiled: CompiledContent, link: Link, placeholders: set[str]) -> Iterator[Finding]:
    """What is wrong with a link: one finding. `placeholders`: hosts that were named already."""
    url = tidy(link.url)
    place = ("html", link.line, link.column)
    if not url or url == "#":
        yield finding("link_without_destination", *place)
        return
    if _SCHEME_ALONE.fullmatch(url):
        yield finding("link_without_destination:scheme", *place, scheme=url)
        return
    if url.startswith("#") or link.risk == Risk.NOWHERE:
        return
    if "{{" not in url.partition("/")[0] and url.lower().startswith(("http://", "https://")):
        if host := _placeholder_host(url):
            if host not in placeholders:
                yield finding("link_placeholder", *place, host=host)
            placeholders.add(host)
            return
        if url.lower().startswith("http://"):
            yield finding("link_not_https", *place, url=_shortened(url))
    if link.reason == RELATIVE:
        yield finding("link_incomplete", *place, url=_shortened(url))
    elif not link.tracked and compiled.tracked and not _is_left_alone_by_intent(url, link.reason or ""):
        yield finding("link_untracked", *place, url=_shortened(url), reason=link.reason)


def _links_at_risk(compiled: CompiledContent, audience: AudienceFacts) -> Iterator[Finding]:
    codes: Mapping[str | None, str] = {Risk.HOST: "link_host_varies", Risk.NOWHERE: "link_leads_nowhere"}
    at_risk = [link for link in compiled.links if link.risk is not None]
    for link in at_risk:
        if code := codes.get(link.risk):
            yield finding(code, "html", link.line, link.column, url=_shortened(link.url))
    if audience.with_empty_links:
        place = (at_risk[0].line, at_risk[0].column) if at_risk else (1, 1)
        yield finding("links_left_empty", "html", *place, count=audience.with_empty_links)


def _placeholder_host(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return host if _PLACEHOLDER_HOST.search(host) else None


def _is_left_alone_by_intent(url: str, reason: str) -> bool:
    return url.lower().startswith(("mailto:", "tel:", "sms:")) or reason in (NO_TRACK, IS_UNSUBSCRIBE)


def _shown(source: ContentSource) -> Iterator[Finding]:
    # With these comes html5lib, which takes 54 ms to load and which no other request needs.
    from chalicelib.content.html_tree import NotParsed
    from chalicelib.content.tree_findings import tree_problems

    html = source.html or ""
    positions = Positions(html)
    is_markdown = source.place("html", None, None)[0] == "markdown"
    # Markdown has no width to add; HTML that is shown as text is a mistake in Markdown, and meant elsewhere.
    left_out = "image_without_width" if is_markdown else "markup_shown"
    cases = {"image_without_alt": "image_without_alt:markdown"} if is_markdown else {}
    with suppress(NotParsed):
        for code, offset, values in tree_problems(mask(html, find_tags(html))):
            if code != left_out:
                yield finding(cases.get(code, code), "html", *positions.of(offset), **values)
