"""Stories of sending mails, of what their recipients do and of what the mail service reports."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.analytics.facts import facts
from chalicelib.crm.leads import create_lead, delete_lead
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id, new_trace_id
from chalicelib.model.messages import SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent, OutcomeUnknown, OutgoingMail
from chalicelib.sending.deliver import OUTCOME_GRACE
from chalicelib.tracking.hits import Hit, HitKind, apply
from chalicelib.tracking.replay import replay
from tests.claiming import record_claim
from tests.store.lossy_world import ADDRESS, LATER, SAID, LossyWorld, Story, Told, repeated
from tests.store.test_sending import KEYS, NOW


def launched_for_one(world: LossyWorld) -> tuple[CampaignId, LeadId, SendMessage]:
    lead_id = world.lead(1).lead_id
    campaign_id = world.launched()
    return campaign_id, lead_id, SendMessage(campaign_id, "0.0", (lead_id,))


def outcome(world: LossyWorld, message: SendMessage) -> Any:
    """Who got how many mails, and what the deliveries say."""
    found = world.deliveries.find_many(message.campaign_id, message.lead_ids)
    deliveries = [found[each] for each in message.lead_ids if each in found]
    return world.addresses(), [(each.email, each.status, each.reason, facts(each)) for each in deliveries]


@repeated
def mails_are_sent(world: LossyWorld) -> Story:
    leads = [world.lead(1), world.lead(2, email=None), world.lead(3)]
    campaign_id = world.launched()
    message = SendMessage(campaign_id, "0.0", tuple(lead.lead_id for lead in leads))
    rests = yield lambda: world.deliver_message(message)
    return rests, outcome(world, message)


@repeated
def a_message_comes_again(world: LossyWorld) -> Story:
    _, _, message = launched_for_one(world)
    world.deliver_message(message)
    rests = yield lambda: world.deliver_message(replace(message, unit="another"))
    return rests, outcome(world, message)


def throttle_once(world: LossyWorld) -> None:
    def refuse(mail: OutgoingMail) -> None:
        world.mail.before = lambda mail: None
        raise NotSent("not now", WaitReason.MAIL_SERVICE)

    world.mail.before = refuse


def until_sent(world: LossyWorld, message: SendMessage) -> int:
    """Handle a message as often as it is put back, when its time has come."""
    for times in range(1, 4):
        rests = world.deliver_message(message)
        if not rests:
            return times
        world.now += timedelta(seconds=rests[0].after_seconds)
    return 0


@repeated
def a_claim_is_given_back_and_taken_again(world: LossyWorld) -> Story:
    _, _, message = launched_for_one(world)
    throttle_once(world)
    yield lambda: until_sent(world, message)
    return outcome(world, message)


def to_be_sent_again(world: LossyWorld) -> SendMessage:
    """A mail that was rejected, and which a marketer has asked to send again."""
    campaign_id, lead_id, message = launched_for_one(world)
    world.reject(1)
    world.deliver_message(message)
    assert world.deliveries.mark_for_retry(campaign_id, lead_id, 1)
    world.reject()
    return message


@repeated
def a_failed_mail_is_sent_again(world: LossyWorld) -> Story:
    message = to_be_sent_again(world)
    rests = yield lambda: world.deliver_message(message)
    return rests, outcome(world, message)


@repeated
def a_failed_mail_is_given_back_and_sent_again(world: LossyWorld) -> Story:
    message = to_be_sent_again(world)
    throttle_once(world)
    yield lambda: until_sent(world, message)
    return outcome(world, message)


@repeated
def an_unknown_outcome_is_settled(world: LossyWorld) -> Story:
    _, _, message = launched_for_one(world)

    def break_off(mail: OutgoingMail) -> None:
        raise OutcomeUnknown

    world.mail.after = break_off
    world.deliver_message(message)
    world.now += OUTCOME_GRACE + timedelta(seconds=1)
    rests = yield lambda: world.deliver_message(message)
    return rests, outcome(world, message)


# -- Hits --------------------------------------------------------------------------------------------------------------


def sent(world: LossyWorld, lead_id: LeadId | None = None) -> Delivery:
    delivery = Delivery(new_campaign_id(), lead_id or new_lead_id(), DeliveryStatus.SENT, NOW, "0.0", email=ADDRESS)
    assert record_claim(world.deliveries, delivery)
    return delivery


def hit(delivery: Delivery, kind: HitKind, seconds: float = 0, **said: Any) -> Hit:
    return Hit(kind, delivery.campaign_id, delivery.lead_id, NOW + timedelta(seconds=seconds), **said)


def what_was_noted(world: LossyWorld, delivery: Delivery) -> Any:
    found = world.delivery(delivery.campaign_id, delivery.lead_id)
    noted = (found.opened_at, found.opened_person_at, found.opened_machine, found.unsubscribed_at)
    return noted, found.clicks, found.later, found.scans


def hits_are_noted(world: LossyWorld, delivery: Delivery, *hits: Hit) -> Story:
    yield lambda: [apply(each, *world.hits) for each in hits] and None
    return what_was_noted(world, delivery)


@repeated
def opens_are_noted(world: LossyWorld) -> Story:
    delivery = sent(world)
    machine = hit(delivery, HitKind.OPEN, machine="privacy_proxy")
    return hits_are_noted(world, delivery, machine, hit(delivery, HitKind.OPEN, 1), hit(delivery, HitKind.OPEN, 2))


@repeated
def clicks_are_noted(world: LossyWorld) -> Story:
    delivery = sent(world)
    scan = hit(delivery, HitKind.CLICK, link="1", machine="tool")
    return hits_are_noted(world, delivery, scan, *(hit(delivery, HitKind.CLICK, each, link="1") for each in range(3)))


@repeated
def a_person_clicks_after_a_scanner(world: LossyWorld) -> Story:
    delivery = sent(world)
    for number in range(4):
        apply(hit(delivery, HitKind.CLICK, number / 10, link=str(number)), *world.hits)
    return hits_are_noted(world, delivery, *(hit(delivery, HitKind.CLICK, 60 + each, link="1") for each in range(3)))


@repeated
def a_scanner_clicks_all_links_at_once(world: LossyWorld) -> Story:
    delivery = sent(world)
    return hits_are_noted(
        world, delivery, *(hit(delivery, HitKind.CLICK, each / 10, link=str(each)) for each in range(4))
    )


@repeated
def an_anonymous_recipient_opens(world: LossyWorld) -> Story:
    trace = Delivery(new_campaign_id(), new_trace_id(), DeliveryStatus.SENT, NOW, "")
    return hits_are_noted(world, trace, hit(trace, HitKind.OPEN), hit(trace, HitKind.CLICK, 1, link="1"))


@repeated
def an_anonymous_recipient_clicks(world: LossyWorld) -> Story:
    trace = Delivery(new_campaign_id(), new_trace_id(), DeliveryStatus.SENT, NOW, "")
    return hits_are_noted(world, trace, hit(trace, HitKind.CLICK, link="1"), hit(trace, HitKind.OPEN, 1))


@repeated
def a_recipient_unsubscribes(world: LossyWorld) -> Story:
    lead_id = create_lead(world.leads, SAID, NOW).lead_id
    delivery = sent(world, lead_id)
    noted = yield from hits_are_noted(world, delivery, hit(delivery, HitKind.UNSUBSCRIBE, source="link"))
    return noted, world.lead_and_address(lead_id)


@repeated
def a_deleted_lead_unsubscribes(world: LossyWorld) -> Story:
    campaign_id, lead_id, message = launched_for_one(world)
    world.deliver_message(message)
    gone = world.leads.get(lead_id)
    delete_lead(world.leads, lead_id)
    again = create_lead(world.leads, {"entity": "acme", "stage": "New", "email": gone.email}, NOW).lead_id
    unsubscribed = Hit(HitKind.UNSUBSCRIBE, campaign_id, lead_id, LATER, source="link")
    yield lambda: replay(unsubscribed, KEYS, *world.hits, world.campaigns) and None
    return world.delivery(campaign_id, lead_id).unsubscribed_at, world.lead_and_address(again)


# -- What the mail service reports -------------------------------------------------------------------------------------


def reported(*kinds: FeedbackKind) -> Told:
    def told(world: LossyWorld) -> Story:
        campaign_id, lead_id, message = launched_for_one(world)
        unknown = Delivery(campaign_id, lead_id, DeliveryStatus.SENDING, NOW, "0.0", email="lead1@example.com")
        assert record_claim(world.deliveries, unknown)
        yield lambda: [world.report(kind, campaign_id, lead_id, "message-1") for kind in kinds] and None
        found = world.delivery(campaign_id, lead_id)
        times = (found.sent_at, found.delivered_at, found.delayed_at, found.bounced_at, found.complained_at)
        return outcome(world, message), times, world.lead_and_address(lead_id)

    told.__name__ = f"reported_{'_'.join(kinds)}"
    return told


for kinds in (
    [FeedbackKind.DELAYED, FeedbackKind.DELIVERED],
    [FeedbackKind.DELAYED, FeedbackKind.REJECTED],
    [FeedbackKind.BOUNCED_SOFT, FeedbackKind.BOUNCED_HARD],
    [FeedbackKind.DELIVERED, FeedbackKind.COMPLAINED],
):
    repeated(reported(*kinds))
