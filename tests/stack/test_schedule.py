"""Schedules, pausing, cancelling and retrying on the deployed stack, while its workers run."""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.recipients import request
from local.stack import LocalStack
from tests.stack.marketer import Marketer

Until = Callable[[Callable[[], bool]], bool]
ZONE = "Asia/Kathmandu"
REMEMBERED_SECONDS = 2
"""For half as long a sender may go on without asking again (chalicelib/sending/may_send.py)."""


@pytest.fixture(scope="module")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


def campaign_for(marketer: Marketer, entity: str, leads: int) -> str:
    """The path of a draft to so many new leads of an entity of their own."""
    lines = ["external_id,entity,stage,email"]
    lines += [f"{number},{entity},New,{entity}{number}@schedule.example" for number in range(leads)]
    if leads:
        marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    body = {
        "title": entity,
        "subject": "Hello",
        "from_email": "news@shop.example",
        "text": "Hello",
        "audience": {"entity": entity, "stages": ["New"]},
    }
    return f"/v1/campaigns/{marketer('POST', '/v1/campaigns', body)['campaign_id']}"


def delete(marketer: Marketer, path: str) -> None:
    """DELETE, which answers with nothing."""
    headers = {"Authorization": f"Bearer {marketer.stack.token}"}
    asked = urllib.request.Request(marketer.stack.api_url + path, headers=headers, method="DELETE")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 204


def schedules(stack: LocalStack) -> list[str]:
    return [each["Name"] for each in stack.engine.client("scheduler").list_schedules()["Schedules"]]


def mails(marketer: Marketer, entity: str) -> int:
    """How many mails have arrived for the leads of an entity."""
    listed = json.loads(request("GET", f"{marketer.stack.inbox_url}/messages")[2])
    return sum(entity in json.dumps(each) for each in listed)


def test_a_campaign_leaves_when_its_time_has_come_and_its_schedule_is_gone(
    marketer: Marketer, stack: LocalStack, until: Until
) -> None:
    path, empty = campaign_for(marketer, "punctual", 2), campaign_for(marketer, "nobody", 0)
    for each in (path, empty):
        due = datetime.now(ZoneInfo(ZONE)) + timedelta(seconds=5)
        at = {"at": f"{due:%Y-%m-%dT%H:%M:%S}", "timezone": ZONE}
        assert marketer("POST", f"{each}/schedule", at)["status"] == "scheduled"
    assert until(lambda: schedules(stack) == [])
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    sent = marketer("GET", path)
    assert datetime.fromisoformat(sent["launched_at"]) >= datetime.fromisoformat(sent["scheduled_at"])
    assert marketer("GET", f"{path}/stats")["sent"] == 2
    assert until(lambda: marketer("GET", empty)["status"] == "missed")
    assert "had no recipients" in marketer("GET", empty)["status_reason"]
    assert schedules(stack) == []


def test_deleting_unscheduling_and_cancelling_delete_the_schedule(marketer: Marketer, stack: LocalStack) -> None:
    paths = [campaign_for(marketer, "undecided", 0) for _ in range(3)]
    later = {"at": "2034-07-01T09:00", "timezone": "Europe/Berlin"}
    for path in paths:
        marketer("POST", f"{path}/schedule", later)
        marketer("POST", f"{path}/schedule", later)
    assert len(schedules(stack)) == 3
    delete(marketer, paths[0])
    marketer("POST", f"{paths[1]}/unschedule")
    marketer("POST", f"{paths[2]}/cancel")
    assert schedules(stack) == []


def test_pausing_stops_running_workers_and_resuming_sends_the_rest_once(marketer: Marketer, until: Until) -> None:
    leads = 150
    path = campaign_for(marketer, "halted", leads)
    marketer("POST", f"{path}/send")
    assert until(lambda: mails(marketer, "halted") > 0)  # not what is counted: on a busy machine that comes later
    marketer("POST", f"{path}/pause")
    paused_at = datetime.now(UTC)
    time.sleep(REMEMBERED_SECONDS)
    assert until(lambda: marketer.has_settled(path))
    stopped_at = numbers(marketer, path)
    time.sleep(REMEMBERED_SECONDS)
    assert numbers(marketer, path) == stopped_at
    assert marketer("GET", path)["status"] == "paused"
    assert 0 < stopped_at["sent"] < leads
    assert stopped_at["pending"] == stopped_at["total"] - stopped_at["sent"]
    assert last_sent_at(marketer, path) < paused_at + timedelta(seconds=3)
    marketer("POST", f"{path}/resume")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    assert numbers(marketer, path) == {"total": leads, "sent": leads, "pending": 0}
    assert mails(marketer, "halted") == leads


def last_sent_at(marketer: Marketer, path: str) -> datetime:
    found: list[datetime] = []
    cursor: str | None = ""
    while cursor is not None:
        page = marketer("GET", f"{path}/deliveries?status=sent&limit=100{cursor}")
        found += [datetime.fromisoformat(each["sent_at"]) for each in page["items"]]
        cursor = f"&cursor={page['cursor']}" if page["cursor"] else None
    return max(found)


def test_a_cancelled_campaign_keeps_the_numbers_of_what_left(marketer: Marketer, until: Until) -> None:
    path = campaign_for(marketer, "revoked", 150)
    marketer("POST", f"{path}/send")
    assert until(lambda: mails(marketer, "revoked") > 0)
    assert marketer("POST", f"{path}/cancel")["status"] == "cancelled"
    time.sleep(REMEMBERED_SECONDS)
    assert until(lambda: marketer.has_settled(path))
    assert 0 < numbers(marketer, path)["sent"] == mails(marketer, "revoked") < 150


def test_retrying_sends_what_failed_once_more(marketer: Marketer, until: Until) -> None:
    path = campaign_for(marketer, "repeated", 3)
    nobody = {"entity": "repeated", "stage": "New", "external_id": "late"}
    lead = marketer("POST", "/v1/leads", nobody)
    marketer("POST", f"{path}/send")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    assert marketer("GET", f"{path}/stats")["failed"] == 1
    marketer("PATCH", f"/v1/leads/{lead['lead_id']}", {"email": "repeated-late@schedule.example"})
    assert marketer("POST", f"{path}/retry-failed")["status"] == "sending"
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    stats = marketer("GET", f"{path}/stats")
    assert [stats[name] for name in ("total", "sent", "failed", "pending")] == [4, 4, 0, 0]
    assert mails(marketer, "repeated") == 4
    assert until(lambda: marketer.has_settled(path))


def numbers(marketer: Marketer, path: str) -> dict[str, Any]:
    stats = marketer("GET", f"{path}/stats")
    return {name: stats[name] for name in ("total", "sent", "pending")}
