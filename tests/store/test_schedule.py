"""Schedules on a real engine: the one that counts fires, all others do nothing, whoever died in between."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.campaigns.account import Hindrance
from chalicelib.campaigns.control import Control
from chalicelib.campaigns.drafts import NotADraft
from chalicelib.campaigns.schedule import LATE
from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Audience, Campaign, CampaignStatus
from chalicelib.model.errors import CampaignNotFound
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import WrongStatus
from chalicelib.model.messages import LaunchMessage
from chalicelib.scheduler import SchedulerUnavailable, Schedules
from chalicelib.sqs import Queue
from local.tables import TableNames
from tests.store.test_sending import NOW, Died, KeptSchedules, World

pytestmark = pytest.mark.usefixtures("few_shards")

AT, ZONE = "2026-12-01T09:00", "Europe/Berlin"
DUE = datetime.fromisoformat("2026-12-01T08:00+00:00")


class ScheduledWorld(World):
    """A world in which schedules can be fired."""

    def control_by(self, queue: Queue, schedules: Schedules) -> Control:
        """The marketer's moves with another queue or scheduler."""
        return replace(self.control, _launch_queue=queue, _schedules=schedules)

    def scheduled(self) -> CampaignId:
        campaign_id = self.draft()
        self.control.schedule(campaign_id, AT, ZONE, NOW)
        return campaign_id

    def campaign(self, campaign_id: CampaignId) -> Campaign:
        found = self.campaigns.find(campaign_id)
        assert found is not None
        return found

    def fire(self, campaign_id: CampaignId, schedule_id: str, at: datetime = DUE) -> CampaignStatus:
        self.launcher.handle(LaunchMessage(campaign_id, schedule_id=schedule_id), at)
        return self.campaign(campaign_id).status

    def only_schedule(self, campaign_id: CampaignId) -> str:
        (schedule_id,) = self.schedules.waiting[campaign_id]
        return schedule_id


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ScheduledWorld:
    return ScheduledWorld(dynamodb, tables)


def test_a_scheduled_campaign_is_sent_to_the_audience_of_that_moment(world: ScheduledWorld) -> None:
    campaign_id = world.scheduled()
    campaign = world.campaign(campaign_id)
    assert campaign.schedule is not None
    assert (campaign.status, campaign.schedule.at, campaign.schedule.local) == ("scheduled", DUE, AT)
    assert world.schedules.waiting[campaign_id] == {campaign.schedule.schedule_id: DUE}
    world.lead(1)  # after it was scheduled
    assert world.fire(campaign_id, campaign.schedule.schedule_id) == "planning"
    world.plan_all()
    world.send_all()
    assert [mail.to_email for mail in world.mail.accepted] == ["lead1@example.com"]
    assert world.campaign(campaign_id).launched_at == DUE


def test_a_schedule_that_fires_twice_sends_once(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    schedule_id = world.only_schedule(campaign_id)
    for _ in range(2):
        assert world.fire(campaign_id, schedule_id) == "planning"
    world.plan_all()
    assert world.fire(campaign_id, schedule_id) == "sending"
    world.plan_all()
    world.send_all()
    assert len(world.mail.accepted) == 1
    assert world.total(campaign_id) == 1


def test_rescheduling_leaves_one_schedule_and_the_old_one_does_nothing(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    first = world.only_schedule(campaign_id)
    world.control.schedule(campaign_id, "2026-12-02T09:00", ZONE, NOW)
    second = world.only_schedule(campaign_id)
    assert first != second
    assert world.fire(campaign_id, first) == "scheduled"
    assert world.fire(campaign_id, second, DUE + timedelta(days=1)) == "planning"


def test_an_unscheduled_campaign_is_a_draft_that_no_schedule_sends(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    schedule_id = world.only_schedule(campaign_id)
    assert world.control.unschedule(campaign_id).schedule is None
    assert world.schedules.waiting[campaign_id] == {}
    assert world.fire(campaign_id, schedule_id) == "draft"
    assert world.sqs.bodies == {}
    world.drafts.change(campaign_id, {"title": "Again a draft"}, NOW)


def test_a_deleted_campaign_takes_its_schedule_along(world: ScheduledWorld) -> None:
    campaign_id = world.scheduled()
    schedule_id = world.only_schedule(campaign_id)
    world.drafts.delete(campaign_id)
    assert world.schedules.waiting[campaign_id] == {}
    world.launcher.handle(LaunchMessage(campaign_id, schedule_id=schedule_id), DUE)
    assert world.sqs.bodies == {}
    with pytest.raises(CampaignNotFound):
        world.drafts.get(campaign_id)


def test_a_campaign_sent_by_hand_is_not_sent_by_its_schedule_again(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    schedule_id = world.only_schedule(campaign_id)
    world.control.send_now(campaign_id, NOW)
    assert world.schedules.waiting[campaign_id] == {}
    world.launcher.launch(campaign_id, NOW)
    world.plan_all()
    world.send_all()
    assert world.fire(campaign_id, schedule_id) == "sending"
    world.plan_all()
    world.send_all()
    assert len(world.mail.accepted) == 1


def test_a_scheduled_campaign_is_changed_only_after_it_was_unscheduled(world: ScheduledWorld) -> None:
    campaign_id = world.scheduled()
    with pytest.raises(NotADraft, match="Unschedule it first"):
        world.drafts.change(campaign_id, {"title": "Other"}, NOW)


@pytest.mark.parametrize(
    ("late", "status"),
    [(timedelta(0), "planning"), (LATE, "planning"), (LATE + timedelta(seconds=1), "missed")],
)
def test_more_than_an_hour_late_asks_instead_of_sending(world: ScheduledWorld, late: timedelta, status: str) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    assert world.fire(campaign_id, world.only_schedule(campaign_id), DUE + late) == status
    reason = world.campaign(campaign_id).status_reason
    assert (reason is not None) == (status == "missed")
    if reason is not None:
        assert "1 December 2026, 09:00 (Europe/Berlin), but would have started 1 h 00 min late" in reason


def test_an_empty_audience_at_its_time_is_missed_and_says_so(world: ScheduledWorld) -> None:
    campaign_id = world.scheduled()
    assert world.fire(campaign_id, world.only_schedule(campaign_id)) == "missed"
    assert "had no recipients" in (world.campaign(campaign_id).status_reason or "")
    assert world.sqs.bodies == {}


@pytest.mark.parametrize("hindrance", Hindrance)
def test_a_schedule_that_meets_an_account_that_lets_nothing_leave_is_missed_and_says_so(
    world: ScheduledWorld, hindrance: Hindrance
) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    world.account.hindered_by = hindrance
    stopped = hindrance is Hindrance.SENDING_DISABLED
    assert world.fire(campaign_id, world.only_schedule(campaign_id)) == ("missed" if stopped else "planning")
    if stopped:
        assert hindrance.value in (world.campaign(campaign_id).status_reason or "")
        assert world.sqs.bodies == {}


@pytest.mark.parametrize("then", ["send", "schedule", "unschedule", "delete"])
def test_a_missed_campaign_may_still_be_sent_scheduled_or_taken_back(world: ScheduledWorld, then: str) -> None:
    campaign_id = world.scheduled()
    world.fire(campaign_id, world.only_schedule(campaign_id))
    world.lead(1)
    if then == "delete":
        world.drafts.delete(campaign_id)
        return
    if then == "send":
        after = world.control.send_now(campaign_id, NOW)
    elif then == "schedule":
        after = world.control.schedule(campaign_id, AT, ZONE, NOW)
    else:
        after = world.control.unschedule(campaign_id)
    expected = {"send": "planning", "schedule": "scheduled", "unschedule": "draft"}
    assert (after.status, after.status_reason) == (expected[then], None)


def test_whoever_dies_while_scheduling_leaves_a_schedule_that_does_nothing(world: ScheduledWorld) -> None:
    class Dying(KeptSchedules):
        def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
            super().create(campaign_id, schedule_id, at)
            raise Died

    world.lead(1)
    campaign_id, dying = world.scheduled(), Dying()
    with pytest.raises(Died):
        world.control_by(world.launch_queue, dying).schedule(campaign_id, "2026-11-30T09:00", ZONE, NOW)
    (orphan,) = dying.waiting[campaign_id]
    assert world.fire(campaign_id, orphan, DUE - timedelta(days=1)) == "scheduled"
    assert world.fire(campaign_id, world.only_schedule(campaign_id)) == "planning"


def test_a_launch_that_died_after_its_schedule_fired_is_repeated(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.scheduled()
    schedule_id = world.only_schedule(campaign_id)
    world.sqs.dies_after_call = 1
    with pytest.raises(Died):
        world.fire(campaign_id, schedule_id)
    assert world.fire(campaign_id, schedule_id) == "planning"
    world.plan_all()
    assert world.total(campaign_id) == 1


def test_a_scheduler_that_does_not_answer_leaves_the_campaign_as_it_was(world: ScheduledWorld) -> None:
    class Down(KeptSchedules):
        def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
            raise SchedulerUnavailable

        def delete(self, campaign_id: CampaignId, schedule_id: str) -> None:
            raise SchedulerUnavailable

    campaign_id, down = world.draft(), world.control_by(world.launch_queue, Down())
    with pytest.raises(SchedulerUnavailable):
        down.schedule(campaign_id, AT, ZONE, NOW)
    assert world.campaign(campaign_id).status == "draft"
    world.control.schedule(campaign_id, AT, ZONE, NOW)
    assert down.unschedule(campaign_id).status == "draft"


def test_a_campaign_that_is_being_sent_cannot_be_scheduled(world: ScheduledWorld) -> None:
    world.lead(1)
    campaign_id = world.launched()
    with pytest.raises(WrongStatus, match="being prepared"):
        world.control.schedule(campaign_id, AT, ZONE, NOW)
    with pytest.raises(WrongStatus):
        world.control.unschedule(campaign_id)
    assert world.schedules.waiting == {}


def test_a_queue_that_does_not_answer_leaves_a_scheduled_campaign_scheduled(world: ScheduledWorld) -> None:
    from botocore.exceptions import EndpointConnectionError

    from chalicelib.sqs import QueueUnavailable

    class Down(Any):
        def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="http://queue.example")

    world.lead(1)
    campaign_id = world.scheduled()
    control = world.control_by(Queue(Down(), "launch"), world.schedules)
    with pytest.raises(QueueUnavailable):
        control.send_now(campaign_id, NOW)
    assert world.fire(campaign_id, world.only_schedule(campaign_id)) == "planning"


def test_whether_an_audience_is_empty_follows_tags_and_unsubscriptions(world: ScheduledWorld) -> None:
    lead = create_lead(world.leads, {"entity": "acme", "stage": "New", "email": "a@example.com", "tags": ["vip"]}, NOW)
    assert not world.audiences.is_empty(Audience("acme", ("Won", "New"), ("vip",)))
    assert world.audiences.is_empty(Audience("acme", ("New",), ("vip", "other")))
    world.leads.unsubscribe(lead.lead_id, at=NOW, source="api")
    assert world.audiences.is_empty(Audience("acme", ("New",), ("vip",)))


def test_an_audience_is_counted_no_further_than_asked(world: ScheduledWorld) -> None:
    audience = Audience("acme", ("New",))
    for number in range(5):
        world.lead(number)
    assert world.audiences.count_up_to(audience, 6) == (5, False)
    found, there_may_be_more = world.audiences.count_up_to(audience, 2)
    assert (found >= 2, there_may_be_more) == (True, True)
