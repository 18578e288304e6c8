"""GET /v1/campaigns: the list, searched, each launched campaign with its numbers."""

from typing import Annotated, Self

from pydantic import Field

from chalicelib.analytics.stats import Numbers, numbers_of
from chalicelib.api.campaign_models import CampaignAnswer
from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.stats_models import FromDomain
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.store.client import InvalidPosition

campaign_list = Resource("campaigns")

LOOKED_AT = 1_000
"""A page looks at so many campaigns at most, so that a rare match cannot make a request run for ever."""
_READ = 100


class NumbersAnswer(FromDomain):
    """As in the campaign's stats; total = sent + failed + skipped + pending."""

    total: int
    total_is_final: bool
    sent: int
    failed: int
    skipped: int
    pending: int
    opened: int
    clicked: int


class ListedCampaign(CampaignAnswer):
    numbers: Annotated[NumbersAnswer | None, Field(description="Null before launch.")] = None

    @classmethod
    def with_numbers(cls, campaign: Campaign, numbers: Numbers | None) -> Self:
        shown = None if numbers is None else NumbersAnswer.model_validate(numbers)
        return cls.model_construct(**dict(CampaignAnswer.of(campaign)), numbers=shown)


class CampaignsQuery(PageQuery):
    q: Annotated[
        str | None, Field(max_length=200, description="Looked for in titles and subjects, whatever the case.")
    ] = None
    status: Annotated[CampaignStatus | None, Field(description="Only campaigns that stand so.")] = None

    def passes(self, campaign: Campaign) -> bool:
        wanted = (self.q or "").casefold()
        return (self.status is None or campaign.status is self.status) and (
            wanted in campaign.title.casefold() or wanted in campaign.subject.casefold()
        )


@campaign_list.operation(
    "GET",
    "/v1/campaigns",
    summary="List campaigns",
    query=CampaignsQuery,
    answers={200: Page[ListedCampaign]},
    raises=(InvalidPosition,),
)
def list_campaigns(call: Call) -> Answer:
    """Newest first. A page may be short, even empty, while there is a cursor to go on with."""
    query, campaigns = call.query(CampaignsQuery), call.context.campaigns
    found: list[Campaign] = []
    looked_at, following = 0, query.position()
    while True:
        searches = query.q or query.status
        page, following = campaigns.list_page(limit=_READ if searches else query.limit, position=following)
        looked_at += len(page)
        found += filter(query.passes, page)
        if len(found) > query.limit:
            found = found[: query.limit]
            following = campaigns.position_after(found[-1])
        if following is None or len(found) == query.limit or looked_at >= LOOKED_AT:
            break
    launched = [campaign.campaign_id for campaign in found if campaign.launched_at is not None]
    numbers = numbers_of(call.context.counters.find_totals(launched), call.context.plans.find_many_progress(launched))
    items = [ListedCampaign.with_numbers(campaign, numbers.get(campaign.campaign_id)) for campaign in found]
    return ok(Page[ListedCampaign](items=items, cursor=query.cursor_to(following)))
