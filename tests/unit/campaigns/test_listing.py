"""The list of campaigns, sorted and counted: every campaign on exactly one page, in order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.drafts import blank
from chalicelib.campaigns.listing import ListQuery, NewestCampaigns, Sort
from chalicelib.model.campaign import Campaign, CampaignStatus, Schedule
from chalicelib.model.ids import CampaignId

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
DRAFT = blank(NOW)


def titles(window: NewestCampaigns, wanted: ListQuery, limit: int = 100) -> list[str]:
    """Of all pages, one after the other."""
    found: list[str] = []
    position = None
    while True:
        page, position = window.page(wanted, limit, position)
        found += [campaign.title or f"({campaign.subject})" for campaign in page]
        if position is None:
            return found
        assert len(page) == limit


def window_of(*campaigns: Campaign) -> NewestCampaigns:
    numbered = (replace(each, campaign_id=CampaignId(f"cmp_{n}")) for n, each in enumerate(campaigns))
    return NewestCampaigns(tuple(numbered), is_whole=True)


@given(
    st.lists(st.sampled_from(["a", "B b", "ä", "Straße", ""]), max_size=12),
    st.sampled_from([Sort.TITLE, Sort.DATE]),
    st.booleans(),
    st.integers(1, 5),
)
def test_pages_hold_every_campaign_once_and_in_order(names: list[str], sort: Sort, ascending: bool, limit: int) -> None:
    campaigns = [replace(DRAFT, title=name, subject=f"{n}") for n, name in enumerate(names)]
    wanted = ListQuery(sort=sort, ascending=ascending)
    whole, _ = window_of(*campaigns).page(wanted, 100, None)
    assert titles(window_of(*campaigns), wanted, limit) == [each.title or f"({each.subject})" for each in whole]


def test_titles_are_sorted_ignoring_case_and_an_untitled_draft_by_its_subject() -> None:
    window = window_of(
        *(replace(DRAFT, title=each) for each in ("zoo", "Apple", "berry")), replace(DRAFT, subject="Cherry")
    )
    assert titles(window, ListQuery(sort=Sort.TITLE, ascending=True)) == ["Apple", "berry", "(Cherry)", "zoo"]


def test_the_date_is_when_it_was_sent_or_will_be_or_when_it_was_changed() -> None:
    def day(number: int) -> datetime:
        return NOW + timedelta(days=number)

    window = window_of(
        replace(DRAFT, title="changed", updated_at=day(-1)),
        replace(DRAFT, title="sent", launched_at=day(-2), updated_at=day(-3)),
        replace(DRAFT, title="scheduled", schedule=Schedule("s", day(4), "", ""), updated_at=day(-9)),
    )
    assert titles(window, ListQuery(sort=Sort.DATE)) == ["scheduled", "changed", "sent"]


def test_counts_are_of_the_campaigns_that_contain_the_text() -> None:
    campaigns = (
        replace(DRAFT, title="Prices", status=CampaignStatus.SENT),
        replace(DRAFT, subject="New PRICES"),
        replace(DRAFT, title="Other"),
    )
    counts = NewestCampaigns(campaigns, is_whole=True).counts(ListQuery("prices", {CampaignStatus.SENT}))
    assert {status: count for status, count in counts.items() if count} == {"draft": 1, "sent": 1}
