"""The circuit breaker: a campaign that does harm to its sender's name is paused while most of it has not left yet.

Mail services suspend whole accounts: SES looks into one above 5 % hard bounces or 0.1 % complaints, and may stop it
above 10 % or 0.5 %; Gmail turns bulk mail away above 0.3 % complaints. It is looked at after the sums were added, so
the report that passes a limit is in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.analytics.rates import wilson
from chalicelib.model.ids import CampaignId
from chalicelib.store.breakers import Breakers
from chalicelib.store.counters import Counters, Sums
from chalicelib.telemetry import count

MINIMUM_SENT = 100
"""Fewer mails sent than this pause nothing: a handful of dead addresses is not a bad list."""
LIMITS = {"bounced": 0.05, "complained": 0.003}
"""Passed when the whole 95 % interval of the rate lies above: by 10 bounces of 100 or 64 of 1,000, by 2
complaints of 100 or 7 of 1,000."""

_SAID = {
    "bounced": "bounced for good. Find out where these addresses come from before you resume it",
    "complained": "were reported as spam. Find out whether these leads asked for this mail before you resume it",
}


@dataclass(frozen=True, slots=True)
class Trip:
    kind: str
    reason: str
    """In a sentence for the marketer."""


def trips_of(sums: Sums) -> list[Trip]:
    """The limits that a campaign's sums have passed."""
    sent = sums.get("sent", 0)
    if sent < MINIMUM_SENT:
        return []
    rates = {kind: wilson(sums.get(kind, 0), sent) for kind in LIMITS}
    return [
        Trip(kind, f"Paused by itself: {sums[kind]} of {sent} mails ({rate.value:.1%}) {_SAID[kind]}.")
        for kind, rate in rates.items()
        if rate is not None and rate.low > LIMITS[kind]
    ]


class Breaker:
    def __init__(self, client: Any, campaigns_table: str) -> None:
        self._counters = Counters(client, campaigns_table)
        self._breakers = Breakers(client, campaigns_table)

    def look(self, campaign_ids: Iterable[CampaignId]) -> None:
        """Pause those of the campaigns that have passed a limit; may be repeated."""
        for campaign_id in campaign_ids:
            for trip in trips_of(self._counters.find(campaign_id).sums):
                if self._breakers.trip(campaign_id, trip.kind, trip.reason):
                    count(
                        "campaign_paused",
                        {"CampaignsPaused": 1},
                        kind=trip.kind,
                        level="WARNING",
                        campaign_id=campaign_id,
                        reason=trip.reason,
                    )
