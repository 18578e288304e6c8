"""The few numbers of many campaigns that a list shows, reckoned as the stats panel's are."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.analytics.completion import finished_of, total_of
from chalicelib.model.ids import CampaignId
from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import Sums


@dataclass(frozen=True, slots=True)
class Numbers:
    """Total = Sent + Failed + Skipped + Pending."""

    total: int
    total_is_final: bool
    sent: int
    failed: int
    skipped: int
    pending: int
    opened: int
    clicked: int


def numbers_of(
    sums_of: Mapping[CampaignId, Sums], progress_of: Mapping[CampaignId, PlanProgress]
) -> dict[CampaignId, Numbers]:
    """Of every campaign that has sums or planning: of one that was launched this very moment there are none."""
    return {each: _numbers(sums_of.get(each, {}), progress_of.get(each)) for each in {*sums_of, *progress_of}}


def _numbers(sums: Sums, progress: PlanProgress | None) -> Numbers:
    total = max(total_of(progress, sums), finished_of(sums))
    counted = {name: sums.get(name, 0) for name in ("sent", "failed", "skipped", "opened", "clicked")}
    return Numbers(
        total=total,
        total_is_final=progress is not None and progress.complete,
        pending=total - finished_of(sums),
        **counted,
    )
