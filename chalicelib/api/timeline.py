"""A lead's activity timeline."""

from typing import Annotated, Literal, Self

from pydantic import Field

from chalicelib.analytics.timeline import TimelineEvent, timeline_page
from chalicelib.api.answers import Answer, ok
from chalicelib.api.delivery_ids import visible
from chalicelib.api.lead_models import Moment
from chalicelib.api.paging import Page, PageQuery
from chalicelib.api.problems import ProblemType
from chalicelib.api.resources import Call, Resource
from chalicelib.api.stats_models import FromDomain
from chalicelib.store.client import InvalidPosition
from chalicelib.store.deliveries import DeliveryStatus
from chalicelib.store.ids import LeadId
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
    type: Literal["campaign_delivery"]
    icon: Literal["megaphone"]
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


@timeline.operation(
    "GET",
    "/v1/leads/{lead_id}/timeline",
    summary="Read a lead's activity timeline",
    query=PageQuery,
    answers={200: Page[TimelineAnswer]},
    raises=(LeadNotFound, InvalidPosition),
)
def get_timeline(call: Call, lead_id: str) -> Answer:
    """Newest first."""
    query = call.query(PageQuery)
    lead = call.context.leads.get(LeadId(lead_id))
    events, following = timeline_page(
        call.context.deliveries, call.context.campaigns, lead.lead_id, limit=query.limit, position=query.position()
    )
    items = [TimelineAnswer.of(visible(call, event, event.campaign_id, lead.lead_id)) for event in events]
    return ok(Page[TimelineAnswer](items=items, cursor=query.cursor_to(following)))
