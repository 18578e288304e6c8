"""An account that may not send, on the deployed stack: the campaign pauses with the reason, and resuming sends it."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.console import NotReady
from local.stack import LocalStack
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
HEALTHY: dict[str, Any] = {
    "production_access_enabled": True,
    "access_denied": False,
    "enforcement_status": "HEALTHY",
    "identities": None,
}


def switch(stack: LocalStack, **account: Any) -> None:
    body = json.dumps(account).encode()
    order = urllib.request.Request(f"{stack.inbox_url}/account", body, {"Content-Type": "application/json"})
    order.method = "PUT"
    urllib.request.urlopen(order, timeout=10).close()


@pytest.fixture
def marketer(stack: LocalStack) -> Iterator[Marketer]:
    yield Marketer(stack)
    switch(stack, **HEALTHY)


def written(marketer: Marketer, entity: str) -> str:
    """The path of a campaign to twelve new leads of an entity, sent from a subdomain."""
    lines = ["entity,stage,email", *(f"{entity},New,{entity}-{number}@people.example" for number in range(12))]
    marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    campaign = {
        "title": "Refused",
        "subject": "Hello",
        "from_email": "news@mail.shop.example",
        "html": "<p>Hello</p>",
        "audience": {"entity": entity, "stages": ["New"]},
    }
    return f"/v1/campaigns/{marketer('POST', '/v1/campaigns', campaign)['campaign_id']}"


@pytest.mark.parametrize(
    ("account", "found", "said"),
    [
        (
            {"identities": {"shop.example": "SUCCESS"}, "production_access_enabled": False},
            ["account_in_sandbox"],
            "sandbox",
        ),
        ({"access_denied": True}, [], "IAM"),
    ],
)
def test_a_campaign_pauses_with_the_reason_and_goes_on_when_it_is_put_right(
    stack: LocalStack, marketer: Marketer, until: Until, account: dict[str, Any], found: list[str], said: str
) -> None:
    switch(stack, **account)
    entity = f"refused-{said.partition('@')[0].lower()}"
    path = written(marketer, entity)
    findings = marketer("GET", f"{path}/preflight")["findings"]
    assert [each["code"] for each in findings if each["severity"] == "error"] == found
    (tested,) = marketer("POST", f"{path}/test", {"to": ["me@people.example"]})["results"]
    assert tested["outcome"] == "not_sent"
    assert said in tested["detail"]
    marketer("POST", f"{path}/send")
    assert until(lambda: bool(marketer("GET", path)["status"] == "paused"))
    assert said in marketer("GET", path)["status_reason"]
    stats = marketer("GET", f"{path}/stats")
    assert (stats["sent"], stats["failed"]) == (0, 0)
    # A refusal that is still under way would pause the campaign once more.
    assert until(lambda: marketer.under_way("PlanQueueUrl") == 0)
    assert until(lambda: marketer.under_way("SendQueueUrl") == 0)
    switch(stack, **HEALTHY)
    marketer("POST", f"{path}/resume")
    assert until(lambda: bool(marketer("GET", path)["status"] == "sent"))
    stats = marketer("GET", f"{path}/stats")
    assert (stats["total"], stats["sent"], stats["failed"]) == (12, 12, 0)
    assert all(len(marketer.mails(f"{entity}-{number}@people.example")) == 1 for number in range(12))


def test_a_schedule_that_fires_while_nothing_may_leave_is_missed(
    stack: LocalStack, marketer: Marketer, until: Until
) -> None:
    path = written(marketer, "refused-schedule")
    switch(stack, enforcement_status="SHUTDOWN")
    due = datetime.now(UTC) + timedelta(seconds=5)
    marketer("POST", f"{path}/schedule", {"at": f"{due:%Y-%m-%dT%H:%M:%S}", "timezone": "UTC"})
    assert until(lambda: bool(marketer("GET", path)["status"] != "scheduled"))
    missed = marketer("GET", path)
    assert missed["status"] == "missed"
    assert "Amazon SES has paused sending" in missed["status_reason"]
    with pytest.raises(NotReady, match="409"):
        marketer("POST", f"{path}/send")
    switch(stack, **HEALTHY)
    marketer("POST", f"{path}/send")
    assert until(lambda: bool(marketer("GET", path)["status"] == "sent"))
