"""GET /v1/campaigns: the list with its numbers, searched and sorted, and how many campaigns each status has."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.analytics.stats import numbers_of
from chalicelib.api.campaigns import CampaignAnswer
from chalicelib.api.http.answers import AnswerModel, Overlaid
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.requests import SEVERAL
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.stats import NumbersAnswer
from chalicelib.campaigns.listing import MAX_LISTED, ListQuery, Sort, list_along_index, newest
from chalicelib.model.campaign import CampaignStatus

campaign_list = Resource("campaigns")


class ListedCampaign(CampaignAnswer):
    numbers: NumbersAnswer | None = Field(default=None, description="Null before launch.")


class CountsAnswer(AnswerModel):
    """Campaigns that contain `q`."""

    total: int
    by_status: dict[CampaignStatus, int]
    is_whole: bool = Field(description=f"False with more than {MAX_LISTED:,} campaigns: only the newest were counted.")


class CampaignsAnswer(Page[ListedCampaign]):
    counts: CountsAnswer | None = Field(default=None, description="Null unless asked for.")


class CampaignsQuery(PageQuery):
    NO_FILTERS = (*PageQuery.NO_FILTERS, "counts")

    q: str | None = Field(
        default=None, max_length=200, description="Searched for in titles and subjects, ignoring case."
    )
    status: Annotated[list[CampaignStatus], SEVERAL] = Field(
        default_factory=list,
        max_length=len(CampaignStatus),
        description="Only campaigns with one of these statuses.",
    )
    sort: Sort = Field(
        default=Sort.CREATED,
        description="`date`: when it was sent, or will be; of a draft, when it was last changed. By title and "
        f"date, only the newest {MAX_LISTED:,} campaigns are listed.",
    )
    order: Literal["asc", "desc"] | None = Field(
        default=None, description="Absent: titles from A to Z, all others newest first."
    )
    counts: bool = Field(default=False, description="Count the campaigns of each status, too.")

    def wanted(self) -> ListQuery:
        ascending = self.order == "asc" if self.order else self.sort is Sort.TITLE
        return ListQuery(self.q or "", frozenset(self.status), self.sort, ascending)


@Operation(campaign_list, "GET", "/v1/campaigns", CampaignsAnswer, query=CampaignsQuery)
def list_campaigns(call: Call) -> object:
    """List campaigns.

    Newest first, or as `sort` and `order` say. A page may be short, or even empty, and still have a cursor.
    """
    query, campaigns = call.query(CampaignsQuery), call.context.campaigns
    wanted, position = query.wanted(), query.position()
    is_sorted_here = wanted.sort is not Sort.CREATED
    window = newest(campaigns) if query.counts or is_sorted_here else None
    if window is not None and is_sorted_here:
        found, following = window.page(wanted, query.limit, position)
    else:
        found, following = list_along_index(campaigns, wanted, query.limit, position)
    launched = [campaign.campaign_id for campaign in found if campaign.launched_at is not None]
    numbers = numbers_of(call.context.counters.find_totals(launched), call.context.plans.find_many_progress(launched))
    items = [Overlaid(campaign, numbers=numbers.get(campaign.campaign_id)) for campaign in found]
    counts = None
    if window is not None and query.counts:
        by_status = window.counts(wanted)
        counts = {"total": sum(by_status.values()), "by_status": by_status, "is_whole": window.is_whole}
    return query.page(items, following) | {"counts": counts}
