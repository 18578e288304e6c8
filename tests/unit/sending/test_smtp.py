"""The SMTP transport against real servers that take, refuse, defer, fall silent and break off."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest

from chalicelib.model.reasons import FailureReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected
from chalicelib.sending.transports.smtp import SmtpPatience, SmtpTransport
from chalicelib.sending.transports.smtp_server import SmtpServer, Tls
from tests.unit.inbox.running_inbox import RunningInbox, started_inbox
from tests.unit.sending.mail_servers import (
    GREETING,
    HANG_UP,
    HELLO,
    SILENCE,
    Certificate,
    ScriptedServer,
    self_made_certificate,
    tls_server,
)

# aiosmtpd does not know that its socket is encrypted from the start.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

MESSAGE = b"From: news@acme.example\r\nSubject: Hello\r\n\r\n.a dot\r\n..two\r\n.\r\nthe end\r\n"
MAIL = OutgoingMail("news@acme.example", "ada@example.com", MESSAGE, "cmp_1", "delivery-1")
SHORT = SmtpPatience(reply=0.3, verdict=0.3)


class Clock:
    """Seconds, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox")) as inbox:
        yield inbox


@pytest.fixture
def inbox(running: RunningInbox) -> RunningInbox:
    running.request("DELETE", "/messages")
    running.request("DELETE", "/faults")
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def to_port(port: int, clock: Callable[[], float] = time.monotonic) -> SmtpTransport:
    return SmtpTransport(lambda: SmtpServer("127.0.0.1", port, Tls.NONE), SHORT, clock)


@pytest.fixture
def transport(inbox: RunningInbox, clock: Clock) -> SmtpTransport:
    return to_port(inbox.smtp_port, clock)


@pytest.fixture
def scripted(clock: Clock) -> Iterator[Callable[..., tuple[ScriptedServer, SmtpTransport]]]:
    started: list[ScriptedServer] = []

    def start(*scripts: list[str]) -> tuple[ScriptedServer, SmtpTransport]:
        started.append(ScriptedServer(*scripts))
        return started[-1], to_port(started[-1].port, clock)

    yield start
    for server in started:
        server.close()


def plays(inbox: RunningInbox, **fault: Any) -> None:
    assert inbox.request("PUT", "/faults", {"faults": [{"protocol": "smtp", **fault}]}).status == 200


def test_a_mail_arrives_byte_for_byte_under_its_envelope(inbox: RunningInbox, transport: SmtpTransport) -> None:
    words = transport.send(MAIL)
    (mail,) = inbox.messages()
    assert (mail["from"], mail["to"]) == ("news@acme.example", "ada@example.com")
    assert inbox.content(mail["id"]) == MESSAGE
    assert words == f"2.0.0 OK {mail['id']}"


def test_a_message_without_a_last_line_break_arrives_with_one(inbox: RunningInbox, transport: SmtpTransport) -> None:
    transport.send(replace(MAIL, message=b"Subject: Hello\r\n\r\nthe end"))
    assert inbox.content(inbox.messages()[0]["id"]) == b"Subject: Hello\r\n\r\nthe end\r\n"


def test_a_megabyte_arrives_whole(inbox: RunningInbox, transport: SmtpTransport) -> None:
    message = (
        b"Subject: Large\r\n\r\n"
        + b".seventy-six characters are what quoted-printable holds in a line, with\r\n" * 14_000
    )
    transport.send(replace(MAIL, message=message))
    assert inbox.content(inbox.messages()[0]["id"]) == message


def test_an_international_domain_goes_out_in_ascii(inbox: RunningInbox, transport: SmtpTransport) -> None:
    transport.send(replace(MAIL, to_email="ada@bücher.example"))
    assert inbox.messages()[0]["to"] == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("address", ["ädä@example.com", "ada@example.com\r\nDATA", "nobody", ""])
def test_an_address_that_no_command_can_hold_is_invalid(transport: SmtpTransport, address: str) -> None:
    with pytest.raises(Rejected) as rejected:
        transport.send(replace(MAIL, to_email=address))
    assert rejected.value.reason is FailureReason.INVALID_ADDRESS


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"at": "rcpt", "status": 550, "message": "5.1.1 user unknown"}, FailureReason.INVALID_ADDRESS),
        ({"at": "rcpt", "status": 553, "message": "no such mailbox"}, FailureReason.INVALID_ADDRESS),
        ({"at": "rcpt", "status": 554, "message": "5.7.1 relay access denied"}, FailureReason.REJECTED),
        ({"at": "data", "status": 552, "message": "5.3.4 too big for me"}, FailureReason.REJECTED),
    ],
)
def test_a_refusal_for_good_has_failed_with_the_servers_words(
    inbox: RunningInbox, transport: SmtpTransport, fault: dict[str, Any], reason: FailureReason
) -> None:
    plays(inbox, kind="reject", count=1, **fault)
    with pytest.raises(Rejected) as rejected:
        transport.send(MAIL)
    assert (rejected.value.reason, str(rejected.value)) == (reason, f"{fault['status']} {fault['message']}")
    assert inbox.messages() == []
    transport.send(MAIL)
    assert len(inbox.messages()) == 1


@pytest.mark.parametrize("at", ["rcpt", "data"])
def test_a_deferred_mail_is_not_sent_and_the_next_one_is(
    inbox: RunningInbox, transport: SmtpTransport, at: str
) -> None:
    plays(inbox, kind="error", count=1, at=at, to="ada@example.com")
    with pytest.raises(NotSent, match=r"451 4\.3\.0 Temporary server failure") as not_sent:
        transport.send(MAIL)
    assert not_sent.value.waits_for is WaitReason.PUT_OFF
    transport.send(replace(MAIL, to_email="bob@example.com"))
    assert [mail["to"] for mail in inbox.messages()] == ["bob@example.com"]


def test_a_connection_dropped_after_the_message_leaves_an_unknown_outcome(
    inbox: RunningInbox, transport: SmtpTransport
) -> None:
    plays(inbox, kind="drop", count=1)
    with pytest.raises(OutcomeUnknown):
        transport.send(MAIL)
    assert len(inbox.messages()) == 1


def test_a_server_that_does_not_answer_the_message_leaves_an_unknown_outcome(
    inbox: RunningInbox, transport: SmtpTransport
) -> None:
    plays(inbox, kind="stall", seconds=2, count=1)
    with pytest.raises(OutcomeUnknown, match="timed out"):
        transport.send(MAIL)


@pytest.mark.parametrize("kind", ["stall", "drop_unkept"])
def test_silence_before_the_message_means_that_it_did_not_leave(
    inbox: RunningInbox, transport: SmtpTransport, kind: str
) -> None:
    plays(inbox, kind=kind, at="rcpt", seconds=1, count=1)
    with pytest.raises(NotSent):
        transport.send(MAIL)
    assert inbox.messages() == []


def test_a_server_that_fell_silent_is_left_alone_for_a_moment(
    inbox: RunningInbox, transport: SmtpTransport, clock: Clock
) -> None:
    plays(inbox, kind="stall", at="rcpt", seconds=1, count=1)
    with pytest.raises(NotSent):
        transport.send(MAIL)
    with pytest.raises(NotSent):  # without asking the server, which would take it
        transport.send(MAIL)
    clock.now += 11
    transport.send(MAIL)
    assert len(inbox.messages()) == 1


def test_a_server_out_of_reach_means_not_sent() -> None:
    with pytest.raises(NotSent, match="refused") as not_sent:
        to_port(1).send(MAIL)
    assert not_sent.value.waits_for is WaitReason.MAIL_SERVICE


Scripted = Callable[..., tuple[ScriptedServer, SmtpTransport]]
TAKEN = ["250 ok", "250 ok", "354 go on", "250 2.0.0 kept"]
"""Replies to one mail's MAIL, RCPT, DATA and the message."""


def test_mails_share_a_connection(scripted: Scripted) -> None:
    server, transport = scripted([GREETING, HELLO, *TAKEN * 3])
    assert [transport.send(MAIL) for _ in range(3)] == ["2.0.0 kept"] * 3
    assert len(server.heard) == 1


def test_a_refused_mail_leaves_the_connection_to_the_next(scripted: Scripted) -> None:
    server, transport = scripted([GREETING, HELLO, "250 ok", "550 5.1.1 unknown", "250 reset", *TAKEN])
    with pytest.raises(Rejected):
        transport.send(MAIL)
    transport.send(MAIL)
    assert [line.split()[0] for line in server.heard[0]][1:5] == ["mail", "rcpt", "rset", "mail"]


@pytest.mark.parametrize("farewell", [HANG_UP, "421 4.4.2 idle for too long"])
def test_a_connection_closed_while_idle_is_replaced(scripted: Scripted, farewell: str) -> None:
    server, transport = scripted([GREETING, HELLO, *TAKEN, farewell], [GREETING, HELLO, *TAKEN])
    transport.send(MAIL)
    assert transport.send(MAIL) == "2.0.0 kept"
    assert len(server.heard) == 2


def test_a_connection_that_falls_silent_is_waited_for_once(scripted: Scripted) -> None:
    server, transport = scripted([GREETING, HELLO, *TAKEN, SILENCE], [GREETING, HELLO, *TAKEN])
    transport.send(MAIL)
    with pytest.raises(NotSent, match="timed out"):
        transport.send(MAIL)
    assert len(server.heard) == 1


def test_a_connection_idle_for_long_is_not_trusted(scripted: Scripted, clock: Clock) -> None:
    server, transport = scripted([GREETING, HELLO, *TAKEN, SILENCE], [GREETING, HELLO, *TAKEN])
    transport.send(MAIL)
    clock.now += 61
    transport.send(MAIL)
    assert len(server.heard) == 2


@pytest.mark.parametrize(
    "script",
    [
        [SILENCE],
        [HANG_UP],
        ["554 5.7.1 not you"],
        ["421 4.3.2 too many connections"],
        [GREETING, SILENCE],
        [GREETING, HELLO, SILENCE],
        [GREETING, HELLO, "530 5.7.0 log in first"],
        [GREETING, HELLO, "451 4.7.1 slow down", "250 reset"],
        [GREETING, HELLO, "nonsense"],
        [GREETING, HELLO, "250 ok", "450 4.2.0 greylisted", "250 reset"],
        [GREETING, HELLO, "250 ok", "250 ok", SILENCE],
        [GREETING, HELLO, "250 ok", "250 ok", HANG_UP],
        [GREETING, HELLO, "250 ok", "250 ok", "451 4.3.0 no room", "250 reset"],
        [GREETING, HELLO, "250 ok", "250 ok", "354 go on", "452 4.3.1 no room", "250 reset"],
        [GREETING, HELLO, "250 ok", "250 ok", "354 go on", "421 4.3.2 shutting down"],
    ],
)
def test_what_certainly_did_not_leave_may_be_sent_again(scripted: Scripted, script: list[str]) -> None:
    _, transport = scripted(script)
    with pytest.raises(NotSent):
        transport.send(MAIL)


@pytest.mark.parametrize(
    "script",
    [
        [GREETING, HELLO, "250 ok", "250 ok", "554 no valid recipients", "250 reset"],
        [GREETING, HELLO, "250 ok", "250 ok", "354 go on", "550 5.7.1 looks like spam", "250 reset"],
    ],
)
def test_what_was_refused_for_good_has_failed(scripted: Scripted, script: list[str]) -> None:
    _, transport = scripted(script)
    with pytest.raises(Rejected) as rejected:
        transport.send(MAIL)
    assert rejected.value.reason is FailureReason.REJECTED
    assert str(rejected.value) == script[-2]


@pytest.mark.parametrize("refusal", ["550 5.7.1 sender not allowed", "553 no such sender here"])
def test_a_refused_sender_concerns_every_mail(scripted: Scripted, refusal: str) -> None:
    _, transport = scripted([GREETING, HELLO, refusal, "250 reset"])
    with pytest.raises(AccountRefused) as refused:
        transport.send(MAIL)
    assert MAIL.from_email in str(refused.value)
    assert refusal in str(refused.value)


def slow(scripted: Scripted, script: list[str], patience: SmtpPatience) -> tuple[ScriptedServer, SmtpTransport]:
    server, _ = scripted(script)
    server.pause = 0.2
    return server, SmtpTransport(lambda: SmtpServer("127.0.0.1", server.port, Tls.NONE), patience)


def test_a_server_that_is_slow_again_and_again_gets_no_message_that_it_has_no_time_to_answer(
    scripted: Scripted,
) -> None:
    script = [GREETING, HELLO, "250 ok", "250 ok", "354 go on", "250 taken"]
    server, transport = slow(scripted, script, SmtpPatience(reply=0.5, verdict=0.5, whole=1.2))
    with pytest.raises(NotSent, match="too long for one mail"):
        transport.send(MAIL)
    assert [line for line in server.heard[0] if line.startswith("DATA")] == []


def test_a_slow_server_that_stays_within_the_whole_gets_its_mail(scripted: Scripted) -> None:
    script = [GREETING, HELLO, "250 ok", "250 ok", "354 go on", "250 taken"]
    _, transport = slow(scripted, script, SmtpPatience(reply=2, verdict=5, whole=10))
    assert transport.send(MAIL) == "taken"


@pytest.mark.parametrize("end", [SILENCE, HANG_UP, "nonsense", "334 what?"])
def test_what_may_have_left_is_never_called_unsent(scripted: Scripted, end: str) -> None:
    _, transport = scripted([GREETING, HELLO, "250 ok", "250 ok", "354 go on", end])
    with pytest.raises(OutcomeUnknown):
        transport.send(MAIL)


def test_a_connection_broken_within_the_message_means_not_sent(scripted: Scripted) -> None:
    class Breaking(ScriptedServer):
        def _read(self, lines: Any, *, whole_message: bool) -> str:
            if whole_message:
                lines.readline()
                raise OSError
            return super()._read(lines, whole_message=False)

    server = Breaking([GREETING, HELLO, "250 ok", "250 ok", "354 go on", "250 never"])
    with pytest.raises(NotSent):
        to_port(server.port).send(replace(MAIL, message=MESSAGE + b"and so on\r\n" * 1_000_000))
    server.close()


def test_a_mail_too_large_for_the_server_is_refused_before_it_is_carried_over(scripted: Scripted) -> None:
    server, transport = scripted([GREETING, "250-hello\r\n250 SIZE 1000", "552 5.3.4 too big", "250 reset"])
    with pytest.raises(Rejected, match="too big"):
        transport.send(replace(MAIL, message=b"x" * 2000))
    assert server.heard[0][1] == "mail FROM:<news@acme.example> SIZE=2000"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_made_certificate(tmp_path_factory.mktemp("certificate"))


def to_tls(port: int, tls: Tls, certificate: Certificate | None, *, password: str) -> SmtpTransport:
    server = SmtpServer("localhost", port, tls, "mailer", password)
    trust = certificate.trust if certificate else ssl.create_default_context
    return SmtpTransport(lambda: server, SHORT, time.monotonic, trust)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_mail_goes_encrypted_and_after_login(certificate: Certificate, tls: Tls) -> None:
    with tls_server(certificate, implicit=tls is Tls.IMPLICIT) as server:
        transport = to_tls(server.port, tls, certificate, password=server.password)
        assert transport.send(MAIL) == "2.0.0 OK queued as 4711"
        transport.send(MAIL)
        assert server.mails == [("ada@example.com", MESSAGE, True)] * 2
        assert server.logins == [("mailer", "se:cret")]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_server_with_a_certificate_that_nobody_vouches_for_gets_no_password(
    certificate: Certificate, tls: Tls
) -> None:
    with tls_server(certificate, implicit=tls is Tls.IMPLICIT) as server:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            to_tls(server.port, tls, None, password=server.password).send(MAIL)
        assert (server.logins, server.mails) == ([], [])


def test_a_server_that_offers_no_encryption_gets_nothing(inbox: RunningInbox, certificate: Certificate) -> None:
    with pytest.raises(NotSent, match="STARTTLS"):
        to_tls(inbox.smtp_port, Tls.STARTTLS, certificate, password="se:cret").send(MAIL)
    assert inbox.messages() == []


def test_a_wrong_password_concerns_every_mail(certificate: Certificate) -> None:
    with tls_server(certificate, implicit=True) as server:
        with pytest.raises(AccountRefused, match=r"535 5\.7\.8.* Correct the secret") as refused:
            to_tls(server.port, Tls.IMPLICIT, certificate, password="a guess").send(MAIL)
        assert "guess" not in str(refused.value)


def test_a_secret_that_describes_no_server_concerns_every_mail() -> None:
    def nothing() -> SmtpServer:
        raise AccountRefused("The SMTP secret names no host.")

    with pytest.raises(AccountRefused, match="names no host"):
        SmtpTransport(nothing).send(MAIL)


def test_a_secret_that_cannot_be_read_for_now_means_not_sent() -> None:
    def nothing() -> SmtpServer:
        raise NotSent("The SMTP secret cannot be read: time-out")

    with pytest.raises(NotSent, match="time-out") as not_sent:
        SmtpTransport(nothing).send(MAIL)
    assert not isinstance(not_sent.value, AccountRefused)


def test_a_rendered_mails_message_can_be_read_at_the_other_end(inbox: RunningInbox, transport: SmtpTransport) -> None:
    transport.send(replace(MAIL, message=b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"))
    assert message_from_bytes(inbox.content(inbox.messages()[0]["id"])).get_payload() == "Hello\r\n"


def test_threads_have_connections_of_their_own(inbox: RunningInbox, transport: SmtpTransport) -> None:
    from concurrent.futures import ThreadPoolExecutor

    addresses = [f"lead{number}@example.com" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda address: transport.send(replace(MAIL, to_email=address)), addresses))
    assert sorted(mail["to"] for mail in inbox.messages()) == sorted(addresses)
