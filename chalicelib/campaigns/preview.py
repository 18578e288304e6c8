"""A campaign's mail to look at: nothing in it is executed or counted.

While it is being written, what can be rendered is, and what is wrong is a finding.
"""

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import cast

from chalicelib.campaigns.drafts import Draft, Drafts, Written
from chalicelib.campaigns.launched_content import campaign_values
from chalicelib.campaigns.proving import compile_both
from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.findings import Finding, content_findings, in_order
from chalicelib.content.made_html import made_of
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from chalicelib.content.render import Rendered, Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Body
from chalicelib.model.lead import Lead
from chalicelib.model.workspace import Workspace

_POLICY = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; font-src data:; base-uri http: https:; "
    "form-action 'none'; frame-ancestors 'self'"
)
POLICY = f"sandbox; {_POLICY}"
"""Content-Security-Policy of a mail's page: an origin of its own without scripts, in a frame or by itself."""
FRAME_POLICY = f"sandbox allow-same-origin; {_POLICY}"
"""The same for the frame that our page writes mails into: no scripts either, but our own origin (decision 79)."""

_NOWHERE = "https://links.invalid"
# A sandbox opens no windows, so links lead nowhere. The author's own <base target>, if any, comes first.
_LINKS_LEAD_NOWHERE = '<base target="_blank">'
_SHOWN = frozenset({"subject", "from_name", *Body.__dataclass_fields__})
"""What a preview shows of a campaign. Other fields may still be wrong."""

_SAMPLE = """# A headline in your theme

Emails written in Markdown look like this: text, [links](https://links.invalid), **important words** and

- lists of short points,
- each on a line of its own.

[A button](https://links.invalid) {button}

> A quote, for what a customer said.
"""


class _LinkIds:
    """Tracking that leads nowhere and counts nothing, but keeps each link's id in its address."""

    base_url = _NOWHERE

    def sign(self, link: str, destination: str) -> str:
        return "unsigned"


NO_TRACKING = _LinkIds()


def preview(draft: Draft, lead: Lead | None, tracking_url: str) -> Rendered:
    """A draft for one lead, or without one's merge fields. Raises RenderFailed.

    Its links are untracked, it has no pixel, and the unsubscribe link leads nowhere.
    """
    return _rendered(draft, lead, None, "", tracking_url)


def preview_page(draft: Draft, lead: Lead | None, badges: Mapping[str, str]) -> str:
    """HTML of the mail for a lead, or without one's merge fields. Raises RenderFailed.

    `badges`: texts to show behind links, by link id; only letters, digits, spaces and `.,%` of them are shown.
    """
    rendered = _rendered(draft, lead, NO_TRACKING if badges else None, "preview", _NOWHERE)
    if rendered.html is None:
        return f"<!doctype html><meta charset=utf-8><title>Mail</title><pre>{escape(rendered.text)}</pre>"
    return rendered.html + _LINKS_LEAD_NOWHERE + (_badges(badges) if badges else "")


def preview_written(
    drafts: Drafts, written: Written, lead: Lead | None, now: datetime, base_url: str
) -> tuple[Rendered, list[Finding]]:
    """The mail for a lead, or without one's merge fields, and what should be corrected in it. Stores nothing.

    A part that has a fault is empty. It takes what compiling and rendering take: milliseconds for usual mails.
    """
    draft, wrong = drafts.unsaved(written, now)
    faults = [fault for fault in wrong if fault.field in _SHOWN]
    while True:
        try:
            mail, findings = _checked(draft, merge_fields(lead), f"{base_url}/t/u/preview")
            return mail, in_order(content_findings(faults) + findings)
        except ContentInvalid as error:
            faults += error.faults
            # What has a fault is left out, and the rest is tried again.
            faulty = {each.field: "" for each in error.faults if written.get(each.field)}
        written = cast(Written, {**written, **faulty} if faulty else {})
        draft, _ = drafts.unsaved(written, now)


def _checked(draft: Draft, values: Mapping[str, object], unsubscribe_url: str) -> tuple[Rendered, list[Finding]]:
    """The mail and its findings. Raises ContentInvalid, also with what cannot be rendered for these values."""
    source, campaign = draft.source(), campaign_values(draft.campaign)
    both = compile_both(source, NO_TRACKING, draft.campaign.tracking)
    try:
        mail = Renderer(both.untracked, None).render(values, campaign, "", unsubscribe_url)
    except RenderFailed as failure:
        raise ContentInvalid([Diagnosis(source).fault(values, campaign, failure)]) from None
    if not draft.body.has_content:
        mail.text = ""  # nothing but the link to unsubscribe
    return mail, preflight_findings(source, both.tracked, NO_TRACKING, AudienceFacts())


def theme_page(workspace: Workspace) -> str:
    """HTML of a sample mail in this workspace's theme."""
    made = made_of(Body(markdown=_SAMPLE), workspace)
    source = ContentSource("", made.html if made else None, None, "", source_map=made)
    rendered = Renderer(compile_content(source, None), None).render({}, {}, "", f"{_NOWHERE}/t/u/preview")
    return (rendered.html or "") + _LINKS_LEAD_NOWHERE


def _rendered(draft: Draft, lead: Lead | None, tracking: _LinkIds | None, delivery_id: str, base_url: str) -> Rendered:
    renderer = Renderer(compile_content(draft.source(), tracking), tracking)
    return renderer.render(merge_fields(lead), campaign_values(draft.campaign), delivery_id, f"{base_url}/t/u/preview")


def _badges(badges: Mapping[str, str]) -> str:
    """A style sheet that shows them; the mail's markup stays as it is."""
    tracked = f"a[href^='{_NOWHERE}/t/c/']"
    rules = [
        f"{tracked}{{outline:2px solid #3b4fc4!important;outline-offset:2px}}",
        f"{tracked}::after{{display:inline-block;margin-left:6px;padding:1px 7px;border:1px solid #fff;"
        "border-radius:9px;background:#3b4fc4;color:#fff;font:600 12px/1.4 system-ui,sans-serif;"
        "vertical-align:middle;text-decoration:none;white-space:nowrap}",
    ]
    for link, text in badges.items():
        shown = "".join(character for character in text if character.isalnum() or character in " .,%")
        rules.append(f"{tracked}[href*='?l={link}&']::after{{content:'{shown}'}}")
    return f"<style>{''.join(rules)}</style>"
