"""Recount: the sums anew from the deliveries themselves. The oracle of the tests and the repair tool of an operator."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.analytics.facts import facts
from chalicelib.store.client import Conflict
from chalicelib.store.counters import Counters, Sums
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.ids import CampaignId

SETTLE_SECONDS = 8.0
"""How long the deliveries must stand still before their sum may replace the counters: longer than the stream's lag,
which is the batching window in template.yaml (5 s) and mostly less than a second more."""


@dataclass(frozen=True, slots=True)
class Recounted:
    before: Sums
    after: Sums

    @property
    def repaired(self) -> bool:
        return dict(self.before) != dict(self.after)


class Recount:
    def __init__(self, client: Any, deliveries_table: str, campaigns_table: str) -> None:
        self._deliveries = Deliveries(client, deliveries_table)
        self._counters = Counters(client, campaigns_table)

    def sums(self, campaign_id: CampaignId) -> Sums:
        """The sum of `facts` over all deliveries, as they are now."""
        sums: Counter[str] = Counter()
        for delivery in self._deliveries.iter_campaign(campaign_id):
            sums.update(facts(delivery))
        return {name: number for name, number in sums.items() if number}

    def repair(self, campaign_id: CampaignId, pause: Callable[[float], None] = time.sleep) -> Recounted:
        """Put the counters right. Raises Conflict while hits or sends come in: their stream records are still due.

        The deliveries are summed twice, `SETTLE_SECONDS` apart; only sums that did not move, with no fold since,
        replace the counters.
        """
        before = self._counters.find(campaign_id)
        first = self.sums(campaign_id)
        if dict(before.sums) == first:
            return Recounted(before.sums, first)
        pause(SETTLE_SECONDS)
        second = self.sums(campaign_id)
        if first != second or not self._counters.replace(campaign_id, before, second):
            raise Conflict("deliveries are being counted right now; try again when the campaign is quiet")
        return Recounted(before.sums, second)
