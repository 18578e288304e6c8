"""What a campaign's sums say: rates with their confidence intervals, whether it is done, and whether it does harm."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import sqrt

from chalicelib.model.plan import PlanProgress
from chalicelib.store.counters import Sums
from chalicelib.store.plans import Retry

ENDINGS = frozenset({"sent", "failed", "skipped", "replanned"})
"""Facts that decide whether it is done: those of `finished_of`, and what Total is corrected by."""
FEEDBACK = ("delivered", "bounced", "complained")
"""What the mail service reports after it has accepted a mail."""

MINIMUM_SENT = 100
"""With fewer mails sent, no harm is found: a handful of dead addresses is not a bad list."""
LIMITS = {"bounced": 0.05, "complained": 0.003}
"""Of harm. Mail services suspend whole accounts: SES reviews one above 5 % hard bounces or 0.1 % complaints, and may
stop it above 10 % or 0.5 %; Gmail rejects bulk mail above 0.3 % complaints. A limit is passed when the whole 95 %
interval of the rate lies above: by 10 bounces of 100 or 64 of 1,000, by 2 complaints of 100 or 7 of 1,000."""
_SAID = {
    "bounced": "bounced permanently. Find out where these addresses come from before you resume",
    "complained": "were reported as spam. Find out whether these leads asked for this email before you resume",
}
_Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution: 95 % lie between its two tails."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of `of` cases, with its 95 % confidence interval; all from 0 to 1."""

    value: float
    low: float
    high: float
    of: int


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage, rounded half up as the page rounds it: `0.8125` is `81.3%` (Python's own is 81.2%)."""
    return f"{Decimal(share * 100).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)}%"


def wilson(count: int, of: int) -> Rate | None:
    """The rate `count / of` with Wilson's score interval; None for a share of nothing.

    The interval holds for small samples and rates near 0 or 1. Source: E. B. Wilson, Probable inference, the law of
    succession, and statistical inference, JASA 22 (1927).
    """
    if of <= 0:
        return None
    # A lead may open a mail whose sending failed as far as we know: `count` may exceed `of`.
    share = min(count, of) / of
    spread = _Z95 * _Z95 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z95 * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Rate(round(share, 4), round(low, 4), round(high, 4), of)


def tracked_of(sums: Sums) -> int:
    """Leads whose mail was sent with pixel and tracked links, anonymous or not."""
    return max(0, sums.get("sent", 0) - sums.get("untracked", 0))


def has_feedback(sums: Sums) -> bool:
    return any(sums.get(name) for name in FEEDBACK)


def is_known(sums: Sums, name: str) -> bool:
    """Whether the mail service reports this: reports of deliveries can be switched off, the others cannot."""
    return bool(sums.get(name)) if name == "delivered" else has_feedback(sums)


def total_of(progress: PlanProgress | None, sums: Sums) -> int:
    """The audience's size: leads planned, less those that a second planning unit counted again."""
    return (progress.planned if progress else 0) - sums.get("replanned", 0)


def finished_of(sums: Sums) -> int:
    """Deliveries that have ended: sent, failed or skipped."""
    return sums.get("sent", 0) + sums.get("failed", 0) + sums.get("skipped", 0)


def failures_of(sums: Sums) -> dict[str, int]:
    """Failed deliveries by reason."""
    return {name.removeprefix("reason/"): number for name, number in sums.items() if name.startswith("reason/")}


def kept_out_of(sums: Sums) -> dict[str, int] | None:
    """Clicks that are not in Clicked, by reason; None if some were counted without reasons or by another burst rule.

    Each of them counts once for its link and once for its reason. What an older release has counted for links alone is
    missing from the reasons until a recount, whatever was counted since: both sums then change by the same amounts.
    """
    reasons = {name.removeprefix("kept_out/"): number for name, number in sums.items() if name.startswith("kept_out/")}
    by_link = sum(number for name, number in sums.items() if name.endswith("/clicked_machine_only"))
    if sum(reasons.values()) != by_link or min(reasons.values(), default=0) < 0:
        return None
    return {name: number for name, number in reasons.items() if number}


def are_all_finished(progress: PlanProgress, sums: Sums) -> bool:
    """Of an audience that is planned to its end."""
    return progress.complete and finished_of(sums) == total_of(progress, sums)


def are_all_marked(retry: Retry | None, sums: Sums) -> bool:
    """Whether all deliveries that are to be sent again count as such; before, some may still count as failed."""
    return retry is None or (retry.is_marked and sums.get(f"retry/{retry.number}", 0) == retry.marked)


@dataclass(frozen=True, slots=True)
class Harm:
    """To its sender's reputation, for which the lifecycle pauses a campaign."""

    kind: str
    reason: str
    """In a sentence for the marketer."""


def harm_of(sums: Sums) -> list[Harm]:
    """The limits that a campaign's sums have passed."""
    sent = sums.get("sent", 0)
    if sent < MINIMUM_SENT:
        return []
    rates = {kind: wilson(sums.get(kind, 0), sent) for kind in LIMITS}
    return [
        Harm(kind, f"Paused automatically: {sums[kind]:,} of {sent:,} emails ({percent(rate.value)}) {_SAID[kind]}.")
        for kind, rate in rates.items()
        if rate is not None and rate.low > LIMITS[kind]
    ]
