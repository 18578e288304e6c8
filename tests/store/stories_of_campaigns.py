"""Stories of campaigns: how they are planned and counted, and what is done with them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.analytics.fold import OLDEST_SECONDS, fold, fold_and_check
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, new_campaign_id, new_lead_id, shard_of
from chalicelib.model.lifecycle import PROTECT
from chalicelib.model.messages import LaunchMessage, PlanMessage, RetryMessage, SendMessage
from chalicelib.model.reasons import FailureReason
from chalicelib.sending.waiting import Wakes
from chalicelib.store import keys
from chalicelib.store.stream_records import Change
from tests.moves import bring_to
from tests.store.lossy_world import (
    LATER,
    LossyWorld,
    Story,
    repeated,
    story,
)
from tests.store.stories_of_sending import launched_for_one, outcome, sent
from tests.store.test_sending import NOW


def planned(world: LossyWorld, leads: int) -> CampaignId:
    """A campaign for so many leads, of whom one exists, planned to its end in one unit."""
    lead_id = world.lead(1).lead_id
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    assert world.plans.begin(campaign_id, units=1)
    assert world.plans.record_page(campaign_id, "0.0", 1, [lead_id] * leads, None)
    assert world.plans.record_unit_done(campaign_id, "0.0")
    return campaign_id


@repeated
def a_campaign_waits_and_is_woken(world: LossyWorld) -> Story:
    campaign_id, _, _ = launched_for_one(world)
    wakes = Wakes(world.campaigns, world.schedules, "launch", lambda: world.now)

    def wait_and_wake() -> None:
        wakes.wait(campaign_id, NOW + timedelta(minutes=5), "quota")
        for _, _, body in world.schedules.messages.values():
            world.launcher.handle(LaunchMessage.of(body), NOW + timedelta(minutes=6))

    yield wait_and_wake
    again = {body["shard"] for body in world.sqs.bodies["plan"] if body["again_from"]}
    return again, world.campaign(campaign_id).waiting, len(world.schedules.messages)


@repeated
def a_unit_is_gone_through_again(world: LossyWorld) -> Story:
    campaign_id, lead_id, message = launched_for_one(world)
    world.plan_all()
    shard = shard_of(lead_id, keys.AUDIENCE_SHARDS)
    world.deliver_message(replace(message, unit=f"0.{shard}"))
    yield lambda: world.planner.plan(PlanMessage(campaign_id, 0, shard, again_from=1), lambda: False)
    return world.plans.unit(campaign_id, f"0.{shard}")


@repeated
def a_campaign_is_launched(world: LossyWorld) -> Story:
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    yield lambda: world.launcher.launch(campaign_id, NOW)
    planned = {body["shard"] for body in world.sqs.bodies["plan"]}
    return planned, world.plans.find_progress(campaign_id), world.campaigns.find_launched(world.campaign(campaign_id))


@repeated
def a_launch_that_is_not_proven_is_taken_back(world: LossyWorld) -> Story:
    world.lead(1)
    campaign_id = world.draft()
    world.drafts.change(campaign_id, {"html": "<p>Hello<table><svg><html>"}, NOW)  # html5lib fails on it
    bring_to(world.campaigns, campaign_id, CampaignStatus.PLANNING)
    yield lambda: world.launcher.launch(campaign_id, NOW)
    return moved(world, campaign_id), world.sqs.bodies, world.campaigns.find_launched(world.campaign(campaign_id))


@repeated
def the_last_unit_is_planned(world: LossyWorld) -> Story:
    lead_id = world.lead(1).lead_id
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    world.plans.begin(campaign_id, units=1)
    unit = PlanMessage(campaign_id, 0, shard_of(lead_id, keys.AUDIENCE_SHARDS))
    yield lambda: world.planner.plan(unit, lambda: False)
    (message, *_) = world.send_messages()
    progress = world.plans.find_progress(campaign_id)
    assert progress is not None
    return message.lead_ids == (lead_id,), progress.planned, progress.complete, world.campaign(campaign_id).status


def changes_of(campaign_id: CampaignId, first: int, count: int) -> list[Change]:
    claimed = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENDING, NOW, "0.0")
    done = replace(claimed, status=DeliveryStatus.SENT, sent_at=NOW)
    return [Change(first + number, campaign_id, claimed, done, 0.0) for number in range(count)]


@repeated
def endings_are_folded(world: LossyWorld) -> Story:
    campaign_id, checks = planned(world, leads=3), (world.lifecycle.advance, world.lifecycle.protect)
    fold_and_check("shard", changes_of(campaign_id, 1, 1), world.counters, *checks, now=0)
    rest = changes_of(campaign_id, 2, 2)
    yield (lambda: fold_and_check("shard", rest, world.counters, *checks, now=0) and None)
    campaign = world.campaign(campaign_id)
    return world.counters.find(campaign_id), campaign.status, campaign.completed_at is not None


@repeated
def a_recount_puts_the_counters_right(world: LossyWorld) -> Story:
    campaign_id = sent(world).campaign_id

    def repair() -> Any:
        return world.recount.repair(campaign_id).after

    after = yield repair
    return after, world.counters.find(campaign_id).sums


@story
def a_change_comes_too_late_to_be_counted(world: LossyWorld) -> Story:
    campaign_id = new_campaign_id()
    late = changes_of(campaign_id, 1, 1)
    yield lambda: fold("shard", late, world.counters, now=OLDEST_SECONDS + 1) and None
    return world.counters.find(campaign_id)


@story
def a_campaign_pauses_itself(world: LossyWorld) -> Story:
    campaign_id, _, _ = launched_for_one(world)
    before = world.counters.find(campaign_id)
    assert world.counters.replace(campaign_id, before, {"sent": 100, "bounced": 50}, [0] * keys.DELIVERY_SHARDS)
    paused = yield lambda: world.campaigns.move(campaign_id, PROTECT, kind="bounced", reason="Too many.")
    return paused, world.campaign(campaign_id).status


AT, ZONE = "2026-12-01T09:00", "Europe/Berlin"


# -- A campaign's moves ------------------------------------------------------------------------------------------------


@story
def a_draft_is_written_changed_and_duplicated(world: LossyWorld) -> Story:
    def write() -> Any:
        campaign_id = world.draft()
        draft = world.drafts.change(campaign_id, {"title": "New"}, LATER)
        copy = world.drafts.duplicate(campaign_id, LATER)
        return draft, copy.campaign.campaign_id

    draft, copy_id = yield write
    stands = world.drafts.get(draft.campaign.campaign_id)
    assert stands == draft
    return stands.campaign.title, stands.campaign.version, stands.body, world.drafts.get(copy_id).campaign.title


@story
def a_draft_is_deleted(world: LossyWorld) -> Story:
    campaign_id = world.draft()
    world.control.schedule(campaign_id, AT, ZONE, NOW)
    yield lambda: world.drafts.delete(campaign_id)
    return world.campaigns.find(campaign_id), world.schedules.waiting[campaign_id]


def moved(world: LossyWorld, campaign_id: CampaignId) -> Any:
    campaign = world.campaign(campaign_id)
    return campaign.status, campaign.status_reason, campaign.retry, world.is_asked_to_launch()


@repeated
def a_campaign_is_sent_now(world: LossyWorld) -> Story:
    world.lead(1)
    campaign_id = world.draft()
    yield lambda: world.control.send_now(campaign_id, NOW) and None
    return moved(world, campaign_id)


@repeated
def a_campaign_is_scheduled(world: LossyWorld) -> Story:
    campaign_id = world.draft()
    yield lambda: world.control.schedule(campaign_id, AT, ZONE, NOW) and None
    return moved(world, campaign_id), world.schedule_that_counts(world.campaign(campaign_id))


@story
def a_campaign_is_unscheduled(world: LossyWorld) -> Story:
    campaign_id = world.draft()
    world.control.schedule(campaign_id, AT, ZONE, NOW)
    yield lambda: world.control.unschedule(campaign_id) and None
    return moved(world, campaign_id), world.schedules.waiting[campaign_id]


@repeated
def a_schedule_fires(world: LossyWorld) -> Story:
    world.lead(1)
    campaign_id = world.draft()
    scheduled = world.control.schedule(campaign_id, AT, ZONE, NOW).schedule
    assert scheduled is not None
    message = LaunchMessage(campaign_id, schedule_id=scheduled.schedule_id)
    yield lambda: world.launcher.handle(message, scheduled.at)
    return moved(world, campaign_id), world.plans.find_progress(campaign_id), len(world.sqs.bodies["plan"]) >= 16


@repeated
def a_schedule_is_missed(world: LossyWorld) -> Story:
    campaign_id = world.draft()
    scheduled = world.control.schedule(campaign_id, AT, ZONE, NOW).schedule
    assert scheduled is not None
    message = LaunchMessage(campaign_id, schedule_id=scheduled.schedule_id)
    yield lambda: world.launcher.handle(message, scheduled.at)
    return moved(world, campaign_id)


@repeated
def a_campaign_is_paused(world: LossyWorld) -> Story:
    campaign_id, _, _ = launched_for_one(world)
    yield lambda: world.control.pause(campaign_id) and None
    return moved(world, campaign_id)


@repeated
def a_campaign_is_resumed(world: LossyWorld) -> Story:
    campaign_id, _, _ = launched_for_one(world)
    world.sqs.bodies.clear()
    world.control.pause(campaign_id)
    yield lambda: world.control.resume(campaign_id) and None
    return moved(world, campaign_id)


@repeated
def a_campaign_is_cancelled(world: LossyWorld) -> Story:
    campaign_id, _, _ = launched_for_one(world)
    yield lambda: world.control.cancel(campaign_id) and None
    return moved(world, campaign_id)


def with_a_failed_delivery(world: LossyWorld) -> tuple[CampaignId, SendMessage]:
    """A campaign that is sent, as far as its counters know."""
    campaign_id, _, message = launched_for_one(world)
    world.reject(1)
    world.deliver_message(message)
    world.reject()
    assert world.counters.replace(
        campaign_id, world.counters.find(campaign_id), {"reason/rejected": 1}, [0] * keys.DELIVERY_SHARDS
    )
    bring_to(world.campaigns, campaign_id, CampaignStatus.SENT)
    world.sqs.bodies.clear()
    return campaign_id, message


@repeated
def failed_deliveries_are_asked_to_be_sent_again(world: LossyWorld) -> Story:
    campaign_id, _ = with_a_failed_delivery(world)
    yield lambda: world.control.retry_failed(campaign_id, [FailureReason.REJECTED]) and None
    return moved(world, campaign_id), world.retries.find(campaign_id)


@repeated
def failed_deliveries_are_marked(world: LossyWorld) -> Story:
    campaign_id, message = with_a_failed_delivery(world)
    world.control.retry_failed(campaign_id, [FailureReason.REJECTED])
    shard = RetryMessage(campaign_id, shard_of(message.lead_ids[0], keys.DELIVERY_SHARDS))
    yield lambda: world.planner.mark_failed(shard, lambda: False)
    return outcome(world, message), world.retries.find(campaign_id), bool(world.sqs.bodies.get("send"))
