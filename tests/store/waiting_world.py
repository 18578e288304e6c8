"""Queues, schedules and workers in simulated time on a real engine, with Lambda's rule about loops, and deaths."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.campaigns import launched_content as content
from chalicelib.campaigns.account import SendingAccount
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage, PlanMessage, RetryMessage, SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent, OutgoingMail
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sending.budget import Budget, OwnServer, SharedBudget
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.launch import Launch
from chalicelib.sending.may_send import SendPermission
from chalicelib.sending.plan import Plan
from chalicelib.sending.send import Send
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.sqs import Queue
from chalicelib.store.claims import Claims
from chalicelib.store.rate import AccountLimits, SendRate
from local.tables import TableNames
from tests.store.test_control import ControlledWorld
from tests.store.test_sending import KEYS, NOW, TRACKING_URL, Died

MOST_IN_A_CHAIN = 16
"""How often Lambda runs a function in one chain of requests, as its documentation says: "approximately"."""
VISIBLE_AGAIN = {"launch": 720, "plan": 720, "send": 360}
BATCH = {"launch": 1, "plan": 1, "send": 10}


@dataclass
class OnQueue:
    visible_at: float
    body: dict[str, Any]
    lineage: Counter[str] = field(default_factory=Counter)


class SimulatedSqs:
    """Queues whose messages remember the chain of invocations that they come of."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.queues: dict[str, list[OnQueue]] = {name: [] for name in BATCH}
        self.lineage: Counter[str] = Counter()
        """Of the function that runs."""
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.requests = 0
        self.sent = 0

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.before()
        self.requests += 1
        self.sent += len(Entries)
        for each in Entries:
            visible_at = self._now() + each.get("DelaySeconds", 0)
            self.queues[QueueUrl].append(OnQueue(visible_at, json.loads(each["MessageBody"]), self.lineage.copy()))
        self.after()
        return {}


class WaitingWorld(ControlledWorld):
    """A campaign that is sent over days: `run` handles what becomes due, in an order that `chance` decides."""

    def __init__(self, client: Any, tables: TableNames, *, quota: int | None, rate: float = 14, seed: int = 0) -> None:
        super().__init__(client, tables)
        self.client, self.tables, self.chance = client, tables, random.Random(seed)
        self.quota, self.rate = quota, rate
        self.left_at: list[float] = []
        self.outage: tuple[float, float] = (0, 0)
        self.put_off: Counter[str] = Counter()
        self.others = 0
        self.short = 0.0
        self.runs: Counter[str] = Counter()
        self.simulated = SimulatedSqs(lambda: self.now.timestamp())
        self.sqs = self.simulated  # type: ignore[assignment]
        self.longest_chain = 0
        self.mail.before = self._accept
        self.mail.after = lambda mail: self.left_at.append(self.now.timestamp())
        self.control = replace(self.control, _launch_queue=Queue(self.sqs, "launch"))
        self.senders = [self._sender() for _ in range(2)]

    # -- The mail service ----------------------------------------------------------------------------------------------

    def sent_24_hours(self) -> int:
        return self.others + sum(at > self.now.timestamp() - 86_400 for at in self.left_at)

    def limits(self) -> AccountLimits:
        return AccountLimits(self.rate, self.quota, self.sent_24_hours())

    def _accept(self, mail: OutgoingMail) -> None:
        self.sleep(0.05)
        begin, end = self.outage
        if begin <= self.now.timestamp() < end:
            raise NotSent("Service unavailable.")
        if self.quota is not None and self.sent_24_hours() >= self.quota:
            raise NotSent("Daily message quota exceeded.", WaitReason.QUOTA)
        if self.put_off[mail.to_email]:
            self.put_off[mail.to_email] -= 1
            raise NotSent("Try again later.", WaitReason.PUT_OFF)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds + 1e-6)

    # -- The functions -------------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        return self.now

    def budget(self) -> Budget:
        if self.quota is None:
            return OwnServer(lambda: self.now.timestamp())
        rate = SendRate(self.client, self.tables.campaigns)
        return SharedBudget(rate, self.limits, lambda: self.now.timestamp(), self.sleep)

    def wakes(self) -> Wakes:
        return Wakes(self.campaigns, self.schedules, "launch", self.clock)

    def own(self, name: str) -> OwnQueue:
        return OwnQueue(Queue(self.sqs, name), name, self.schedules, self.clock)

    def _sender(self) -> Send:
        budget, permission = self.budget(), SendPermission(self.campaigns, lambda: self.now.timestamp())
        deliver = Deliver(
            self.leads,
            self.deliveries,
            Claims(self.client, self.tables.deliveries),
            self.mail,
            budget,
            self.clock,
            permission.is_going,
            permission.pause,
            pause=self.sleep,
        )
        find = lambda campaign_id: content.load(self.campaigns, KEYS, TRACKING_URL, campaign_id)  # noqa: E731
        return Send(deliver, find, budget, self.wakes(), self.own("send"), self.clock)

    def new_planner(self) -> Plan:
        return Plan(
            self.campaigns,
            self.audiences,
            self.deliveries,
            self.plans,
            self.retries,
            self.own("plan"),
            Queue(self.sqs, "send"),
            self.lifecycle.advance,
            self.wakes(),
        )

    def time_is_short(self) -> bool:
        return self.chance.random() < self.short

    def _handle(self, name: str, bodies: list[dict[str, Any]]) -> list[int]:
        """Run a function with a batch; which of the messages failed."""
        body = bodies[0]
        if name == "launch":
            launch = Launch(
                self.campaigns,
                self.audiences,
                SendingAccount(),
                self.plans,
                self.retries,
                Queue(self.sqs, "plan"),
                KEYS,
                TRACKING_URL,
                self.budget(),
                self.wakes(),
            )
            launch.handle(LaunchMessage.of(body), self.now)
        elif name == "plan" and "retry_shard" in body:
            self.new_planner().mark_failed(RetryMessage(**body), self.time_is_short)
        elif name == "plan":
            self.new_planner().plan(PlanMessage(**body), self.time_is_short)
        else:
            number = self.chance.randrange(len(self.senders))
            batch = {str(each): SendMessage.from_json(json.dumps(body)) for each, body in enumerate(bodies)}
            try:
                return [int(each) for each in self.senders[number].send(batch, self.time_is_short)]
            except Died:
                self.senders[number] = self._sender()
                raise
        return []

    # -- Time ----------------------------------------------------------------------------------------------------------

    def invoke(self, name: str, batch: list[OnQueue]) -> None:
        chain = Counter[str]()
        for message in batch:
            chain |= message.lineage
        chain[name] += 1
        self.longest_chain = max(self.longest_chain, chain[name])
        assert chain[name] <= MOST_IN_A_CHAIN, f"Lambda stops {name}"
        self.runs[name] += 1
        queue, self.simulated.lineage = self.simulated.queues[name], chain
        for message in batch:
            queue.remove(message)
        try:
            failed = [batch[number] for number in self._handle(name, [message.body for message in batch])]
        except (Died, SchedulerUnavailable):
            failed = batch
        for message in failed:
            message.visible_at = self.now.timestamp() + VISIBLE_AGAIN[name]
        queue += failed
        self.simulated.lineage = Counter()

    def fire(self, name: str) -> None:
        _, queue, body = self.schedules.messages.pop(name)
        self.simulated.queues[queue].append(OnQueue(self.now.timestamp(), body))

    def step(self) -> bool:
        """Handle what is due next, in time if nothing is now; False when there is nothing."""
        now = self.now.timestamp()
        due = [name for name, queue in self.simulated.queues.items() if any(each.visible_at <= now for each in queue)]
        if due:
            name = self.chance.choice(due)
            visible = [each for each in self.simulated.queues[name] if each.visible_at <= now]
            self.chance.shuffle(visible)
            self.invoke(name, visible[: self.chance.randint(1, BATCH[name])])
            return True
        scheduled = {at.timestamp(): name for name, (at, _, _) in self.schedules.messages.items()}
        later = [*scheduled, *(each.visible_at for queue in self.simulated.queues.values() for each in queue)]
        if not later:
            return False
        self.now = max(self.now, datetime.fromtimestamp(min(later), UTC) + timedelta(milliseconds=1))
        for at, name in scheduled.items():
            if at <= self.now.timestamp():
                self.fire(name)
        return True

    def run(self, *, days: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + timedelta(days=days)
        while not until() and self.now < end and self.step():
            pass

    @contextmanager
    def dying_at(self, point: int) -> Iterator[None]:
        """Let whoever calls the database, the scheduler or a queue die at this point: before a call, or after it."""
        points = 0

        def die(**said: Any) -> None:
            nonlocal points
            points += 1
            if points == point:
                raise Died

        with self.interrupted(die):
            yield

    @contextmanager
    def faults(self, share: float) -> Iterator[None]:
        """Let workers die before or after a share of their calls, and the scheduler refuse more often."""

        def die(**said: Any) -> None:
            self.schedules.fails = self.chance.random() < 10 * share
            if self.simulated.lineage and self.chance.random() < share:
                raise Died

        with self.interrupted(die):
            yield
        self.schedules.fails = False

    @contextmanager
    def interrupted(self, die: Callable[..., None]) -> Iterator[None]:
        put_at = self.schedules.put_at

        def faulty_put_at(*arguments: Any) -> None:
            die()
            put_at(*arguments)
            die()

        self.simulated.before = self.simulated.after = die
        self.schedules.put_at = faulty_put_at  # type: ignore[assignment, method-assign]
        events = ("before-call.dynamodb", "after-call.dynamodb")
        for each in events:
            self.client.meta.events.register(each, die)
        try:
            yield
        finally:
            for each in events:
                self.client.meta.events.unregister(each, die)
            self.simulated.before = self.simulated.after = lambda: None
            self.schedules.put_at = put_at  # type: ignore[method-assign]

    # -- What came of it -----------------------------------------------------------------------------------------------

    def set_off_later(self, leads: int) -> CampaignId:
        """A campaign for so many leads that was started, and is to be launched."""
        for number in range(leads):
            self.lead(number)
        campaign_id = self.draft()
        self.control.send_now(campaign_id, NOW)
        return campaign_id

    def assert_nobody_was_lost_or_mailed_twice(self, campaign_id: CampaignId, leads: int) -> None:
        mailed = Counter(self.addresses())
        assert not {address: times for address, times in mailed.items() if times > 1}
        sums = self.settle(campaign_id)
        failed = sums.get("reason/outcome_unknown", 0)  # whoever was being mailed when a worker died
        assert sums.get("sent", 0) + failed == leads
        assert sums.get("failed", 0) == failed
        assert (self.campaign(campaign_id).status, self.total(campaign_id)) == (CampaignStatus.SENT, leads)
