"""/v1/campaigns: write, read, change, remove, duplicate, look at. What is done with them: campaign_verbs.py."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from chalicelib.api.campaign_models import (
    AudienceAnswer,
    CampaignPatch,
    CampaignWithContent,
    NewCampaign,
    PreflightAnswer,
    PreviewAnswer,
)
from chalicelib.api.http.answers import Answer, no_content, ok
from chalicelib.api.http.problems import ProblemType
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Resource
from chalicelib.campaigns.drafts import InvalidCampaign, NamesNobody, NotADraft
from chalicelib.campaigns.lifecycle import CampaignNotFound, WrongStatus
from chalicelib.campaigns.preflight import preflight
from chalicelib.campaigns.preview import preview
from chalicelib.content.errors import ContentInvalid, Fault, RenderFailed
from chalicelib.model.campaign import Did
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store.client import Conflict
from chalicelib.store.leads import LeadNotFound


def _faults(faults: Iterable[Fault]) -> dict[str, object]:
    return {
        "errors": [
            {"field": fault.field, "reason": fault.reason}
            | ({} if fault.line is None else {"line": fault.line, "column": fault.column})
            for fault in faults
        ]
    }


CAMPAIGN_NOT_FOUND = {CampaignNotFound: ProblemType(404, "campaign-not-found", "There is no such campaign")}
NOT_RENDERED = {
    # Written under an earlier release's rules, and not sent since.
    ContentInvalid: ProblemType(
        422, "invalid-campaign", "The campaign is not valid", lambda error: _faults(error.faults)
    ),
    RenderFailed: ProblemType(422, "rendering-failed", "The content cannot be rendered for this lead"),
    LeadNotFound: ProblemType(404, "lead-not-found", "There is no such lead"),
}
"""Why a mail cannot be shown or sent as a test."""
WRONG_STATUS = {WrongStatus: ProblemType(409, "wrong-status", "The campaign's status does not allow this")}

campaigns = Resource(
    "campaigns",
    errors=CAMPAIGN_NOT_FOUND
    | WRONG_STATUS
    | NOT_RENDERED
    | {
        InvalidCampaign: ProblemType(
            422, "invalid-campaign", "The campaign is not valid", lambda error: _faults(error.faults)
        ),
        NamesNobody: ProblemType(409, "names-nobody", "The campaign does not track who did what"),
        NotADraft: ProblemType(409, "not-a-draft", "The campaign is no longer a draft"),
    },
)


class FollowUpBody(RequestModel):
    to: Annotated[Did, Field(description="Who clicked has opened, whether images were loaded or not.")]


class PreviewQuery(RequestModel):
    lead_id: Annotated[str, Field(description="Whose merge fields to fill in.")]


@campaigns.operation(
    "POST",
    "/v1/campaigns",
    summary="Write a campaign",
    body=NewCampaign,
    answers={201: CampaignWithContent},
    raises=(InvalidCampaign,),
)
def create_campaign(call: Call) -> Answer:
    draft = call.context.drafts.create(call.body(NewCampaign).written(), call.context.now())
    return call.created(CampaignWithContent.of_draft(draft), draft.campaign.campaign_id)


@campaigns.operation(
    "GET",
    "/v1/campaigns/{campaign_id}",
    summary="Read a campaign",
    answers={200: CampaignWithContent},
    raises=(CampaignNotFound,),
)
def get_campaign(call: Call, campaign_id: str) -> Answer:
    return ok(CampaignWithContent.of_draft(call.context.drafts.get(CampaignId(campaign_id))))


@campaigns.operation(
    "PATCH",
    "/v1/campaigns/{campaign_id}",
    summary="Change a draft",
    body=CampaignPatch,
    content_types=("application/json", "application/merge-patch+json"),
    answers={200: CampaignWithContent},
    raises=(InvalidCampaign, CampaignNotFound, NotADraft, Conflict),
)
def update_campaign(call: Call, campaign_id: str) -> Answer:
    """The audience and `utm` are replaced as a whole. Name the `version` that you read, and nobody's change is lost."""
    body, now = call.body(CampaignPatch), call.context.now()
    draft = call.context.drafts.change(CampaignId(campaign_id), body.changes(), now, version=body.version or None)
    return ok(CampaignWithContent.of_draft(draft))


@campaigns.operation(
    "DELETE",
    "/v1/campaigns/{campaign_id}",
    summary="Remove a campaign",
    answers={204: None},
    raises=(CampaignNotFound, WrongStatus),
)
def delete_campaign(call: Call, campaign_id: str) -> Answer:
    """Of which nothing was sent: a draft, or one that is scheduled, with its schedule, or was missed."""
    call.context.drafts.delete(CampaignId(campaign_id))
    return no_content()


@campaigns.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/audience",
    summary="Count a campaign's audience",
    answers={200: AudienceAnswer},
    raises=(CampaignNotFound,),
)
def count_audience(call: Call, campaign_id: str) -> Answer:
    """As it is now; Total counts it as it was at sending."""
    audience = call.context.drafts.get(CampaignId(campaign_id)).campaign.audience
    counted = call.context.audiences.count(audience)
    return ok(AudienceAnswer(total=counted.total, at_least=counted.at_least))


@campaigns.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/preview",
    summary="Render a campaign for a lead",
    query=PreviewQuery,
    answers={200: PreviewAnswer},
    raises=(CampaignNotFound, LeadNotFound, ContentInvalid, RenderFailed),
)
def preview_campaign(call: Call, campaign_id: str) -> Answer:
    """As the lead would read it, links untracked and without the pixel: looking at it counts nothing."""
    draft = call.context.drafts.get(CampaignId(campaign_id))
    lead = call.context.leads.get(LeadId(call.query(PreviewQuery).lead_id))
    rendered = preview(draft, lead, call.context.settings.tracking_url)
    return ok(PreviewAnswer(subject=rendered.subject, html=rendered.html, text=rendered.text))


@campaigns.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/preflight",
    summary="Look a campaign over before sending it",
    answers={200: PreflightAnswer},
    raises=(CampaignNotFound,),
)
def preflight_campaign(call: Call, campaign_id: str) -> Answer:
    """Findings, the most severe first, with their places in the content and how many leads they concern."""
    context = call.context
    draft = context.drafts.get(CampaignId(campaign_id))
    looked = preflight(draft, context.audiences, context.sending_account, context.keys, context.settings.tracking_url)
    return ok(PreflightAnswer.of(looked))


@campaigns.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/follow-up",
    summary="Write a campaign to those who did or did not react",
    body=FollowUpBody,
    answers={201: CampaignWithContent},
    raises=(CampaignNotFound, WrongStatus, NamesNobody, InvalidCampaign),
)
def follow_up_campaign(call: Call, campaign_id: str) -> Answer:
    """A new draft that says the same, for those of this campaign's audience who opened, clicked, or did not.

    By persons, and looked at when the draft is sent: who reacts until then belongs to those who did.
    """
    did = call.body(FollowUpBody).to
    draft = call.context.drafts.follow_up(CampaignId(campaign_id), did, call.context.now())
    return call.created(CampaignWithContent.of_draft(draft), draft.campaign.campaign_id, below=2)


@campaigns.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/duplicate",
    summary="Write a campaign anew from another",
    answers={201: CampaignWithContent},
    raises=(CampaignNotFound,),
)
def duplicate_campaign(call: Call, campaign_id: str) -> Answer:
    """A new draft with the same content, sender and audience, whatever has become of the other."""
    draft = call.context.drafts.duplicate(CampaignId(campaign_id), call.context.now())
    return call.created(CampaignWithContent.of_draft(draft), draft.campaign.campaign_id, below=2)
