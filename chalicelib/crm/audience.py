"""Who a campaign is for: leads by entity, stage and tags, and by what they did with earlier campaigns.

Behaviour is looked up page by page in the deliveries of the audience's own leads, so a follow-up costs in proportion to
its audience.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from math import inf

from chalicelib.model.campaign import Audience, Did
from chalicelib.model.delivery import Delivery
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.verdicts import judged
from chalicelib.store import keys
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Count, Leads
from chalicelib.threads import for_all

LEADS_PER_PAGE = 500
"""Leads looked at for one page: 6 KB of ids, five calls to SQS."""
LOOKED_AT_FOR_SOME = 2_000
"""Finding some members of an audience by behaviour takes as many reads of deliveries, at most."""
_LOOK_SECONDS = 20
"""A request takes 29 s at most."""


class Audiences:
    """`clock` gives seconds. Every method may raise StoreUnavailable."""

    def __init__(self, leads: Leads, deliveries: Deliveries, clock: Callable[[], float] = time.time) -> None:
        self._leads = leads
        self._deliveries = deliveries
        self._clock = clock

    def page(
        self, audience: Audience, stage: str, shard: int, start: LeadId | None = None
    ) -> tuple[list[LeadId], LeadId | None]:
        """At most LEADS_PER_PAGE leads of one shard of a stage, and where the next page starts (None: it is done).

        A page may hold fewer, even none, if the audience asks for behaviour.
        """
        found, after = self._leads.audience_page(
            audience.entity, stage, shard, audience.tags, limit=LEADS_PER_PAGE, start=start
        )
        return self._restricted(audience, found), after

    def members(
        self, audience: Audience, looked_at: int | None = None, is_over: Callable[[], bool] = lambda: False
    ) -> Iterator[Lead]:
        """All leads with all their fields, read as the iterator is consumed; or those among the first `looked_at`,
        and those found until `is_over()`.
        """
        named = (audience.entity, audience.stages, audience.tags)
        found = islice(self._leads.iter_audience(*named, is_over), looked_at)
        if not audience.behavior:
            yield from found
        while not is_over() and (page := list(islice(found, LEADS_PER_PAGE))):
            kept = set(self._restricted(audience, [lead.lead_id for lead in page]))
            yield from (lead for lead in page if lead.lead_id in kept)

    def some(self, audience: Audience, most: int) -> list[Lead]:
        """Up to `most` of its leads; with behaviour, those found in a bounded part."""
        return list(islice(self.members(audience, LOOKED_AT_FOR_SOME), most))

    def count(self, audience: Audience) -> Count:
        """How many there are now, as many as can be looked at within a request."""
        is_over = self.time_is_over(_LOOK_SECONDS)
        if not audience.behavior:
            return self._leads.count_audience(audience.entity, audience.stages, audience.tags, is_over)
        units = product(dict.fromkeys(audience.stages), range(keys.AUDIENCE_SHARDS))
        counts = for_all(units, lambda unit: self._count(audience, *unit, is_over=is_over))
        return Count(sum(each.total for each in counts), any(each.at_least for each in counts))

    def time_is_over(self, seconds: float) -> Callable[[], bool]:
        """Whether so much time has passed since this call."""
        ends_at = self._clock() + seconds
        return lambda: self._clock() > ends_at

    def _count(
        self, audience: Audience, stage: str, shard: int, *, is_over: Callable[[], bool], most: float = inf
    ) -> Count:
        total, after, more = 0, None, True
        while more:
            if total >= most or is_over():
                return Count(total, True)
            found, after = self.page(audience, stage, shard, after)
            total += len(found)
            more = after is not None
        return Count(total, False)

    def is_empty(self, audience: Audience) -> bool:
        """Whether nobody matches; False too if none was found in time."""
        return self.count_up_to(audience, 1) == Count(0, False)

    def count_up_to(self, audience: Audience, most: int, *, seconds: float = _LOOK_SECONDS) -> Count:
        """How many there are now, read until `most` are found or time is over."""
        is_over = self.time_is_over(seconds)
        total = 0
        for stage, shard in product(dict.fromkeys(audience.stages), range(keys.AUDIENCE_SHARDS)):
            found = self._count(audience, stage, shard, is_over=is_over, most=most - total)
            total += found.total
            if found.at_least or total >= most:
                return Count(total, True)
        return Count(total, False)

    def _restricted(self, audience: Audience, lead_ids: Sequence[LeadId]) -> list[LeadId]:
        kept = list(lead_ids)
        for behavior in audience.behavior:
            deliveries = self._deliveries.find_many(behavior.campaign_id, kept)
            kept = [each for each in kept if each in deliveries and did(deliveries[each], behavior.did)]
        return kept


def did(delivery: Delivery, what: Did) -> bool:
    """Whether the delivery's lead did that, as a person; always False if the mail was not sent.

    A click counts as an open too, whether images were loaded or not.
    """
    if not delivery.was_sent:
        return False
    clicked = judged(delivery).clicked is not None
    opened = clicked or delivery.opened_person_at is not None
    deeds = {Did.OPENED: opened, Did.NOT_OPENED: not opened, Did.CLICKED: clicked, Did.NOT_CLICKED: not clicked}
    return deeds[what]
