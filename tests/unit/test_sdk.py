"""The clients that people wait for, before a service that takes every request and never answers."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from chalicelib.sdk import client, quick_client
from tests.api_client import ApiClient, context_of
from tests.stack.faulty_wire import Fault, FaultyWire

REQUEST_SECONDS = 29
LONGEST_PAUSES = 1 + 2
"""Between three attempts, in seconds: botocore's standard mode."""


@pytest.fixture(autouse=True)
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with FaultyWire(1) as wire:
        wire.set(Fault.STALLS)
        monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
        quick_client.cache_clear()
        yield
        quick_client.cache_clear()


@pytest.mark.parametrize("service", ["sqs", "sesv2", "scheduler", "dynamodb"])
def test_a_person_waits_long_enough_for_a_slow_service_and_well_less_than_a_request_may_take(service: str) -> None:
    said = quick_client(service).meta.config
    assert said.retries == {"mode": "standard", "total_max_attempts": 3}
    assert said.connect_timeout < said.read_timeout
    assert 12 <= 3 * said.read_timeout <= REQUEST_SECONDS - 9 - LONGEST_PAUSES


def test_a_client_waits_for_a_service_that_never_answers_as_long_and_as_often_as_it_says() -> None:
    read, attempts = 0.5, 3

    def impatient(service: str) -> Any:
        return client(service, connect=0.2, read=read, attempts=attempts)

    queue, ses, schedules, tables = map(impatient, ("sqs", "sesv2", "scheduler", "dynamodb"))
    api = ApiClient(context_of(tables))
    api.token = "lf_" + "a" * 43
    asked: dict[str, Callable[[], Any]] = {
        "the queue": lambda: queue.send_message(QueueUrl="q", MessageBody="m"),
        "who may send": ses.get_account,
        "the schedules": lambda: schedules.delete_schedule(Name="n"),
        "the tables": lambda: tables.transact_write_items(TransactItems=[]),
    }
    with ThreadPoolExecutor() as threads:
        took = {name: threads.submit(_seconds_until_error, ask) for name, ask in asked.items()}
        started = time.monotonic()
        reply = api("GET", "/v1/campaigns")
        answered_after = time.monotonic() - started
    seconds = {name: each.result() for name, each in took.items()} | {"a request": answered_after}
    slack = 5  # of a busy machine; botocore's own time-outs and attempts would take minutes
    longest = attempts * read + LONGEST_PAUSES + slack
    assert {name: each for name, each in seconds.items() if not attempts * read <= each <= longest} == {}
    assert reply.status == 503
    assert "Repeat the request in a few seconds" in json.loads(reply.body)["detail"]


def _seconds_until_error(ask: Callable[[], Any]) -> float:
    started = time.monotonic()
    with pytest.raises(HTTPClientError):
        ask()
    return time.monotonic() - started
