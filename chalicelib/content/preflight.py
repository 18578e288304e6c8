"""What a marketer should know before sending: findings computed from the content and from what the caller counted."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from chalicelib.content.compiled import CompiledContent, ContentSource, Link, LinkTracking, Segments
from chalicelib.content.destinations import IS_UNSUBSCRIBE, NO_TRACK, RELATIVE, Risk, tidy
from chalicelib.content.errors import Positions
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
_TAG_IN_HOST = re.compile(r"https?://[^\s/?#\\{]*+\{\{", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")


class Severity(StrEnum):
    """`error`: sending would fail or mislead; `warning`: some recipients would notice; `note`: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: where it is in which field of the source, what it means, and how many leads it concerns."""

    severity: Severity
    code: str
    message: str
    field: str | None = None
    line: int | None = None
    column: int | None = None
    count: int | None = None


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


_MESSAGES: Final[Mapping[Severity, Mapping[str, str]]] = {
    Severity.ERROR: {
        "audience_empty": "There are no recipients: no lead matches.",
        "content_invalid": "{reason}",
        "link_incomplete": "{url} leads nowhere: a link in an email needs its full address. Add https:// in front.",
        "link_leads_nowhere": (
            "{url} will be empty: links with merge tags can lead to https, http, mailto, tel or sms only."
        ),
        "not_proven": "{reason}.{meaning}",
        "rendering_failed": "The email cannot be rendered: {reason}.",
    },
    Severity.WARNING: {
        "external_style_sheet": (
            "Most mail apps do not load style sheets from other addresses, and the preview does not either. Put the "
            "styles into the email."
        ),
        "gmail_clips": (
            "The email is {kilobytes:.0f} KB. Gmail shows the first 102 KB and hides the rest, including the tracking "
            "pixel, so opens will be missed."
        ),
        "image_without_address": "This image has no address behind https://.",
        "image_without_alt": (
            'This image shows nothing when images are blocked. Add an alt text (alt="" for decoration).'
        ),
        "leads_without_email": "Some recipients have no email address and will count as failed.",
        "link_host_varies": (
            "A merge tag is in the host of {url} or directly after it. If its value would change the host, the link "
            "will be empty. Write out the host, and put a / before the tag."
        ),
        "link_placeholder": "{host} looks like a placeholder. Links there lead recipients nowhere.",
        "link_untracked": "Clicks on {url} cannot be tracked: {reason}.",
        "link_without_destination": "This link has no destination.",
        "link_without_text": "Nothing says where this link leads. Add a text, or an alt text to its image.",
        "links_left_empty": (
            "For some of the recipients checked, a link will be empty: its value is missing or is not a full address "
            "like https://shop.com/a."
        ),
        "merge_field_empty": ('{path} is empty for some recipients. Add a default: {{{{ {path} | default("…") }}}}'),
        "script_removed": "Mail apps remove scripts: what this one does will be missing.",
        "subject_shouts": "Capitals and “!!” look like spam.",
    },
    Severity.NOTE: {
        "heading_level_skipped": "Heading level {level} follows {above}; to screen readers, a section is missing.",
        "headings_missing": "The email has {words} words and no heading for screen readers to jump to.",
        "hidden_text": "Spam filters distrust hidden text. Only a short preview text before all other may be hidden.",
        "image_not_https": "This image does not use https: previews do not show it, and some mail apps do not either.",
        "image_without_width": "Outlook shows this image at full size. Add a width.",
        "link_not_https": "{url} does not use https.",
        "markup_shown": "Recipients see this HTML as text. Write it in Markdown, or choose HTML as the format.",
        "plain_text_only": "A plain-text email is not tracked: its opens and clicks will be unknown.",
        "subject_long": "The subject has {length} characters; most inboxes show {limit} or fewer.",
        "text_part_missing": "There is no plain text. It is generated from the email; check it in the preview.",
    },
}
_IN_MARKDOWN: Final[Mapping[str, str | None]] = {
    "image_without_alt": (
        "This image shows nothing when images are blocked. Say what it shows: ![A red bicycle](https://…)."
    ),
    "image_without_width": None,
}
"""Messages for authors of Markdown in place of those above; None: nothing that they could change."""
_IN_MARKDOWN_ALONE: Final = "markup_shown"
"""Elsewhere its author meant it."""
_NOBODY_HAS = 'None of the recipients checked has {0}. Check its name, or add a default: {{{{ {0} | default("…") }}}}'
_ADDRESS_VARIES = (
    "A merge tag is in the host of this address or directly after it, so its value could change where it leads."
)
_SEVERITIES: Final = {code: severity for severity, codes in _MESSAGES.items() for code in codes}


def _finding(
    code: str, field: str | None = None, *place: int | None, count: int | None = None, **values: object
) -> Finding:
    severity = _SEVERITIES[code]
    line, column = place or (None, None)
    return Finding(severity, code, _MESSAGES[severity][code].format(**values), field, line, column, count)


def content_findings(faults: Iterable[Fault]) -> list[Finding]:
    """The findings for content that does not compile: written under an earlier release's rules, and not sent since."""
    return [_finding("content_invalid", each.field, each.line, each.column, reason=each.reason) for each in faults]


def proof_findings(faults: Sequence[Fault]) -> list[Finding]:
    """The findings for a mail that is not proven (proof.py)."""
    meaning = " So it is not certain that recipients get what you wrote."
    return [
        _finding(
            "not_proven", each.field, each.line, each.column,
            reason=each.reason[:1].upper() + each.reason[1:], meaning="" if number else meaning,
        )
        for number, each in enumerate(faults)
    ]  # fmt: skip


def preflight_findings(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> list[Finding]:
    """All findings, the most severe first, then by line; at most 20 of one kind. Pure."""
    found: list[Finding] = []
    seen: Counter[str] = Counter()
    for finding in _all(source, compiled, tracking, audience):
        seen[finding.code] += 1
        if seen[finding.code] <= MAX_FINDINGS_OF_A_KIND:
            found.append(_placed(source, finding))
    return in_order(found)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The most severe first, then by line."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), finding.line or 0, finding.column or 0))


def _all(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> Iterator[Finding]:
    yield from _audience(audience)
    for use in compiled.merge_fields:
        empty = audience.empty_fields.get(use.path, 0)
        if empty and not use.has_default:
            found = _finding("merge_field_empty", use.field, use.line, use.column, count=empty, path=use.path)
            yield replace(found, message=_NOBODY_HAS.format(use.path)) if empty == audience.total else found
    yield from _subject(compiled.subject)
    if (size := html_size(compiled, tracking) or 0) > GMAIL_CLIPS_AT:
        yield _finding("gmail_clips", "html", kilobytes=size / 1024)
    placeholders = set[str]()
    for link in compiled.links:
        yield from _link(compiled, link, placeholders)
    yield from _links_at_risk(compiled, audience)
    positions = Positions(text := source.text or "")
    for address in _TAG_IN_HOST.finditer(text):
        place = positions.of(address.start())
        yield Finding(Severity.WARNING, "link_host_varies", _ADDRESS_VARIES, "text", *place)
    yield from _shown(source)
    if compiled.html is None:
        if not compiled.text_generated:
            yield _finding("plain_text_only", "text")
    elif compiled.text_generated:
        yield _finding("text_part_missing", "text")


def _placed(source: ContentSource, finding: Finding) -> Finding:
    """The same finding, with its place in what the author wrote."""
    if finding.field is None:
        return finding
    field, line, column = source.place(finding.field, finding.line, finding.column)
    return replace(finding, field=field, line=line, column=column)


def _audience(audience: AudienceFacts) -> Iterator[Finding]:
    if audience.total == 0:
        yield _finding("audience_empty", "audience", count=0)
    if audience.without_email:
        yield _finding("leads_without_email", "audience", count=audience.without_email)
    for fault, count in audience.failures.items():
        yield _finding("rendering_failed", fault.field, fault.line, fault.column, count=count, reason=fault.reason)


def _subject(subject: Segments) -> Iterator[Finding]:
    """Judges it with default values in place of merge tags."""
    words = "".join(
        each if isinstance(each, str) else getattr(each, "default", None) or "" for each in subject.pieces()
    )
    if len(words) > LONG_SUBJECT:
        place = (1, LONG_SUBJECT + 1)
        yield _finding("subject_long", "subject", *place, length=len(words), limit=LONG_SUBJECT)
    letters = _LETTERS.findall(words)
    shouted = sum(letter.isupper() for letter in letters)
    if (len(letters) >= 8 and shouted > len(letters) * 0.7) or "!!" in words:
        yield _finding("subject_shouts", "subject", 1, 1)


def _shortened(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:79]}…"


def _link(compiled: CompiledContent, link: Link, placeholders: set[str]) -> Iterator[Finding]:
    """What is wrong with a link: one finding. `placeholders`: hosts that were named already."""
    url = tidy(link.url)
    place = ("html", link.line, link.column)
    if not url or url == "#":
        yield _finding("link_without_destination", *place)
        return
    if url.startswith("#") or link.risk == Risk.NOWHERE:
        return
    if "{{" not in url.partition("/")[0] and url.lower().startswith(("http://", "https://")):
        if host := _placeholder_host(url):
            if host not in placeholders:
                yield _finding("link_placeholder", *place, host=host)
            placeholders.add(host)
            return
        if url.lower().startswith("http://"):
            yield _finding("link_not_https", *place, url=_shortened(url))
    if link.reason == RELATIVE:
        yield _finding("link_incomplete", *place, url=_shortened(url))
    elif not link.tracked and compiled.tracked and not _is_left_alone_by_intent(url, link.reason or ""):
        yield _finding("link_untracked", *place, url=_shortened(url), reason=link.reason)


def _links_at_risk(compiled: CompiledContent, audience: AudienceFacts) -> Iterator[Finding]:
    codes: Mapping[str | None, str] = {Risk.HOST: "link_host_varies", Risk.NOWHERE: "link_leads_nowhere"}
    at_risk = [link for link in compiled.links if link.risk is not None]
    for link in at_risk:
        if code := codes.get(link.risk):
            yield _finding(code, "html", link.line, link.column, url=_shortened(link.url))
    if audience.with_empty_links:
        place = (at_risk[0].line, at_risk[0].column) if at_risk else (1, 1)
        yield _finding("links_left_empty", "html", *place, count=audience.with_empty_links)


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
    with suppress(NotParsed):
        for code, offset, values in tree_problems(mask(html, find_tags(html))):
            if code == _IN_MARKDOWN_ALONE and not is_markdown:
                continue
            finding = _finding(code, "html", *positions.of(offset), **values)
            message = _IN_MARKDOWN.get(code, finding.message) if is_markdown else finding.message
            if message is not None:
                yield replace(finding, message=message)
