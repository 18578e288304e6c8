"""Rescheduling in one step: whatever happens meanwhile, one schedule counts, and all others do nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.errors import Conflict, StoreUnavailable
from chalicelib.model.ids import CampaignId
from local.tables import TableNames
from tests.store.test_schedule import DUE, ZONE, ScheduledWorld
from tests.store.test_sending import NOW, KeptSchedules

pytestmark = pytest.mark.usefixtures("few_shards")

LATER, LATEST = "2026-12-01T09:20", "2026-12-01T09:40"


class LosesAnswers:
    """A client whose transactions are made, and whose answers get lost while it is told to lose them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.loses = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **arguments: Any) -> Any:
        answer = self._client.transact_write_items(**arguments)
        if self.loses:
            raise ReadTimeoutError(endpoint_url="http://engine")
        return answer


class BusySchedules(KeptSchedules):
    """Something else happens while a schedule is created, once."""

    meanwhile: Callable[[], object] | None = None

    def create(self, campaign_id: CampaignId, schedule_id: str, at: Any) -> None:
        super().create(campaign_id, schedule_id, at)
        self.meanwhile, happens = None, self.meanwhile
        if happens is not None:
            happens()


class BusyWorld(ScheduledWorld):
    """A scheduled campaign to one lead."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        super().__init__(client, tables)
        self.schedules = self.busy = BusySchedules()
        self.control = self.control_by(self.launch_queue, self.schedules)
        self.lead(1)
        self.campaign_id = self.scheduled()
        self.first = self.only_schedule(self.campaign_id)

    def reschedule(self, local: str) -> str:
        """The id of the new schedule."""
        schedule = self.control.schedule(self.campaign_id, local, ZONE, NOW).schedule
        assert schedule is not None
        return schedule.schedule_id

    def fire_all(self) -> None:
        """Those that wait, each twice, and the first one, which may have been under way when it was deleted."""
        for schedule_id in (self.first, *list(self.schedules.waiting[self.campaign_id]) * 2):
            self.fire(self.campaign_id, schedule_id, DUE)

    def mails(self) -> int:
        self.plan_all()
        self.send_all()
        return len(self.mail.accepted)


@pytest.fixture
def client(dynamodb: Any) -> LosesAnswers:
    return LosesAnswers(dynamodb)


@pytest.fixture
def world(client: LosesAnswers, tables: TableNames) -> BusyWorld:
    return BusyWorld(client, tables)


@pytest.mark.one_engine
def test_a_reschedule_whose_answer_was_lost_is_repeated(world: BusyWorld, client: LosesAnswers) -> None:
    client.loses = True
    with pytest.raises(StoreUnavailable):
        world.reschedule(LATER)
    client.loses = False
    third = world.reschedule(LATEST)
    assert world.campaign(world.campaign_id).status is CampaignStatus.SCHEDULED
    assert third in world.schedules.waiting[world.campaign_id]
    world.fire_all()
    assert world.mails() == 1


@pytest.mark.one_engine
def test_of_two_at_once_the_last_counts_and_one_mail_leaves(world: BusyWorld) -> None:
    world.busy.meanwhile = lambda: world.reschedule(LATEST)
    world.reschedule(LATER)
    schedule = world.campaign(world.campaign_id).schedule
    assert schedule is not None
    assert schedule.local == LATER
    world.fire_all()
    assert world.mails() == 1


@pytest.mark.one_engine
def test_a_schedule_that_fires_meanwhile_has_the_campaign_sent_once(world: BusyWorld) -> None:
    world.busy.meanwhile = lambda: world.fire(world.campaign_id, world.first)
    with pytest.raises(Conflict):
        world.reschedule(LATER)
    world.fire_all()
    assert world.mails() == 1


@pytest.mark.one_engine
def test_a_campaign_unscheduled_meanwhile_stays_a_draft(world: BusyWorld) -> None:
    world.busy.meanwhile = lambda: world.control.unschedule(world.campaign_id)
    with pytest.raises(Conflict):
        world.reschedule(LATER)
    assert world.campaign(world.campaign_id).status is CampaignStatus.DRAFT
    assert world.schedules.waiting[world.campaign_id] == {}
