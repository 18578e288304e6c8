"""A campaign's deliveries: as a list, and as CSV in pages that make one file."""

from typing import Annotated, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from chalicelib.analytics import export
from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND
from chalicelib.api.delivery_ids import naming, visible
from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.lead_models import Moment
from chalicelib.campaigns.lifecycle import CampaignNotFound
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.verdicts import judged
from chalicelib.store.client import InvalidPosition
from chalicelib.store.delivery_lists import DeliveryFilter

deliveries = Resource("deliveries", errors={CampaignNotFound: CAMPAIGN_NOT_FOUND[CampaignNotFound]})

CSV = "text/csv"
MOST_CSV_CHARACTERS = 900_000
"""A function's answer may have 6 MB, and as escaped JSON a character can take six bytes of them."""


class DeliveryAnswer(BaseModel):
    delivery_id: Annotated[
        str | None,
        Field(
            description="Its name in the mail's links; null for a token that may only read, and when the signing key "
            "was withdrawn."
        ),
    ]
    lead_id: str
    email: str | None
    status: DeliveryStatus
    reason: str | None
    detail: Annotated[str | None, Field(description="The mail service's own words.")]
    sent_at: Moment | None
    delivered_at: Moment | None
    bounced_at: Annotated[Moment | None, Field(description="Came back for good.")]
    complained_at: Moment | None
    opened_at: Moment | None
    opened_machine: Annotated[
        str | None, Field(description="Why the open is taken for a machine's; null as soon as a person has opened.")
    ]
    clicked_at: Annotated[Moment | None, Field(description="A person's first click.")]
    clicked_machine: Annotated[
        str | None, Field(description="Why all clicks are taken for a machine's; null as soon as a person has clicked.")
    ]

    @classmethod
    def of(cls, delivery: Delivery, delivery_id: str | None) -> Self:
        verdicts = judged(delivery)
        clicked = verdicts.clicked
        by_machine = None if clicked else next(iter(verdicts.machines.values()), None)
        return cls(
            delivery_id=delivery_id,
            lead_id=delivery.lead_id,
            email=delivery.email,
            status=delivery.status,
            reason=delivery.reason,
            detail=delivery.detail,
            sent_at=delivery.sent_at,
            delivered_at=delivery.delivered_at,
            bounced_at=delivery.bounced_at,
            complained_at=delivery.complained_at,
            opened_at=delivery.opened_at,
            opened_machine=None if delivery.opened_person_at else delivery.opened_machine,
            clicked_at=clicked.at if clicked else None,
            clicked_machine=by_machine.machine if by_machine else None,
        )


class DeliveriesQuery(PageQuery):
    status: Annotated[DeliveryStatus | None, Field(description="Only deliveries that stand so.")] = None
    opened: Annotated[bool | None, Field(description="Only those opened, or not opened.")] = None
    clicked: Annotated[bool | None, Field(description="Only those clicked by a person, or not.")] = None

    reason: Annotated[
        str | None, Field(max_length=100, description="Only those that failed or were skipped for this reason.")
    ] = None

    def shown(self) -> DeliveryFilter:
        return DeliveryFilter(self.status, self.opened, self.clicked, self.reason)


class ExportQuery(DeliveriesQuery):
    limit: Annotated[int, Field(ge=1, le=10_000, description="How many lines at most.")] = 5_000


@deliveries.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/deliveries",
    summary="List a campaign's deliveries",
    query=DeliveriesQuery,
    answers={200: Page[DeliveryAnswer]},
    raises=(CampaignNotFound, InvalidPosition),
)
def list_deliveries(call: Call, campaign_id: str) -> Answer:
    """In a stable order of no meaning. With filters a page may be short, or empty, and still have a cursor."""
    query = call.query(DeliveriesQuery)
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    found, following = call.context.deliveries.list_page(
        campaign.campaign_id, query.shown(), limit=query.limit, position=query.position()
    )
    name = naming(call, campaign)
    items = [DeliveryAnswer.of(visible(call, each, each.campaign_id, each.lead_id), name(each)) for each in found]
    return ok(Page[DeliveryAnswer](items=items, cursor=query.cursor_to(following)))


@deliveries.operation(
    "GET",
    "/v1/campaigns/{campaign_id}/deliveries.csv",
    summary="Export a campaign's deliveries as CSV",
    query=ExportQuery,
    answers={200: None},
    answer_type=CSV,
    raises=(CampaignNotFound, InvalidPosition),
)
def export_deliveries(call: Call, campaign_id: str) -> Answer:
    """A part of the file, about 5,000 lines. While there is more, a header says where:
    `Link: <?limit=5000&cursor=...>; rel="next"` (RFC 8288), relative to this address. The parts put together are the
    whole file: only the first begins with the byte order mark and the columns' names.
    """
    query = call.query(ExportQuery)
    campaign = call.context.drafts.get_campaign(CampaignId(campaign_id))
    found, following = call.context.deliveries.list_page(
        campaign.campaign_id, query.shown(), limit=query.limit, position=query.position()
    )
    shown = (visible(call, each, each.campaign_id, each.lead_id) for each in found)
    text, written = export.lines(shown, naming(call, campaign), most_characters=MOST_CSV_CHARACTERS)
    if written < len(found):
        following = call.context.deliveries.position_after(found[written - 1])
    headers = {"Content-Disposition": f'attachment; filename="{campaign.campaign_id}-deliveries.csv"'}
    cursor = query.cursor_to(following)
    if cursor is not None:
        said = query.model_dump(mode="json", exclude={"cursor"}, exclude_unset=True)
        headers["Link"] = f'<?{urlencode(_as_parameters(said) | {"cursor": cursor})}>; rel="next"'
    if query.cursor is None:
        text = export.header() + text
    return Answer(200, text, headers, f"{CSV}; charset=utf-8")


def _as_parameters(said: dict[str, object]) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in said.items()}
