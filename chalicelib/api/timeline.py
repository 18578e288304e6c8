"""A lead's activity timeline."""

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.analytics.timeline import Event, TimelineEvent, timeline_page
from chalicelib.api.deliveries import EvidenceAnswer, visible
from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.delivery import DeliveryStatus
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, Resubscription

timeline = Resource("timeline")


class OpenedAnswer(AnswerModel):
    at: Moment
    machine: bool
    machine_reason: str | None


class ClickedAnswer(AnswerModel):
    at: Moment
    url: str


class ClickedLinkAnswer(AnswerModel):
    link: str
    url: str
    at: Moment
    machine: bool
    machine_reason: str | None


class BouncedAnswer(AnswerModel):
    at: Moment
    hard: bool = Field(description="Permanent: the address is not mailed again.")
    detail: str | None = Field(description="The message of the recipient's server, or of the mail service.")


class TimelineAnswer(AnswerModel):
    type: Literal["campaign_delivery"]
    icon: Literal["megaphone"]
    title: str
    email: str | None = Field(description="The address that the mail went to.")
    subject: str | None
    campaign_id: str
    status: DeliveryStatus
    reason: str | None
    at: Moment
    sent_at: Moment | None
    opened: OpenedAnswer | None
    clicked: ClickedAnswer | None
    links: list[ClickedLinkAnswer]
    evidence: list[EvidenceAnswer]
    delayed_at: Moment | None
    delivered_at: Moment | None
    bounced: BouncedAnswer | None
    complained_at: Moment | None
    unsubscribed_at: Moment | None = Field(description="By this mail's link.")


class AutomationAnswer(AnswerModel):
    """What a rule did to the lead."""

    type: Literal["automation"]
    icon: Literal["bolt"]
    title: str
    detail: str = Field(description="In words: `Stage New → Hot Lead`.")
    at: Moment
    rule_id: str
    campaign_id: str
    campaign_title: str


class ResubscribedAnswer(AnswerModel):
    """The lead was resubscribed."""

    type: Literal["resubscribed"] = "resubscribed"
    icon: Literal["envelope"] = "envelope"
    title: Literal["Resubscribed"] = "Resubscribed"
    reason: str
    by: str = Field(description="The name of the API token that asked for it.")
    at: Moment


class UnsubscribedAnswer(AnswerModel):
    """The lead was unsubscribed, but not by a campaign's mail. It still is, unless it was resubscribed since."""

    type: Literal["unsubscribed"] = "unsubscribed"
    icon: Literal["envelope"] = "envelope"
    title: Literal["Unsubscribed"] = "Unsubscribed"
    by: str | None = Field(description="The name of the API token that asked for it.")
    at: Moment


TimelineItem = Annotated[
    TimelineAnswer | AutomationAnswer | ResubscribedAnswer | UnsubscribedAnswer, Field(discriminator="type")
]


class TimelinePage(AnswerModel):
    items: list[TimelineItem]
    cursor: str | None


@Operation(timeline, "GET", "/v1/leads/{lead_id}/timeline", TimelinePage, query=PageQuery)
def get_timeline(call: Call, lead_id: LeadId) -> object:
    """Read a lead's activity timeline.

    Newest first. `limit` counts deliveries; what rules and people did in the same period is added.
    """
    query = call.query(PageQuery)
    return query.page(*shown_events(call, call.context.leads.get(lead_id), query))


def shown_events(call: Call, lead: Lead, query: PageQuery) -> tuple[list[object], str | None]:
    """What a page of TimelineItems is made of, as the caller may see them, and where the next one starts, if any."""
    context = call.context
    events, following = timeline_page(
        context.deliveries,
        context.campaigns,
        context.acts,
        context.resubscriptions,
        lead,
        limit=query.limit,
        position=query.position(),
    )
    return [_shown(call, event, lead.lead_id) for event in events], following


def _shown(call: Call, event: Event, lead_id: LeadId) -> object:
    if isinstance(event, Resubscription):
        return Overlaid(event, type="resubscribed")
    if isinstance(event, Mark):
        return Overlaid(event, type="unsubscribed")
    if isinstance(event, TimelineEvent):
        event = visible(call, event, event.delivery.campaign_id, lead_id)
        said = {each.name: getattr(event, each.name) for each in fields(event)}
        return Overlaid(event.delivery, type="campaign_delivery", icon="megaphone", **said)
    act = visible(call, event, event.campaign_id, lead_id)
    detail = "; ".join([*act.done, *(f"Failed: {each}" for each in act.failed)])
    return Overlaid(act, type="automation", icon="bolt", title=f"Rule: {act.rule_name}", detail=detail)
