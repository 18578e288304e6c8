"""A campaign larger than the sending quota, on the deployed stack: it waits, says so, and goes on by itself.

The engine stops functions that feed their own queues for too long, whatever the template allows.
"""

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.recipients import request
from local.stack import LocalStack
from tests.stack.marketer import Marketer
from tests.stack.test_outage import start_anew
from tests.stack.test_schedule import campaign_for, mails, numbers

Until = Callable[[Callable[[], bool]], bool]
QUOTA, LEADS = 12, 40


def set_account(stack: LocalStack, **change: Any) -> Any:
    asked = urllib.request.Request(
        f"{stack.inbox_url}/account",
        json.dumps(change).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def quota(stack: LocalStack) -> Iterator[None]:
    """So few mails a day, none of them used up; nobody has asked for the limits yet."""
    before = json.loads(request("GET", f"{stack.inbox_url}/account")[2])
    forget_limits(stack)
    set_account(stack, max_24_hour_send=QUOTA, sent_last_24_hours=0)
    yield
    set_account(stack, max_24_hour_send=before["max_24_hour_send"], sent_last_24_hours=0)
    forget_limits(stack)


def forget_limits(stack: LocalStack) -> None:
    """Have them asked for anew: they are believed for a minute, by running workers as well."""
    account = {"pk": {"S": "rate"}, "sk": {"S": "account"}}
    stack.engine.client("dynamodb").delete_item(TableName=stack.outputs["CampaignsTable"], Key=account)


def test_a_campaign_larger_than_the_quota_waits_says_so_and_goes_on_by_itself(
    stack: LocalStack, quota: None, until: Until
) -> None:
    marketer, scheduler = Marketer(stack), stack.engine.client("scheduler")
    path = campaign_for(marketer, "patient", LEADS)
    campaign_id = path.rsplit("/", 1)[1]
    marketer("POST", f"{path}/send")

    def wakes() -> list[str]:
        listed = scheduler.list_schedules(GroupName="leadflip")["Schedules"]
        return [each["Name"] for each in listed if each["Name"].startswith(f"{campaign_id}.wake-")]

    # Up to the quota; what one worker has reserved of it and not used leaves at the next look.
    assert until(lambda: bool(wakes()) and QUOTA - 6 <= numbers(marketer, path)["sent"] <= QUOTA)
    assert until(lambda: numbers(marketer, path)["total"] == LEADS), "planning goes on while the campaign waits"
    assert marketer("GET", f"{path}/stats")["waiting"]["reason"] == "quota"
    (name,) = wakes()
    wake = scheduler.get_schedule(GroupName="leadflip", Name=name)
    at = datetime.fromisoformat(wake["ScheduleExpression"][3:-1]).replace(tzinfo=UTC)
    assert timedelta(minutes=10) < at - datetime.now(UTC) <= timedelta(minutes=15, seconds=1)

    set_account(stack, max_24_hour_send=1000)
    forget_limits(stack)
    start_anew(stack, "Send")
    soon = datetime.now(UTC) + timedelta(seconds=2)  # instead of a quarter of an hour
    scheduler.update_schedule(
        **{each: wake[each] for each in ("GroupName", "Name", "FlexibleTimeWindow", "Target", "ActionAfterCompletion")},
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
    )
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    assert numbers(marketer, path) == {"total": LEADS, "sent": LEADS, "pending": 0}
    assert mails(marketer, "patient") == LEADS
    assert wakes() == []
    assert marketer("GET", f"{path}/stats")["waiting"] is None
