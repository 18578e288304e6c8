"""Compares a campaign with the sender's last ten, each as it stood at the age that this one has now.

A campaign of yesterday has not been opened by all who will open it; compared with months it would always look bad. The
hourly counts tell how the others stood at the same age.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from chalicelib.analytics.sums import Rate, tracked_of, wilson
from chalicelib.analytics.timing import counted_until
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters, Sums

COMPARED = 10
FEWEST = 3
"""A median of fewer campaigns says little."""
SAMPLE = 30
"""Campaigns to fewer leads are not compared: one lead would move their rate by several points."""
SEARCHED = 300
"""The newest campaigns are searched for the sender's: three reads of the listing."""
_PAGE = 100

Verdict = Literal["lower", "usual", "higher"]


@dataclass(frozen=True, slots=True)
class ComparedRate:
    value: Rate | None
    median: float | None
    """Of the sender's campaigns; None if fewer than three can be compared."""
    verdict: Verdict | None
    """`usual`: the median lies within this rate's 95 % interval, so the difference may be chance."""


@dataclass(frozen=True, slots=True)
class ComparedCampaign:
    campaign_id: CampaignId
    title: str
    launched_at: datetime
    sent: int
    opened: float
    clicked: float
    failed: float


@dataclass(frozen=True, slots=True)
class Comparison:
    age_hours: float | None
    """How long ago this campaign was launched, and so how far the others are read; None before launch."""
    opened: ComparedRate
    clicked: ComparedRate
    failed: ComparedRate
    campaigns: tuple[ComparedCampaign, ...]
    """The last launched first."""


def compare(campaign: Campaign, sums: Sums, as_of: datetime, campaigns: Campaigns, counters: Counters) -> Comparison:
    """Compare with the sender's last ten campaigns; reads their counters."""
    others: list[ComparedCampaign] = []
    age_hours = None
    if campaign.launched_at is not None:
        age = as_of - campaign.launched_at
        age_hours = round(age.total_seconds() / 3600, 2)
        earlier = _earlier(campaigns, campaign.from_email, campaign.launched_at)
        compared = (_at_age(each, age, counters.find(each.campaign_id).sums) for each in earlier)
        others = [each for each in compared if each is not None]
    sent, failed, tracked = sums.get("sent", 0), sums.get("failed", 0), tracked_of(sums)
    return Comparison(
        age_hours=age_hours,
        opened=_compared(wilson(sums.get("opened", 0), tracked), [each.opened for each in others]),
        clicked=_compared(wilson(sums.get("clicked", 0), tracked), [each.clicked for each in others]),
        failed=_compared(wilson(failed, sent + failed), [each.failed for each in others]),
        campaigns=tuple(others),
    )


def _earlier(campaigns: Campaigns, from_email: str, before: datetime) -> list[Campaign]:
    """The sender's last ten sent campaigns that were launched before."""
    found: list[Campaign] = []
    position: str | None = None
    for _ in range(SEARCHED // _PAGE):
        page, position = campaigns.list_page(limit=_PAGE, position=position)
        sent = (each for each in page if each.from_email == from_email and each.status is CampaignStatus.SENT)
        found += (each for each in sent if each.launched_at is not None and each.launched_at < before)
        if position is None or len(found) >= COMPARED:
            break
    return sorted(found, key=lambda each: each.launched_at or before, reverse=True)[:COMPARED]


def _at_age(campaign: Campaign, age: timedelta, sums: Sums) -> ComparedCampaign | None:
    """The campaign as it stood at this age; None if it had too few leads."""
    sent, failed, tracked = sums.get("sent", 0), sums.get("failed", 0), tracked_of(sums)
    if campaign.launched_at is None or tracked < SAMPLE:
        return None
    until = counted_until(sums, campaign.launched_at + age)
    return ComparedCampaign(
        campaign.campaign_id,
        campaign.title,
        campaign.launched_at,
        sent,
        round(until.opened / tracked, 4),
        round(until.clicked / tracked, 4),
        round(failed / (sent + failed), 4),
    )


def _compared(rate: Rate | None, others: Sequence[float]) -> ComparedRate:
    if len(others) < FEWEST:
        return ComparedRate(rate, None, None)
    usual = round(median(others), 4)
    if rate is None or rate.of < SAMPLE:
        return ComparedRate(rate, usual, None)
    verdict: Verdict = "higher" if rate.low > usual else "lower" if rate.high < usual else "usual"
    return ComparedRate(rate, usual, verdict)
