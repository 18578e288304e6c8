"""The mail service refuses all mails of the account: campaigns pause, nobody fails, and resuming sends to everybody."""

from typing import Any

import pytest

from chalicelib.campaigns import launched_content as content
from chalicelib.model.ids import CampaignId
from chalicelib.model.reasons import FailureReason
from chalicelib.model.transport import AccountRefused, OutcomeUnknown, OutgoingMail, Rejected
from local.tables import TableNames
from tests.store.test_control import ControlledWorld
from tests.store.test_sending import KEYS, TRACKING_URL

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("few_shards")]

REFUSAL = "Amazon SES does not send from news@acme.example. Verify it."
EVERYBODY = sorted(f"lead{number}@example.com" for number in range(12))


class RefusedWorld(ControlledWorld):
    """A world whose mail service refuses everything until `mail.before` is replaced."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        super().__init__(client, tables)
        self.refusals = 0
        self.mail.before = self.refuse

    def refuse(self, mail: OutgoingMail) -> None:
        self.refusals += 1
        raise AccountRefused(REFUSAL)

    def accept(self) -> None:
        self.mail.before = lambda mail: None

    def stands(self, campaign_id: CampaignId) -> tuple[str, str | None]:
        campaign = self.campaign(campaign_id)
        return campaign.status.value, campaign.status_reason


@pytest.fixture
def world(dynamodb: Any, tables: TableNames) -> RefusedWorld:
    return RefusedWorld(dynamodb, tables)


def test_a_refused_account_pauses_the_campaign_once_and_fails_nobody(world: RefusedWorld) -> None:
    campaign_id = world.set_off(12)
    world.work()
    assert world.stands(campaign_id) == ("paused", f"Paused automatically. {REFUSAL} Then resume the campaign.")
    assert world.refusals == 1
    assert list(world.deliveries.iter_campaign(campaign_id)) == []
    assert world.total(campaign_id) == 12


def test_resuming_sends_to_everybody_once(world: RefusedWorld) -> None:
    campaign_id = world.set_off(12)
    world.work()
    world.accept()
    world.control.resume(campaign_id)
    world.work()
    assert world.addresses() == EVERYBODY
    assert world.settle(campaign_id) == {"sent": 12}
    assert world.stands(campaign_id) == ("sent", None)


def test_resumed_too_early_it_pauses_again(world: RefusedWorld) -> None:
    campaign_id = world.set_off(12)
    world.work()
    world.control.resume(campaign_id)
    assert world.stands(campaign_id) == ("sending", None)
    world.work()
    assert world.stands(campaign_id)[0] == "paused"
    assert world.refusals == 2


def test_other_campaigns_of_the_account_pause_as_they_meet_it(world: RefusedWorld) -> None:
    both = [world.set_off(3), world.set_off(0)]
    world.work()
    assert [world.stands(each)[0] for each in both] == ["paused", "paused"]
    assert world.refusals == 2


def test_a_refusal_does_not_overrule_who_cancelled_meanwhile(world: RefusedWorld) -> None:
    campaign_id = world.set_off(3)

    def cancelled_meanwhile(mail: OutgoingMail) -> None:
        world.control.cancel(campaign_id)
        world.refuse(mail)

    world.mail.before = cancelled_meanwhile
    world.work()
    assert world.stands(campaign_id) == ("cancelled", None)
    assert world.refusals == 1


def test_what_was_begun_before_is_settled_all_the_same(world: RefusedWorld) -> None:
    campaign_id = world.set_off(12)
    launched = content.load(world.campaigns, KEYS, TRACKING_URL, campaign_id)
    leads = [world.lead(100 + number).lead_id for number in range(3)]

    def unknown(mail: OutgoingMail) -> None:
        raise OutcomeUnknown("silence")

    world.mail.before = unknown
    world.deliver.deliver_all(launched, "0.0", leads[2:])
    world.mail.before = world.refuse
    (rest,) = world.deliver.deliver_all(launched, "0.0", leads)
    assert rest.lead_ids == (leads[2],)
    assert [each.lead_id for each in world.deliveries.iter_campaign(campaign_id)] == [leads[2]]


def test_a_mail_that_is_sent_again_waits_as_before_and_counts_once(world: RefusedWorld) -> None:
    campaign_id = world.set_off(3)

    def reject(mail: OutgoingMail) -> None:
        raise Rejected(FailureReason.REJECTED, "Not here.")

    world.mail.before = reject
    world.work()
    assert world.settle(campaign_id)["failed"] == 3
    world.mail.before = world.refuse
    world.control.retry_failed(campaign_id, [])
    world.work()
    assert world.stands(campaign_id)[0] == "paused"
    world.accept()
    world.control.resume(campaign_id)
    world.work()
    assert world.settle(campaign_id)["sent"] == 3
    assert len(world.addresses()) == 3
