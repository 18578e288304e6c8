"""Findings: what a marketer should know of a mail before it is sent, and the texts that say it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chalicelib.model.errors import Fault


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


_MESSAGES: Final[Mapping[Severity, Mapping[str, str]]] = {
    Severity.ERROR: {
        "missing:title": "Give the campaign a title. Only you see it.",
        "missing:subject": "Write a subject.",
        "missing:from_email": "Choose a From address.",
        "missing:audience.entity": "Choose a business line.",
        "missing:audience.stages": "Choose at least one stage.",
        "missing:html": "Write the email. It has no content yet.",
        "audience_empty": "There are no recipients: no lead matches.",
        "content_invalid": "{reason}",
        "link_incomplete": "{url} leads nowhere: a link in an email needs its full address. Add https:// in front.",
        "link_leads_nowhere": (
            "{url} will be empty: links with merge tags can lead to https, http, mailto, tel or sms only."
        ),
        "not_proven": "{reason}.{meaning}",
        "rendering_failed": "The email cannot be rendered: {reason}.",
        "sender_not_verified": (
            "Neither the From address nor its domain {domain} is verified, so no emails can be sent. Verify one of "
            "them in Settings, Senders."
        ),
    },
    Severity.WARNING: {
        "dmarc_fails": (
            "Emails from {domain} do not pass DMARC: {reason}. Gmail, Yahoo and Microsoft refuse them from senders of "
            "more than {limit:,} a day. Settings, Senders shows what to publish."
        ),
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
        "image_without_alt:markdown": (
            "This image shows nothing when images are blocked. Say what it shows: ![A red bicycle](https://…)."
        ),
        "leads_without_email": "Some recipients have no email address and will count as failed.",
        "link_host_varies": (
            "A merge tag is in the host of {url} or directly after it. If its value would change the host, the link "
            "will be empty. Write out the host, and put a / before the tag."
        ),
        "link_host_varies:text": (
            "A merge tag is in the host of this address or directly after it, so its value could change where it leads."
        ),
        "link_placeholder": "{host} looks like a placeholder. Links there lead recipients nowhere.",
        "link_untracked": "Clicks on {url} cannot be tracked: {reason}.",
        "link_without_destination": "This link has no destination.",
        "link_without_destination:scheme": "This link has no address behind {scheme}. It leads nowhere.",
        "link_without_text": "Nothing says where this link leads. Add a text, or an alt text to its image.",
        "links_left_empty": (
            "For some of the recipients checked, a link will be empty: its value is missing or is not a full address "
            "like https://shop.com/a."
        ),
        "merge_field_empty": '{path} is empty for some recipients. Add a default: {{{{ {path} | default("…") }}}}',
        "merge_field_empty:all": (
            "None of the recipients checked has {path}. Check its name, or add a default: "
            '{{{{ {path} | default("…") }}}}'
        ),
        "postal_address_missing": (
            "Your postal address, as in Settings, is not in the email. Many countries require it in marketing."
        ),
        "postal_address_missing:unset": (
            "No postal address is set. Many countries require one in marketing emails. Enter yours in Settings."
        ),
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
        "sender_not_checked:dns": (
            "DNS did not answer, so it could not be checked whether emails from {domain} pass DMARC."
        ),
        "sender_not_checked:ses": (
            "Amazon SES did not answer, so it could not be checked whether {domain} is verified and passes DMARC."
        ),
        "subject_long": "The subject has {length} characters; most inboxes show {limit} or fewer.",
        "text_part_missing": "There is no plain text. It is generated from the email; check it in the preview.",
    },
}
"""By severity, and by code: one that has several messages is followed by the case."""
_SEVERITIES: Final = {case: severity for severity, messages in _MESSAGES.items() for case in messages}


def finding(
    case: str,
    field: str | None = None,
    *place: int | None,
    severity: Severity | None = None,
    count: int | None = None,
    **values: object,
) -> Finding:
    """What the table says of this case. `severity`: instead of the table's."""
    usual = _SEVERITIES[case]
    line, column = place or (None, None)
    message = _MESSAGES[usual][case].format(**values)
    return Finding(severity or usual, case.partition(":")[0], message, field, line, column, count)


def content_findings(faults: Iterable[Fault]) -> list[Finding]:
    """The findings for content that does not compile: written under an earlier release's rules, and not sent since."""
    return [finding("content_invalid", each.field, each.line, each.column, reason=each.reason) for each in faults]


def proof_findings(faults: Sequence[Fault]) -> list[Finding]:
    """The findings for a mail that is not proven (proof.py)."""
    meaning = " So it is not certain that recipients get what you wrote."
    return [
        finding(
            "not_proven", each.field, each.line, each.column,
            reason=each.reason[:1].upper() + each.reason[1:], meaning="" if number else meaning,
        )
        for number, each in enumerate(faults)
    ]  # fmt: skip


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The most severe first, then by line."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), finding.line or 0, finding.column or 0))
