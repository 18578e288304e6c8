"""/v1/campaigns: create, read, change, delete, duplicate, follow up.

The models check types only; what makes a campaign valid is decided in campaigns/drafts.py.
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from chalicelib.api.http.answers import MERGE_PATCH, AnswerModel, Moment, Overlaid
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.automation.rules import stages_set
from chalicelib.campaigns.drafts import Draft, InvalidCampaign, NamesNobody, NotADraft, Written
from chalicelib.crm.lead_groups import stages_in_use
from chalicelib.model.campaign import Audience, Behavior, CampaignStatus, Did, ProofResult
from chalicelib.model.delivery import Tracking
from chalicelib.model.errors import Conflict
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import WrongStatus

campaigns = Resource("campaigns")

UtmName = Literal["source", "medium", "campaign", "term", "content"]


class BehaviorBody(RequestModel):
    """What a lead, as a person, did with a campaign's mail. Only leads that it was sent to match."""

    campaign_id: CampaignId
    did: Did = Field(description="A lead who clicked has opened, whether images were loaded or not.")


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
    subject: str = Field(default="", description="May hold merge tags.")
    from_email: str = Field(default="", description="An address that the mail service may send from.")
    from_name: str | None = None
    reply_to: str | None = None
    html: str | None = Field(default=None, description="At most one of `html`, `mjml` and `markdown`.")
    mjml: str | None = Field(default=None, description="The mail as MJML, which becomes HTML.")
    markdown: str | None = Field(
        default=None, description="The mail as Markdown (CommonMark), which becomes HTML in the workspace's theme."
    )
    text: str | None = Field(default=None, description="The text part; generated from the HTML when missing.")
    preview_text: str | None = Field(
        default=None, description="Inboxes show it after the subject. At most 200 characters; may hold merge tags."
    )
    audience: AudienceBody = AudienceBody()
    utm: dict[UtmName, str] = Field(default_factory=dict, description="Added to tracked links that lack them.")
    tracking: Tracking = Field(
        default=Tracking.FULL,
        description="`full`: who opened and clicked. `anonymous`: how many did, but not who. `none`: links stay as "
        "written, and there is no pixel. A lead's own `tracking_opt_out` always means `none`.",
    )

    def written(self) -> Written:
        """The members that were sent."""
        said = {name: getattr(self, name) for name in self.model_fields_set & CampaignFields.model_fields.keys()}
        return cast(Written, said | ({"audience": self.audience.audience()} if "audience" in said else {}))


class CampaignPatch(CampaignFields):
    """What to change. Absent members stay as they are; null clears."""

    version: int = Field(
        default=0,
        ge=1,
        description="The version that this change is based on; refused with 409 when the draft has changed "
        "since. Absent: the change is made to any version.",
    )


class NewCampaign(CampaignFields):
    """A new draft. Anything may be missing until it is sent."""


class CampaignAnswer(AnswerModel):
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
    proof_waived: bool = Field(description="It was sent or scheduled with `proof: waived`, because it is not proven.")
    status: CampaignStatus
    status_reason: str | None = Field(description="The reason for the status, if it has one.")
    version: int = Field(description="Counts the author's changes.")
    scheduled_at: Moment | None = Field(description="When its schedule sends it, or was to send it.")
    scheduled_local: str | None = Field(description="The same as local time in `scheduled_timezone`.")
    scheduled_timezone: str | None
    created_at: Moment
    updated_at: Moment
    launched_at: Moment | None
    completed_at: Moment | None

    @model_validator(mode="before")
    @classmethod
    def _with_schedule(cls, campaign: Any) -> object:
        schedule = {f"scheduled_{name}": getattr(campaign.schedule, name, None) for name in ("at", "local", "timezone")}
        return Overlaid(campaign, **schedule)


class ProofAnswer(AnswerModel):
    """A mail was compared, as browsers read it, with what its author wrote; or it left without that, as asked for."""

    state: Literal["proven", "waived"]
    tracked: int | None = Field(description="Links whose clicks are counted. Null: waived.")
    untracked: int | None = Field(description="Links left as they are. Null: waived.")
    text: str = Field(description="The same in words.")


LaunchedProof = Annotated[
    ProofAnswer | None,
    Field(
        description="What the check before the first mail found. Null: not launched, plain text, or launched by an "
        "earlier release."
    ),
]


class CampaignWithContent(CampaignAnswer):
    html: str | None = Field(description="As written, or made of `mjml` or `markdown`.")
    mjml: str | None
    markdown: str | None
    text: str | None
    preview_text: str | None
    proof: LaunchedProof = None


def with_content(draft: Draft, proof: ProofResult | None = None) -> Overlaid:
    """What a CampaignWithContent is made of."""
    return Overlaid(draft.campaign, **asdict(draft.body) | {"html": draft.html(), "proof": proof})


class FollowUpBody(RequestModel):
    to: Did = Field(description="A lead who clicked has opened, whether images were loaded or not.")


@Operation(
    campaigns, "POST", "/v1/campaigns", CampaignWithContent, status=201, body=NewCampaign, raises=[InvalidCampaign]
)
def create_campaign(call: Call) -> object:
    """Create a campaign."""
    return with_content(call.context.drafts.create(call.body(NewCampaign).written(), call.context.now()))


@Operation(campaigns, "GET", "/v1/campaigns/{campaign_id}", CampaignWithContent)
def get_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Read a campaign."""
    draft = call.context.drafts.get(campaign_id)
    return with_content(draft, call.context.campaigns.find_launched(draft.campaign).proof)


@Operation(
    campaigns,
    "PATCH",
    "/v1/campaigns/{campaign_id}",
    CampaignWithContent,
    body=CampaignPatch,
    content_types=MERGE_PATCH,
    raises=[InvalidCampaign, NotADraft, Conflict],
)
def update_campaign(call: Call, campaign_id: CampaignId) -> object:
    """Change a draft.

    The audience and `utm` are replaced as a whole. Send the `version` that you read, so that no other change is lost.
    """
    body, now = call.body(CampaignPatch), call.context.now()
    draft = call.context.drafts.change(campaign_id, body.written(), now, version=body.version or None)
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
