"""Many workers on one budget, on real engines: the rate, the quota, and what the mail service says of both."""

from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from threading import Condition
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.campaigns import launched_content as content
from chalicelib.model.messages import SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.budget import LOOK_SECONDS, MustWait, Pacing, SharedBudget
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.rate import Waiting
from chalicelib.sqs import Queue, groups
from chalicelib.store.claims import Claims
from chalicelib.store.rate import AccountLimits, SendRate
from local.tables import TableNames
from tests.store.cost_model import counted_calls
from tests.store.test_sending import KEYS, TRACKING_URL, World

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Account:
    """A mail service that counts what it is sent, over which many workers share one budget."""

    def __init__(self, client: Any, tables: TableNames, limits: AccountLimits) -> None:
        self.client, self.tables = client, tables
        self.limits = limits
        self.rate = SendRate(client, tables.campaigns)
        self.now = NOW.timestamp()
        self.asked = 0

    def ask(self) -> AccountLimits:
        self.asked += 1
        return self.limits

    def worker(self) -> SharedBudget:
        return SharedBudget(self.rate, self.ask, lambda: self.now, self.sleep)

    def deliverer(self, world: World) -> Deliver:
        """A worker that sends within what the account allows, to a campaign that goes on whatever happens."""
        return Deliver(
            world.leads,
            world.deliveries,
            Claims(self.client, self.tables.deliveries),
            world.mail,
            self.worker(),
            lambda: datetime.fromtimestamp(self.now, UTC),
            lambda campaign_id: True,
            lambda campaign_id, words: None,
            pause=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def sends(self, count: int) -> None:
        self.limits = replace(self.limits, sent_24_hours=self.limits.sent_24_hours + count)


def account(dynamodb: Any, tables: TableNames, quota: int | None = None, rate: float = 14) -> Account:
    return Account(dynamodb, tables, AccountLimits(rate, quota, 0))


def refuse() -> AccountLimits:
    raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow down"}}, "GetAccount")


def reason_to_wait(worker: SharedBudget) -> Waiting:
    with pytest.raises(MustWait) as must:
        worker.take(1, 0.1)
    return must.value.waiting


class SimulatedTime:
    """A clock for threads that moves on only when all of them sleep, so that it is as fast as the machine is."""

    def __init__(self, now: float, threads: int) -> None:
        self.now = now
        self._awake = threads
        self._ends: list[float] = []
        self._moved = Condition()

    def sleep(self, seconds: float) -> None:
        with self._moved:
            end = self.now + max(seconds, 0.0001)
            heappush(self._ends, end)
            self._awake -= 1
            self._move_on()
            self._moved.wait_for(lambda: self.now >= end)

    def leave(self) -> None:
        """The calling thread sleeps no more."""
        with self._moved:
            self._awake -= 1
            self._move_on()

    def _move_on(self) -> None:
        if self._awake == 0 and self._ends:
            self.now = self._ends[0]
            while self._ends and self._ends[0] <= self.now:
                heappop(self._ends)
                self._awake += 1
            self._moved.notify_all()


class Distant:
    """A client each of whose writes takes as long as on AWS, in simulated time."""

    def __init__(self, client: Any, sleep: Callable[[float], None]) -> None:
        self._client, self._sleep = client, sleep

    def update_item(self, **arguments: Any) -> Any:
        self._sleep(0.005)
        return self._client.update_item(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_twenty_workers_together_keep_to_the_rate_in_every_second_and_use_it(dynamodb: Any, tables: TableNames) -> None:
    rate, seconds, workers = 60, 5.0, 20
    begin = NOW.timestamp()
    time = SimulatedTime(begin, workers)
    shared = account(Distant(dynamodb, time.sleep), tables, rate=rate)
    left_at: list[float] = []

    def work(_: int) -> None:
        budget = SharedBudget(shared.rate, shared.ask, lambda: time.now, time.sleep)
        pacing = Pacing(budget, lambda: time.now, time.sleep)
        try:
            while time.now < begin + seconds:
                pacing.begin()
                pacing.wait(5, lambda: False)
                left_at.append(time.now)
                time.sleep(0.02)  # the mail service's answer
                pacing.end()
        finally:
            time.leave()

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(work, range(workers)))
    left_at.sort()
    most = max(bisect_left(left_at, start + 1) - number for number, start in enumerate(left_at))
    assert most <= rate
    within = [moment for moment in left_at if begin + 1 <= moment < begin + seconds]
    assert len(within) >= 0.9 * rate * (seconds - 1)


def test_an_error_of_ours_before_a_mail_is_handed_over_loses_no_mail(dynamodb: Any, tables: TableNames) -> None:
    world, shared = World(dynamodb, tables), account(dynamodb, tables)
    lead = world.lead(0)
    campaign_id = world.launched()
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)
    worker = shared.deliverer(world)
    found: list[Any] = []

    def fail(seconds: float) -> None:
        found.append(world.status(campaign_id, lead.lead_id))
        raise ValueError("sleep length must be non-negative")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker._pacing, "_pause", fail)
        with pytest.raises(ValueError, match="sleep length"):
            worker.deliver_all(launched, "0.0", [lead.lead_id])
    assert found == [("sending", None)]
    assert worker.deliver_all(launched, "0.0", [lead.lead_id]) == []
    assert [mail.to_email for mail in world.mail.accepted] == [lead.email]
    assert world.status(campaign_id, lead.lead_id) == ("sent", None)


def test_the_quota_is_never_passed_and_its_end_is_used(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables, quota=25)
    workers = [shared.worker() for _ in range(3)]
    taken = 0
    for _ in range(40):
        for worker in workers:
            with suppress(MustWait):
                taken += len(worker.take(4, 0.1))
            shared.now += 0.3
    assert taken == 25
    assert reason_to_wait(workers[0]).reason is WaitReason.QUOTA


def test_a_worker_too_slow_for_its_moments_uses_the_quota_to_its_end(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables, quota=12)
    pacing = Pacing(shared.worker(), lambda: shared.now, shared.sleep)
    left = 0
    with suppress(MustWait):
        while left < 20:
            pacing.begin()
            pacing.wait(20, lambda: False)
            left += 1
            shared.sleep(0.7)  # a mail; until this is measured, moments are taken for faster ones
            pacing.end()
    assert left == 12


def test_moments_missed_before_the_last_look_give_nothing_back(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables, quota=10)
    pacing = Pacing(worker := shared.worker(), lambda: shared.now, shared.sleep)
    pacing.wait(10, lambda: False)
    shared.sends(10)  # others have used the rest meanwhile
    shared.now += LOOK_SECONDS + 1
    assert reason_to_wait(worker).reason is WaitReason.QUOTA
    with pytest.raises(MustWait):
        pacing.wait(10, lambda: False)


def test_moments_missed_while_the_mail_service_refused_give_nothing_back(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables, quota=10)
    pacing = Pacing(worker := shared.worker(), lambda: shared.now, shared.sleep)
    pacing.wait(10, lambda: False)
    worker.block(Waiting(WaitReason.RATE, datetime.fromtimestamp(shared.now + 5, UTC)))
    shared.now += 2
    with pytest.raises(MustWait) as must:
        pacing.wait(10, lambda: False)
    assert must.value.waiting.reason is WaitReason.RATE


def test_what_a_worker_reserved_and_did_not_use_is_free_again_and_lapses_with_it(
    dynamodb: Any, tables: TableNames
) -> None:
    shared = account(dynamodb, tables, quota=25)
    frozen, other = shared.worker(), shared.worker()
    taken = len(frozen.take(25, 1.0))  # at its pace two moments within the horizon; the rest stays reserved
    assert 0 < taken < 25
    shared.sends(taken)
    assert reason_to_wait(other).reason is WaitReason.QUOTA
    for _ in range(2):  # looks: at the first one all that was reserved may be under way
        shared.now += LOOK_SECONDS + 1
        with suppress(MustWait):
            other.allowance()
    free = other.allowance().mails
    assert free == 25 - taken
    while taken < 25:
        taken += len(other.take(free, 0.01))
        shared.now += 0.3
    with suppress(MustWait):
        taken += len(frozen.take(25, 0.01))
    assert taken == 25


def test_an_account_without_a_quota_allows_any_number_and_one_with_a_quota_what_is_left(
    dynamodb: Any, tables: TableNames
) -> None:
    shared = account(dynamodb, tables, rate=1)
    worker = shared.worker()
    assert worker.allowance() == (None, 0)
    shared.limits = AccountLimits(2, 30, 10)
    shared.now += LOOK_SECONDS + 1
    assert worker.allowance() == (20, 10)


def test_what_was_taken_and_is_not_yet_counted_by_the_service_counts_as_under_way(
    dynamodb: Any, tables: TableNames
) -> None:
    shared = account(dynamodb, tables, quota=10)
    worker = shared.worker()
    taken = len(worker.take(8, 0.1))
    assert taken >= 1
    shared.now += LOOK_SECONDS + 1  # the service has not counted any of them when it is asked again
    taken += len(worker.take(8, 0.1))
    shared.now += 1
    while taken < 10:
        taken += len(worker.take(8, 0.1))
    assert taken == 10
    shared.sends(10)
    shared.now += LOOK_SECONDS + 1
    assert reason_to_wait(worker).reason is WaitReason.QUOTA


def test_sending_resumes_by_itself_when_the_window_has_moved_on(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables, quota=5)
    worker = shared.worker()
    assert len(worker.take(5, 0.05)) == 5
    shared.sends(5)
    waiting = reason_to_wait(worker)
    assert waiting.until == NOW + timedelta(hours=24)
    shared.now = waiting.until.timestamp()
    shared.limits = replace(shared.limits, sent_24_hours=0)
    with pytest.raises(MustWait):  # what was taken before the last look may still be under way, as far as is known
        worker.take(5, 0.05)
    shared.now += LOOK_SECONDS + 1
    assert worker.take(5, 0.05)


def test_the_service_is_asked_once_a_minute_by_one_of_all_workers(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables)
    workers = [shared.worker() for _ in range(10)]
    for _ in range(3):
        for worker in workers:
            worker.take(1, 0.1)
        shared.now += LOOK_SECONDS
    assert shared.asked == 3


def test_without_an_answer_the_limits_known_before_hold(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables)
    assert shared.worker().take(1, 0.1)
    shared.now += LOOK_SECONDS + 1
    deaf = SharedBudget(shared.rate, refuse, lambda: shared.now, lambda seconds: None)
    assert deaf.take(1, 0.1)


def test_without_an_answer_no_more_of_the_quota_is_reserved_than_is_used(dynamodb: Any, tables: TableNames) -> None:
    """A worker reserves for all that it has to send, and takes moments for about two seconds at a time."""
    shared = account(dynamodb, tables, quota=200, rate=1)
    taken, worker = 0, shared.worker()
    worker.allowance()
    worker._ask_limits = refuse
    shared.now += LOOK_SECONDS + 1
    while taken < 10:
        taken += len(worker.take(20, 0.1))
        shared.now += 1
    row = shared.rate.find_account()
    assert row is not None
    assert row.left == 200 - 20


def test_nothing_leaves_before_the_limits_are_known(dynamodb: Any, tables: TableNames) -> None:
    def refuse() -> AccountLimits:
        raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "slow down"}}, "GetAccount")

    shared = account(dynamodb, tables)
    deaf = SharedBudget(shared.rate, refuse, lambda: shared.now, lambda seconds: None)
    assert reason_to_wait(deaf).reason is WaitReason.MAIL_SERVICE


def test_a_refusal_met_by_one_worker_holds_all_of_them_back_for_a_while(dynamodb: Any, tables: TableNames) -> None:
    shared = account(dynamodb, tables)
    one, other = shared.worker(), shared.worker()
    one.take(1, 0.1)
    until = datetime.fromtimestamp(int(shared.now) + 10, UTC)
    one.block(Waiting(WaitReason.RATE, until))
    assert reason_to_wait(other) == Waiting(WaitReason.RATE, until)
    shared.now += 11
    assert other.take(1, 0.1)


def test_when_the_service_says_that_the_quota_is_gone_it_is_gone_until_asked_again(
    dynamodb: Any, tables: TableNames
) -> None:
    shared = account(dynamodb, tables, quota=100)
    worker = shared.worker()
    worker.take(3, 0.1)
    shared.sends(100)  # others send from the same account
    worker.block(Waiting(WaitReason.QUOTA, datetime.fromtimestamp(shared.now, UTC)))
    assert reason_to_wait(shared.worker()).reason is WaitReason.QUOTA
    shared.limits = replace(shared.limits, sent_24_hours=40)
    shared.now += 2 * LOOK_SECONDS
    assert shared.worker().take(3, 0.1)


def test_a_mail_takes_fewer_than_three_calls_of_aws_all_in_all(dynamodb: Any, tables: TableNames) -> None:
    """Those of a full queue: ten leads a message, ten messages a batch; receiving and deleting are calls too."""
    world = World(dynamodb, tables)
    for number in range(100):
        world.lead(number)
    campaign_id = world.launched()
    leads = [lead.lead_id for lead in world.leads.iter_audience("acme", ["New"], [])]
    shared = Account(dynamodb, tables, AccountLimits(50, 50_000, 0))
    deliver = shared.deliverer(world)
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)
    enqueued = world.sqs.calls
    Queue(world.sqs, "send").put(SendMessage(campaign_id, "0.0", tuple(group)) for group in groups(leads, 10))
    queue_calls = world.sqs.calls - enqueued + 2  # and receiving and deleting
    with counted_calls(dynamodb) as database_calls:
        for group in groups(leads, 10):
            assert not deliver.deliver_all(launched, "0.0", group)
    assert len(world.mail.accepted) == 100
    assert (len(world.mail.accepted) + database_calls.total() + queue_calls + shared.asked) / 100 <= 3
