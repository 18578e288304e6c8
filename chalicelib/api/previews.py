"""Checking a campaign before it is sent: audience, preview, preflight and test sends."""

from pydantic import Field

from chalicelib.analytics.stats import count_links
from chalicelib.analytics.sums import percent
from chalicelib.api.campaigns import ProofAnswer
from chalicelib.api.http.answers import Answer, AnswerModel, Moment
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.campaigns.completeness import Incomplete
from chalicelib.campaigns.preflight import preflight
from chalicelib.campaigns.preview import POLICY, preview, preview_page
from chalicelib.campaigns.send_test import MAX_ADDRESSES, InvalidAddresses, SendTestOutcome
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.content.findings import Severity
from chalicelib.model.campaign import Campaign
from chalicelib.model.errors import LeadNotFound
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead

previews = Resource("campaigns", "/v1/campaigns/{campaign_id}")

HTML = "text/html"
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
