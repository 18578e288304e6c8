"""Answers from the engine are lost again and again, on the deployed stack: everybody gets one mail."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.model.ids import new_campaign_id
from chalicelib.scheduler import Schedules
from chalicelib.sdk import quick_client
from local.ministack import ENVIRONMENT, REGION
from local.recipients import request
from local.stack import LocalStack
from tests.lossy_wire import LossyWire
from tests.stack.marketer import Marketer
from tests.stack.test_outage import physical_name

Until = Callable[[Callable[[], bool]], bool]
ENTITY = "lossy"
LEADS = 60


@pytest.fixture
def wire(stack: LocalStack) -> Iterator[LossyWire]:
    """Between the sending function and its tables."""
    functions, name = stack.engine.client("lambda"), physical_name(stack, "Send")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]
    with LossyWire(stack.engine.endpoint) as wire:
        variables = before["Variables"] | {"AWS_ENDPOINT_URL_DYNAMODB": wire.url}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        try:
            yield wire
        finally:
            functions.update_function_configuration(FunctionName=name, Environment=before)


def test_every_third_answer_lost_costs_nobody_a_mail(stack: LocalStack, wire: LossyWire, until: Until) -> None:
    marketer = Marketer(stack)
    lines = ["entity,stage,email"] + [f"{ENTITY},New,p{number}@{ENTITY}.example" for number in range(LEADS)]
    marketer("POST", "/v1/leads/import", "\n".join(lines), "text/csv")
    written = {
        "title": "Lossy",
        "subject": "Hello",
        "from_email": "news@shop.example",
        "text": "Hello",
        "audience": {"entity": ENTITY, "stages": ["New"]},
    }
    path = f"/v1/campaigns/{marketer('POST', '/v1/campaigns', written)['campaign_id']}"
    lost: list[int] = []
    wire.lose(lambda number: number % 3 == 0, lambda: lost.append(1))
    marketer("POST", f"{path}/send")
    assert until(lambda: marketer("GET", path)["status"] == "sent")
    assert len(lost) > LEADS / 3
    found = json.loads(request("GET", f"{stack.inbox_url}/messages")[2])
    mails = Counter(each["to"] for each in found if each["to"].endswith(f"@{ENTITY}.example"))
    assert (len(mails), max(mails.values())) == (LEADS, 1)
    stats = marketer("GET", f"{path}/stats")
    assert (stats["sent"], stats["failed"]) == (LEADS, 0)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_schedule_is_made_and_deleted_though_an_answer_is_lost(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    for name, value in (ENVIRONMENT | {"AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    functions = stack.engine.client("lambda")
    environment = functions.get_function_configuration(FunctionName=physical_name(stack, "APIHandler"))["Environment"]
    deployed = environment["Variables"]
    campaign_id = new_campaign_id()

    def waiting() -> int:
        listed = stack.engine.client("scheduler").list_schedules(GroupName=deployed["SCHEDULE_GROUP"])["Schedules"]
        return sum(campaign_id in each["Name"] for each in listed)

    with LossyWire(stack.engine.endpoint) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SCHEDULER", wire.url)
        quick_client.cache_clear()  # one client a process, and here another wire for each test
        schedules = Schedules(
            lambda: quick_client("scheduler"),
            group=deployed["SCHEDULE_GROUP"],
            role_arn=deployed["SCHEDULE_ROLE"],
            launch_queue_arn=deployed["LAUNCH_QUEUE_ARN"],
        )
        wire.lose(lambda number: number == lost)
        schedules.create(campaign_id, "one", datetime.now(UTC) + timedelta(days=1))
        assert waiting() == 1
        schedules.delete(campaign_id, "one")
        assert waiting() == 0
        assert wire.writes == 3, "one of them was asked for twice"
