"""/v1/previews: a campaign while it is being written, before anything is stored."""

from pydantic import Field, Json

from chalicelib.api.campaigns import AudienceBody, CampaignFields
from chalicelib.api.http.answers import Answer, Overlaid
from chalicelib.api.http.paging import Page
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.leads import LeadAnswer
from chalicelib.api.previews import HTML, FindingAnswer, PreviewAnswer, PreviewQuery, page_for_frame
from chalicelib.campaigns.live_preview import preview_written
from chalicelib.campaigns.preview import FRAME_POLICY
from chalicelib.model.errors import LeadNotFound

live_preview = Resource("live_preview", "/v1/previews")

_LEADS = 20
_EMPTY_FRAME = '<!doctype html><html lang="en" data-preview><meta charset="utf-8"><title>Preview</title>'


class UnsavedCampaign(CampaignFields, PreviewQuery):
    """What is written of a campaign so far, and whose merge fields to fill in."""


class LivePreviewAnswer(PreviewAnswer):
    """What has a fault is empty. The findings are on the content alone; a stored campaign's preflight knows more."""

    from_name: str | None
    from_email: str
    findings: list[FindingAnswer]


@Operation(
    live_preview,
    "POST",
    "",
    LivePreviewAnswer,
    body=UnsavedCampaign,
    raises=[LeadNotFound],
    answers_secret=True,  # a mail with the lead's fields
)
def preview_unsaved_campaign(call: Call) -> object:
    """Render a campaign that is not stored.

    As a lead would see it. Faults are findings, with their places; the part that has one is empty. Nothing is stored.
    """
    asked, context = call.body(UnsavedCampaign), call.context
    lead, base_url = asked.lead(call), context.settings.tracking_url
    mail, findings = preview_written(context.drafts, asked.written(), lead, context.now(), base_url)
    return Overlaid(mail, findings=findings)


class PreviewLeadsQuery(RequestModel):
    audience: Json[AudienceBody] = Field(default=AudienceBody(), description="JSON object, as in a campaign.")


@Operation(live_preview, "GET", "/leads", Page[LeadAnswer], query=PreviewLeadsQuery)
def list_preview_leads(call: Call) -> object:
    """List some leads of an audience.

    To preview a campaign for: up to 20. By behaviour, those found among the first leads in its stages.
    """
    audience = call.query(PreviewLeadsQuery).audience.audience()
    return {"items": call.context.audiences.some(audience, _LEADS), "cursor": None}


@Operation(live_preview, "GET", "/frame", answer_type=HTML)
def get_preview_frame(call: Call) -> Answer:
    """Get an empty page to write a preview into.

    For a frame of the web page: its policy allows no scripts.
    """
    return page_for_frame(_EMPTY_FRAME, FRAME_POLICY)
