"""A campaign's mail while it is being written: what can be rendered is, and what is wrong is a finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.campaigns.drafts import Draft, Drafts, Written
from chalicelib.campaigns.launched_content import campaign_values
from chalicelib.campaigns.preview import NO_TRACKING
from chalicelib.campaigns.proving import compile_both
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.preflight import AudienceFacts, Finding, content_findings, in_order, preflight_findings
from chalicelib.content.render import Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Body
from chalicelib.model.lead import Lead

_SHOWN = frozenset({"subject", "from_name", *Body.__dataclass_fields__})
"""What a preview shows of a campaign. Other fields may still be wrong."""


@dataclass(frozen=True, slots=True)
class LivePreview:
    """What a campaign would look like as it is written so far; a part that has a fault is empty."""

    subject: str = ""
    preview_text: str | None = None
    from_name: str | None = None
    from_email: str = ""
    html: str | None = None
    text: str = ""
    findings: list[Finding] = field(default_factory=list)


def preview_written(drafts: Drafts, written: Written, lead: Lead | None, now: datetime, base_url: str) -> LivePreview:
    """The mail for a lead, or without one's merge fields, and what should be corrected in it. Stores nothing.

    It takes what compiling and rendering take: milliseconds for usual mails.
    """
    draft, wrong = drafts.unsaved(written, now)
    faults = [fault for fault in wrong if fault.field in _SHOWN]
    while True:
        try:
            shown = _rendered(draft, {} if lead is None else merge_fields(lead), f"{base_url}/t/u/preview")
            break
        except ContentInvalid as error:
            found = error.faults
        faults += found
        # What has a fault is left out, and the rest is tried again.
        faulty: dict[str, Any] = {fault.field: "" for fault in found if getattr(written, fault.field, None)}
        if not faulty:
            shown = LivePreview()
            break
        written = replace(written, **faulty)
        draft, _ = drafts.unsaved(written, now)
    return replace(shown, findings=in_order(content_findings(ContentInvalid(faults)) + shown.findings))


def _rendered(draft: Draft, values: Mapping[str, object], unsubscribe_url: str) -> LivePreview:
    """The mail and its findings. Raises ContentInvalid, also with what cannot be rendered for these values."""
    source, campaign = draft.source(), campaign_values(draft.campaign)
    compiled, untracked = compile_both(source, NO_TRACKING, draft.campaign.tracking)
    try:
        mail = Renderer(untracked, None).render(values, campaign, "", unsubscribe_url)
    except RenderFailed as failure:
        raise ContentInvalid([Diagnosis(source).fault(values, campaign, failure)]) from None
    return LivePreview(
        subject=mail.subject,
        preview_text=mail.preview_text,
        from_name=mail.from_name,
        from_email=mail.from_email,
        html=mail.html,
        text=mail.text if draft.body.has_content else "",
        findings=preflight_findings(source, compiled, NO_TRACKING, AudienceFacts()),
    )
