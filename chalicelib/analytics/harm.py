"""Whether a campaign harms its sender's reputation, by its hard bounces or complaints; the lifecycle pauses it then.

Mail services suspend whole accounts: SES reviews one above 5 % hard bounces or 0.1 % complaints, and may stop it above
10 % or 0.5 %; Gmail rejects bulk mail above 0.3 % complaints.
"""

from dataclasses import dataclass

from chalicelib.analytics.rates import wilson
from chalicelib.store.counters import Sums

MINIMUM_SENT = 100
"""With fewer mails sent, nothing is said: a handful of dead addresses is not a bad list."""
LIMITS = {"bounced": 0.05, "complained": 0.003}
"""Passed when the whole 95 % interval of the rate lies above: by 10 bounces of 100 or 64 of 1,000, by 2
complaints of 100 or 7 of 1,000."""

_SAID = {
    "bounced": "bounced permanently. Find out where these addresses come from before you resume",
    "complained": "were reported as spam. Find out whether these leads asked for this email before you resume",
}


@dataclass(frozen=True, slots=True)
class Harm:
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
        Harm(kind, f"Paused automatically: {sums[kind]} of {sent} emails ({rate.value:.1%}) {_SAID[kind]}.")
        for kind, rate in rates.items()
        if rate is not None and rate.low > LIMITS[kind]
    ]
