"""The secret that describes a customer's mail server."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.model.transport import AccountRefused, NotSent
from chalicelib.sending.transports.smtp_server import (
    SmtpServer,
    Tls,
    kept_server,
)

FULL = {"host": "mail.example.com", "port": 2587, "tls": "starttls", "user": "leadflip", "password": "s3cret"}


def parsed(**values: Any) -> SmtpServer:
    return SmtpServer.parse(json.dumps(values))


def test_a_whole_description_is_read() -> None:
    assert parsed(**FULL) == SmtpServer("mail.example.com", 2587, Tls.STARTTLS, "leadflip", "s3cret")


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("implicit", 465)])
def test_a_port_that_is_not_given_is_the_usual_one(tls: str, port: int) -> None:
    assert parsed(host="mail.example.com", tls=tls).port == port


@pytest.mark.parametrize("port", [{}, {"port": 25}, {"port": "25"}, {"port": "0025"}])
def test_the_port_that_aws_closes_to_functions_is_refused_with_others_named(port: dict[str, Any]) -> None:
    for tls in ("none", "starttls") if port else ("none",):
        with pytest.raises(AccountRefused, match="port 25") as refused:
            parsed(host="mail.example.com", tls=tls, **port)
        assert all(other in str(refused.value) for other in ("587", "465", "2525"))


def test_a_server_in_clear_is_reached_at_another_port() -> None:
    assert parsed(host="mail.example.com", tls="none", port=2525).port == 2525


def test_a_port_may_be_text() -> None:
    assert parsed(**FULL | {"port": "2525"}).port == 2525


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tls": "ssl"}, "tls must be"),
        ({"tls": None}, "tls must be"),
        ({"host": " "}, "no host"),
        ({"port": 70000}, "port must be"),
        ({"port": "smtp"}, "port must be"),
        ({"user": None}, "user and password, or neither"),
        ({"password": ""}, "user and password, or neither"),
        ({"password": "s3crét"}, "ASCII"),
        ({"tls": "none"}, "in clear"),
        ({"username": "leadflip"}, "username"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(AccountRefused, match=words) as refused:
        parsed(**FULL | wrong)
    assert "s3cr" not in str(refused.value)


@pytest.mark.parametrize("text", ["s3cret", '"s3cret"', "{", "[]"])
def test_what_is_no_description_is_not_quoted(text: str) -> None:
    with pytest.raises(AccountRefused, match="no JSON object") as refused:
        SmtpServer.parse(text)
    assert refused.value.__context__ is None


def test_a_password_is_not_shown_with_the_server() -> None:
    assert "s3cret" not in repr(parsed(**FULL))


def test_a_changed_secret_is_known_within_a_minute() -> None:
    now, text = 0.0, json.dumps(FULL)
    server = kept_server(lambda: text, lambda: now)
    assert server().password == "s3cret"
    text = json.dumps(FULL | {"password": "newer"})
    assert server().password == "s3cret"
    now = 60.0
    assert server().password == "newer"


def test_a_secret_that_cannot_be_read_is_said_to_be_so() -> None:
    def refuse() -> str:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")

    with pytest.raises(NotSent, match="AccessDenied"):
        kept_server(refuse)()
