"""A campaign's numbers, from the sums of facts: the list's few, the stats panel, the funnel and clicks per link.

What each number counts is defined in facts.py and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from chalicelib.analytics.advice import Advice, Situation, advise
from chalicelib.analytics.evidence import machine_words
from chalicelib.analytics.sums import (
    FEEDBACK,
    Rate,
    failures_of,
    finished_of,
    is_known,
    kept_out_of,
    total_of,
    tracked_of,
    wilson,
)
from chalicelib.analytics.timing import TimeToOpen, time_to_open
from chalicelib.model.campaign import LaunchedLink
from chalicelib.model.ids import CampaignId
from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import Sums


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a list of campaigns shows. Total = Sent + Failed + Skipped + Pending."""

    total: int
    total_is_final: bool
    """False while the audience is still being planned."""
    sent: int
    failed: int
    skipped: int
    pending: int
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class FunnelStep:
    step: Literal["sent", "delivered", "opened", "clicked"]
    count: int | None
    """None: not known, because the mail service has reported no delivery."""
    of_sent: Rate | None
    """Opened and clicked: of those sent with tracking, as all rates of opens and clicks are."""
    of_previous: Rate | None
    """Of the leads of the step before; for `opened` of those sent, unless deliveries are known of all of them."""


@dataclass(frozen=True, slots=True)
class Failure:
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Clicks that are not in Clicked for one reason: links that only machines followed, of every lead."""

    reason: str
    clicks: int
    name: str
    """Who it was, and what that means, in words."""
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(Numbers):
    """The numbers of one campaign, and beside Opened and Clicked what must not be mixed into them."""

    planned_share: float
    """How much of the audience was looked through, from 0 to 1."""
    opened_machine_only: int
    clicked_machine_only: int
    clicked_without_open: int
    delivered: int
    bounced: int
    """Permanently; `bounced_soft` for a temporary reason."""
    bounced_soft: int
    complained: int
    unsubscribed: int
    untracked: int
    """Sent without pixel and tracked links: not part of opened and clicked."""
    anonymous: int
    """Sent so that opens and clicks are counted, but not whose."""
    rates: Mapping[str, Rate | None]
    """`failed` of those handed over or failed, `opened` and `clicked` of those sent with tracking, all others of those
    sent; None for a share of nothing, for `delivered`, `bounced` and `complained` also while the mail service has
    reported nothing of the kind."""
    funnel: tuple[FunnelStep, ...]
    time_to_open: TimeToOpen | None
    """None while no person has opened."""
    failures: tuple[Failure, ...]
    """The most frequent first."""
    kept_out: tuple[KeptOut, ...] | None
    """The most frequent first; None if some of the clicks were counted without reasons or by another burst rule."""
    advice: tuple[Advice, ...]
    recount_due: bool
    """Changes came too late to tell whether they were counted; a recount puts that right."""
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCount(LaunchedLink):
    """How many leads followed a link, and how many times only a machine did."""

    position: int
    """1 for the first tracked link of the mail."""
    clicked: int
    clicked_machine_only: int
    rate: Rate | None
    """`clicked` as a share of the leads that the mail was sent to with tracking."""


def numbers_of(
    sums_of: Mapping[CampaignId, Sums], progress_of: Mapping[CampaignId, PlanProgress]
) -> dict[CampaignId, Numbers]:
    """Of every campaign that has sums or planning; one that was launched this very moment may have neither."""
    return {
        each: Numbers(**_counted(Numbers, sums_of.get(each, {}), progress_of.get(each)))
        for each in {*sums_of, *progress_of}
    }


def _counted(kind: type[Numbers], sums: Sums, progress: PlanProgress | None) -> dict[str, Any]:
    """Its whole numbers: each is the sum of the fact of its name, but for Total and Pending, which are no facts."""
    counts = {each.name: sums.get(each.name, 0) for each in fields(kind) if each.type is int}
    # A delivery may be in the sums a moment before its planning is read; Pending never shows that as a negative.
    total = max(total_of(progress, sums), finished_of(sums))
    is_final = progress is not None and progress.complete
    return counts | {"total": total, "total_is_final": is_final, "pending": total - finished_of(sums)}


def stats_of(
    progress: PlanProgress | None,
    sums: Sums,
    as_of: datetime,
    *,
    launched_at: datetime | None = None,
    html_bytes: int | None = None,
) -> Stats:
    """The numbers of one campaign.

    `html_bytes`: size of the mail's HTML as sent. Advice that needs what is None is not given.
    """
    sent, failed, tracked = sums.get("sent", 0), sums.get("failed", 0), tracked_of(sums)
    reasons = failures_of(sums)
    failures = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    age_hours = None if launched_at is None else (as_of - launched_at).total_seconds() / 3600
    return Stats(
        **_counted(Stats, sums, progress),
        planned_share=progress.share if progress else 0.0,
        rates={
            "failed": wilson(failed, sent + failed),
            "opened": wilson(sums.get("opened", 0), tracked),
            "clicked": wilson(sums.get("clicked", 0), tracked),
            "unsubscribed": wilson(sums.get("unsubscribed", 0), sent),
            **{name: wilson(sums.get(name, 0), sent) if is_known(sums, name) else None for name in FEEDBACK},
        },
        funnel=funnel_of(sums),
        time_to_open=time_to_open(sums),
        failures=tuple(Failure(*each) for each in failures),
        kept_out=_kept_out(sums),
        advice=advise(Situation(sums, failures, age_hours, html_bytes)),
        recount_due=sums.get("recount_due", 0) > 0,
        as_of=as_of,
    )


def _kept_out(sums: Sums) -> tuple[KeptOut, ...] | None:
    by_reason = kept_out_of(sums)
    if by_reason is None:
        return None
    ordered = sorted(by_reason.items(), key=lambda each: (-each[1], each[0]))
    words = ((reason, clicks, machine_words(reason)) for reason, clicks in ordered)
    return tuple(KeptOut(reason, clicks, each.name, each.meaning) for reason, clicks, each in words)


def funnel_of(sums: Sums) -> tuple[FunnelStep, ...]:
    """Sent, delivered, opened, clicked.

    A step is not always part of the one before: a lead may click without loading the pixel, and the report of a
    delivery may come after the lead has opened. `of_previous` is a share of those who did both, or None.
    """
    sent, opened, clicked = (sums.get(name, 0) for name in ("sent", "opened", "clicked"))
    tracked = tracked_of(sums)
    delivered = sums["delivered"] if is_known(sums, "delivered") else None
    of_delivered = None if delivered is None else wilson(delivered, sent)
    # Which of the delivered mails were tracked is not known.
    reached = tracked if delivered is None or tracked < sent else delivered
    clicked_and_opened = clicked - sums.get("clicked_without_open", 0)
    return (
        FunnelStep("sent", sent, wilson(sent, sent), None),
        FunnelStep("delivered", delivered, of_delivered, of_delivered),
        FunnelStep("opened", opened, wilson(opened, tracked), wilson(opened, reached) if opened <= reached else None),
        FunnelStep("clicked", clicked, wilson(clicked, tracked), wilson(clicked_and_opened, opened)),
    )


def count_links(links: Sequence[LaunchedLink], sums: Sums) -> list[LinkCount]:
    """Clicks per link, in the order of the mail. A lead who clicked two links counts on both."""
    counted = []
    for position, each in enumerate(links, start=1):
        clicked = sums.get(f"link/{each.link}/clicked", 0)
        counted.append(
            LinkCount(
                **asdict(each),
                position=position,
                clicked=clicked,
                clicked_machine_only=sums.get(f"link/{each.link}/clicked_machine_only", 0),
                rate=wilson(clicked, tracked_of(sums)),
            )
        )
    return counted
