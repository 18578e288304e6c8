"""The product's own code on a simulated lead's requests, from their headers to the lead's statistics.

Requests, clicks and statistics are judged by the product's functions. What the tracking routes and the store do between
them is repeated here in memory; tests/store/test_verdict_simulation.py compares it with the function `track` and the
tables.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from chalicelib.tracking.navigation import poses_as_browser

SENT_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAMPAIGN, LEAD = CampaignId("cmp_simulated"), LeadId("lead_simulated")
RULE = BurstRule()


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
    machine = machine_reason(headers.get("user-agent"), click=click)
    if machine is None and click and request.tls and poses_as_browser(headers):
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
    clicks: dict[str, Click] = {}
    scans: dict[str, Click] = {}
    later: dict[str, list[Click]] = {}
    noted = kept(hits)
    delivery = Delivery(
        CAMPAIGN, LEAD, DeliveryStatus.SENT, SENT_AT, "0.0",
        sent_at=SENT_AT, clicks=clicks, scans=scans, later=later, rule=rule,
        **_opened([load for link, load in noted if link is None]),
    )  # fmt: skip
    for link, click in noted:
        if link is None:
            continue
        if click.machine is not None:
            scans.setdefault(link, click)
        elif link not in clicks:
            clicks[link] = click
        elif says_something_new(delivery, link, click):
            later.setdefault(link, []).append(click)
    return delivery


def _opened(loads: Sequence[Click]) -> dict[str, Any]:
    """What a delivery keeps of the loads of its pixel."""
    if not loads:
        return {}
    person_at = next((load.at for load in loads if load.machine is None), None)
    return {"opened_at": loads[0].at, "opened_machine": loads[0].machine, "opened_person_at": person_at}


def counted(hits: Sequence[Hit], rule: BurstRule = RULE) -> Counted:
    """`facts` of the delivery after these requests."""
    if not hits:
        return Counted(False, False, False)
    sums = facts(recorded(hits, rule))
    opened, by_machine_only = bool(sums.get("opened")), bool(sums.get("opened_machine_only"))
    return Counted(bool(sums.get("clicked")), opened, opened and not by_machine_only)
