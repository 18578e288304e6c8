"""Bodies of the campaigns' operations. Types only: what a campaign must have is decided in campaigns/drafts.py."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.api.http.requests import RequestModel
from chalicelib.api.lead_models import Moment
from chalicelib.campaigns.drafts import Draft, Written
from chalicelib.campaigns.preflight import Preflight
from chalicelib.content.preflight import Severity
from chalicelib.model.campaign import Audience, Behavior, Campaign, CampaignStatus, Did
from chalicelib.model.delivery import Tracking
from chalicelib.model.ids import CampaignId

UtmName = Literal["source", "medium", "campaign", "term", "content"]


class BehaviorBody(RequestModel):
    """What a lead did, as a person, with a campaign's mail. Only leads who were sent it match, whichever it is."""

    campaign_id: str
    did: Annotated[Did, Field(description="Who clicked has opened, whether images were loaded or not.")]


class AudienceBody(RequestModel):
    """Leads of one entity, in any of the stages, that carry all of the tags, did all of `behavior`, and are not
    unsubscribed."""

    entity: str
    stages: list[str]
    tags: list[str] = Field(default_factory=list)
    behavior: list[BehaviorBody] = Field(default_factory=list, description="Looked at when the campaign is sent.")

    def audience(self) -> Audience:
        behavior = tuple(Behavior(CampaignId(each.campaign_id), each.did) for each in self.behavior)
        return Audience(self.entity, tuple(self.stages), tuple(self.tags), behavior)


class CampaignFields(RequestModel):
    """What its author says of a campaign."""

    title: str = ""
    subject: str = ""
    from_email: str = ""
    from_name: str | None = None
    reply_to: str | None = None
    html: str | None = None
    text: Annotated[str | None, Field(description="The text part; generated from the HTML when missing.")] = None
    audience: AudienceBody = AudienceBody(entity="", stages=[])
    utm: dict[UtmName, str] = Field(default_factory=dict, description="Added to tracked links that lack them.")
    tracking: Annotated[
        Tracking,
        Field(
            description="`full`: who opened and clicked. `anonymous`: how many did, and not who. `none`: links stay as "
            "written, no pixel. A lead's own `tracking_opt_out` always means `none`."
        ),
    ] = Tracking.FULL

    def changes(self) -> dict[str, Any]:
        """What was said, as fields of Written."""
        said = {name: getattr(self, name) for name in self.model_fields_set & CampaignFields.model_fields.keys()}
        if isinstance(said.get("audience"), AudienceBody):
            said["audience"] = said["audience"].audience()
        return said


class CampaignPatch(CampaignFields):
    """What to change. Absent: left alone; null: cleared."""

    version: Annotated[
        int,
        Field(
            ge=1,
            description="The version that this change was made from; refused with 409 when the draft has another by "
            "now. Absent: the change holds whatever the draft says.",
        ),
    ] = 0


class NewCampaign(CampaignFields):
    """A campaign to write; it stays a draft until it is sent."""

    title: str
    subject: Annotated[str, Field(description="May hold merge tags.")]
    from_email: Annotated[str, Field(description="An address that the mail service may send from.")]
    audience: AudienceBody

    def written(self) -> Written:
        return Written(**self.changes())


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
    status: CampaignStatus
    status_reason: Annotated[str | None, Field(description="Why, where the status does not say all.")]
    version: Annotated[int, Field(description="Counts the author's changes.")]
    scheduled_at: Annotated[Moment | None, Field(description="When it is, or was, to be sent by its schedule.")]
    scheduled_local: Annotated[str | None, Field(description="The same on the clocks of `scheduled_timezone`.")]
    scheduled_timezone: str | None
    created_at: Moment
    updated_at: Moment
    launched_at: Moment | None
    completed_at: Moment | None

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        return cls.model_construct(**_values(campaign))


class CampaignWithContent(CampaignAnswer):
    html: str | None
    text: str | None

    @classmethod
    def of_draft(cls, draft: Draft) -> Self:
        return cls.model_construct(**_values(draft.campaign), html=draft.body.html, text=draft.body.text)


def _values(campaign: Campaign) -> dict[str, Any]:
    audience = campaign.audience
    schedule = campaign.schedule
    values = {name: getattr(campaign, name, None) for name in CampaignAnswer.model_fields}
    return values | {
        "scheduled_at": schedule.at if schedule else None,
        "scheduled_local": schedule.local if schedule else None,
        "scheduled_timezone": schedule.timezone if schedule else None,
        "audience": AudienceBody.model_construct(
            entity=audience.entity,
            stages=list(audience.stages),
            tags=list(audience.tags),
            behavior=[
                BehaviorBody.model_construct(campaign_id=each.campaign_id, did=each.did) for each in audience.behavior
            ],
        ),
        "utm": dict(campaign.utm),
    }


class AudienceAnswer(BaseModel):
    total: int
    at_least: Annotated[
        bool, Field(description="There may be more: an audience by behaviour was too large to be counted in time.")
    ]


class PreviewAnswer(BaseModel):
    subject: str
    html: str | None
    text: str


class FindingAnswer(BaseModel):
    """One thing to look at; line and column (1-based) where it stands within `field`."""

    model_config = ConfigDict(from_attributes=True)

    severity: Severity
    code: str
    message: str
    field: str | None
    line: int | None
    column: int | None
    count: Annotated[int | None, Field(description="How many leads it concerns.")]


class PreflightAnswer(BaseModel):
    findings: list[FindingAnswer]
    audience_looked_at: Annotated[int, Field(description="How many leads the counts were made over.")]
    audience_is_whole: Annotated[bool, Field(description="False when the audience is larger than that.")]

    @classmethod
    def of(cls, looked: Preflight) -> Self:
        return cls(
            findings=[FindingAnswer.model_validate(finding) for finding in looked.findings],
            audience_looked_at=looked.audience_looked_at,
            audience_is_whole=looked.audience_is_whole,
        )
