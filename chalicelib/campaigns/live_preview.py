"""A campaign's mail while it is being written: what can be rendered is, and what is wrong is a finding."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from chalicelib.campaigns.drafts import Draft, Drafts, Written
from chalicelib.campaigns.launched_content import campaign_values
from chalicelib.campaigns.preview import NO_TRACKING
from chalicelib.campaigns.proving import compile_both
from chalicelib.content.diagnosis import Diagnosis
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.findings import Finding, content_findings, in_order
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from chalicelib.content.render import Rendered, Renderer
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Body
from chalicelib.model.lead import Lead

_SHOWN = frozenset({"subject", "from_name", *Body.__dataclass_fields__})
"""What a preview shows of a campaign. Other fields may still be wrong."""


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
            mail, findings = _rendered(draft, merge_fields(lead), f"{base_url}/t/u/preview")
            return mail, in_order(content_findings(faults) + findings)
        except ContentInvalid as error:
            faults += error.faults
            # What has a fault is left out, and the rest is tried again.
            faulty = {each.field: "" for each in error.faults if written.get(each.field)}
        written = cast(Written, {**written, **faulty} if faulty else {})
        draft, _ = drafts.unsaved(written, now)


def _rendered(draft: Draft, values: Mapping[str, object], unsubscribe_url: str) -> tuple[Rendered, list[Finding]]:
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
