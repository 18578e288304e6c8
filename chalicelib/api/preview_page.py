"""GET /v1/campaigns/{id}/preview.html: the mail itself, to be shown in a frame."""

from typing import Annotated

from pydantic import Field

from chalicelib.analytics.stats import count_links
from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND, NOT_RENDERED
from chalicelib.api.http.answers import Answer
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Resource
from chalicelib.campaigns.lifecycle import CampaignNotFound
from chalicelib.campaigns.preview import POLICY, preview_page
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store.leads import LeadNotFound

HTML = "text/html"
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
}

preview_frame = Resource(
    "campaigns",
    errors=CAMPAIGN_NOT_FOUND | NOT_RENDERED,
)


class FrameQuery(RequestModel):
    lead_id: Annotated[str | None, Field(description="Whose merge fields to fill in, or defaults.")] = None
    clicks: Annotated[bool, Field(description="Write behind each tracked link how many leads clicked it.")] = False


@preview_frame.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/preview.html",
    summary="Show a campaign's mail",
    query=FrameQuery,
    answers={200: None},
    answer_type=HTML,
    raises=(CampaignNotFound, LeadNotFound, ContentInvalid, RenderFailed),
)
def show_preview(call: Call, campaign_id: str) -> Answer:
    """For a frame: its policy allows no scripts and gives it an origin of its own. Looking at it counts nothing."""
    query, context = call.query(FrameQuery), call.context
    draft = context.drafts.get(CampaignId(campaign_id))
    lead = None if query.lead_id is None else context.leads.get(LeadId(query.lead_id))
    badges = _clicks(call, draft.campaign.campaign_id) if query.clicks else {}
    return Answer(200, preview_page(draft, lead, badges), _HEADERS, f"{HTML}; charset=utf-8")


def _clicks(call: Call, campaign_id: CampaignId) -> dict[str, str]:
    links = call.context.campaigns.find_launched(campaign_id).links
    counted = count_links(links, call.context.counters.find(campaign_id).sums)
    return {
        each.link: f"{each.clicked:,}" + ("" if each.rate is None else f"  {each.rate.value:.1%}") for each in counted
    }
