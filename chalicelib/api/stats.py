"""What came of a campaign: its numbers, links and deliveries; and a lead's timeline."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.analytics.links import count_links, load_links
from chalicelib.analytics.stats import stats_of
from chalicelib.analytics.timeline import TimelineEvent, timeline_page
from chalicelib.api.answers import Answer, ok
from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND
from chalicelib.api.lead_models import Moment
from chalicelib.api.paging import Page, PageQuery
from chalicelib.api.problems import ProblemType
from chalicelib.api.resources import Call, Resource
from chalicelib.sending.drafts import CampaignNotFound
from chalicelib.store.campaigns import Campaign
from chalicelib.store.client import Conflict, InvalidPosition
from chalicelib.store.deliveries import Delivery, DeliveryFilter, DeliveryStatus
from chalicelib.store.ids import CampaignId, LeadId
from chalicelib.store.leads import LeadNotFound
from chalicelib.tracking.delivery_ids import make_delivery_id

stats = Resource(
    "stats",
    errors=CAMPAIGN_NOT_FOUND | {LeadNotFound: ProblemType(404, "lead-not-found", "There is no such lead")},
)


class _FromDomain(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class RateAnswer(_FromDomain):
    """A share from 0 to 1 of `of` deliveries, with its 95 % interval (Wilson)."""

    value: float
    low: float
    high: float
    of: int


class FailureAnswer(_FromDomain):
    reason: str
    count: int


class AdviceAnswer(_FromDomain):
    code: str
    severity: Literal["info", "notice", "warning"]
    text: str
    figure: float | None


class StatsAnswer(_FromDomain):
    """Total = sent + failed + skipped + pending. Opened and clicked count leads, not loads."""

    total: Annotated[int, Field(description="The audience's size at send time; final when total_is_final.")]
    total_is_final: bool
    sent: Annotated[int, Field(description="Accepted by the mail service, which is not yet delivered.")]
    failed: int
    opened: Annotated[int, Field(description="Leads whose pixel was loaded, by a person or a machine.")]
    clicked: Annotated[int, Field(description="Leads who clicked at least one link themselves.")]
    skipped: Annotated[int, Field(description="Leads who unsubscribed between planning and sending.")]
    pending: int
    opened_machine_only: int
    clicked_machine_only: int
    clicked_without_open: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    rates: dict[str, RateAnswer | None]
    failures: list[FailureAnswer]
    advice: list[AdviceAnswer]
    as_of: Moment


class LinkAnswer(_FromDomain):
    link: str
    url: str
    text: str
    clicked: int
    clicked_machine_only: int


class LinksAnswer(BaseModel):
    items: list[LinkAnswer]
    cursor: None = None


class DeliveryAnswer(BaseModel):
    delivery_id: Annotated[
        str | None, Field(description="Its name in the mail's links; null when its signing key was withdrawn.")
    ]
    lead_id: str
    email: str | None
    status: DeliveryStatus
    reason: str | None
    detail: Annotated[str | None, Field(description="The mail service's own words.")]
    sent_at: Moment | None
    opened_at: Moment | None
    clicked_at: Annotated[Moment | None, Field(description="A person's first click.")]

    @classmethod
    def of(cls, delivery: Delivery, delivery_id: str | None) -> Self:
        return cls(
            delivery_id=delivery_id,
            lead_id=delivery.lead_id,
            email=delivery.email,
            status=delivery.status,
            reason=delivery.reason,
            detail=delivery.detail,
            sent_at=delivery.sent_at,
            opened_at=delivery.opened_at,
            clicked_at=min((click.at for click in delivery.clicks.values()), default=None),
        )


class DeliveriesQuery(PageQuery):
    status: Annotated[DeliveryStatus | None, Field(description="Only deliveries that stand so.")] = None
    opened: Annotated[bool | None, Field(description="Only those opened, or not opened.")] = None
    clicked: Annotated[bool | None, Field(description="Only those clicked by a person, or not.")] = None


class OpenedAnswer(_FromDomain):
    at: Moment
    machine: bool


class ClickedAnswer(_FromDomain):
    at: Moment
    url: str


class ClickedLinkAnswer(_FromDomain):
    link: str
    url: str
    at: Moment
    machine: bool


class TimelineAnswer(_FromDomain):
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

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        return cls.model_validate(event)


class RecountAnswer(BaseModel):
    repaired: bool
    before: dict[str, int]
    after: dict[str, int]


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/stats",
    summary="Read a campaign's numbers",
    answers={200: StatsAnswer},
    raises=(CampaignNotFound,),
)
def get_stats(call: Call, campaign_id: str) -> Answer:
    """A second or two behind the deliveries, hence `as_of`."""
    campaign = call.context.drafts.get(CampaignId(campaign_id)).campaign
    progress = call.context.plans.find_progress(campaign.campaign_id)
    sums = call.context.counters.find(campaign.campaign_id).sums
    return ok(StatsAnswer.model_validate(stats_of(progress, sums, call.context.now())))


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/links",
    summary="List a campaign's tracked links with their clicks",
    answers={200: LinksAnswer},
    raises=(CampaignNotFound,),
)
def list_links(call: Call, campaign_id: str) -> Answer:
    """In the order of the mail; none before launch. A person's clicks on two links count on both."""
    campaign = call.context.drafts.get(CampaignId(campaign_id)).campaign
    links = load_links(call.context.campaigns, campaign.campaign_id)
    counted = count_links(links, call.context.counters.find(campaign.campaign_id).sums)
    return ok(LinksAnswer(items=[LinkAnswer.model_validate(link) for link in counted]))


@stats.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/deliveries",
    summary="List a campaign's deliveries",
    query=DeliveriesQuery,
    answers={200: Page[DeliveryAnswer]},
    raises=(CampaignNotFound, InvalidPosition),
)
def list_deliveries(call: Call, campaign_id: str) -> Answer:
    """In a stable order of no meaning."""
    query = call.query(DeliveriesQuery)
    campaign = call.context.drafts.get(CampaignId(campaign_id)).campaign
    shown = DeliveryFilter(query.status, query.opened, query.clicked)
    found, following = call.context.deliveries.list_page(
        campaign.campaign_id, shown, limit=query.limit, position=query.position()
    )
    key = None if campaign.key_number is None else call.context.keys.key(campaign.key_number)
    items = [DeliveryAnswer.of(delivery, _delivery_id(campaign, key, delivery)) for delivery in found]
    return ok(Page[DeliveryAnswer](items=items, cursor=query.cursor_to(following)))


def _delivery_id(campaign: Campaign, key: bytes | None, delivery: Delivery) -> str | None:
    if key is None or campaign.key_number is None:
        return None
    return make_delivery_id(key, campaign.key_number, campaign.campaign_id, delivery.lead_id)


@stats.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/recount",
    summary="Count a campaign's deliveries anew",
    answers={200: RecountAnswer},
    raises=(CampaignNotFound, Conflict),
)
def recount(call: Call, campaign_id: str) -> Answer:
    """Compares the numbers with the deliveries themselves and puts them right; 409 while deliveries are changing."""
    campaign = call.context.drafts.get(CampaignId(campaign_id)).campaign
    recounted = call.context.recount.repair(campaign.campaign_id)
    return ok(RecountAnswer(repaired=recounted.repaired, before=dict(recounted.before), after=dict(recounted.after)))


@stats.operation(
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
    return ok(
        Page[TimelineAnswer](items=[TimelineAnswer.of(event) for event in events], cursor=query.cursor_to(following))
    )
