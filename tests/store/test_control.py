"""Pause, resume, cancel and retry on a real engine: nobody gets a mail twice, and every number stays exact."""

from typing import Any

import pytest

from chalicelib.analytics.fold import fold_and_check
from chalicelib.campaigns.control import NothingToRetry
from chalicelib.campaigns.lifecycle import pause_refused
from chalicelib.crm.leads import update_lead
from chalicelib.model.campaign import Campaign, CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lifecycle import WrongStatus
from chalicelib.model.messages import LaunchMessage, LaunchTask, PlanMessage, RetryMessage
from chalicelib.model.reasons import FailureReason
from chalicelib.model.transport import OutgoingMail, Rejected
from chalicelib.sending.may_send import BELIEVED_SECONDS
from chalicelib.store.stream_records import Change
from local.tables import TableNames
from tests.moves import bring_to
from tests.store.test_sending import NOW, Died, World

pytestmark = pytest.mark.usefixtures("few_shards")


class ControlledWorld(World):
    """A world with its verbs, in which `settle` does what the stream does: fold what changed since the last time."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        super().__init__(client, tables)
        self._folded: dict[LeadId, Delivery] = {}
        self._sequence = 0

    def campaign(self, campaign_id: CampaignId) -> Campaign:
        found = self.campaigns.find(campaign_id)
        assert found is not None
        return found

    def set_off(self, leads: int) -> CampaignId:
        """A campaign planned for so many leads, nothing of it sent."""
        for number in range(leads):
            self.lead(number)
        campaign_id = self.launched()
        self.plan_all()
        return campaign_id

    def work(self) -> None:
        """Handle all messages there are, and those that come of them."""
        while any(self.sqs.bodies.values()):
            for body in self.sqs.bodies.pop("launch", []):
                self.launcher.handle(LaunchMessage.of(body), NOW)
            for body in self.sqs.bodies.pop("plan", []):
                if "retry_shard" in body:
                    self.planner.mark_failed(RetryMessage(**body), lambda: False)
                else:
                    self.planner.plan(PlanMessage(**body), lambda: False)
            self.send_all()
            self.sqs.bodies.pop("send", None)

    def settle(self, campaign_id: CampaignId) -> dict[str, int]:
        """Fold, and see that the counters are what a recount finds."""
        now = {each.lead_id: each for each in self.deliveries.iter_campaign(campaign_id)}
        changes = []
        for lead_id, delivery in now.items():
            if delivery != self._folded.get(lead_id):
                self._sequence += 1
                changes.append(Change(self._sequence, campaign_id, self._folded.get(lead_id), delivery, 0.0))
        self._folded = now
        fold_and_check("shard", changes, self.counters, self.lifecycle.advance, self.lifecycle.protect, now=0)
        # The stream tells of every step, and each end makes the fold look; here steps in between are left out.
        self.lifecycle.advance(campaign_id)
        sums = dict(self.counters.find(campaign_id).sums)
        assert sums == self.recount.sums(campaign_id)
        return sums

    def reject(self, *numbers: int) -> None:
        """Have the mail service refuse these leads' mails from now on."""
        refused = {f"lead{number}@example.com" for number in numbers}

        def before(mail: OutgoingMail) -> None:
            if mail.to_email in refused:
                raise Rejected(FailureReason.REJECTED, "Not here.")

        self.mail.before = before

    def addresses(self) -> list[str]:
        return sorted(mail.to_email for mail in self.mail.accepted)


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> ControlledWorld:
    return ControlledWorld(dynamodb, tables)


@pytest.mark.one_engine
def test_pausing_stops_within_a_second_and_resuming_brings_the_rest_once(world: ControlledWorld) -> None:
    campaign_id = world.set_off(25)
    world.mail.after = lambda mail: None if len(world.mail.accepted) < 7 else pause_at_once(world, campaign_id)
    world.work()
    assert len(world.mail.accepted) == 7
    assert world.settle(campaign_id) == {"sent": 7}
    assert world.campaign(campaign_id).status == "paused"
    world.mail.after = lambda mail: None
    assert world.control.resume(campaign_id).status == "sending"
    world.work()
    assert world.addresses() == sorted(f"lead{number}@example.com" for number in range(25))
    assert world.settle(campaign_id) == {"sent": 25}
    assert world.campaign(campaign_id).status == "sent"


def pause_at_once(world: ControlledWorld, campaign_id: CampaignId) -> None:
    world.control.pause(campaign_id)
    world.seconds += BELIEVED_SECONDS


def test_a_worker_believes_in_going_on_for_a_second_and_never_in_a_pause(world: ControlledWorld) -> None:
    campaign_id = world.set_off(3)
    messages = world.send_messages()
    world.send(messages[0])
    world.control.pause(campaign_id)
    world.control.resume(campaign_id)
    for message in messages:
        world.send(message)
    assert len(world.mail.accepted) == 3


@pytest.mark.one_engine
def test_messages_that_were_not_dropped_and_those_of_resuming_send_once(world: ControlledWorld) -> None:
    campaign_id = world.set_off(12)
    for _ in range(3):
        world.control.pause(campaign_id)
        world.control.resume(campaign_id)
    world.work()
    assert len(world.mail.accepted) == 12
    assert len(set(world.addresses())) == 12
    assert world.settle(campaign_id) == {"sent": 12}


@pytest.mark.one_engine
@pytest.mark.parametrize("pages_before", [0, 1, 3])
def test_a_campaign_paused_while_it_is_planned_goes_on_planning(
    world: ControlledWorld, monkeypatch: pytest.MonkeyPatch, pages_before: int
) -> None:
    monkeypatch.setattr("chalicelib.crm.audience.LEADS_PER_PAGE", 1)
    for number in range(40):
        world.lead(number)
    campaign_id = world.launched()
    turns = [False] * pages_before

    def pause_in_between() -> bool:
        if turns:
            turns.pop()
        else:
            world.control.pause(campaign_id)
        return False

    world.plan_all(short=pause_in_between)
    world.seconds += BELIEVED_SECONDS
    world.work()
    assert world.mail.accepted == []
    assert world.control.resume(campaign_id).status == "planning"
    world.work()
    assert len(set(world.addresses())) == len(world.mail.accepted) == 40
    world.settle(campaign_id)
    assert (world.campaign(campaign_id).status, world.total(campaign_id)) == ("sent", 40)


def test_a_campaign_paused_before_its_launch_is_launched_by_resuming(world: ControlledWorld) -> None:
    world.lead(1)
    campaign_id = world.draft()
    world.control.send_now(campaign_id, NOW)
    world.control.pause(campaign_id)
    world.work()
    assert world.plans.find_progress(campaign_id) is None
    world.control.resume(campaign_id)
    world.work()
    assert len(world.mail.accepted) == 1


@pytest.mark.one_engine
def test_a_resumed_unit_is_gone_through_in_as_many_messages_as_time_takes(
    world: ControlledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.crm.audience.LEADS_PER_PAGE", 1)
    campaign_id = world.set_off(30)
    world.sqs.bodies["send"] = []  # all messages lost
    world.control.pause(campaign_id)
    world.control.resume(campaign_id)
    for body in world.sqs.bodies.pop("launch"):
        world.launcher.handle(LaunchMessage.of(body), NOW)
    turns = iter([False, True] * 200)
    world.plan_all(short=lambda: next(turns))
    assert len({lead_id for message in world.send_messages() for lead_id in message.lead_ids}) == 30


def test_a_claim_left_by_a_dead_worker_is_settled_while_the_campaign_is_paused(world: ControlledWorld) -> None:
    campaign_id = world.set_off(1)
    (message,) = world.send_messages()

    def die(mail: OutgoingMail) -> None:
        raise Died

    world.mail.after = die
    with pytest.raises(Died):
        world.send(message)
    world.control.pause(campaign_id)
    world.seconds += BELIEVED_SECONDS
    from chalicelib.sending.deliver import OUTCOME_GRACE

    world.now = NOW + 2 * OUTCOME_GRACE
    world.send(message)
    assert world.status(campaign_id, message.lead_ids[0]) == ("failed", "outcome_unknown")
    assert len(world.mail.accepted) == 1


def test_a_cancelled_campaign_keeps_what_left_and_sends_no_more(world: ControlledWorld) -> None:
    campaign_id = world.set_off(25)
    world.send(world.send_messages()[0])
    left = len(world.mail.accepted)
    assert world.control.cancel(campaign_id).status == "cancelled"
    world.seconds += BELIEVED_SECONDS
    world.work()
    assert len(world.mail.accepted) == left
    assert world.settle(campaign_id) == {"sent": left}
    assert world.total(campaign_id) == 25
    assert world.campaign(campaign_id).status == "cancelled"
    assert world.control.cancel(campaign_id).status == "cancelled"
    for verb in (world.control.resume, world.control.pause):
        with pytest.raises(WrongStatus):
            verb(campaign_id)


def test_a_draft_can_be_neither_paused_nor_cancelled(world: ControlledWorld) -> None:
    campaign_id = world.draft()
    for verb in (world.control.pause, world.control.resume, world.control.cancel):
        with pytest.raises(WrongStatus, match="draft"):
            verb(campaign_id)


def test_a_campaign_that_counts_as_sent_too_early_loses_nobody(world: ControlledWorld) -> None:
    campaign_id = world.set_off(3)
    bring_to(world.campaigns, campaign_id, CampaignStatus.SENT)  # as sums that counted twice would have it
    world.send_all()
    assert world.addresses() == [f"lead{number}@example.com" for number in range(3)]


def test_the_reason_of_a_pause_is_told_until_it_is_resumed(world: ControlledWorld) -> None:
    campaign_id = world.set_off(1)
    pause_refused(world.campaigns, campaign_id, "Ask SES.")
    assert world.control.pause(campaign_id).status_reason == "Paused automatically. Ask SES. Then resume the campaign."
    assert world.control.resume(campaign_id).status_reason is None


def failed_campaign(world: ControlledWorld, leads: int, *rejected: int) -> CampaignId:
    campaign_id = world.set_off(leads)
    world.reject(*rejected)
    world.work()
    assert world.settle(campaign_id).get("failed", 0) == len(rejected)
    assert world.campaign(campaign_id).status == "sent"
    return campaign_id


@pytest.mark.one_engine
def test_retrying_sends_what_failed_and_nothing_else(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 12, 3, 4, 5)
    world.reject(4)
    assert world.control.retry_failed(campaign_id, []).status == "sending"
    world.work()
    assert world.settle(campaign_id) == {"sent": 11, "failed": 1, "reason/rejected": 1, "retry/1": 3}
    assert len(set(world.addresses())) == len(world.mail.accepted) == 11
    campaign = world.campaign(campaign_id)
    assert (campaign.status, world.total(campaign_id)) == ("sent", 12)
    assert campaign.completed_at is not None


@pytest.mark.one_engine
def test_each_request_tries_a_delivery_once(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 3, 1)
    tried = 0

    def refuse(mail: OutgoingMail) -> None:
        nonlocal tried
        tried += 1
        raise Rejected(FailureReason.REJECTED, "Not here.")

    world.mail.before = refuse
    for number in (1, 2):
        world.control.retry_failed(campaign_id, [])
        messages = list(world.sqs.bodies["launch"])
        world.work()
        world.sqs.bodies["launch"] = messages  # SQS delivers them once more
        world.work()
        assert tried == number
        assert world.settle(campaign_id) == {"sent": 2, "failed": 1, "reason/rejected": 1, f"retry/{number}": 1}
        assert world.campaign(campaign_id).status == "sent"


@pytest.mark.one_engine
def test_only_the_reasons_asked_for_are_retried(world: ControlledWorld) -> None:
    nobody = world.lead(90, email=None)
    campaign_id = failed_campaign_with(world, nobody.lead_id)
    world.reject()
    world.control.retry_failed(campaign_id, [FailureReason.REJECTED])
    world.work()
    sums = world.settle(campaign_id)
    assert (sums["sent"], sums["failed"], sums["reason/missing_address"]) == (2, 1, 1)
    with pytest.raises(NothingToRetry):
        world.control.retry_failed(campaign_id, [FailureReason.REJECTED])
    update_lead(world.leads, nobody.lead_id, {"email": "found@example.com"}, NOW)
    world.control.retry_failed(campaign_id, [FailureReason.MISSING_ADDRESS])
    world.work()
    sums = world.settle(campaign_id)
    assert (sums["sent"], sums.get("failed", 0)) == (3, 0)
    found = world.deliveries.find(campaign_id, nobody.lead_id)
    assert found is not None
    assert (found.email, found.reason) == ("found@example.com", None)


@pytest.mark.one_engine
def test_a_delivery_of_unknown_outcome_is_retried_only_where_that_is_named(world: ControlledWorld) -> None:
    ends = {"lead1@example.com": FailureReason.REJECTED, "lead2@example.com": FailureReason.OUTCOME_UNKNOWN}

    def before(mail: OutgoingMail) -> None:
        if mail.to_email in ends:
            raise Rejected(ends[mail.to_email], "No.")

    campaign_id = world.set_off(4)
    world.mail.before = before
    world.work()
    assert world.settle(campaign_id)["failed"] == 2
    ends.clear()
    world.control.retry_failed(campaign_id, [])
    world.work()
    assert world.settle(campaign_id) == {"sent": 3, "failed": 1, "reason/outcome_unknown": 1, "retry/1": 1}
    with pytest.raises(NothingToRetry, match="outcome_unknown"):
        world.control.retry_failed(campaign_id, [])
    world.control.retry_failed(campaign_id, [FailureReason.OUTCOME_UNKNOWN])
    world.work()
    assert world.settle(campaign_id) == {"sent": 4, "retry/1": 1, "retry/2": 1}


def failed_campaign_with(world: ControlledWorld, nobody: LeadId) -> CampaignId:
    world.lead(0)
    world.lead(1)
    campaign_id = world.launched()
    world.reject(1)
    world.work()
    assert world.settle(campaign_id)["failed"] == 2
    return campaign_id


@pytest.mark.one_engine
def test_a_campaign_is_not_sent_again_before_the_fold_has_seen_what_waits(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 5, 1, 2)
    world.control.retry_failed(campaign_id, [])
    for body in world.sqs.bodies.pop("launch"):
        world.launcher.handle(LaunchMessage.of(body), NOW)
    for body in world.sqs.bodies.pop("plan"):
        world.planner.mark_failed(RetryMessage(**body), lambda: False)
        world.lifecycle.advance(campaign_id)
    assert world.campaign(campaign_id).status == "sending"
    assert world.settle(campaign_id) == {"sent": 3, "retry/1": 2}
    assert world.campaign(campaign_id).status == "sending"
    world.reject()
    world.work()
    world.settle(campaign_id)
    assert world.campaign(campaign_id).status == "sent"


@pytest.mark.one_engine
@pytest.mark.parametrize("dies_after_call", [1, 2, 9, 10])
def test_a_marker_that_dies_anywhere_loses_and_doubles_nothing(world: ControlledWorld, dies_after_call: int) -> None:
    campaign_id = failed_campaign(world, 8, *range(8))
    world.reject()
    world.control.retry_failed(campaign_id, [])
    for body in world.sqs.bodies.pop("launch"):
        world.launcher.handle(LaunchMessage.of(body), NOW)
    world.sqs.calls, world.sqs.dies_after_call = 0, dies_after_call
    for body in world.sqs.bodies.pop("plan"):
        try:
            world.planner.mark_failed(RetryMessage(**body), lambda: False)
        except Died:
            world.planner.mark_failed(RetryMessage(**body), lambda: False)
    world.work()
    assert len(set(world.addresses())) == len(world.mail.accepted) == 8
    assert world.settle(campaign_id) == {"sent": 8, "retry/1": 8}
    assert world.campaign(campaign_id).status == "sent"


@pytest.mark.one_engine
def test_a_retry_that_is_paused_goes_on_when_resumed(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 6, 0, 1, 2)
    world.reject()
    world.control.retry_failed(campaign_id, [])
    for body in world.sqs.bodies.pop("launch"):
        world.launcher.handle(LaunchMessage.of(body), NOW)
    half = world.sqs.bodies["plan"][:32]
    world.sqs.bodies["plan"] = []
    for body in half:
        world.planner.mark_failed(RetryMessage(**body), lambda: False)
    world.control.pause(campaign_id)
    world.seconds += BELIEVED_SECONDS
    world.work()
    assert len(world.mail.accepted) == 3
    world.control.resume(campaign_id)
    world.work()
    assert world.settle(campaign_id) == {"sent": 6, "retry/1": 3}
    assert world.campaign(campaign_id).status == "sent"


@pytest.mark.one_engine
def test_asking_again_while_failures_are_being_marked_is_the_same_request(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 3, 1)
    world.control.retry_failed(campaign_id, [])
    world.sqs.bodies["launch"] = []  # the queue never had it
    assert world.control.retry_failed(campaign_id, []).retry == 1
    with pytest.raises(WrongStatus):
        world.control.retry_failed(campaign_id, [FailureReason.REJECTED])
    world.reject()
    world.work()
    assert world.settle(campaign_id) == {"sent": 3, "retry/1": 1}


def test_there_is_nothing_to_retry_where_nothing_failed(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 2)
    with pytest.raises(NothingToRetry):
        world.control.retry_failed(campaign_id, [])
    assert world.campaign(campaign_id).status == "sent"


def test_a_retried_claim_that_is_given_back_waits_again(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 1, 0)
    (delivery,) = world.deliveries.iter_campaign(campaign_id)
    ids = (campaign_id, delivery.lead_id)
    assert world.deliveries.mark_for_retry(*ids, 1)
    from dataclasses import replace

    again = replace(delivery, status=DeliveryStatus.SENDING, retry=1, retried_at=NOW, reason=None, nonce="b")
    assert world.deliveries.claim_again(again)
    assert world.deliveries.claim_again(again), "a repetition is known by its nonce"
    assert not world.deliveries.claim_again(replace(again, nonce="another's"))
    assert not world.deliveries.release(delivery), "the claim before is no longer the one that counts"
    assert world.deliveries.release(again)
    assert world.status(*ids) == (DeliveryStatus.WAITING, None)
    assert not world.deliveries.mark_for_retry(*ids, 2)


@pytest.mark.one_engine
def test_resuming_while_retrying_asks_only_for_what_is_unfinished(world: ControlledWorld) -> None:
    campaign_id = failed_campaign(world, 4, 0)
    world.launcher.handle(LaunchMessage(campaign_id, LaunchTask.RESUME), NOW)
    assert not world.sqs.bodies.get("plan"), "a sent campaign has nothing to bring back"
