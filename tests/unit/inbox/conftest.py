"""One inbox for all tests that need nothing special, as new before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.inbox.running_inbox import RunningInbox, started_inbox


@pytest.fixture(scope="package")
def shared_inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    with started_inbox(tmp_path_factory.mktemp("inbox")) as inbox:
        yield inbox


@pytest.fixture
def inbox(shared_inbox: RunningInbox) -> RunningInbox:
    """Empty, without faults, the account at its defaults."""
    shared_inbox.request("DELETE", "/messages")
    shared_inbox.request("DELETE", "/faults")
    account = {
        "max_send_rate": 1000,
        "max_24_hour_send": 1_000_000,
        "sent_last_24_hours": 0,
        "sending_enabled": True,
        "production_access_enabled": True,
        "enforcement_status": "HEALTHY",
        "suspended": False,
        "access_denied": False,
        "configuration_set_exists": True,
        "mail_from_verified": True,
        "throttle_questions": False,
        "identities": None,
    }
    assert shared_inbox.request("PUT", "/account", account).status == 200
    return shared_inbox
