"""The stats panel's numbers, from the sums of facts; their definitions are in facts.py and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.analytics.advice import Advice, advise
from chalicelib.analytics.completion import finished_of, total_of
from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.store.counters import Sums
from chalicelib.store.plans import PlanProgress


@dataclass(frozen=True, slots=True)
class Failure:
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Total, Sent, Failed, Opened, Clicked, and beside them what must not be mixed into them."""

    total: int
    total_is_final: bool
    """False while the audience is still being planned."""
    sent: int
    failed: int
    opened: int
    clicked: int
    skipped: int
    pending: int
    opened_machine_only: int
    clicked_machine_only: int
    clicked_without_open: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    rates: Mapping[str, Rate | None]
    """`failed` of those handed over or failed; `opened`, `clicked`, `unsubscribed` of those sent."""
    failures: tuple[Failure, ...]
    advice: tuple[Advice, ...]
    as_of: datetime


def stats_of(progress: PlanProgress | None, sums: Sums, as_of: datetime) -> Stats:
    """The numbers of one campaign. Total = Sent + Failed + Skipped + Pending, whenever it is asked."""

    def number(name: str) -> int:
        return sums.get(name, 0)

    # A delivery may be in the sums a moment before its planning is read; Pending never shows that as a negative.
    total = max(total_of(progress, sums), finished_of(sums))
    sent, failed = number("sent"), number("failed")
    reasons = {name.removeprefix("reason/"): count for name, count in sums.items() if name.startswith("reason/")}
    failures = tuple(
        Failure(reason, count) for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    )
    return Stats(
        total=total,
        total_is_final=progress is not None and progress.complete,
        sent=sent,
        failed=failed,
        opened=number("opened"),
        clicked=number("clicked"),
        skipped=number("skipped"),
        pending=total - finished_of(sums),
        opened_machine_only=number("opened_machine_only"),
        clicked_machine_only=number("clicked_machine_only"),
        clicked_without_open=number("clicked_without_open"),
        delivered=number("delivered"),
        bounced=number("bounced"),
        complained=number("complained"),
        unsubscribed=number("unsubscribed"),
        rates={
            "failed": wilson(failed, sent + failed),
            "opened": wilson(number("opened"), sent),
            "clicked": wilson(number("clicked"), sent),
            "unsubscribed": wilson(number("unsubscribed"), sent),
        },
        failures=failures,
        advice=advise(sums, failures=[(each.reason, each.count) for each in failures]),
        as_of=as_of,
    )
