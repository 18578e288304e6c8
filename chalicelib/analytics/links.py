"""Clicks per link: how many leads followed each of a campaign's links, and how many times only a machine did."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.analytics.funnel import tracked_of
from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.model.campaign import LaunchedLink
from chalicelib.store.counters import Sums


@dataclass(frozen=True, slots=True)
class LinkCount:
    link: str
    url: str
    text: str
    position: int
    """1 for the first tracked link of the mail."""
    line: int
    column: int
    """Where its element starts in the author's HTML, both from 1."""
    clicked: int
    clicked_machine_only: int
    rate: Rate | None
    """`clicked` as a share of the leads that the mail was sent to with tracking."""


def count_links(links: Sequence[LaunchedLink], sums: Sums) -> list[LinkCount]:
    """In the order of the mail. A lead who clicked two links counts on both, so these do not add up to Clicked."""
    tracked = tracked_of(sums)
    counted = []
    for position, each in enumerate(links, start=1):
        clicked = sums.get(f"link/{each.link}/clicked", 0)
        counted.append(
            LinkCount(
                link=each.link,
                url=each.url,
                text=each.text,
                position=position,
                line=each.line,
                column=each.column,
                clicked=clicked,
                clicked_machine_only=sums.get(f"link/{each.link}/clicked_machine_only", 0),
                rate=wilson(clicked, tracked),
            )
        )
    return counted
