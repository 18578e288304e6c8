"""One campaign beside the sender's last ten, each at the age that this one has now.

A campaign of yesterday has not been opened by all who will open it; held against whole months it would always look
bad. The series know when the others' opens and clicks came, so all are read as they stood at the same age, to the hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Literal

from chalicelib.analytics.rates import Rate, tracked_of, wilson
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
LOOKED_AT = 300
"""So many of the newest campaigns are searched for the sender's: three reads of the listing."""
_PAGE = 100

Verdict = Literal["lower", "usual", "higher"]


@dataclass(frozen=True, slots=True)
class ComparedRate:
    value: Rate | None
    median: float | None
    """Of the sender's campaigns; None where fewer than three can be compared."""
    verdict: Verdict | None
    """`usual`: the median lies within this rate's 95 % interval, so that chance may be all there is to it."""


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


class Comparing:
    def __init__(self, client: Any, table: str) -> None:
        self._campaigns = Campaigns(client, table)
        self._counters = Counters(client, table)

    def compare(self, campaign: Campaign, sums: Sums, as_of: datetime) -> Comparison:
        """Read the counters of at most ten earlier campaigns from the same address."""
        if campaign.launched_at is None:
            return _comparison(None, sums, ())
        age = as_of - campaign.launched_at
        others = []
        for earlier in self._earlier(campaign, campaign.launched_at):
            if earlier.launched_at is not None:
                counted = self._counters.find(earlier.campaign_id).sums
                until = counted_until(counted, earlier.launched_at + age)
                sent, failed, tracked = counted.get("sent", 0), counted.get("failed", 0), tracked_of(counted)
                if tracked >= SAMPLE:
                    others.append(
                        ComparedCampaign(
                            earlier.campaign_id,
                            earlier.title,
                            earlier.launched_at,
                            sent,
                            round(until.opened / tracked, 4),
                            round(until.clicked / tracked, 4),
                            round(failed / (sent + failed), 4),
                        )
                    )
        return _comparison(round(age.total_seconds() / 3600, 2), sums, others)

    def _earlier(self, campaign: Campaign, before: datetime) -> list[Campaign]:
        """The sender's last ten sent campaigns that were launched before."""
        found: list[Campaign] = []
        position: str | None = None
        for _ in range(LOOKED_AT // _PAGE):
            page, position = self._campaigns.list_page(limit=_PAGE, position=position)
            found += (
                each
                for each in page
                if each.from_email == campaign.from_email
                and each.status is CampaignStatus.SENT
                and each.campaign_id != campaign.campaign_id
                and each.launched_at is not None
                and each.launched_at < before
            )
            if position is None or len(found) >= COMPARED:
                break
        return sorted(found, key=lambda each: each.launched_at or before, reverse=True)[:COMPARED]


def _comparison(age_hours: float | None, sums: Sums, others: Sequence[ComparedCampaign]) -> Comparison:
    sent, failed, tracked = sums.get("sent", 0), sums.get("failed", 0), tracked_of(sums)
    return Comparison(
        age_hours=age_hours,
        opened=_compared(wilson(sums.get("opened", 0), tracked), [each.opened for each in others]),
        clicked=_compared(wilson(sums.get("clicked", 0), tracked), [each.clicked for each in others]),
        failed=_compared(wilson(failed, sent + failed), [each.failed for each in others]),
        campaigns=tuple(others),
    )


def _compared(rate: Rate | None, others: Sequence[float]) -> ComparedRate:
    if len(others) < FEWEST:
        return ComparedRate(rate, None, None)
    usual = round(median(others), 4)
    if rate is None or rate.of < SAMPLE:
        return ComparedRate(rate, usual, None)
    verdict: Verdict = "higher" if rate.low > usual else "lower" if rate.high < usual else "usual"
    return ComparedRate(rate, usual, verdict)
