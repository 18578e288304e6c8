"""A campaign larger than the quota waits, is woken by one schedule, and goes on: nobody is lost or mailed twice."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.sending.queues import LaunchMessage, LaunchTask, SendMessage
from chalicelib.sending.rate import Waiting
from chalicelib.sending.reasons import FailureReason, WaitReason
from chalicelib.sending.transports.base import OutgoingMail, Rejected
from chalicelib.sending.waiting import LOOKS_AGAIN_AFTER, MOST_RETURNS
from chalicelib.store.campaigns import Wait
from chalicelib.store.ids import CampaignId, new_lead_id
from chalicelib.store.keys import AUDIENCE_SHARDS
from local.tables import TableNames, create_tables, delete_tables
from tests.store.cost_model import counted_calls
from tests.store.test_sending import NOW, Died
from tests.store.waiting_world import WaitingWorld

ONE_ENGINE = pytest.mark.parametrize("dynamodb", ["ministack"], indirect=True)
"""What is about time; what is written is tried on both."""


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


def test_a_campaign_larger_than_the_quota_is_sent_day_by_day(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)
    assert timedelta(days=2) < world.now - NOW < timedelta(days=2, hours=3)
    assert world.longest_chain <= 2


def test_what_waits_is_noted_on_the_campaign_with_one_schedule_and_nothing_on_the_queues(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    note = until_waiting(world, campaign_id)
    assert not any(world.simulated.queues.values())
    assert world.total(campaign_id) == 24
    progress = world.plans.find_progress(campaign_id)
    assert progress is not None
    assert progress.complete, "Total is exact while the campaign waits"
    assert timedelta(seconds=90) <= note.until - world.now <= LOOKS_AGAIN_AFTER + timedelta(seconds=1)
    ((at, queue, body),) = world.schedules.messages.values()
    assert (at, queue) == (note.until, "launch")
    assert LaunchMessage.of(body) == LaunchMessage(campaign_id, LaunchTask.WAKE, None, note.until.timestamp())


@ONE_ENGINE
def test_while_nothing_may_leave_a_wake_only_looks_and_puts_its_end_off(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    world.set_off_later(24)
    world.run(days=0.1)  # what a worker had reserved and did not use is used by then
    runs = world.runs.copy()
    with counted_calls(dynamodb) as calls:
        world.run(days=0.5)
    looks = world.runs["launch"] - runs["launch"]
    assert 46 <= looks <= 48
    assert (world.runs["plan"], world.runs["send"]) == (runs["plan"], runs["send"])
    # The campaign, its note away, the account (its limits looked at once more), a new note.
    assert calls.total() <= 7 * looks


@ONE_ENGINE
def test_after_the_quota_was_raised_the_campaign_goes_on_within_a_quarter_of_an_hour(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    world.quota, raised_at = 1000, world.now
    world.run(days=1)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)
    assert world.now - raised_at < timedelta(minutes=17)


@ONE_ENGINE
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


@ONE_ENGINE
def test_who_was_brought_back_and_dropped_again_is_brought_back_again(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    left, planned = len(world.mail.accepted), world.runs["plan"]
    world.quota, launched = 1000, world.runs["launch"]
    world.run(days=1, until=lambda: world.runs["launch"] > launched)
    world.others = 1000  # somebody else has used the account up meanwhile
    world.run(days=0.2)
    assert world.runs["plan"] == planned + AUDIENCE_SHARDS
    assert len(world.mail.accepted) == left
    world.others = 0
    world.run(days=2)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)


@ONE_ENGINE
def test_each_lead_is_looked_at_little_more_than_once_and_pages_that_are_not_enqueued_never(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=32)
    campaign_id = world.set_off_later(100)
    looked_at: list[int] = []
    find_many = world.deliveries.find_many

    def counting(campaign: CampaignId, lead_ids: Any) -> Any:
        looked_at.append(len(lead_ids))
        return find_many(campaign, lead_ids)

    world.deliveries.find_many = counting  # type: ignore[assignment, method-assign]
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 100)
    assert sum(looked_at) <= 1.6 * 100


@ONE_ENGINE
def test_pausing_ends_the_wait_and_resuming_goes_on(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    world.control.pause(campaign_id)
    assert world.campaign(campaign_id).waiting is None
    left = len(world.mail.accepted)
    world.run(days=3)
    assert (len(world.mail.accepted), world.schedules.messages) == (left, {})
    world.control.resume(campaign_id)
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)


@ONE_ENGINE
def test_resuming_while_the_quota_is_gone_waits_anew(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    world.control.pause(campaign_id)
    world.control.resume(campaign_id)
    until_waiting(world, campaign_id)
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)


@ONE_ENGINE
def test_a_cancelled_campaign_is_not_woken(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    left = len(world.mail.accepted)
    world.control.cancel(campaign_id)
    world.run(days=3)
    assert (len(world.mail.accepted), world.schedules.messages) == (left, {})


@ONE_ENGINE
def test_a_wake_that_comes_twice_or_late_mails_nobody_twice(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    note = until_waiting(world, campaign_id)
    wake = LaunchMessage(campaign_id, LaunchTask.WAKE, None, note.until.timestamp())
    for _ in range(4):
        world.schedules.put_at(f"again-{_}", note.until + timedelta(hours=8 * _), "launch", wake)
    world.run(days=10)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 24)


def test_whoever_finds_a_note_makes_its_schedule_if_its_writer_did_not_live_to(
    dynamodb: Any, tables: TableNames
) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    note = until_waiting(world, campaign_id)
    world.schedules.messages.clear()
    lead_ids = tuple(lead.lead_id for lead in world.leads.iter_audience("acme", ["New"], []))
    dropped = SendMessage(campaign_id, "0.0", lead_ids[:5])
    for sender in [world._sender(), world._sender()]:  # both at once: one schedule
        assert sender.send({"1": dropped}, lambda: False) == []
    assert [(at, queue) for at, queue, _ in world.schedules.messages.values()] == [(note.until, "launch")]
    assert not any(world.simulated.queues.values())


def test_without_the_scheduler_leads_go_back_to_the_queue(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=10)
    campaign_id = world.set_off_later(24)
    until_waiting(world, campaign_id)
    world.schedules.messages.clear()
    world.schedules.fails = True
    lead_ids = tuple(lead.lead_id for lead in world.leads.iter_audience("acme", ["New"], []))
    assert world._sender().send({"1": SendMessage(campaign_id, "0.0", lead_ids[:5])}, lambda: False) == []
    (back,) = world.simulated.queues["send"]
    assert len(back.body["lead_ids"]) == 5
    assert back.visible_at > world.now.timestamp()


@ONE_ENGINE
@pytest.mark.parametrize("quota", [None, 1000])
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


@ONE_ENGINE
def test_a_mail_that_is_put_off_for_hours_comes_back_by_way_of_schedules(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=None)
    campaign_id = world.set_off_later(12)
    world.put_off["lead3@example.com"] = 19
    world.put_off["lead4@example.com"] = 20
    world.run(days=2)
    assert world.settle(campaign_id) == {"sent": 11, "failed": 1, "reason/rejected": 1}
    assert MOST_RETURNS < world.longest_chain <= MOST_RETURNS + 1


@ONE_ENGINE
def test_a_worker_that_is_short_of_time_again_and_again_is_not_stopped(dynamodb: Any, tables: TableNames) -> None:
    world = WaitingWorld(dynamodb, tables, quota=None)
    campaign_id = world.set_off_later(40)
    world.short = 0.8
    world.run(days=5)
    world.assert_nobody_was_lost_or_mailed_twice(campaign_id, 40)
    assert world.longest_chain == MOST_RETURNS + 1


@ONE_ENGINE
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
    world.retry.retry_failed(campaign_id, [])
    world.run(days=0.5)
    assert len(world.mail.accepted) == 5
    world.others = 0
    world.run(days=1)
    assert world.settle(campaign_id) == {"sent": 18, "retry/1": 18}


def woken(world: WaitingWorld, body: Any) -> bool:
    """Whether a wake, handled again after a death, has set everything going or noted a wait with its schedule."""
    campaign = world.campaign(body["campaign_id"])
    planned = {(each.body["stage"], each.body["shard"]) for each in world.simulated.queues["plan"]}
    if len(planned) == AUDIENCE_SHARDS:
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


@ONE_ENGINE
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    quota=st.sampled_from([None, 3, 7, 16]),
    share=st.sampled_from([0.0, 0.002, 0.01]),
    short=st.sampled_from([0.0, 0.05, 0.5]),
    outage_hours=st.sampled_from([0, 0.1, 0.5]),
    put_off=st.integers(0, 12),
    pauses=st.lists(st.floats(0, 2), max_size=2),
)
def test_whatever_happens_nobody_is_lost_or_mailed_twice(
    dynamodb: Any,
    seed: int,
    quota: int | None,
    share: float,
    short: float,
    outage_hours: float,
    put_off: int,
    pauses: list[float],
) -> None:
    tables = create_tables(dynamodb, f"waiting-{new_lead_id()[-12:]}")
    try:
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
    finally:
        delete_tables(dynamodb, tables)
