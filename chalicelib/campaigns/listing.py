"""The list of campaigns: searched, sorted, and counted by status.

Newest or oldest first it is read along the index, from page to page. For other orders, and for the counts, the newest
MAX_LISTED campaigns are read and sorted here: no index has titles, and a workspace has hundreds of campaigns, or a few
thousand.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.times import time_text
from chalicelib.store.campaigns import Campaigns

MAX_LISTED = 2_000
"""Two megabytes, some 0.2 s. A request reads no more of the index than this."""
_PAGE_SIZE = 100


class Sort(StrEnum):
    CREATED = "created"
    TITLE = "title"
    """Of an untitled draft: its subject."""
    DATE = "date"
    """When it was sent, or will be; of a draft, when it was last changed."""


def _title(campaign: Campaign) -> str:
    return (campaign.title or campaign.subject).casefold()[:200]  # a cursor holds it


def _date(campaign: Campaign) -> str:
    scheduled_at = campaign.schedule.at if campaign.schedule else None
    return time_text(campaign.launched_at or scheduled_at or campaign.updated_at)


_VALUES: Mapping[Sort, Callable[[Campaign], str]] = {Sort.TITLE: _title, Sort.DATE: _date}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which campaigns, and in which order."""

    text: str = ""
    """In titles and subjects, ignoring case."""
    statuses: Collection[CampaignStatus] = ()
    """Empty: all."""
    sort: Sort = Sort.CREATED
    ascending: bool = False

    def finds_text_in(self, campaign: Campaign) -> bool:
        wanted = self.text.casefold()
        return wanted in campaign.title.casefold() or wanted in campaign.subject.casefold()

    def matches(self, campaign: Campaign) -> bool:
        return (not self.statuses or campaign.status in self.statuses) and self.finds_text_in(campaign)


@dataclass(frozen=True, slots=True)
class NewestCampaigns:
    """The newest campaigns, as many as are looked at."""

    campaigns: tuple[Campaign, ...]
    is_whole: bool
    """False when there are more."""

    def counts(self, wanted: ListQuery) -> dict[CampaignStatus, int]:
        """How many campaigns of each status contain the text."""
        found = Counter(campaign.status for campaign in self.campaigns if wanted.finds_text_in(campaign))
        return {status: found[status] for status in CampaignStatus}

    def page(self, wanted: ListQuery, limit: int, position: str | None) -> tuple[list[Campaign], str | None]:
        """As `list_along_index`, in an order of `_VALUES`. A position is the last campaign's value and id."""
        value_of = _VALUES[wanted.sort]

        def key(campaign: Campaign) -> tuple[str, str]:
            return value_of(campaign), campaign.campaign_id

        found = sorted(filter(wanted.matches, self.campaigns), key=key, reverse=not wanted.ascending)
        if position is not None:
            value, _, campaign_id = position.rpartition(" ")
            last = (value, campaign_id)
            found = [each for each in found if (key(each) > last if wanted.ascending else key(each) < last)]
        page = found[:limit]
        return page, " ".join(key(page[-1])) if len(found) > limit else None


def newest(campaigns: Campaigns) -> NewestCampaigns:
    found, following = list_along_index(campaigns, ListQuery(), MAX_LISTED + 1, None)
    return NewestCampaigns(tuple(found[:MAX_LISTED]), len(found) <= MAX_LISTED and following is None)


def list_along_index(
    campaigns: Campaigns, wanted: ListQuery, limit: int, position: str | None
) -> tuple[list[Campaign], str | None]:
    """A page by the time of creation, and where the next one starts.

    Looks at MAX_LISTED campaigns at most, so that a rare match cannot make a request run for ever: a page may be empty
    and still have a next one.
    """
    found: list[Campaign] = []
    looked_at, following = 0, position
    while True:
        searches = wanted.text or wanted.statuses
        page, following = campaigns.list_page(
            limit=_PAGE_SIZE if searches else limit, position=following, newest_first=not wanted.ascending
        )
        looked_at += len(page)
        found += filter(wanted.matches, page)
        if len(found) > limit:
            found = found[:limit]
            following = campaigns.position_after(found[-1])
        if following is None or len(found) == limit or looked_at >= MAX_LISTED:
            return found, following
