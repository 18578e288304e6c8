"""What a marketer should know before sending: findings computed from the content and from what the caller counted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from .compiled import CompiledContent
from .destinations import Risk, tidy
from .document import read_document
from .errors import ContentInvalid, Problem, RenderFailed
from .merge_tags import find_tags, mask
from .positions import Positions
from .render import Renderer
from .source import ContentSource, LinkTracking

GMAIL_CLIPS_AT: Final = 102 * 1024  # bytes of the HTML part; what follows is hidden behind "View entire message"
LONG_SUBJECT: Final = 60  # characters; phones show fewer
MAX_FINDINGS_OF_A_KIND: Final = 20

_PLACEHOLDER_HOST = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local)$|(?:^|\.)example\.(?:com|net|org)$"
    r"|(?:^|\.)(?:yourdomain|yoursite|yourcompany|domain|website)\.com$|^(?:127\.|0\.0\.0\.0|10\.|192\.168\.)",
    re.IGNORECASE,
)
_TAG_IN_HOST = re.compile(r"https?://[^\s/?#\\{]*+\{\{", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_SAMPLE_DELIVERY_ID = "A" * 48


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
    """What the caller knows of the audience and the sender; `None` where it was not looked up.

    `empty_fields`: for each path of `CompiledContent.merge_fields` without default, how many leads have nothing there.
    `with_empty_links`: to how many, of those whose mails were tried, a link with merge tags leads nowhere.
    """

    total: int | None = None
    without_email: int | None = None
    empty_fields: Mapping[str, int] = field(default_factory=dict)
    sender_verified: bool | None = None
    with_empty_links: int | None = None
    failures: Mapping[Problem, int | None] = field(default_factory=dict)
    """What cannot be rendered, and for how many leads; None where nobody was there to try it with."""
    hindrance: Finding | None = None
    """What keeps the account from sending to everybody."""


def content_findings(error: ContentInvalid) -> list[Finding]:
    """The findings for content that does not compile: written under an earlier release's rules, and not sent since."""
    return [
        Finding(Severity.ERROR, "content_invalid", each.reason, each.field, each.line, each.column)
        for each in error.problems
    ]


def preflight_findings(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> list[Finding]:
    """All findings, the most severe first; at most 20 of one kind. Pure: everything comes in as a parameter."""
    found: list[Finding] = []
    seen: dict[str, int] = {}
    for finding in _all(source, compiled, tracking, audience):
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= MAX_FINDINGS_OF_A_KIND:
            found.append(finding)
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _all(
    source: ContentSource, compiled: CompiledContent, tracking: LinkTracking | None, audience: AudienceFacts
) -> Iterator[Finding]:
    yield from _sender_and_audience(compiled, audience)
    yield from _failures(audience)
    yield from _merge_fields(compiled, audience)
    yield from _subject(source.subject)
    yield from _size(compiled, tracking)
    yield from _links(compiled)
    yield from _links_at_risk(compiled, audience)
    yield from _addresses_in_text(source.text or "")
    yield from _images(source)
    if compiled.html is None:
        yield Finding(
            Severity.NOTE,
            "plain_text_only",
            "A plain-text mail is sent untracked: opens and clicks cannot be seen.",
            "text",
        )
    elif compiled.text_generated:
        yield Finding(
            Severity.NOTE,
            "text_part_missing",
            "There is no text part; one is made from the HTML. Read it in the preview.",
            "text",
        )


def _sender_and_audience(compiled: CompiledContent, audience: AudienceFacts) -> Iterator[Finding]:
    if audience.hindrance is not None:
        yield audience.hindrance
    if audience.sender_verified is False:
        domain = compiled.from_email.rpartition("@")[2]
        yield Finding(
            Severity.ERROR,
            "sender_not_verified",
            f"Neither the sender's address nor its domain {domain} is verified in SES: no mail would leave.",
            "from_email",
        )
    if audience.total == 0:
        yield Finding(Severity.ERROR, "audience_empty", "No lead matches the audience.", "audience", count=0)
    if audience.without_email:
        yield Finding(
            Severity.WARNING,
            "leads_without_email",
            "Leads in the audience have no e-mail address; they will count as failed.",
            "audience",
            count=audience.without_email,
        )


def _failures(audience: AudienceFacts) -> Iterator[Finding]:
    for problem, count in audience.failures.items():
        message = f"The mail cannot be rendered and would fail: {problem.reason}."
        yield Finding(Severity.ERROR, "rendering_failed", message, problem.field, problem.line, problem.column, count)


def _merge_fields(compiled: CompiledContent, audience: AudienceFacts) -> Iterator[Finding]:
    for use in compiled.merge_fields:
        empty = audience.empty_fields.get(use.path, 0)
        if empty and not use.has_default:
            yield Finding(
                Severity.WARNING,
                "merge_field_empty",
                f'{use.path} is empty for some of the audience; give it a default: {{{{ {use.path} | default("…") }}}}',
                use.field,
                use.line,
                use.column,
                empty,
            )


def _subject(subject: str) -> Iterator[Finding]:
    if len(subject) > LONG_SUBJECT:
        yield Finding(
            Severity.NOTE,
            "subject_long",
            f"The subject has {len(subject)} characters; most inboxes show {LONG_SUBJECT} or fewer.",
            "subject",
            1,
            LONG_SUBJECT + 1,
        )
    letters = _LETTERS.findall(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", subject[:500]))
    shouted = sum(letter.isupper() for letter in letters)
    if (len(letters) >= 8 and shouted > len(letters) * 0.7) or "!!" in subject:
        yield Finding(Severity.WARNING, "subject_shouts", "Capitals and “!!” read as spam.", "subject", 1, 1)


def _size(compiled: CompiledContent, tracking: LinkTracking | None) -> Iterator[Finding]:
    if compiled.html is None:
        return
    unsubscribe_url = f"{compiled.base_url}/t/u/{_SAMPLE_DELIVERY_ID}"
    try:
        html = Renderer(compiled, tracking).render({}, {}, _SAMPLE_DELIVERY_ID, unsubscribe_url).html or ""
    except RenderFailed:
        return
    size = len(html.encode("utf-8", "replace"))
    if size > GMAIL_CLIPS_AT:
        yield Finding(
            Severity.WARNING,
            "gmail_clips",
            f"The HTML is {size / 1024:.0f} KB as sent; Gmail clips it at 102 KB and hides the rest, the "
            "tracking pixel with it, so opens will be missed.",
            "html",
        )


def _links(compiled: CompiledContent) -> Iterator[Finding]:
    for link in compiled.links:
        url = tidy(link.url)
        place = ("html", link.line, link.column)
        if not url or url == "#":
            yield Finding(Severity.WARNING, "link_without_destination", "This link leads nowhere.", *place)
            continue
        if url.startswith("#") or link.risk == Risk.NOWHERE:
            continue
        if "{{" not in url.partition("/")[0] and url.lower().startswith(("http://", "https://")):
            if url.lower().startswith("http://"):
                yield Finding(Severity.NOTE, "link_not_https", f"{url[:80]} is not https.", *place)
            if _has_placeholder_host(url):
                yield Finding(
                    Severity.WARNING, "link_placeholder", f"{url[:80]} looks like a placeholder address.", *place
                )
        if not link.tracked and compiled.tracked and not _is_left_alone_by_intent(url, link.reason or ""):
            yield Finding(
                Severity.WARNING, "link_untracked", f"Clicks on {url[:80]} cannot be seen: {link.reason}.", *place
            )


def _links_at_risk(compiled: CompiledContent, audience: AudienceFacts) -> Iterator[Finding]:
    at_risk = [link for link in compiled.links if link.risk is not None]
    for link in at_risk:
        place = ("html", link.line, link.column)
        if link.risk == Risk.HOST:
            yield Finding(
                Severity.WARNING,
                "link_host_varies",
                f"A merge tag stands in the host of {link.url[:80]} or right behind it; where its value would change "
                "the host, the link is left empty. Write the host out, and a / before the tag.",
                *place,
            )
        elif link.risk == Risk.NOWHERE:
            yield Finding(
                Severity.ERROR,
                "link_leads_nowhere",
                f"{link.url[:80]} is left empty: links with merge tags lead to https, http, mailto, tel or sms only.",
                *place,
            )
    if audience.with_empty_links:
        place = ("html", at_risk[0].line, at_risk[0].column) if at_risk else ("html", 1, 1)
        yield Finding(
            Severity.WARNING,
            "links_left_empty",
            "In the mails tried, a link leads nowhere: its value is missing or no whole address like https://shop.com/a.",
            *place,
            audience.with_empty_links,
        )


def _addresses_in_text(text: str) -> Iterator[Finding]:
    positions = Positions(text)
    for address in _TAG_IN_HOST.finditer(text):
        message = (
            "A merge tag stands in the host of this address or right behind it: its value could change where it leads."
        )
        yield Finding(Severity.WARNING, "link_host_varies", message, "text", *positions.of(address.start()))


def _has_placeholder_host(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _PLACEHOLDER_HOST.search(host) is not None


def _is_left_alone_by_intent(url: str, reason: str) -> bool:
    return url.lower().startswith(("mailto:", "tel:", "sms:")) or "data-no-track" in reason or "unsubscribe" in reason


def _images(source: ContentSource) -> Iterator[Finding]:
    if not source.html:
        return
    tags = find_tags(source.html)
    document = read_document(source.html, mask(source.html, tags), tags)
    positions = Positions(source.html)
    for image in document.images:
        if not image.has_alt:
            yield Finding(
                Severity.WARNING,
                "image_without_alt",
                'This image says nothing while images are blocked; give it an alt text (alt="" for decoration).',
                "html",
                *positions.of(image.at),
            )
        if not image.has_width:
            yield Finding(
                Severity.NOTE,
                "image_without_width",
                "Outlook shows this image in its full size; give it a width.",
                "html",
                *positions.of(image.at),
            )
