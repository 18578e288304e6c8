"""What others write between a write whose answer is lost and its repetition, which may be as late as a time-out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.analytics.fold import fold
from chalicelib.crm.leads import create_lead, delete_lead, update_lead
from chalicelib.crm.suppression import suppress_address
from chalicelib.model.access import Scope
from chalicelib.model.campaign import CampaignStatus, Wait
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.model.transport import OutcomeUnknown, OutgoingMail
from chalicelib.sending.deliver import OUTCOME_GRACE
from chalicelib.store import keys
from chalicelib.tracking.hits import HitKind, apply
from tests.claiming import record_claim
from tests.store.lossy_world import ADDRESS, ALLOWED, LATER, SAID, LossyWorld
from tests.store.stories_of_campaigns import AT, ZONE, changes_of, planned, with_a_failed_delivery
from tests.store.stories_of_leads import clicked_by, hot_rule
from tests.store.stories_of_sending import hit, launched_for_one, sent, throttle_once, to_be_sent_again
from tests.store.test_sending import NOW

MUCH_LATER = LATER + timedelta(minutes=1)
BOUNCED, BOUNCED_AGAIN = (Mark(SuppressionReason.HARD_BOUNCE, at, "bounce") for at in (NOW, MUCH_LATER))


class Interrupted(NamedTuple):
    act: Callable[[], Any]
    meanwhile: Callable[[], Any]
    seen: Callable[[], Any]
    """What was written meanwhile, as it is found in the end."""
    expected: Any
    lost: int = 1
    """Which of the act's writes loses its answer."""


def status_of(world: LossyWorld, campaign_id: CampaignId) -> Callable[[], CampaignStatus]:
    return lambda: world.campaign(campaign_id).status


def woken_and_waits_anew(world: LossyWorld) -> Interrupted:
    campaign_id, _, _ = launched_for_one(world)
    first, second = (Wait(NOW + timedelta(minutes=minutes), "quota") for minutes in (15, 30))
    world.campaigns.record_waiting(campaign_id, first)
    return Interrupted(
        lambda: world.campaigns.clear_waiting(campaign_id, first.until),
        lambda: world.campaigns.record_waiting(campaign_id, second),
        lambda: world.campaign(campaign_id).waiting,
        second,
    )


def resumed_and_paused(world: LossyWorld) -> Interrupted:
    campaign_id, _, _ = launched_for_one(world)
    world.control.pause(campaign_id)
    pause = lambda: world.control.pause(campaign_id)  # noqa: E731
    return Interrupted(
        lambda: world.control.resume(campaign_id), pause, status_of(world, campaign_id), CampaignStatus.PAUSED
    )


def paused_and_resumed(world: LossyWorld) -> Interrupted:
    campaign_id, _, _ = launched_for_one(world)
    resume = lambda: world.control.resume(campaign_id)  # noqa: E731
    return Interrupted(
        lambda: world.control.pause(campaign_id), resume, status_of(world, campaign_id), CampaignStatus.PLANNING
    )


def paused_by_itself_and_resumed(world: LossyWorld) -> Interrupted:
    campaign_id, _, _ = launched_for_one(world)
    assert world.counters.replace(
        campaign_id, world.counters.find(campaign_id), {"sent": 100, "bounced": 50}, [0] * keys.DELIVERY_SHARDS
    )
    resume = lambda: world.control.resume(campaign_id)  # noqa: E731
    return Interrupted(
        lambda: world.lifecycle.protect(campaign_id), resume, status_of(world, campaign_id), CampaignStatus.PLANNING
    )


def scheduled_and_scheduled_otherwise(world: LossyWorld) -> Interrupted:
    campaign_id = world.draft()

    def seen() -> Any:
        campaign = world.campaign(campaign_id)
        assert campaign.schedule is not None
        return campaign.schedule.local, world.schedule_that_counts(campaign)

    other = "2026-12-02T10:00"
    return Interrupted(
        lambda: world.control.schedule(campaign_id, AT, ZONE, NOW),
        lambda: world.control.schedule(campaign_id, other, ZONE, NOW),
        seen,
        (other, True),
    )


def unscheduled_and_scheduled(world: LossyWorld) -> Interrupted:
    campaign_id = world.draft()
    world.control.schedule(campaign_id, AT, ZONE, NOW)
    return Interrupted(
        lambda: world.control.unschedule(campaign_id),
        lambda: world.control.schedule(campaign_id, AT, ZONE, NOW),
        lambda: world.schedule_that_counts(world.campaign(campaign_id)),
        True,
    )


def completed_and_retried(world: LossyWorld) -> Interrupted:
    campaign_id = planned(world, leads=1)
    world.lifecycle.advance(campaign_id)
    sums = {"failed": 1, "reason/rejected": 1}
    assert world.counters.replace(campaign_id, world.counters.find(campaign_id), sums, [0] * keys.DELIVERY_SHARDS)
    retry = lambda: world.control.retry_failed(campaign_id, [])  # noqa: E731
    return Interrupted(
        lambda: world.lifecycle.advance(campaign_id), retry, status_of(world, campaign_id), CampaignStatus.SENDING
    )


def written_and_changed(world: LossyWorld) -> Interrupted:
    def change() -> None:
        ((campaign,), _) = world.campaigns.list_page(limit=2, position=None)
        world.drafts.change(campaign.campaign_id, {"title": "Changed"}, LATER)

    def seen() -> str:
        ((campaign,), _) = world.campaigns.list_page(limit=2, position=None)
        return campaign.title

    return Interrupted(world.draft, change, seen, "Changed")


def counted_and_recounted(world: LossyWorld) -> Interrupted:
    campaign_id = planned(world, leads=1)

    def replace_sums() -> None:
        before = world.counters.find(campaign_id)
        assert world.counters.replace(campaign_id, before, {"sent": 7}, [0] * keys.DELIVERY_SHARDS)

    return Interrupted(
        lambda: fold("shard", changes_of(campaign_id, 1, 1), world.counters, now=0),
        replace_sums,
        lambda: world.counters.find(campaign_id).sums,
        {"sent": 7},
    )


def retry_marked_and_failed_again(world: LossyWorld) -> Interrupted:
    campaign_id, message = with_a_failed_delivery(world)
    ids = campaign_id, message.lead_ids[0]
    world.reject(1)
    return Interrupted(
        lambda: world.deliveries.mark_for_retry(*ids, 1),
        lambda: world.deliver_message(message),
        lambda: world.delivery(*ids).status,
        DeliveryStatus.FAILED,
    )


# -- Claims: every one of these would let somebody send a second time, or end what another is sending ------------------


def by_another(world: LossyWorld, claim: Delivery) -> Delivery:
    return replace(claim, nonce="another's", status=DeliveryStatus.SENDING, reason=None, detail=None, retry=0)


def nonce_and_status(world: LossyWorld, campaign_id: CampaignId, lead_id: LeadId) -> Callable[[], Any]:
    def seen() -> Any:
        delivery = world.delivery(campaign_id, lead_id)
        return delivery.nonce, delivery.status

    return seen


def given_back_and_claimed(world: LossyWorld) -> Interrupted:
    campaign_id, lead_id, message = launched_for_one(world)
    throttle_once(world)
    claim = Delivery(campaign_id, lead_id, DeliveryStatus.SENDING, NOW, "0.0", nonce="another's")
    return Interrupted(
        lambda: world.deliver_message(message),
        lambda: record_claim(world.deliveries, claim),
        nonce_and_status(world, campaign_id, lead_id),
        ("another's", "sending"),
        lost=2,
    )


def given_back_and_claimed_again(world: LossyWorld) -> Interrupted:
    message = to_be_sent_again(world)
    ids = message.campaign_id, message.lead_ids[0]
    throttle_once(world)
    return Interrupted(
        lambda: world.deliver_message(message),
        lambda: world.deliveries.claim_again(by_another(world, world.delivery(*ids))),
        nonce_and_status(world, *ids),
        ("another's", "sending"),
        lost=3,
    )


def ended_and_claimed_again(world: LossyWorld) -> Interrupted:
    campaign_id, lead_id, message = launched_for_one(world)
    world.reject(1)

    def claim_again() -> None:
        assert world.deliveries.mark_for_retry(campaign_id, lead_id, 1)
        assert world.deliveries.claim_again(by_another(world, world.delivery(campaign_id, lead_id)))

    seen = nonce_and_status(world, campaign_id, lead_id)
    return Interrupted(lambda: world.deliver_message(message), claim_again, seen, ("another's", "sending"), lost=2)


def given_up_and_claimed_again(world: LossyWorld) -> Interrupted:
    campaign_id, lead_id, message = launched_for_one(world)

    def break_off(mail: OutgoingMail) -> None:
        raise OutcomeUnknown

    world.mail.after = break_off
    world.deliver_message(message)
    world.now += OUTCOME_GRACE + timedelta(seconds=1)

    def claim_again() -> None:
        assert world.deliveries.mark_for_retry(campaign_id, lead_id, 1)
        assert world.deliveries.claim_again(by_another(world, world.delivery(campaign_id, lead_id)))

    # The first write is the refused claim, the second one gives the old claim up.
    seen = nonce_and_status(world, campaign_id, lead_id)
    return Interrupted(lambda: world.deliver_message(message), claim_again, seen, ("another's", "sending"), lost=2)


def claimed_and_met_by_another_worker(world: LossyWorld) -> Interrupted:
    _, _, message = launched_for_one(world)
    other = world.make_worker()
    return Interrupted(
        lambda: world.deliver_message(message),
        lambda: world.deliver_message(message, other),
        world.addresses,
        ["lead1@example.com"],
    )


def accepted_and_rejected(world: LossyWorld) -> Interrupted:
    ids = launched_for_one(world)[:2]
    assert record_claim(world.deliveries, Delivery(*ids, DeliveryStatus.SENDING, NOW, "0.0"))
    return Interrupted(
        lambda: world.report(FeedbackKind.DELAYED, *ids, "message-1"),
        lambda: world.report(FeedbackKind.REJECTED, *ids, "message-1"),
        lambda: world.delivery(*ids).status,
        DeliveryStatus.FAILED,
    )


# -- Leads, addresses, tokens, keys ------------------------------------------------------------------------------------


def made_and_deleted(world: LossyWorld) -> Interrupted:
    def delete() -> None:
        ((lead,), _) = world.leads.list_page()
        delete_lead(world.leads, lead.lead_id)

    return Interrupted(lambda: create_lead(world.leads, SAID, NOW), delete, lambda: world.leads.list_page()[0], [])


def changed_and_changed(world: LossyWorld) -> Interrupted:
    lead_id = create_lead(world.leads, SAID, NOW).lead_id

    def seen() -> Any:
        lead = world.leads.get(lead_id)
        return lead.first_name, lead.last_name

    return Interrupted(
        lambda: update_lead(world.leads, lead_id, {"first_name": "Ada"}, LATER),
        lambda: update_lead(world.leads, lead_id, {"last_name": "Lovelace"}, LATER),
        seen,
        ("Ada", "Lovelace"),
    )


def resubscribed_and_left(world: LossyWorld) -> Interrupted:
    lead_id = create_lead(world.leads, SAID, NOW).lead_id
    world.leads.unsubscribe(lead_id, at=NOW, source="link")
    return Interrupted(
        lambda: world.resubscribe(lead_id),
        lambda: world.leads.unsubscribe(lead_id, at=MUCH_LATER, source="link"),
        lambda: world.leads.get(lead_id).unsubscription,
        Mark(SuppressionReason.UNSUBSCRIBED, MUCH_LATER, "link"),
        lost=2,
    )


def left_and_resubscribed(world: LossyWorld) -> Interrupted:
    delivery = sent(world, create_lead(world.leads, SAID, NOW).lead_id)
    left = hit(delivery, HitKind.UNSUBSCRIBE, source="link")
    return Interrupted(
        lambda: apply(left, *world.hits),
        lambda: world.resubscribe(delivery.lead_id),
        lambda: world.leads.get(delivery.lead_id).unsubscribed,
        False,
    )


def lifted_and_suppressed(world: LossyWorld) -> Interrupted:
    """The first write lifts the address, and the second unmarks the lead."""
    lead_id = create_lead(world.leads, SAID, NOW).lead_id
    suppress_address(world.leads, ADDRESS, BOUNCED, lead_id=lead_id)
    return Interrupted(
        lambda: world.leads.suppressions.lift(ADDRESS, ["acme"], ALLOWED),
        lambda: suppress_address(world.leads, ADDRESS, BOUNCED_AGAIN, lead_id=lead_id),
        lambda: world.leads.suppressions.find_many([ADDRESS])[ADDRESS].everywhere,
        (BOUNCED_AGAIN,),
    )


def unmarked_and_marked(world: LossyWorld) -> Interrupted:
    lead = create_lead(world.leads, SAID, NOW)
    world.leads.suppressions.mark(lead, BOUNCED)
    return Interrupted(
        lambda: world.leads.suppressions.unmark(lead),
        lambda: world.leads.suppressions.mark(lead, BOUNCED_AGAIN),
        lambda: world.leads.get(lead.lead_id).suppressed,
        BOUNCED_AGAIN,
    )


def marked_and_unmarked(world: LossyWorld) -> Interrupted:
    lead = create_lead(world.leads, SAID, NOW)
    return Interrupted(
        lambda: world.leads.suppressions.mark(lead, BOUNCED),
        lambda: world.leads.suppressions.unmark(lead),
        lambda: world.leads.get(lead.lead_id).suppressed,
        None,
    )


def suppressed_and_lifted(world: LossyWorld) -> Interrupted:
    lead_id = create_lead(world.leads, SAID, NOW).lead_id

    def seen() -> Any:
        address = world.leads.suppressions.find_many([ADDRESS])[ADDRESS]
        return world.leads.get(lead_id).suppressed, address.everywhere

    return Interrupted(
        lambda: suppress_address(world.leads, ADDRESS, BOUNCED, lead_id=lead_id),
        lambda: world.resubscribe(lead_id),
        seen,
        (None, ()),
    )


def issued_and_revoked(world: LossyWorld) -> Interrupted:
    def revoke() -> None:
        (token,) = world.tokens.list_all()
        world.tokens.revoke(token.token_id)

    return Interrupted(lambda: world.tokens.issue("script", Scope.READ, NOW), revoke, world.tokens.list_all, [])


def rule_made_and_deleted(world: LossyWorld) -> Interrupted:
    rule = hot_rule()
    delete = lambda: world.rules.delete(rule.rule_id)  # noqa: E731
    return Interrupted(lambda: world.rules.create(rule), delete, world.rules.list_all, [])


def rule_acted_and_the_stage_was_put_right(world: LossyWorld) -> Interrupted:
    world.rules.create(hot_rule())
    lead = create_lead(world.leads, SAID, NOW)
    return Interrupted(
        lambda: world.automation.handle(clicked_by(lead)),
        lambda: update_lead(world.leads, lead.lead_id, {"stage": "Lost"}, MUCH_LATER),
        lambda: world.leads.get(lead.lead_id).stage,
        "Lost",
    )


def key_freed_and_taken(world: LossyWorld) -> Interrupted:
    keys = world.idempotency
    assert keys.claim("caller", "key", "print", NOW) is None
    return Interrupted(
        lambda: keys.release("caller", "key"),
        lambda: keys.claim("caller", "key", "another's", NOW),
        lambda: getattr(keys.claim("caller", "key", "print", NOW), "fingerprint", None),
        "another's",
    )


def looked_at_the_limits_and_took(world: LossyWorld) -> Interrupted:
    """The look's first write claims it, the second one records the limits; all 20 mails of the quota are left then."""
    taken: list[int] = []

    other = world.make_budget()

    def take() -> None:
        taken.append(len(other.take(5, 0.01)))

    def seen() -> Any:
        row = world.rate.find_account()
        assert row is not None
        return row.left + sum(taken)

    return Interrupted(lambda: taken.append(len(world.budget.take(5, 0.01))), take, seen, 20, lost=2)


INTERRUPTED: list[Callable[[LossyWorld], Interrupted]] = [
    woken_and_waits_anew,
    resumed_and_paused,
    paused_and_resumed,
    paused_by_itself_and_resumed,
    scheduled_and_scheduled_otherwise,
    unscheduled_and_scheduled,
    completed_and_retried,
    written_and_changed,
    counted_and_recounted,
    retry_marked_and_failed_again,
    given_back_and_claimed,
    given_back_and_claimed_again,
    ended_and_claimed_again,
    given_up_and_claimed_again,
    claimed_and_met_by_another_worker,
    accepted_and_rejected,
    made_and_deleted,
    changed_and_changed,
    resubscribed_and_left,
    left_and_resubscribed,
    lifted_and_suppressed,
    unmarked_and_marked,
    marked_and_unmarked,
    suppressed_and_lifted,
    issued_and_revoked,
    rule_made_and_deleted,
    rule_acted_and_the_stage_was_put_right,
    key_freed_and_taken,
    looked_at_the_limits_and_took,
]
