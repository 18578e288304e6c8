"""The clients that people wait for, before a service that takes every request and never answers."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from chalicelib.sdk import quick_client
from tests.api_client import ApiClient, context_of
from tests.stack.faulty_wire import Fault, FaultyWire

REQUEST_SECONDS = 29


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with FaultyWire(1) as wire:
        wire.set(Fault.STALLS)
        monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
        quick_client.cache_clear()
        yield wire
        quick_client.cache_clear()


def test_who_waits_for_a_service_that_never_answers_learns_it_well_before_a_request_ends(stalled: FaultyWire) -> None:
    asked: dict[str, Callable[[], Any]] = {
        "the queue": lambda: quick_client("sqs").send_message(QueueUrl="q", MessageBody="m"),
        "who may send": lambda: quick_client("sesv2").get_account(),
        "the schedules": lambda: quick_client("scheduler").delete_schedule(Name="n"),
        "the tables": lambda: quick_client("dynamodb").transact_write_items(TransactItems=[]),
    }
    api = ApiClient(context_of(quick_client("dynamodb")))
    api.token = "lf_" + "a" * 43
    with ThreadPoolExecutor() as threads:
        took = {name: threads.submit(_seconds_until_error, ask) for name, ask in asked.items()}
        started = time.monotonic()
        reply = api("GET", "/v1/campaigns")
        answered_after = time.monotonic() - started
    assert {name: 12 <= each.result() <= REQUEST_SECONDS - 9 for name, each in took.items()} == dict.fromkeys(
        took, True
    )
    assert reply.status == 503
    assert "Repeat the request in a few seconds" in json.loads(reply.body)["detail"]
    assert answered_after < REQUEST_SECONDS - 9


def _seconds_until_error(ask: Callable[[], Any]) -> float:
    started = time.monotonic()
    with pytest.raises(HTTPClientError):
        ask()
    return time.monotonic() - started
