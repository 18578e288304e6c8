"""The product's own code on a simulated lead's requests, from their headers to the lead's statistics.

Requests, clicks and statistics are judged by the product's functions. What the tracking routes and the store do between
them is repeated here in memory; tests/store/test_verdict_simulation.py compares it with the function `track` and the
tables.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from bench.verdict.headers import Request
from bench.verdict.people import Hit
from chalicelib.analytics.facts import facts
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.verdicts import says_something_new
from chalicelib.tracking.agents import MachineReason, is_speculative, machine_reason
from chalicelib.tracking.navigation import is_false_browser

SENT_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAMPAIGN, LEAD = CampaignId("cmp_simulated"), LeadId("lead_simulated")


@dataclass(frozen=True, slots=True)
class Judged:
    """A request's verdict."""

    counts: bool
    machine: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What the statistics say of a lead."""

    clicked: bool
    opened: bool
    opened_by_person: bool


@cache
def judge(request: Request, *, click: bool) -> Judged:
    """How the tracking routes judge a request, whatever its link and time."""
    headers = dict(request.headers)
    machine = machine_reason(headers.get("user-agent"))
    if machine is None and click and request.tls and is_false_browser(headers):
        machine = MachineReason.NOT_A_NAVIGATION
    return Judged(not is_speculative(request.method, headers), machine)


def kept(hits: Iterable[Hit]) -> list[tuple[str | None, Click]]:
    """Link (None: the pixel) and verdict of what is recorded of these requests, in the order in which they come."""
    found = []
    for hit in sorted(hits, key=attrgetter("seconds")):
        judged = judge(hit.request, click=hit.link is not None)
        if judged.counts:
            # The tables keep milliseconds.
            at = SENT_AT + timedelta(milliseconds=round(hit.seconds * 1000))
            found.append((hit.link, Click(at, None, judged.machine)))
    return found


def recorded(hits: Iterable[Hit], rule: BurstRule) -> Delivery:
    """The delivery after these requests, as store/deliveries.py keeps it."""
    opened: dict[str, Any] = {}
    clicks: dict[str, Click] = {}
    scans: dict[str, Click] = {}
    later: dict[str, list[Click]] = {}
    delivery = Delivery(
        CAMPAIGN, LEAD, DeliveryStatus.SENT, SENT_AT, "0.0",
        sent_at=SENT_AT, clicks=clicks, scans=scans, later=later, rule=rule,
    )  # fmt: skip
    for link, click in kept(hits):
        if link is None and click.machine is None and "opened_person_at" not in opened:
            opened = {"opened_at": click.at, **opened, "opened_person_at": click.at}
        elif link is None and click.machine is not None and not opened:
            opened = {"opened_at": click.at, "opened_machine": click.machine}
        elif link is not None and click.machine is not None:
            scans.setdefault(link, click)
        elif link is not None and link not in clicks:
            clicks[link] = click
        elif link is not None and says_something_new(delivery, link, click):
            later.setdefault(link, []).append(click)
    return replace(delivery, **opened)


def counted(hits: Sequence[Hit], rule: BurstRule) -> Counted:
    """`facts` of the delivery after these requests."""
    sums = facts(recorded(hits, rule))
    opened, by_machine_only = bool(sums.get("opened")), bool(sums.get("opened_machine_only"))
    return Counted(bool(sums.get("clicked")), opened, opened and not by_machine_only)
