"""A campaign by SMTP, on both engines and through a real mail server: nobody gets two mails, and all end truly."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.campaigns import launched_content as content
from chalicelib.model.ids import CampaignId
from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import OutgoingMail
from chalicelib.sending.deliver import OUTCOME_GRACE
from chalicelib.sending.message_leads import Rest
from chalicelib.sending.rate import Waiting
from chalicelib.sending.transports.smtp import SmtpPatience, SmtpTransport
from chalicelib.sending.transports.smtp_server import SmtpServer, Tls
from local.tables import TableNames
from tests.store.test_sending import KEYS, TRACKING_URL, SomeAreWaiting, World
from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("few_shards")]


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox")) as started:
        yield started


class Sending:
    """Four leads who were planned, and a mail server."""

    def __init__(self, world: World, inbox: RunningInbox) -> None:
        inbox.request("DELETE", "/messages")
        inbox.request("DELETE", "/faults")
        self.world, self.inbox = world, inbox
        server = SmtpServer("127.0.0.1", inbox.smtp_port, Tls.NONE)
        patience = SmtpPatience(reply=0.3, verdict=0.3)
        self.transport = SmtpTransport(lambda: server, patience, lambda: world.now.timestamp())

        def hand_over(mail: OutgoingMail) -> None:
            self.transport.send(mail)

        world.mail.before = hand_over
        self.leads = [world.lead(number) for number in range(4)]
        self.campaign_id: CampaignId = world.launched()
        world.plan_all()

    def meets(self, **fault: Any) -> None:
        assert self.inbox.request("PUT", "/faults", {"faults": [{"protocol": "smtp", **fault}]}).status == 200

    def send(self) -> bool:
        """Whether every message was done with."""
        done = True
        for message in self.world.send_messages():
            try:
                self.world.send(message)
            except SomeAreWaiting:
                done = False
        return done

    def received(self) -> list[str]:
        return sorted(mail["to"] for mail in self.inbox.messages())

    def ends(self) -> dict[str, int]:
        return dict(self.world.recount.sums(self.campaign_id))


@pytest.fixture
def sending(dynamodb: Any, tables: TableNames, inbox: RunningInbox) -> Sending:
    return Sending(World(dynamodb, tables), inbox)


EVERYBODY = [f"lead{number}@example.com" for number in range(4)]


def test_everybody_gets_one_mail(sending: Sending) -> None:
    assert sending.send()
    assert sending.send()  # SQS delivers at least once
    assert sending.received() == EVERYBODY
    assert sending.ends() == {"sent": 4}


def test_who_is_refused_has_failed_with_the_servers_words(sending: Sending) -> None:
    sending.meets(kind="reject", at="rcpt", to="lead2@example.com", status=550, message="5.1.1 user unknown")
    assert sending.send()
    assert sending.received() == [address for address in EVERYBODY if address != "lead2@example.com"]
    failed = sending.world.deliveries.find(sending.campaign_id, sending.leads[2].lead_id)
    assert failed is not None
    assert (failed.reason, failed.detail) == ("invalid_address", "550 5.1.1 user unknown")


def test_who_is_deferred_gets_the_mail_later(sending: Sending) -> None:
    sending.meets(kind="error", at="rcpt", to="lead2@example.com", count=2, status=450, message="4.2.0 greylisted")
    assert [sending.send() for _ in range(3)] == [False, False, True]
    assert sending.received() == EVERYBODY
    assert sending.ends() == {"sent": 4}


def test_who_is_deferred_for_hours_has_failed_with_the_servers_words(sending: Sending) -> None:
    sending.meets(kind="error", at="rcpt", to="lead2@example.com", status=452, message="4.2.2 mailbox full")
    deliver, campaign_id, lead_id = sending.world.deliver, sending.campaign_id, sending.leads[2].lead_id
    launched = content.load(sending.world.campaigns, KEYS, TRACKING_URL, campaign_id)
    waited, put_off = 0.0, 0
    while rests := deliver.deliver_all(launched, "0.0", [lead_id], put_off=put_off):
        (rest,) = rests
        waited, put_off = waited + rest.after_seconds, rest.put_off
    assert waited == 4 * 3600
    failed = sending.world.deliveries.find(campaign_id, lead_id)
    assert failed is not None
    assert (failed.status, failed.reason, failed.detail) == ("failed", "rejected", "452 4.2.2 mailbox full")


def test_a_server_out_of_reach_lets_a_batch_wait_as_one(sending: Sending) -> None:
    sending.meets(kind="drop_unkept", at="rcpt")
    launched = content.load(sending.world.campaigns, KEYS, TRACKING_URL, sending.campaign_id)
    lead_ids = tuple(lead.lead_id for lead in sending.leads)
    waiting = Waiting(WaitReason.MAIL_SERVICE, sending.world.now + timedelta(seconds=30))
    assert sending.world.deliver.deliver_all(launched, "0.0", lead_ids) == [Rest(lead_ids, 30, waiting=waiting)]
    assert sending.ends() == {}


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "stall", "seconds": 0.6}])
def test_whose_outcome_is_unknown_gets_no_second_mail(sending: Sending, fault: dict[str, Any]) -> None:
    sending.meets(to="lead2@example.com", count=1, **fault)
    assert not sending.send()
    sending.world.now += timedelta(seconds=11)
    sending.send()
    sending.world.now += OUTCOME_GRACE + timedelta(seconds=1)
    assert sending.send()
    received = sending.received()
    assert len(received) == len(set(received))
    unknown = sending.world.deliveries.find(sending.campaign_id, sending.leads[2].lead_id)
    assert unknown is not None
    assert (unknown.status, unknown.reason) == ("failed", "outcome_unknown")
    assert sending.ends()["sent"] == 3


@pytest.mark.parametrize("fault", [{"kind": "drop_unkept"}, {"kind": "stall", "seconds": 0.6}])
def test_a_server_that_breaks_off_before_the_message_costs_nobody_the_mail(
    sending: Sending, fault: dict[str, Any]
) -> None:
    sending.meets(at="rcpt", count=1, **fault)
    assert not sending.send()
    sending.world.now += timedelta(seconds=11)
    assert sending.send()
    assert sending.received() == EVERYBODY
    assert sending.ends() == {"sent": 4}
