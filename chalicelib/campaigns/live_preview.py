"""A campaign's mail while it is being written: what can be rendered is, and what is wrong is a finding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.campaigns.drafts import Draft, Written, unsaved
from chalicelib.campaigns.launched_content import campaign_values, source_of
from chalicelib.campaigns.preview import NO_TRACKING
from chalicelib.campaigns.proving import compile_both
from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.preflight import AudienceFacts, Finding, content_findings, preflight_findings
from chalicelib.content.render import Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Body
from chalicelib.model.errors import Fault
from chalicelib.model.lead import Lead

_SHOWN = frozenset({"subject", "from_name", *Body.__dataclass_fields__})
"""What a preview shows of a campaign. Other fields may still be wrong."""


@dataclass(frozen=True, slots=True)
class LivePreview:
    """What a campaign would look like as it is written so far; a part that has a fault is empty."""

    subject: str
    preview_text: str
    from_name: str | None
    from_email: str
    html: str | None
    text: str
    findings: list[Finding]


class _HasFaults(Exception):
    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults


def preview_written(written: Written, lead: Lead | None, now: datetime, tracking_url: str) -> LivePreview:
    """The mail for a lead, or without one's merge fields, and what should be corrected in it. Stores nothing.

    It takes what compiling and rendering take: milliseconds for usual mails.
    """
    values = {} if lead is None else merge_fields(lead)
    faults = [fault for fault in unsaved(written, now)[1] if fault.field in _SHOWN]
    while True:
        try:
            shown = _rendered(unsaved(written, now)[0], values, tracking_url)
            return replace(shown, findings=content_findings(ContentInvalid(faults)) + shown.findings)
        except _HasFaults as found:
            faults += found.faults
            # What has a fault is left out, and the rest is tried again.
            faulty = {fault.field: "" for fault in found.faults if getattr(written, fault.field, None)}
        if not faulty:
            return LivePreview("", "", None, "", None, "", content_findings(ContentInvalid(faults)))
        written = replace(written, **faulty)


def _rendered(draft: Draft, values: Mapping[str, object], tracking_url: str) -> LivePreview:
    """The mail and the findings of content that compiles. Raises _HasFaults."""
    campaign = draft.campaign
    named = campaign_values(campaign)
    try:
        source = source_of(campaign, draft.body)
        compiled, untracked = compile_both(source, NO_TRACKING, campaign.tracking)
    except ContentInvalid as error:
        raise _HasFaults(error.faults) from None
    try:
        mail = Renderer(untracked, None).render(values, named, "", f"{tracking_url}/t/u/preview")
    except RenderFailed as failure:
        raise _HasFaults([Diagnosis(source).fault(values, named, failure)]) from None
    findings = preflight_findings(source, compiled, NO_TRACKING, AudienceFacts())
    text = mail.text if draft.body.has_content else ""
    teaser = _line("preview_text", draft.body.preview_text or "", values, named)
    return LivePreview(mail.subject, teaser, mail.from_name, mail.from_email, mail.html, text, findings)


def _line(field: str, text: str, values: Mapping[str, object], named: Mapping[str, str]) -> str:
    """One line with merge tags, by the rules for subjects. Raises _HasFaults."""
    try:
        compiled = compile_content(ContentSource(subject=text, html=None, text=None, from_email=""), None)
        return Renderer(compiled, None).render(values, named, "", "").subject
    except ContentInvalid as error:
        raise _HasFaults([fault._replace(field=field) for fault in error.faults]) from None
    except RenderFailed as failure:
        raise _HasFaults([Fault(field, failure.reason)]) from None
