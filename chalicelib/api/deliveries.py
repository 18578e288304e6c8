"""A campaign's deliveries: as a list, and as CSV in parts that make one file.

A delivery's id is enough to unsubscribe its lead, or to fake opens and clicks. So a read token sees no id: neither as
`delivery_id` nor within a text, such as a subject with {{ unsubscribe_url }} or a mail server's message that quotes the
Message-ID.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar

from pydantic import Field

from chalicelib.analytics import export
from chalicelib.analytics.evidence import evidence_of
from chalicelib.api.http.answers import Answer, AnswerModel, Moment, Overlaid
from chalicelib.api.http.authentication import Forbidden, caller
from chalicelib.api.http.paging import DelimiterQuery, Page, PageQuery
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.access import Scope
from chalicelib.model.campaign import Campaign
from chalicelib.model.csv_text import MEDIA_TYPE
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.errors import Missing
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.verdicts import judged
from chalicelib.store.deliveries import DeliveryFilter
from chalicelib.tracking.delivery_ids import make_delivery_id, read_delivery_id, without_delivery_id

deliveries = Resource("deliveries", "/v1/campaigns/{campaign_id}")

T = TypeVar("T")


class DeliveryNotFound(Missing, problem="delivery-not-found", title="There is no such delivery"):
    """No delivery of this campaign has this id."""


class DeliveryAnswer(AnswerModel):
    delivery_id: str | None = Field(
        description="Its id in the mail's links; null for a read token, and when the signing key was withdrawn."
    )
    lead_id: str
    lead_deleted: bool = Field(description="The lead was deleted or erased; its address is not shown.")
    email: str | None
    first_name: str | None = Field(description="As the lead is called now.")
    last_name: str | None
    status: DeliveryStatus
    reason: str | None
    detail: str | None = Field(description="The mail service's message.")
    sent_at: Moment | None
    delivered_at: Moment | None
    bounced_at: Moment | None = Field(description="Bounced permanently.")
    complained_at: Moment | None
    opened_at: Moment | None
    opened_machine: str | None = Field(description="Why the open counts as a machine's; null once a person has opened.")
    clicked_at: Moment | None = Field(description="A person's first click.")
    clicked_machine: str | None = Field(
        description="Why all clicks count as a machine's; null once a person has clicked."
    )


def _shown(delivery: Delivery, delivery_id: str | None, lead: Lead | None) -> Overlaid:
    """What a DeliveryAnswer is made of."""
    verdicts = judged(delivery)
    clicked = verdicts.clicked
    by_machine = None if clicked else next(iter(verdicts.machines.values()), None)
    return Overlaid(
        delivery,
        delivery_id=delivery_id,
        lead_deleted=lead is None,
        first_name=lead and lead.first_name,
        last_name=lead and lead.last_name,
        opened_machine=None if delivery.opened_person_at else delivery.opened_machine,
        clicked_at=clicked.at if clicked else None,
        clicked_machine=by_machine.machine if by_machine else None,
    )


class DeliveriesQuery(PageQuery):
    status: DeliveryStatus | None = Field(default=None, description="Only deliveries with this status.")
    opened: bool | None = Field(default=None, description="Only those opened, or not opened.")
    clicked: bool | None = Field(default=None, description="Only those clicked by a person, or not.")
    reason: str | None = Field(
        default=None, max_length=100, description="Only those that failed or were skipped for this reason."
    )
    unsubscribed: bool | None = Field(default=None, description="Only those unsubscribed by this mail, or not.")
    bounced: bool | None = Field(default=None, description="Only those that bounced permanently, or not.")
    complained: bool | None = Field(default=None, description="Only those marked as spam, or not.")

    def wanted(self) -> DeliveryFilter:
        return DeliveryFilter(**self.model_dump(include=set(DeliveryFilter.__slots__)))


class ExportQuery(DelimiterQuery, DeliveriesQuery):
    limit: int = Field(default=5_000, ge=1, le=10_000, description="How many lines at most.")


class EvidenceAnswer(AnswerModel):
    """An open, or clicks that were judged together."""

    kind: Literal["open", "click"]
    at: Moment
    reason: str | None = Field(description="Why it is a machine's; null for a person's.")
    links: dict[str, str] = Field(description="URLs of the links that were followed, by link id.")
    text: str = Field(description="What happened and why it counted or not, in words.")


@Operation(deliveries, "GET", "/deliveries", Page[DeliveryAnswer], query=DeliveriesQuery)
def list_deliveries(call: Call, campaign_id: CampaignId) -> object:
    """List a campaign's deliveries.

    In a stable but arbitrary order. With filters a page may be short, or even empty, and still have a cursor.
    """
    query = call.query(DeliveriesQuery)
    found, following, name, leads = _read(call, campaign_id, query)
    return query.page((_shown(each, name(each), leads.get(each.lead_id)) for each in found), following)


@Operation(deliveries, "GET", "/deliveries.csv", query=ExportQuery, answer_type=MEDIA_TYPE)
def export_deliveries(call: Call, campaign_id: CampaignId) -> Answer:
    """Export a campaign's deliveries as CSV.

    A part of the file, about 5,000 lines. If there is more, a header links to it:
    `Link: <?limit=5000&cursor=...>; rel="next"` (RFC 8288), relative to this address. Joined, the parts are the
    whole file: only the first begins with the byte order mark and the column names.
    """
    query = call.query(ExportQuery)
    found, following, name, leads = _read(call, campaign_id, query)
    text, written = export.lines(found, name, leads, query.delimiter)
    if written < len(found):
        following = call.context.deliveries.position_after(found[written - 1])
    headers = {"Content-Disposition": f'attachment; filename="{campaign_id}-deliveries.csv"'}
    headers |= query.link_to(following)
    if query.cursor is None:
        text = export.header(query.delimiter) + text
    return Answer(200, text, headers, f"{MEDIA_TYPE}; charset=utf-8")


@Operation(
    deliveries, "GET", "/deliveries/{delivery_id}/evidence", Page[EvidenceAnswer], raises=[DeliveryNotFound, Forbidden]
)
def list_evidence(call: Call, campaign_id: CampaignId, delivery_id: str) -> object:
    """Read why a delivery's opens and clicks counted or not.

    In order of time; empty for a mail that is not tracked, or anonymously. Needs a token of scope `full`, as does
    knowing a delivery's id.
    """
    if not _may_see_ids(call):
        raise Forbidden("Delivery ids are for tokens of scope full.", 'Bearer error="insufficient_scope", scope="full"')
    campaign = call.context.campaigns.get(campaign_id)
    name = read_delivery_id(delivery_id, call.context.keys)
    delivery = call.context.deliveries.find(name.campaign_id, name.lead_id) if name else None
    if delivery is None or delivery.is_trace or delivery.campaign_id != campaign.campaign_id:
        raise DeliveryNotFound("This campaign has no delivery with this id.")
    if call.context.leads.find(delivery.lead_id) is None:
        delivery = _unnamed(delivery)
    links = call.context.campaigns.find_launched(campaign).links
    return {"items": evidence_of(delivery, {each.link: each.url for each in links}), "cursor": None}


def _read(
    call: Call, campaign_id: CampaignId, query: DeliveriesQuery
) -> tuple[list[Delivery], str | None, Callable[[Delivery], str | None], dict[LeadId, Lead]]:
    """What the caller may see of a page of deliveries, the next page's position, what gives a delivery's id, and the
    leads that still exist: the address of a deleted one is kept for unsubscribing alone, and not shown.
    """
    campaign = call.context.campaigns.get(campaign_id)
    found, following = call.context.deliveries.list_page(
        campaign.campaign_id, query.wanted(), limit=query.limit, position=query.position()
    )
    leads = call.context.leads.find_many(each.lead_id for each in found)
    shown = [
        visible(call, each if each.lead_id in leads else _unnamed(each), each.campaign_id, each.lead_id)
        for each in found
    ]
    return shown, following, _naming(call, campaign), leads


def _unnamed(delivery: Delivery) -> Delivery:
    """Without what names its recipient, or was written for them alone."""

    def plain(clicks: Mapping[str, Click]) -> dict[str, Click]:
        return {link: replace(click, url=None) for link, click in clicks.items()}

    later = {link: tuple(replace(click, url=None) for click in clicks) for link, clicks in delivery.later.items()}
    clicks, scans = plain(delivery.clicks), plain(delivery.scans)
    return replace(delivery, email=None, subject=None, detail=None, clicks=clicks, scans=scans, later=later)


def _naming(call: Call, campaign: Campaign) -> Callable[[Delivery], str | None]:
    """The ids of a campaign's deliveries; None if the caller may not see them or the campaign's key was withdrawn."""
    number = campaign.key_number
    key = None if number is None or not _may_see_ids(call) else call.context.keys.key(number)
    if key is None or number is None:
        return lambda delivery: None
    return lambda delivery: make_delivery_id(key, number, delivery.campaign_id, delivery.lead_id)


def visible(call: Call, shown: T, campaign_id: CampaignId, lead_id: LeadId) -> T:
    """What the caller may see of a delivery, or of what was made of one: a dataclass, with or without the id in it."""
    if _may_see_ids(call):
        return shown

    def hidden(value: Any) -> Any:
        if type(value) is str:  # and no enum's member
            return without_delivery_id(value, campaign_id, lead_id)
        if isinstance(value, Mapping):
            return {name: hidden(each) for name, each in value.items()}
        if isinstance(value, tuple):
            return tuple(map(hidden, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: hidden(getattr(value, each.name)) for each in fields(value)})
        return value

    found: T = hidden(shown)
    return found


def _may_see_ids(call: Call) -> bool:
    return caller(call.request).scope is Scope.FULL
