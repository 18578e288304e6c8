"""When a campaign is done: planned to the end, and every planned lead sent, failed or skipped.

Planning writes its end and then looks at the sums; the fold writes the sums and then looks at the planning. Both read
consistently, so whichever is last sees both.
"""

from datetime import UTC, datetime
from typing import Any

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.plan import PlanProgress
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Counters, Sums
from chalicelib.store.plans import Plans
from chalicelib.store.retries import Retries
from chalicelib.telemetry import logger

ENDINGS = frozenset({"sent", "failed", "skipped", "replanned"})
"""Facts that a campaign's end is made of: those of `finished_of`, and what Total is corrected by."""


def total_of(progress: PlanProgress | None, sums: Sums) -> int:
    """The audience's size: leads planned, less those that a second planning unit counted again."""
    return (progress.planned if progress else 0) - sums.get("replanned", 0)


def finished_of(sums: Sums) -> int:
    """Deliveries that came to an end: sent, failed or skipped."""
    return sums.get("sent", 0) + sums.get("failed", 0) + sums.get("skipped", 0)


class Completion:
    """Moves campaigns on: planning -> sending when planned to the end, sending -> sent when nothing is pending."""

    def __init__(self, client: Any, campaigns_table: str) -> None:
        self._campaigns = Campaigns(client, campaigns_table)
        self._plans = Plans(client, campaigns_table)
        self._counters = Counters(client, campaigns_table)
        self._retries = Retries(client, campaigns_table)

    def advance(self, campaign_id: CampaignId) -> None:
        progress = self._plans.find_progress(campaign_id)
        if progress is None or not progress.complete:
            return
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in (CampaignStatus.PLANNING, CampaignStatus.SENDING):
            return
        if campaign.status is CampaignStatus.PLANNING:
            self._campaigns.change_status(campaign_id, [CampaignStatus.PLANNING], CampaignStatus.SENDING)
        sums = self._counters.find(campaign_id).sums
        if finished_of(sums) != total_of(progress, sums) or self._is_marking(campaign_id, sums):
            return
        done = self._campaigns.change_status(
            campaign_id, [CampaignStatus.SENDING], CampaignStatus.SENT, completed_at=datetime.now(UTC)
        )
        if done:
            logger().info("campaign_sent", extra={"campaign_id": campaign_id, "sums": dict(sums)})

    def _is_marking(self, campaign_id: CampaignId, sums: Sums) -> bool:
        """Whether deliveries that are to be sent again may still count as failed."""
        retry = self._retries.find(campaign_id)
        return retry is not None and not (retry.is_marked and sums.get(f"retry/{retry.number}", 0) == retry.marked)
