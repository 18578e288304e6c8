"""Checking a campaign: before it is sent (audience, preview, preflight, test sends), and while it is being written."""

from pydantic import Field, Json

from chalicelib.analytics.stats import count_links
from chalicelib.analytics.sums import percent
from chalicelib.api.campaigns import AudienceBody, CampaignFields, ProofAnswer
from chalicelib.api.http.answers import Answer, AnswerModel, Moment, Overlaid
from chalicelib.api.http.paging import Page
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.leads import LeadAnswer
from chalicelib.campaigns.completeness import Incomplete
from chalicelib.campaigns.preflight import preflight
from chalicelib.campaigns.preview import FRAME_POLICY, POLICY, preview, preview_page, preview_written
from chalicelib.campaigns.send_test import MAX_ADDRESSES, InvalidAddresses, SendTestOutcome
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.findings import Severity
from chalicelib.model.campaign import Campaign
from chalicelib.model.errors import LeadNotFound
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead

previews = Resource("campaigns", "/v1/campaigns/{campaign_id}")
live_preview = Resource("live_preview", "/v1/previews")

HTML = "text/html"
_LEADS = 20
_EMPTY_FRAME = '<!doctype html><html lang="en" data-preview><meta charset="utf-8"><title>Preview</title>'
# The content is invalid when it was written under an earlier release's rules, and not sent since.
_NOT_RENDERED = [LeadNotFound, ContentInvalid, RenderFailed]


class AudienceAnswer(AnswerModel):
    total: int
    at_least: bool = Field(description="There may be more: too many to be counted in one request.")


class PreviewQuery(RequestModel):
    lead_id: LeadId | None = Field(default=None, description="Whose merge fields to fill in, or defaults.")

    def lead(self, call: Call) -> Lead | None:
        """Raises LeadNotFound."""
        return None if self.lead_id is None else call.context.leads.get(self.lead_id)


class PreviewAnswer(AnswerModel):
    subject: str
    preview_text: str | None
    html: str | None
    text: str


class FrameQuery(PreviewQuery):
    clicks: bool = Field(default=False, description="Show next to each tracked link how many leads clicked it.")


class FindingAnswer(AnswerModel):
    """One finding; line and column (1-based) are its place within `field`. Code `missing`: not sent without `field`."""

    severity: Severity
    code: str
    message: str
    field: str | None
    line: int | None
    column: int | None
    count: int | None = Field(description="How many leads it concerns.")


class SampleAnswer(AnswerModel):
    """A lead of the audience, and the subject that it would get."""

    lead_id: str
    name: str = Field(description="Or its address, where it has none.")
    subject: str


class PreflightAnswer(AnswerModel):
    findings: list[FindingAnswer]
    audience_looked_at: int = Field(description="How many leads were checked.")
    audience_is_whole: bool = Field(description="False when the audience is larger than that.")
    without_email: int = Field(description="How many of those have no address, and will count as failed.")
    sample: SampleAnswer | None = Field(
        description="Null for an empty audience, and where its mail cannot be rendered."
    )
    proof: ProofAnswer | None = Field(description="Null: not proven, see the findings `not_proven`; or plain text.")


class TestBody(PreviewQuery):
    to: list[str] = Field(min_length=1, max_length=MAX_ADDRESSES, description="Need not be addresses of leads.")


class TestResult(AnswerModel):
    """What happened to the mail to one address. `detail` has the mail service's message when it was not sent."""

    email: str
    outcome: SendTestOutcome
    detail: str | None
    resumes_about: Moment | None = Field(description="When to try again, if the account must wait.")


class TestAnswer(AnswerModel):
    results: list[TestResult] = Field(description="One for each address, in their order.")


@Operation(previews, "GET", "/audience", AudienceAnswer)
def count_audience(call: Call, campaign_id: CampaignId) -> object:
    """Count a campaign's audience.

    As it is now. `total` in the stats is the audience at the time of sending.
    """
    return call.context.audiences.count(call.context.drafts.get(campaign_id).campaign.audience)


@Operation(previews, "GET", "/preview", PreviewAnswer, query=PreviewQuery, raises=_NOT_RENDERED)
def preview_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Render a campaign for a lead, or with default values.

    As the lead would see it, with untracked links and without the pixel, so that a preview is not counted.
    """
    draft, lead = call.context.drafts.get(campaign_id), call.query(PreviewQuery).lead(call)
    return preview(draft, lead, call.context.settings.tracking_url)


@Operation(previews, "GET", "/preview.html", query=FrameQuery, answer_type=HTML, raises=_NOT_RENDERED)
def show_preview(call: Call, campaign_id: CampaignId) -> Answer:
    """Preview a campaign as an HTML page.

    For a frame: its policy allows no scripts and gives it an origin of its own. A preview is not counted.
    """
    query, draft = call.query(FrameQuery), call.context.drafts.get(campaign_id)
    badges = _clicks(call, draft.campaign) if query.clicks else {}
    return page_for_frame(preview_page(draft, query.lead(call), badges))


def page_for_frame(html: str, policy: str = POLICY) -> Answer:
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return Answer(200, html, headers, f"{HTML}; charset=utf-8")


def _clicks(call: Call, campaign: Campaign) -> dict[str, str]:
    links = call.context.campaigns.find_launched(campaign).links
    counted = count_links(links, call.context.counters.find(campaign.campaign_id).sums)
    return {
        each.link: f"{each.clicked:,}" + ("" if each.rate is None else f"  {percent(each.rate.value)}")
        for each in counted
    }


@Operation(previews, "GET", "/preflight", PreflightAnswer)
def preflight_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Check a campaign before sending it.

    Findings, most severe first, with their places in the content and the number of leads they concern. A finding
    `not_proven` keeps it from being sent, unless the proof is waived; so do the errors `dmarc_fails` and
    `postal_address_missing`, unless the rules for bulk senders are waived; and so does each field that is `missing`.
    """
    context = call.context
    draft = context.drafts.get(campaign_id)
    account, workspace = context.sending_account, context.workspaces.get()
    return preflight(draft, context.audiences, account, workspace, context.keys, context.settings.tracking_url)


@Operation(
    previews,
    "POST",
    "/test",
    TestAnswer,
    body=TestBody,
    raises=[InvalidAddresses, Incomplete, *_NOT_RENDERED],
    answers_secret=True,  # addresses, which an erasure could not find
)
def test_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Send a campaign to test addresses.

    The real mail, marked in its subject and headers. Its pixel and links work and are not counted; the campaign does
    not change. Addresses are tried one after the other, and each has its own outcome.
    """
    asked, context = call.body(TestBody), call.context
    draft = context.drafts.get(campaign_id)
    return {"results": context.mail_tester.send(draft, asked.lead(call), asked.to, context.now())}


# -- While it is being written: /v1/previews, where nothing is stored. ------------------------------------------------


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
