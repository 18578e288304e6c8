"""What leaves is the version that was sent, however late, or however often, a launch runs; on real engines."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.campaigns.launched_content import ContentNotReady
from chalicelib.content.proof import Proof
from chalicelib.model import lifecycle
from chalicelib.model.campaign import CampaignStatus, ProofResult
from chalicelib.model.errors import Fault
from chalicelib.model.ids import CampaignId, LeadId, shard_of
from chalicelib.model.messages import PlanMessage
from chalicelib.store import keys
from local.tables import TableNames
from tests.store.test_not_proven import LINK, Mortal, proof, send_everything
from tests.store.test_schedule import ScheduledWorld
from tests.store.test_sending import NOW, Died

pytestmark = pytest.mark.usefixtures("few_shards")

EDITED = "<p>As edited</p>"


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ScheduledWorld:
    return ScheduledWorld(dynamodb, tables)


def plan_one(world: ScheduledWorld, campaign_id: CampaignId, lead_id: LeadId) -> None:
    world.planner.plan(PlanMessage(campaign_id, 0, shard_of(lead_id, keys.AUDIENCE_SHARDS)), lambda: False)


def refuses(*_: Any) -> Proof:
    return Proof(0, 0, (Fault("html", "differs"),))


def sent(world: ScheduledWorld) -> CampaignId:
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    return campaign_id


def edit(world: ScheduledWorld, campaign_id: CampaignId) -> None:
    """As after a queue that took the launch message, and answered with an error."""
    campaign = world.campaign(campaign_id)
    assert world.campaigns.move(campaign_id, lifecycle.REVERT, to=CampaignStatus.DRAFT, as_read=campaign)
    world.drafts.change(campaign_id, {"html": EDITED}, NOW)


def forget_versions(world: ScheduledWorld, campaign_id: CampaignId) -> None:
    """As earlier releases stored launched content."""
    campaigns = world.campaigns
    for name in ("launched", "untracked", "compiled"):
        row = keys.campaign_blob(campaign_id, name, 0)
        assert campaigns._table.write(campaigns._table.update(row).remove("version"))


def slow(meanwhile: Callable[[], None], result: Callable[..., Proof]) -> Callable[..., Proof]:
    """A proof that takes until something else has happened."""

    def prove(*both: Any) -> Proof:
        meanwhile()
        return result(*both)

    return prove


@pytest.mark.parametrize("is_launched", [True, False], ids=["launched", "planning"])
@pytest.mark.parametrize("is_proven", [True, False], ids=["proven", "not proven"])
def test_a_launch_that_is_overtaken_by_an_edited_version_neither_replaces_nor_returns_it(
    world: ScheduledWorld, is_proven: bool, is_launched: bool, caplog: pytest.LogCaptureFixture
) -> None:
    campaign_id = sent(world)
    launcher = world.launcher

    def edited_and_sent() -> None:
        edit(world, campaign_id)
        world.control.send_now(campaign_id, NOW)
        if is_launched:
            launcher.launch(campaign_id, NOW)

    result = launcher._prove if is_proven else refuses
    replace(launcher, _prove=slow(edited_and_sent, result)).launch(campaign_id, NOW)
    assert world.campaign(campaign_id).status is CampaignStatus.PLANNING
    assert "not_proven" not in caplog.text
    if not is_launched:
        launcher.launch(campaign_id, NOW)
    world.plan_all()
    world.send_all()
    assert len(world.mail.accepted) == 1
    assert b"As edited" in world.mail.accepted[0].message
    assert proof(world, campaign_id) == ProofResult(0, 0)


def test_content_of_an_earlier_version_never_leaves_while_a_later_one_is_launched(world: ScheduledWorld) -> None:
    lead_id = world.lead(1).lead_id
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    world.launcher.launch(campaign_id, NOW)
    edit(world, campaign_id)
    world.control.send_now(campaign_id, NOW)
    assert proof(world, campaign_id) is None, "what was proven was another version"
    plan_one(world, campaign_id, lead_id)  # a message of the first launch
    with pytest.raises(ContentNotReady):
        world.send_all()
    assert send_everything(world, campaign_id) == 1
    assert b"As edited" in world.mail.accepted[0].message


def test_a_draft_does_not_show_what_was_proven_of_an_earlier_version(world: ScheduledWorld) -> None:
    campaign_id = sent(world)
    world.launcher.launch(campaign_id, NOW)
    assert proof(world, campaign_id) == ProofResult(1, 0)
    edit(world, campaign_id)
    assert proof(world, campaign_id) is None


def test_a_launch_of_an_earlier_release_is_not_taken_back_once_its_mails_leave(world: ScheduledWorld) -> None:
    lead_id = world.lead(1).lead_id
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    world.launcher.launch(campaign_id, NOW)
    forget_versions(world, campaign_id)
    plan_one(world, campaign_id, lead_id)
    replace(world.launcher, _prove=refuses).launch(campaign_id, NOW)
    assert world.campaign(campaign_id).status is CampaignStatus.PLANNING
    world.send_all()
    assert len(world.mail.accepted) == 1


def test_what_was_edited_after_a_launch_of_an_earlier_release_leaves_as_edited(world: ScheduledWorld) -> None:
    campaign_id = sent(world)
    world.launcher.launch(campaign_id, NOW)
    forget_versions(world, campaign_id)
    edit(world, campaign_id)
    world.sqs.bodies.clear()
    world.control.send_now(campaign_id, NOW)
    assert send_everything(world, campaign_id) == 1
    assert b"As edited" in world.mail.accepted[0].message


def test_a_launch_that_died_before_its_content_was_stored_is_proven_again(dynamodb: Any, tables: TableNames) -> None:
    """Another release may compile it differently; what the reports say is then of that."""
    mortal = Mortal(dynamodb)
    world = ScheduledWorld(mortal, tables)
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"html": f"<p>{LINK}</p>"}, NOW)
    world.control.send_now(campaign_id, NOW)
    mortal.writes_left = 2  # its key, and what the reports say
    with pytest.raises(Died):
        world.launcher.launch(campaign_id, NOW)
    mortal.writes_left = 10**6
    launcher = world.launcher
    world.launcher = replace(launcher, _prove=lambda *_: Proof(7, 8))
    assert send_everything(world, campaign_id) == 1
    assert proof(world, campaign_id) == ProofResult(7, 8)
