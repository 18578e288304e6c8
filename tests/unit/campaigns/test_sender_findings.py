"""What preflight says of account, sender and postal address, and how severely."""

from typing import Any

import pytest

from chalicelib.campaigns.account import AccountState, SenderFacts
from chalicelib.campaigns.sender_findings import BULK_MAILS, sender_findings
from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.model.workspace import Workspace

FINE = SenderFacts(verified=True, passes_dmarc=True)
FAILS = SenderFacts(verified=True, passes_dmarc=False, reason="no DMARC record is published for acme.example")
OWN = Workspace(postal_address="Müller & Söhne GmbH\nHauptstraße 1\n10115 Berlin")
ADDRESS = "<p>M&uuml;ller &amp; Söhne <b>GmbH</b>,<br>HAUPTSTRASSE&nbsp;1, 10115  Berlin</p>"


def account(sent: int = 0) -> AccountState:
    return AccountState(
        sandbox=False, sending_enabled=True, enforcement_status="HEALTHY", quota=None, sent=sent, rate=14.0
    )


def said(
    sender: SenderFacts | None = FINE, html: str = ADDRESS, own: Workspace = OWN, recipients: int = 10, sent: int = 0
) -> dict[str, str]:
    """The findings' severities by code."""
    source = ContentSource(subject="Hello", html=html, text=None, from_email="news@acme.example")
    found = sender_findings(compile_content(source, None), recipients, account(sent), sender, own)
    return {each.code: each.severity.value for each in found}


def test_all_is_well() -> None:
    assert said() == {}


@pytest.mark.parametrize(
    ("numbers", "severity"),
    [
        ({"recipients": BULK_MAILS}, "warning"),
        ({"recipients": BULK_MAILS + 1}, "error"),
        ({"recipients": 1, "sent": BULK_MAILS}, "error"),
    ],
)
def test_what_bulk_senders_need_is_an_error_above_5000_in_24_hours(numbers: dict[str, Any], severity: str) -> None:
    assert said(FAILS, "<p>Hello</p>", **numbers) == {"dmarc_fails": severity, "postal_address_missing": severity}


@pytest.mark.parametrize("sender", [SenderFacts(), SenderFacts(verified=True)])
def test_what_could_not_be_checked_is_a_note(sender: SenderFacts) -> None:
    assert said(sender) == {"sender_not_checked": "note"}


def test_a_sender_that_is_not_verified_or_not_known_is_not_measured_by_dmarc() -> None:
    assert said(SenderFacts(verified=False)) == {"sender_not_verified": "error"}
    assert said(None) == {}


@pytest.mark.parametrize(
    ("html", "missing"),
    [
        (ADDRESS, False),
        ("<p>Hello</p>", True),
        (ADDRESS.replace("10115", "10117"), True),
        (ADDRESS.replace("Berlin", ""), True),
    ],
)
def test_every_line_of_the_address_has_to_be_in_the_mail(html: str, missing: bool) -> None:
    assert ("postal_address_missing" in said(html=html)) is missing
    assert "postal_address_missing" in said(html=html, own=Workspace())
