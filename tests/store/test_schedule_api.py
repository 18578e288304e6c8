"""The campaigns' verbs as a client sees them, on a real engine, with a scheduler that keeps what it is told."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.store.test_campaigns_api import OpenQueue, written
from tests.wired import schedules_over


class Scheduler:
    """EventBridge Scheduler as far as schedules need it."""

    class exceptions:  # noqa: N801 - as boto3 names it
        class ConflictException(ClientError):
            pass

        class ResourceNotFoundException(ClientError):
            pass

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.is_down = False

    def create_schedule(self, **said: Any) -> None:
        self._answer("CreateSchedule")
        self.kept[said["Name"]] = said

    def delete_schedule(self, *, GroupName: str, Name: str) -> None:  # noqa: N803
        self._answer("DeleteSchedule")
        if self.kept.pop(Name, None) is None:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "ResourceNotFoundException"}}, "x")

    def _answer(self, operation: str) -> None:
        if self.is_down:
            raise ClientError({"Error": {"Code": "InternalServerException"}}, operation)


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, scheduler: Scheduler) -> ApiClient:
    queue = OpenQueue()
    return ApiClient(context_of(dynamodb, tables, sqs=queue, schedules=schedules_over(scheduler))).sign_in()


def do(api: ApiClient, campaign: dict[str, Any], verb: str, body: Any = None) -> Reply:
    return api("POST", f"/v1/campaigns/{campaign['campaign_id']}/{verb}", body)


SOON = {"at": "2034-07-01T09:00", "timezone": "Europe/Berlin"}


def test_scheduling_answers_with_the_time_in_utc_and_on_the_clocks_of_the_zone(
    api: ApiClient, scheduler: Scheduler
) -> None:
    campaign = written(api)
    answer = do(api, campaign, "schedule", SOON)
    assert (answer.status, answer.json["status"]) == (202, "scheduled")
    told = {name: answer.json[name] for name in ("scheduled_at", "scheduled_local", "scheduled_timezone")}
    assert told["scheduled_at"] in ("2034-07-01T07:00:00Z", "2034-07-01T07:00:00.000Z")
    assert (told["scheduled_local"], told["scheduled_timezone"]) == ("2034-07-01T09:00", "Europe/Berlin")
    (made,) = scheduler.kept.values()
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == ("at(2034-07-01T07:00:00)", "UTC")
    assert made["ActionAfterCompletion"] == "DELETE"
    assert json.loads(made["Target"]["Input"])["campaign_id"] == campaign["campaign_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"at": "2020-01-01T09:00", "timezone": "Europe/Berlin"}, "at"),
        ({"at": "2034-03-26T02:30", "timezone": "Europe/Berlin"}, "at"),
        ({"at": "2034-07-01T09:00", "timezone": "Mars/Olympus"}, "timezone"),
        ({"at": "2034-07-01T09:00Z", "timezone": "Europe/Berlin"}, "at"),
        ({"at": "2034-07-01T09:00"}, "timezone"),
        ({"timezone": "UTC"}, "at"),
        ({"at": 5, "timezone": "UTC"}, "at"),
    ],
)
def test_a_time_that_cannot_be_is_refused_by_field(
    api: ApiClient, scheduler: Scheduler, body: dict[str, Any], field: str
) -> None:
    campaign = written(api)
    answer = do(api, campaign, "schedule", body)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert scheduler.kept == {}
    assert api("GET", f"/v1/campaigns/{campaign['campaign_id']}").json["status"] == "draft"


def test_rescheduling_unscheduling_and_deleting_leave_no_schedule_behind(api: ApiClient, scheduler: Scheduler) -> None:
    campaign = written(api)
    path = f"/v1/campaigns/{campaign['campaign_id']}"
    do(api, campaign, "schedule", SOON)
    do(api, campaign, "schedule", SOON | {"at": "2034-07-02T09:00"})
    (kept,) = scheduler.kept.values()
    assert kept["ScheduleExpression"] == "at(2034-07-02T07:00:00)"
    assert api("PATCH", path, {"title": "Other"}).json["type"].endswith("not-a-draft")
    unscheduled = do(api, campaign, "unschedule")
    assert (unscheduled.status, unscheduled.json["status"], unscheduled.json["scheduled_at"]) == (202, "draft", None)
    assert scheduler.kept == {}
    assert do(api, campaign, "unschedule").json["type"].endswith("wrong-status")
    do(api, campaign, "schedule", SOON)
    assert api("DELETE", path).status == 204
    assert scheduler.kept == {}


def test_cancelling_a_scheduled_campaign_deletes_its_schedule(api: ApiClient, scheduler: Scheduler) -> None:
    campaign = written(api)
    do(api, campaign, "schedule", SOON)
    assert do(api, campaign, "cancel").json["status"] == "cancelled"
    assert scheduler.kept == {}
    assert do(api, campaign, "schedule", SOON).status == 409
    assert api("DELETE", f"/v1/campaigns/{campaign['campaign_id']}").status == 409


def test_a_scheduler_that_is_down_is_a_503_and_the_campaign_stays_a_draft(api: ApiClient, scheduler: Scheduler) -> None:
    campaign = written(api)
    scheduler.is_down = True
    answer = do(api, campaign, "schedule", SOON)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert api("GET", f"/v1/campaigns/{campaign['campaign_id']}").json["status"] == "draft"


def test_pausing_resuming_and_cancelling_answer_with_the_campaign(api: ApiClient) -> None:
    api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "lead@example.com"})
    campaign = written(api)
    assert do(api, campaign, "pause").status == 409
    do(api, campaign, "send")
    for verb, status in (("pause", "paused"), ("pause", "paused"), ("resume", "planning"), ("cancel", "cancelled")):
        answer = do(api, campaign, verb)
        assert (answer.status, answer.json["status"]) == (202, status)
    assert do(api, campaign, "resume").status == 409
    assert do(api, campaign, "retry-failed").status == 409


@pytest.mark.parametrize("body", [{"reasons": ["nonsense"]}, {"reasons": "rejected"}, {"why": []}])
def test_retrying_for_unknown_reasons_is_refused(api: ApiClient, body: dict[str, Any]) -> None:
    assert do(api, written(api), "retry-failed", body).status == 422
