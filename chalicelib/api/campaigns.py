"""/v1/campaigns: create, read, change, delete, duplicate, follow up.

The models check types only; what makes a campaign valid is decided in campaigns/drafts.py.
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from chalicelib.api.http.answers import AnswerModel, Moment
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.automation.rules import stages_set
from chalicelib.campaigns.drafts import Draft, InvalidCampaign, NamesNobody, NotADraft, Written
from chalicelib.crm.lead_groups import stages_in_use
from chalicelib.model.campaign import Audience, Behavior, Campaign, CampaignStatus, Did
from chalicelib.model.delivery import Tracking
from chalicelib.model.errors import Conflict
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import WrongStatus

campaigns = Resource("campaigns")

UtmName = Literal["source", "medium", "campaign", "term", "content"]


class BehaviorBody(RequestModel):
    """What a lead, as a person, did with a campaign's mail. Only leads that it was sent to match."""

    campaign_id: CampaignId
    did: Annotated[Did, Field(description="A lead who clicked has opened, whether images were loaded or not.")]


class AudienceBody(RequestModel):
    """Leads of one entity, in any of the stages, with all of the tags and all of `behavior`; not the unsubscribed."""

    entity: str = ""
    stages: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    behavior: list[BehaviorBody] = Field(default_factory=list, description="Evaluated when the campaign is sent.")

    def audience(self) -> Audience:
        behavior = tuple(Behavior(each.campaign_id, each.did) for each in self.behavior)
        return Audience(self.entity, tuple(self.stages), tuple(self.tags), behavior)


class CampaignFields(RequestModel):
    """What the author of a campaign writes. What is missing must be added before it is sent."""

    title: str = ""
    subject: Annotated[str, Field(description="May hold merge tags.")] = ""
    from_email: Annotated[str, Field(description="An address that the mail service may send from.")] = ""
    from_name: str | None = None
    reply_to: str | None = None
    html: Annotated[str | None, Field(description="At most one of `html`, `mjml` and `markdown`.")] = None
    mjml: Annotated[str | None, Field(description="The mail as MJML, which becomes HTML.")] = None
    markdown: Annotated[
        str | None, Field(description="The mail as Markdown (CommonMark), which becomes HTML in the workspace's theme.")
    ] = None
    text: Annotated[str | None, Field(description="The text part; generated from the HTML when missing.")] = None
    preview_text: Annotated[
        str | None,
        Field(description="Inboxes show it after the subject. At most 200 characters; may hold merge tags."),
    ] = None
    audience: AudienceBody = AudienceBody()
    utm: dict[UtmName, str] = Field(default_factory=dict, description="Added to tracked links that lack them.")
    tracking: Annotated[
        Tracking,
        Field(
            description="`full`: who opened and clicked. `anonymous`: how many did, but not who. `none`: links stay as "
            "written, and there is no pixel. A lead's own `tracking_opt_out` always means `none`."
        ),
    ] = Tracking.FULL

    def changes(self) -> dict[str, Any]:
        """The members that were sent, as fields of Written."""
        said = {name: getattr(self, name) for name in self.model_fields_set & CampaignFields.model_fields.keys()}
        if isinstance(said.get("audience"), AudienceBody):
            said["audience"] = said["audience"].audience()
        return said


class CampaignPatch(CampaignFields):
    """What to change. Absent members stay as they are; null clears."""

    version: Annotated[
        int,
        Field(
            ge=1,
            description="The version that this change is based on; refused with 409 when the draft has changed "
            "since. Absent: the change is made to any version.",
        ),
    ] = 0


class NewCampaign(CampaignFields):
    """A new draft. Anything may be missing until it is sent."""


class CampaignAnswer(BaseModel):
    """A campaign without its content, as lists show it."""

    campaign_id: str
    title: str
    subject: str
    from_email: str
    from_name: str | None
    reply_to: str | None
    audience: AudienceBody
    utm: dict[str, str]
    tracking: Tracking
    proof_waived: Annotated[
        bool, Field(description="It was sent or scheduled with `proof: waived`, because it is not proven.")
    ]
    status: CampaignStatus
    status_reason: Annotated[str | None, Field(description="The reason for the status, if it has one.")]
    version: Annotated[int, Field(description="Counts the author's changes.")]
    scheduled_at: Annotated[Moment | None, Field(description="When its schedule sends it, or was to send it.")]
    scheduled_local: Annotated[str | None, Field(description="The same as local time in `scheduled_timezone`.")]
    scheduled_timezone: str | None
    created_at: Moment
    updated_at: Moment
    launched_at: Moment | None
    completed_at: Moment | None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, said: Any) -> Any:
        """From a Campaign, or from a mapping with a Campaign as `campaign` and further members."""
        if isinstance(said, Campaign):
            said = {"campaign": said}
        campaign = said["campaign"]
        schedule = {f"scheduled_{name}": getattr(campaign.schedule, name, None) for name in ("at", "local", "timezone")}
        computed = schedule | said
        return {
            name: getattr(campaign, name) for name in CampaignAnswer.model_fields.keys() - computed.keys()
        } | computed


class ProofAnswer(AnswerModel):
    """A mail was compared, as browsers read it, with what its author wrote; or it left without that, as asked for."""

    state: Literal["proven", "waived"]
    tracked: Annotated[int | None, Field(description="Links whose clicks are counted. Null: waived.")]
    untracked: Annotated[int | None, Field(description="Links left as they are. Null: waived.")]
    text: Annotated[str, Field(description="The same in words.")]


LaunchedProof = Annotated[
    ProofAnswer | None,
    Field(
        description="What the check before the first mail found. Null: not launched, plain text, or launched by an "
        "earlier release."
    ),
]


class CampaignWithContent(CampaignAnswer):
    html: Annotated[str | None, Field(description="As written, or made of `mjml` or `markdown`.")]
    mjml: str | None
    markdown: str | None
    text: str | None
    preview_text: str | None
    proof: LaunchedProof = None


def with_content(draft: Draft) -> dict[str, object]:
    """Input of CampaignWithContent."""
    return {"campaign": draft.campaign} | asdict(draft.body) | {"html": draft.html()}


class FollowUpBody(RequestModel):
    to: Annotated[Did, Field(description="A lead who clicked has opened, whether images were loaded or not.")]


@Operation(
    campaigns, "POST", "/v1/campaigns", CampaignWithContent, status=201, body=NewCampaign, raises=[InvalidCampaign]
)
def create_campaign(call: Call) -> object:
    """Create a campaign."""
    written = Written(**call.body(NewCampaign).changes())
    return with_content(call.context.drafts.create(written, call.context.now()))


@Operation(campaigns, "GET", "/v1/campaigns/{campaign_id}", CampaignWithContent)
def get_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Read a campaign."""
    draft = call.context.drafts.get(campaign_id)
    launched = call.context.campaigns.find_launched(draft.campaign)
    return with_content(draft) | {"proof": launched.proof}


@Operation(
    campaigns,
    "PATCH",
    "/v1/campaigns/{campaign_id}",
    CampaignWithContent,
    body=CampaignPatch,
    content_types=("application/json", "application/merge-patch+json"),
    raises=[InvalidCampaign, NotADraft, Conflict],
)
def update_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Change a draft.

    The audience and `utm` are replaced as a whole. Send the `version` that you read, so that no other change is lost.
    """
    body, now = call.body(CampaignPatch), call.context.now()
    draft = call.context.drafts.change(campaign_id, body.changes(), now, version=body.version or None)
    return with_content(draft)


@Operation(campaigns, "DELETE", "/v1/campaigns/{campaign_id}", status=204, raises=[WrongStatus])
def delete_campaign(call: Call, campaign_id: CampaignId) -> None:
    """Delete a campaign.

    Only one of which nothing was sent: a draft, or a scheduled (its schedule is deleted, too) or missed campaign.
    """
    call.context.drafts.delete(campaign_id)


@Operation(
    campaigns,
    "POST",
    "/v1/campaigns/{campaign_id}/follow-up",
    CampaignWithContent,
    status=201,
    body=FollowUpBody,
    raises=[WrongStatus, NamesNobody, InvalidCampaign],
)
def follow_up_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Create a follow-up campaign.

    A new draft with the same content, for those of this campaign's recipients who opened, clicked, or did not. Their
    stages may have changed since, so its audience also names the stages that rules give leads of the entity, and those
    that some two thousand leads show.

    Only what persons did counts. It is evaluated when the draft is sent.
    """
    context = call.context

    def stages_of(entity: str) -> list[str]:
        return stages_set(context.rules.list_all(), entity) + stages_in_use(context.leads, entity)

    return with_content(context.drafts.follow_up(campaign_id, call.body(FollowUpBody).to, stages_of, context.now()))


@Operation(campaigns, "POST", "/v1/campaigns/{campaign_id}/duplicate", CampaignWithContent, status=201)
def duplicate_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Duplicate a campaign.

    A new draft with the same content, sender and audience. The original may have any status.
    """
    return with_content(call.context.drafts.duplicate(campaign_id, call.context.now()))
