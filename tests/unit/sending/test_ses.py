"""Amazon SES as the transport and the check before sending meet it: the inbox plays it, over the SDK's own client."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.campaigns.account import Hindrance, SesAccount
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.sending.transports import REST_SECONDS
from chalicelib.sending.transports.ses import SesTransport
from tests.api_client import OnlyDmarc
from tests.unit.inbox.running_inbox import RunningInbox, started_inbox

SENDER = "news@mail.shop.example"
HEALTHY = {
    "enforcement_status": "HEALTHY",
    "suspended": False,
    "access_denied": False,
    "configuration_set_exists": True,
    "mail_from_verified": True,
    "sending_enabled": True,
    "production_access_enabled": True,
    "identities": {"shop.example": "SUCCESS"},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox"), "--region=eu-central-1") as started:
        yield started


@pytest.fixture
def inbox(shared: RunningInbox) -> RunningInbox:
    """A healthy account that has verified shop.example."""
    shared.request("DELETE", "/faults")
    shared.request("DELETE", "/messages")
    switch(shared, **HEALTHY)
    return shared


def switch(inbox: RunningInbox, **account: Any) -> None:
    assert inbox.request("PUT", "/account", account).status == 200


class LostConnections(BaseHTTPRequestHandler):
    """SES behind a network that has forgotten each connection after one mail: only the next mail finds out."""

    protocol_version = "HTTP/1.1"
    mails = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.mails += 1
        if self.mails > 1:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-length", "19")
        self.end_headers()
        self.wfile.write(b'{"MessageId": "17"}')

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def forgetful() -> Iterator[Any]:
    """A client of such a service."""
    with ThreadingHTTPServer(("127.0.0.1", 0), LostConnections) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield boto3.client(
            "sesv2",
            endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="thing",
            config=Config(retries={"total_max_attempts": 1}),
        )
        server.shutdown()


def mail(sender: str = SENDER, to: str = "ada@example.com") -> OutgoingMail:
    message = f"From: {sender}\r\nTo: {to}\r\nSubject: Hello\r\n\r\nHello\r\n".encode()
    return OutgoingMail(sender, to, message, "cmp_1", "delivery")


def send(inbox: RunningInbox, sender: str = SENDER, to: str = "ada@example.com") -> str:
    return SesTransport(inbox.ses(), "leadflip").send(mail(sender, to))


def test_a_healthy_account_sends(inbox: RunningInbox) -> None:
    assert send(inbox) == inbox.messages()[0]["id"]


def test_a_mail_after_a_pause_takes_a_new_connection(forgetful: Any) -> None:
    """An old one may be dead without a sign, and what is handed to it has an unknown outcome: a mail lost."""
    now = 1000.0
    transport = SesTransport(forgetful, "leadflip", lambda: now)
    assert transport.send(mail()) == "17"
    now += 3600
    assert transport.send(mail()) == "17"


def test_mails_in_a_row_share_a_connection(forgetful: Any) -> None:
    """A new one takes several round trips and milliseconds of the processor."""
    transport = SesTransport(forgetful, "leadflip", lambda: 1000.0)
    transport.send(mail())
    with pytest.raises(OutcomeUnknown):
        transport.send(mail())


@pytest.mark.parametrize("fault", [{"kind": "error"}, {"kind": "drop"}])
def test_an_outage_costs_one_mail_and_the_others_wait(inbox: RunningInbox, fault: dict[str, Any]) -> None:
    assert inbox.request("PUT", "/faults", {"faults": [fault | {"count": 1}]}).status == 200
    now = 1000.0
    transport = SesTransport(inbox.ses(), "leadflip", lambda: now)
    with pytest.raises(OutcomeUnknown) as unknown:
        transport.send(mail())
    with pytest.raises(NotSent) as waits:
        transport.send(mail())
    assert str(waits.value) == str(unknown.value)
    now += REST_SECONDS
    assert transport.send(mail()) in {each["id"] for each in inbox.messages()}


@pytest.mark.parametrize(
    ("account", "sender", "said"),
    [
        ({}, "news@other.example", "cannot send from news@other.example"),
        ({"identities": {"shop.example": "FAILED"}}, SENDER, "cannot send from news@mail.shop.example"),
        ({"production_access_enabled": False}, SENDER, "sandbox"),
        ({"suspended": True}, SENDER, "permanently ended"),
        ({"sending_enabled": False}, SENDER, "paused"),
        ({"enforcement_status": "SHUTDOWN"}, SENDER, "paused"),
        ({"mail_from_verified": False}, SENDER, "MAIL FROM"),
        ({"access_denied": True}, SENDER, "IAM"),
        ({"configuration_set_exists": False}, SENDER, "configuration set leadflip"),
    ],
)
def test_what_concerns_every_mail_is_told_from_what_concerns_one_with_what_to_do(
    inbox: RunningInbox, account: dict[str, Any], sender: str, said: str
) -> None:
    switch(inbox, **account)
    with pytest.raises(AccountRefused, match=said) as refused:
        send(inbox, sender)
    assert "ada@example.com" not in str(refused.value)  # a campaign's reason names no recipient
    assert str(refused.value).count(". ") >= 1  # what is wrong, and what to do


@pytest.mark.parametrize(
    "words",
    [
        "Sending paused for this account. For more information, please check the inbox of the email address "
        "associated with your AWS account.",
        "Account is paused",
        "Email address is not verified.",
        "Sending suspended for this account. For more information, please check the inbox.",
        "Configuration set does not exist",
        "Mail FROM domain is not verified",
    ],
)
def test_the_words_of_a_message_rejected_may_concern_every_mail(inbox: RunningInbox, words: str) -> None:
    inbox.request("PUT", "/faults", {"faults": [{"kind": "reject", "message": words}]})
    with pytest.raises(AccountRefused):
        send(inbox)


@pytest.mark.parametrize(
    "words", ["Message contained a virus.", "Duplicate header 'Subject'.", "Transaction failed: message paused in scan"]
)
def test_a_refused_content_fails_its_own_mail_alone(inbox: RunningInbox, words: str) -> None:
    inbox.request("PUT", "/faults", {"faults": [{"kind": "reject", "message": words}]})
    with pytest.raises(Rejected, match=words):
        send(inbox)


def test_throttling_and_the_quota_pass_by_themselves(inbox: RunningInbox) -> None:
    for kind in ("throttle", "quota"):
        inbox.request("PUT", "/faults", {"faults": [{"kind": kind}]})
        with pytest.raises(NotSent) as waiting:
            send(inbox)
        assert not isinstance(waiting.value, AccountRefused)


@pytest.mark.parametrize(
    ("identities", "verified"),
    [
        ({"shop.example": "SUCCESS"}, True),
        ({"mail.shop.example": "SUCCESS"}, True),
        ({SENDER: "SUCCESS"}, True),
        ({"shop.example": "PENDING"}, False),
        # Settings follow the most specific identity that is verified; one that is not takes nothing away.
        ({"shop.example": "SUCCESS", "mail.shop.example": "PENDING"}, True),
        ({"shop.example": "SUCCESS", SENDER: "FAILED"}, True),
        ({"other.mail.shop.example": "SUCCESS"}, False),
        ({"example": "SUCCESS"}, False),
        ({}, False),
    ],
)
def test_a_verified_domain_covers_its_subdomains_and_their_addresses(
    inbox: RunningInbox, identities: dict[str, str], verified: bool
) -> None:
    switch(inbox, identities=identities)
    assert SesAccount(inbox.ses(), OnlyDmarc()).sender(SENDER).verified is verified


def test_a_long_domain_costs_no_more_questions_than_a_request_has_time_for(inbox: RunningInbox) -> None:
    switch(inbox, identities={"shop.example": "SUCCESS"})
    asked: list[Any] = []
    ses = inbox.ses()
    ses.meta.events.register("before-call.sesv2.GetEmailIdentity", lambda **said: asked.append(said))
    assert SesAccount(ses, OnlyDmarc()).sender(f"a@{'a.' * 100}shop.example").verified
    assert len(asked) <= 8


@pytest.mark.parametrize(
    ("account", "hindrance"),
    [
        ({}, None),
        ({"enforcement_status": "PROBATION"}, Hindrance.ACCOUNT_UNDER_REVIEW),
        ({"production_access_enabled": False}, Hindrance.ACCOUNT_IN_SANDBOX),
        ({"sending_enabled": False}, Hindrance.SENDING_DISABLED),
        ({"enforcement_status": "SHUTDOWN"}, Hindrance.SENDING_DISABLED),
        ({"enforcement_status": "SHUTDOWN", "production_access_enabled": False}, Hindrance.SENDING_DISABLED),
    ],
)
def test_the_account_says_what_keeps_it_from_sending(
    inbox: RunningInbox, account: dict[str, Any], hindrance: Hindrance | None
) -> None:
    switch(inbox, **account)
    state = SesAccount(inbox.ses(), OnlyDmarc()).state()
    assert state is not None
    assert state.hindrance is hindrance


def test_an_account_that_cannot_be_asked_is_not_said_to_be_hindered(tmp_path: Any) -> None:
    with started_inbox(tmp_path) as gone:
        account = SesAccount(gone.ses(), OnlyDmarc())
    assert (account.state(), account.sender(SENDER).verified) == (None, None)
