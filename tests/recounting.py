"""A recount without its queue: the sums of facts as the oracle, and the job worked off at once."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.analytics.facts import facts
from chalicelib.analytics.recount import Recount, RecountMessage, begin_recount
from chalicelib.model.delivery import BurstRule
from chalicelib.model.ids import CampaignId
from chalicelib.sqs import Queue
from chalicelib.store.applied_runs import AppliedRuns
from chalicelib.store.counters import Addition, Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.plans import Plans
from chalicelib.store.recounts import RecountJob, Recounts
from tests.moves import lifecycle_of


class KeptMessages(Any):
    """An SQS client whose queue is a list; delays are not waited for."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.bodies += [json.loads(each["MessageBody"]) for each in Entries]
        return {}


class Recounter:
    """Recounts of one stack's campaigns."""

    def __init__(
        self,
        client: Any,
        deliveries_table: str,
        campaigns_table: str,
        pause: Callable[[float], None] = lambda seconds: None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.messages = KeptMessages()
        queue = Queue(self.messages, "plan")
        self._deliveries = Deliveries(client, deliveries_table, BurstRule())
        self._clock = clock
        self.recounts = Recounts(client, campaigns_table)
        self._plans = Plans(client, campaigns_table)
        self._queue = queue
        counters, advance = Counters(client, campaigns_table), lifecycle_of(client, campaigns_table).advance
        self._recount = Recount(counters, self.recounts, advance, self._deliveries, queue, pause, clock)

    def sums(self, campaign_id: CampaignId) -> Mapping[str, int]:
        """The sum of `facts` over all deliveries, as they are now."""
        sums: Counter[str] = Counter()
        for delivery in self._deliveries.iter_campaign(campaign_id):
            sums.update(facts(delivery))
        return {name: number for name, number in sums.items() if number}

    def begin(self, campaign_id: CampaignId) -> RecountJob:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return begin_recount(campaign_id, now, self.recounts, self._plans, self._queue)

    def work(self) -> None:
        """One message; it stays when its function dies."""
        self._recount.work(RecountMessage(**self.messages.bodies[0]))
        self.messages.bodies.pop(0)

    def repair(self, campaign_id: CampaignId) -> RecountJob:
        """From the request to the end."""
        self.begin(campaign_id)
        while self.messages.bodies:
            self.work()
        job = self.recounts.find(campaign_id)
        assert job is not None
        return job


def add(counters: Counters, campaign_id: CampaignId, sums: Mapping[str, int]) -> None:
    """Add to a campaign's sums what no delivery says."""
    bases = counters.read("nothing", [campaign_id])[1]
    additions = {campaign_id: [Addition(time.time(), 0, sums)]}
    nothing = AppliedRuns()
    assert counters.add("nothing", before=nothing, after=nothing, expires_at=0, additions=additions, bases=bases)
