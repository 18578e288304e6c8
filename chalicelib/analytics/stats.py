"""The stats panel's numbers, from the sums of facts; their definitions are in facts.py and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.analytics.advice import Advice, Situation, advise
from chalicelib.analytics.completion import finished_of, total_of
from chalicelib.analytics.delays import TimeToOpen, time_to_open
from chalicelib.analytics.funnel import FEEDBACK, FunnelStep, funnel_of, is_known, tracked_of
from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import Sums


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
    planned_share: float
    """How much of the audience was looked through, from 0 to 1."""
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
    """Came back for good; `bounced_soft` for a reason that may pass."""
    bounced_soft: int
    complained: int
    unsubscribed: int
    untracked: int
    """Sent without pixel and tracked links: opened and clicked say nothing of them."""
    anonymous: int
    """Sent so that opens and clicks are counted, but not whose."""
    rates: Mapping[str, Rate | None]
    """`failed` of those handed over or failed, `opened` and `clicked` of those sent with tracking, all others of those
    sent; None where there is nothing to be a share of, for `delivered`, `bounced` and `complained` also while the mail
    service has reported nothing of the kind."""
    funnel: tuple[FunnelStep, ...]
    time_to_open: TimeToOpen | None
    """None while no person has opened."""
    failures: tuple[Failure, ...]
    advice: tuple[Advice, ...]
    recount_due: bool
    """Changes came too late to tell whether they were counted; a recount puts that right."""
    as_of: datetime


def stats_of(
    progress: PlanProgress | None,
    sums: Sums,
    as_of: datetime,
    *,
    launched_at: datetime | None = None,
    html_bytes: int | None = None,
) -> Stats:
    """The numbers of one campaign. Total = Sent + Failed + Skipped + Pending, whenever it is asked.

    `html_bytes`: size of the mail's HTML as sent. What is not known is not advised on.
    """

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
        planned_share=progress.share if progress else 0.0,
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
        bounced_soft=number("bounced_soft"),
        complained=number("complained"),
        unsubscribed=number("unsubscribed"),
        untracked=number("untracked"),
        anonymous=number("anonymous"),
        rates={
            "failed": wilson(failed, sent + failed),
            "opened": wilson(number("opened"), tracked_of(sums)),
            "clicked": wilson(number("clicked"), tracked_of(sums)),
            "unsubscribed": wilson(number("unsubscribed"), sent),
            **{name: wilson(number(name), sent) if is_known(sums, name) else None for name in FEEDBACK},
        },
        funnel=funnel_of(sums),
        time_to_open=time_to_open(sums),
        failures=failures,
        advice=advise(
            Situation(
                sums,
                failures=[(each.reason, each.count) for each in failures],
                age_hours=None if launched_at is None else (as_of - launched_at).total_seconds() / 3600,
                html_bytes=html_bytes,
            )
        ),
        recount_due=number("recount_due") > 0,
        as_of=as_of,
    )
