"""A campaign larger than the quota waits, is woken by one schedule, and goes on: nobody is lost or mailed twice."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.model.campaign import Wait
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage, LaunchTask, PlanMessage, SendMessage
from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.sending.rate import Waiting
from chalicelib.sending.waiting import LOOKS_AGAIN_AFTER, MOST_RETURNS
from chalicelib.store import keys
from local.tables import TableNames
from tests.store.conftest import TablePool
from tests.store.cost_model import counted_calls
from tests.store.test_sending import NOW, Died
from tests.store.waiting_world import OnQueue, WaitingWorld

pytestmark = pytest.mark.usefixtures("few_shards")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.crm.audience.LEADS_PER_PAGE", 1)


def until_waiting(world: WaitingWorld, campaign_id: CampaignId) -> Wait:
    """Run until the campaign waits and nothing is on the queues."""
    queues = world.simulated.queues.values()
    world.run(days=1, until=lambda: world.campaign(campaign_id).waiting is not None and not any(queues))
    note = world.campaign(campaign_id).waiting
    assert note is not None
    return note


WAITING = 16
"""Leads of a campaign that a quota of ten makes wait for a day."""


class Waits(NamedTuple):
    """A campaign to 16 leads of which the day's quota let ten leave: the rest waits, with nothing on the queues."""

    world: WaitingWorld
    campaign_id: CampaignId
    note: Wait


@pytest.fixture
def waits(dynamodb: Any, tables: TableNames) -> Waits:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(WAITING)
    return Waits(world, campaign_id, until_waiting(world, campaign_id))


@pytest.mark.one_engine
def test_a_campaign_larger_than_the_quota_is_sent_day_by_day(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)
    assert timedelta(days=2) < world.now - NOW < timedelta(days=2, hours=3)
    assert world.longest_chain <= 2


def test_what_waits_is_noted_on_the_campaign_with_one_schedule_and_nothing_on_the_queues(waits: Waits) -> None:
    world, campaign_id, note = waits
    assert not any(world.simulated.queues.values())
    assert world.total(campaign_id) == WAITING
    progress = world.plans.find_progress(campaign_id)
    assert progress is not None
    assert progress.complete, "Total is exact while the campaign waits"
    assert timedelta(seconds=90) <= note.until - world.now <= LOOKS_AGAIN_AFTER + timedelta(seconds=1)
    ((at, queue, body),) = world.schedules.messages.values()
    assert (at, queue) == (note.until, "launch")
    assert LaunchMessage.of(body) == LaunchMessage(campaign_id, LaunchTask.WAKE, None, note.until.timestamp())


@pytest.mark.one_engine
def test_while_nothing_may_leave_a_wake_only_looks_and_puts_its_end_off(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    world.set_off_later(WAITING)
    world.run(days=0.1)  # what a worker had reserved and did not use is used by then
    runs = world.runs.copy()
    with counted_calls(dynamodb) as calls:
        world.run(days=0.5)
    looks = world.runs["launch"] - runs["launch"]
    assert 46 <= looks <= 48
    assert (world.runs["plan"], world.runs["send"]) == (runs["plan"], runs["send"])
    # The campaign, its note away, the account (its limits looked at once more), a new note.
    assert calls.total() <= 7 * looks


@pytest.mark.one_engine
def test_after_the_quota_was_raised_the_campaign_goes_on_within_a_quarter_of_an_hour(waits: Waits) -> None:
    world, campaign_id, _ = waits
    world.quota, raised_at = 1000, world.now
    world.run(days=1)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)
    assert world.now - raised_at < timedelta(minutes=17)


@pytest.mark.one_engine
def test_a_campaign_that_is_launched_while_the_account_is_throttled_for_seconds_goes_on_in_a_minute_or_two(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=1000)
    campaign_id = world.set_off_later(3)
    world.budget().allowance()
    world.budget().block(Waiting(WaitReason.RATE, world.now + timedelta(seconds=10)))
    world.run(days=1)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 3)
    assert world.now - NOW < timedelta(minutes=2)


@pytest.mark.one_engine
def test_who_was_brought_back_and_dropped_again_is_brought_back_again(waits: Waits) -> None:
    world, campaign_id, _ = waits
    left, planned = len(world.mail.accepted), world.runs["plan"]
    world.quota, launched = 1000, world.runs["launch"]
    world.run(days=1, until=lambda: world.runs["launch"] > launched)
    world.others = 1000  # somebody else has used the account up meanwhile
    world.run(days=0.2)
    assert world.runs["plan"] == planned + keys.AUDIENCE_SHARDS
    assert len(world.mail.accepted) == left
    world.others = 0
    world.run(days=2)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)


@pytest.mark.one_engine
def test_each_lead_is_looked_at_little_more_than_once_and_pages_that_are_not_enqueued_never(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=32)
    campaign_id = world.set_off_later(70)
    looked_at: list[int] = []
    find_many = world.deliveries.find_many

    def counting(campaign: CampaignId, lead_ids: Any) -> Any:
        looked_at.append(len(lead_ids))
        return find_many(campaign, lead_ids)

    world.deliveries.find_many = counting  # type: ignore[assignment, method-assign]
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 70)
    assert sum(looked_at) <= 2 * 70  # ids are random: units differ in size


@pytest.mark.one_engine
def test_pausing_ends_the_wait_and_resuming_goes_on(waits: Waits) -> None:
    world, campaign_id, _ = waits
    world.control.pause(campaign_id)
    assert world.campaign(campaign_id).waiting is None
    left = len(world.mail.accepted)
    world.run(days=3)
    assert (len(world.mail.accepted), world.schedules.messages) == (left, {})
    world.control.resume(campaign_id)
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)


@pytest.mark.one_engine
def test_resuming_while_the_quota_is_gone_waits_anew(waits: Waits) -> None:
    world, campaign_id, _ = waits
    world.control.pause(campaign_id)
    world.control.resume(campaign_id)
    until_waiting(world, campaign_id)
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)


@pytest.mark.one_engine
def test_a_cancelled_campaign_is_not_woken(waits: Waits) -> None:
    world, campaign_id, _ = waits
    left = len(world.mail.accepted)
    world.control.cancel(campaign_id)
    world.run(days=3)
    assert (len(world.mail.accepted), world.schedules.messages) == (left, {})


@pytest.mark.one_engine
def test_a_wake_that_comes_twice_or_late_mails_nobody_twice(waits: Waits) -> None:
    world, campaign_id, note = waits
    wake = LaunchMessage(campaign_id, LaunchTask.WAKE, None, note.until.timestamp())
    for _ in range(4):
        world.schedules.put_at(f"again-{_}", note.until + timedelta(hours=8 * _), "launch", wake)
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)


def test_whoever_finds_a_note_makes_its_schedule_if_its_writer_did_not_live_to(waits: Waits) -> None:
    world, campaign_id, note = waits
    world.schedules.messages.clear()
    lead_ids = tuple(lead.lead_id for lead in world.leads.iter_audience("acme", ["New"], []))
    dropped = SendMessage(campaign_id, "0.0", lead_ids[:5])
    for sender in [world._sender(), world._sender()]:  # both at once: one schedule
        assert sender.send({"1": dropped}, lambda: False) == []
    assert [(at, queue) for at, queue, _ in world.schedules.messages.values()] == [(note.until, "launch")]
    assert not any(world.simulated.queues.values())


def test_without_the_scheduler_leads_go_back_to_the_queue(waits: Waits) -> None:
    world, campaign_id, _ = waits
    world.schedules.messages.clear()
    world.schedules.fails = True
    world.others = 1000  # what a worker had reserved and did not use is gone too
    world.sleep(120)
    mailed, everybody = world.addresses(), world.leads.iter_audience("acme", ["New"], [])
    lead_ids = tuple(lead.lead_id for lead in everybody if lead.email not in mailed)
    assert world._sender().send({"1": SendMessage(campaign_id, "0.0", lead_ids[:5])}, lambda: False) == []
    (back,) = world.simulated.queues["send"]
    assert len(back.body["lead_ids"]) == 5
    assert back.visible_at > world.now.timestamp()


@pytest.mark.one_engine
@pytest.mark.parametrize("quota", [None, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_mail_service_that_fails_for_hours_fails_no_mail_and_stops_no_function(
    dynamodb: Any, tables: TableNames, quota: int | None
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=quota)
    campaign_id = world.set_off_later(4)
    world.outage = (NOW.timestamp(), NOW.timestamp() + 2700)
    assert until_waiting(world, campaign_id).reason == "mail_service"
    assert not any(world.simulated.queues.values())
    world.run(days=1)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 4)
    assert timedelta(minutes=45) < world.now - NOW < timedelta(minutes=65)


@pytest.mark.one_engine
def test_a_mail_that_is_put_off_for_hours_comes_back_by_way_of_schedules(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=None)
    campaign_id = world.set_off_later(12)
    world.put_off["lead3@example.com"] = 19
    world.put_off["lead4@example.com"] = 20
    world.run(days=2)
    assert world.settle(campaign_id) == {"sent": 11, "failed": 1, "reason/rejected": 1}
    assert MOST_RETURNS < world.longest_chain <= MOST_RETURNS + 1


@pytest.mark.one_engine
def test_a_worker_that_is_short_of_time_again_and_again_is_not_stopped(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=None)
    campaign_id = world.set_off_later(16)
    world.short = 0.8
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 16)
    assert world.longest_chain == MOST_RETURNS + 1


@pytest.mark.one_engine
def test_failed_deliveries_that_wait_to_be_sent_again_are_woken_too(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=20)
    campaign_id = world.set_off_later(18)
    accept = world.mail.before

    def reject(mail: OutgoingMail) -> None:
        raise Rejected(FailureReason.REJECTED, "No.")

    world.mail.before = reject
    world.run(days=1)
    assert world.settle(campaign_id)["failed"] == 18
    world.mail.before, world.others = accept, 15
    world.control.retry_failed(campaign_id, [])
    world.run(days=0.5)
    assert len(world.mail.accepted) == 5
    world.others = 0
    world.run(days=1)
    assert world.settle(campaign_id) == {"sent": 18, "retry/1": 18}


def woken(world: WaitingWorld, body: Any) -> bool:
    """Whether a wake, handled again after a death, has set everything going or noted a wait with its schedule."""
    campaign = world.campaign(body["campaign_id"])
    planned = {(each.body["stage"], each.body["shard"]) for each in world.simulated.queues["plan"]}
    if len(planned) == keys.AUDIENCE_SHARDS:
        return campaign.waiting is None
    return campaign.waiting is not None and campaign.waiting.until in {
        at for at, *_ in world.schedules.messages.values()
    }


@pytest.mark.parametrize("others", [0, 10])
def test_a_wake_that_dies_at_any_point_is_finished_by_its_repetition(
    dynamodb: Any, tables: TableNames, others: int
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(1)
    world.invoke("launch", world.simulated.queues["launch"][:1])
    world.others = others
    deaths = 0
    for point in range(1, 60):
        world.simulated.queues["plan"].clear()
        world.now += timedelta(minutes=20)
        world.wakes().wait(campaign_id, world.now, None)
        (body,) = (body for _, _, body in world.schedules.messages.values())
        world.schedules.messages.clear()
        world.now += timedelta(minutes=2)
        with world.dying_at(point):
            try:
                world._handle("launch", [body])
            except Died:
                deaths += 1
        world._handle("launch", [body])
        assert woken(world, body), point
        world.schedules.messages.clear()
        if deaths < point:
            break
        note = world.campaign(campaign_id).waiting
        if note is not None:
            world.campaigns.clear_waiting(campaign_id, note.until)
    assert deaths > 10


def test_a_sender_that_dies_at_any_point_of_dropping_a_message_has_it_woken(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=0)
    campaign_id = world.set_off_later(1)
    world.invoke("launch", world.simulated.queues["launch"][:1])
    (lead,) = world.leads.iter_audience("acme", ["New"], [])
    message = SendMessage(campaign_id, "0.0", (lead.lead_id,))
    world._sender().send({"1": message}, lambda: False)
    deaths = 0
    for point in range(1, 40):
        note = world.campaign(campaign_id).waiting
        assert note is not None
        world.campaigns.clear_waiting(campaign_id, note.until)
        world.schedules.messages.clear()
        with world.dying_at(point):
            try:
                world._sender().send({"1": message}, lambda: False)
            except Died:
                deaths += 1
        assert world._sender().send({"1": message}, lambda: False) == []
        note = world.campaign(campaign_id).waiting
        assert note is not None
        assert note.until in {at for at, *_ in world.schedules.messages.values()}
        if deaths < point:
            break
    assert deaths > 6


@pytest.mark.one_engine
@pytest.mark.parametrize("is_exhausted", [False, True])
def test_a_mail_sent_again_whose_outcome_is_unknown_is_settled_though_the_campaign_waits(
    dynamodb: Any, tables: TableNames, is_exhausted: bool
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(20)
    accept = world.mail.before

    def ends(error: Exception) -> Callable[[OutgoingMail], None]:
        def end(mail: OutgoingMail) -> None:
            accept(mail)
            world.left_at.append(world.now.timestamp())
            raise error

        return end

    world.mail.before = ends(Rejected(FailureReason.REJECTED, "No."))
    world.run(days=10)
    assert world.settle(campaign_id)["failed"] == 20
    world.now += timedelta(days=2)
    world.mail.before = ends(OutcomeUnknown("No answer."))
    world.quota = 1000
    world.control.retry_failed(campaign_id, [])
    world.run(days=1, until=lambda: len(world.left_at) >= 40)
    if is_exhausted:  # by somebody else, when the messages come back to be settled
        world.others = 1000
        world.run(days=1 / 24)
        world.others = 0
    world.run(days=20)
    assert world.settle(campaign_id)["reason/outcome_unknown"] == 20
    assert world.campaign(campaign_id).status == "sent"


@pytest.mark.one_engine
def test_a_planner_that_is_overtaken_has_what_it_leaves_over_woken(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=1000)
    campaign_id = world.set_off_later(60)
    world.invoke("launch", world.simulated.queues["launch"][:1])
    world.simulated.queues["plan"].clear()

    def size(shard: int) -> int:
        return len(world.leads.audience_page("acme", "New", shard, [], limit=99, start=None)[0])

    shard, at = max(range(keys.AUDIENCE_SHARDS), key=size), world.now.timestamp() + 900
    turns = iter([False, False, False, False] + [True] * 9)
    world.new_planner().plan(PlanMessage(campaign_id, 0, shard, None, 100, at), lambda: next(turns))
    (handed_over,) = world.simulated.queues["plan"]
    dropped = {lead for each in world.simulated.queues["send"] for lead in each.body["lead_ids"]}
    assert len(dropped) > 1
    for queue in ("plan", "send"):
        world.simulated.queues[queue].clear()
    page = world.audiences.page

    def overtaken(*arguments: Any) -> Any:
        world.audiences.page = page  # type: ignore[method-assign]
        world.new_planner().plan(PlanMessage(**handed_over.body), lambda: False)
        return page(*arguments)

    world.audiences.page = overtaken  # type: ignore[assignment, method-assign]
    world.new_planner().plan(PlanMessage(campaign_id, 0, shard, 1, 1, at), lambda: False)
    enqueued = {lead for each in world.simulated.queues["send"] for lead in each.body["lead_ids"]}
    assert not dropped <= enqueued
    assert world.campaign(campaign_id).waiting is not None


@pytest.mark.one_engine
def test_one_refused_connection_makes_nobody_wait_who_came_back_for_another_reason(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=None)
    campaign_id = world.set_off_later(20)
    lead_ids = tuple(lead.lead_id for lead in world.leads.iter_audience("acme", ["New"], []))
    world.invoke("launch", world.simulated.queues["launch"][:1])

    def refuse(mail: OutgoingMail) -> None:
        raise NotSent("421 Too many connections.")

    world.mail.before = refuse
    message = SendMessage(campaign_id, "0.0", lead_ids[:5], returned=MOST_RETURNS)
    assert world._sender().send({"1": message}, lambda: False) == []
    assert world.campaign(campaign_id).waiting is None
    ((_, queue, body),) = world.schedules.messages.values()
    assert (queue, body["lead_ids"], body["waits"]) == ("send", list(lead_ids[:5]), 1)


@pytest.mark.one_engine
def test_a_wake_without_the_scheduler_asks_again_and_is_not_lost(waits: Waits) -> None:
    world, campaign_id, note = waits
    world.schedules.messages.clear()
    world.schedules.fails = True
    wake = LaunchMessage(campaign_id, LaunchTask.WAKE, None, note.until.timestamp())
    world.simulated.queues["launch"].append(OnQueue(note.until.timestamp(), asdict(wake)))
    world.run(days=0.05)
    world.schedules.fails = False
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, WAITING)


@given(
    seed=st.integers(0, 2**32),
    quota=st.sampled_from([None, 3, 7, 16]),
    share=st.sampled_from([0.0, 0.002, 0.01]),
    short=st.sampled_from([0.0, 0.05, 0.5]),
    outage_hours=st.sampled_from([0, 0.1, 0.5]),
    put_off=st.integers(0, 12),
    pauses=st.lists(st.floats(0, 2), max_size=2),
)
def whatever_happens(
    dynamodb: Any,
    table_pool: TablePool,
    seed: int,
    quota: int | None,
    share: float,
    short: float,
    outage_hours: float,
    put_off: int,
    pauses: list[float],
) -> None:
    with table_pool.tables() as tables:
        world = WaitingWorld(dynamodb, tables, quota=quota, seed=seed)
        campaign_id = world.set_off_later(12)
        world.short, world.put_off["lead7@example.com"] = short, put_off
        begins = NOW.timestamp() + 3600 * world.chance.randint(0, 30)
        world.outage = (begins, begins + 3600 * outage_hours)
        with world.faults(share):
            for at in sorted(pauses):
                world.run(days=max(0.0, at - (world.now - NOW) / timedelta(days=1)))
                if world.campaign(campaign_id).status in ("planning", "sending"):
                    world.control.pause(campaign_id)
                    world.run(days=world.chance.random() / 10)
                    world.control.resume(campaign_id)
            world.run(days=1)
        world.short = 0.0
        world.run(days=20)
        world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 12)
        assert not any(world.simulated.queues.values())


_AS_LONG_AS_IT_TAKES = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.one_engine
def test_whatever_happens_nobody_is_lost_or_mailed_twice(dynamodb: Any, table_pool: TablePool) -> None:
    settings(_AS_LONG_AS_IT_TAKES, max_examples=3)(whatever_happens)(dynamodb, table_pool)


@pytest.mark.soak
def test_whatever_happens_for_long_nobody_is_lost_or_mailed_twice(dynamodb: Any, table_pool: TablePool) -> None:
    settings(_AS_LONG_AS_IT_TAKES, max_examples=40)(whatever_happens)(dynamodb, table_pool)
