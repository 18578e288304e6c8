"""Whether a campaign is done: every planned delivery sent, failed or skipped."""

from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import Sums
from chalicelib.store.retries import Retry

ENDINGS = frozenset({"sent", "failed", "skipped", "replanned"})
"""Facts that decide it: those of `finished_of`, and what Total is corrected by."""


def total_of(progress: PlanProgress | None, sums: Sums) -> int:
    """The audience's size: leads planned, less those that a second planning unit counted again."""
    return (progress.planned if progress else 0) - sums.get("replanned", 0)


def finished_of(sums: Sums) -> int:
    """Deliveries that have ended: sent, failed or skipped."""
    return sums.get("sent", 0) + sums.get("failed", 0) + sums.get("skipped", 0)


def are_all_finished(progress: PlanProgress, sums: Sums) -> bool:
    """Of an audience that is planned to its end."""
    return progress.complete and finished_of(sums) == total_of(progress, sums)


def are_all_marked(retry: Retry | None, sums: Sums) -> bool:
    """Whether all deliveries that are to be sent again count as such; before, some may still count as failed."""
    return retry is None or (retry.is_marked and sums.get(f"retry/{retry.number}", 0) == retry.marked)
