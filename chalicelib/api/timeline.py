"""A lead's activity timeline."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from chalicelib.analytics.timeline import Event, TimelineEvent, timeline_page
from chalicelib.api.delivery_ids import visible
from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.problems import ProblemType
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.lead_models import Moment
from chalicelib.api.stats_models import FromDomain
from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import LeadId
from chalicelib.model.rule import Act
from chalicelib.model.suppression import Resubscription
from chalicelib.store.client import InvalidPosition
from chalicelib.store.leads import LeadNotFound

timeline = Resource("timeline", errors={LeadNotFound: ProblemType(404, "lead-not-found", "There is no such lead")})


class OpenedAnswer(FromDomain):
    at: Moment
    machine: bool
    machine_reason: str | None


class ClickedAnswer(FromDomain):
    at: Moment
    url: str


class ClickedLinkAnswer(FromDomain):
    link: str
    url: str
    at: Moment
    machine: bool
    machine_reason: str | None


class BouncedAnswer(FromDomain):
    at: Moment
    hard: Annotated[bool, Field(description="For good: the address is not mailed again.")]
    detail: Annotated[str | None, Field(description="The recipient's server's words, or the mail service's.")]


class TimelineAnswer(FromDomain):
    type: Literal["campaign_delivery"] = "campaign_delivery"
    icon: Literal["megaphone"] = "megaphone"
    title: str
    subject: str | None
    campaign_id: str
    status: DeliveryStatus
    reason: str | None
    at: Moment
    sent_at: Moment | None
    opened: OpenedAnswer | None
    clicked: ClickedAnswer | None
    links: list[ClickedLinkAnswer]
    delayed_at: Moment | None
    delivered_at: Moment | None
    bounced: BouncedAnswer | None
    complained_at: Moment | None
    unsubscribed_at: Annotated[Moment | None, Field(description="By this mail's link.")]

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        return cls.model_validate(event)


class AutomationAnswer(FromDomain):
    """What a rule did to the lead."""

    type: Literal["automation"] = "automation"
    icon: Literal["bolt"] = "bolt"
    title: str
    detail: Annotated[str, Field(description="In words: `Stage New → Hot Lead`.")]
    at: Moment
    rule_id: str
    campaign_id: str
    campaign_title: str

    @classmethod
    def of(cls, act: Act) -> Self:
        return cls(
            title=f"Rule: {act.rule_name}",
            detail="; ".join([*act.done, *(f"Failed: {each}" for each in act.failed)]),
            at=act.at,
            rule_id=act.rule_id,
            campaign_id=act.campaign_id,
            campaign_title=act.campaign_title,
        )


class ResubscribedAnswer(FromDomain):
    """Somebody allowed mail to the lead again."""

    type: Literal["resubscribed"] = "resubscribed"
    icon: Literal["envelope"] = "envelope"
    title: Literal["Resubscribed"] = "Resubscribed"
    reason: str
    by: Annotated[str, Field(description="The name of the API token that asked for it.")]
    at: Moment


class TimelinePage(BaseModel):
    items: list[Annotated[TimelineAnswer | AutomationAnswer | ResubscribedAnswer, Field(discriminator="type")]]
    cursor: str | None


@timeline.operation(
    "GET",
    "/v1/leads/{lead_id}/timeline",
    summary="Read a lead's activity timeline",
    query=PageQuery,
    answers={200: TimelinePage},
    raises=(LeadNotFound, InvalidPosition),
)
def get_timeline(call: Call, lead_id: str) -> Answer:
    """Newest first. `limit` counts deliveries; what rules and people did meanwhile comes with them."""
    query, context = call.query(PageQuery), call.context
    lead = context.leads.get(LeadId(lead_id))
    events, following = timeline_page(
        context.deliveries,
        context.campaigns,
        context.acts,
        context.resubscriptions,
        lead.lead_id,
        limit=query.limit,
        position=query.position(),
    )
    items = [_answer(call, event, lead.lead_id) for event in events]
    return ok(TimelinePage(items=items, cursor=query.cursor_to(following)))


def _answer(call: Call, event: Event, lead_id: LeadId) -> TimelineAnswer | AutomationAnswer | ResubscribedAnswer:
    if isinstance(event, Resubscription):
        return ResubscribedAnswer.model_validate(event)
    shown = visible(call, event, event.campaign_id, lead_id)
    return TimelineAnswer.of(shown) if isinstance(shown, TimelineEvent) else AutomationAnswer.of(shown)
