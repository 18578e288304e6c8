"""A hit is applied, or parked, or logged whole; and recording it never raises."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.errors import StoreError, StoreUnavailable
from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.hits import Hit, HitKind, HitRecorder, UnverifiedHit, from_values, to_values
from chalicelib.tracking.key_ring import KeyRingSource

AT = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
HIT = Hit(HitKind.CLICK, new_campaign_id(), new_lead_id(), AT, link="3m", url="https://x.example/ännchen")
UNVERIFIED = UnverifiedHit(HitKind.CLICK, "i" * 48, AT, "tool", "1", "https://x.example/?a=1&b=2", "signature")


def failing(error: Exception) -> Callable[[Any], Any]:
    def fail(value: Any) -> Any:
        raise error

    return fail


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(("is_first", "metrics"), [(True, {"Hits", "FirstHits"}), (False, {"Hits"})])
def test_an_applied_hit_is_one_line_that_is_its_metric_too(
    is_first: bool, metrics: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    HitRecorder(lambda hit: is_first, failing(AssertionError())).record(HIT)
    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"] for metric in directive["Metrics"]} == metrics
    assert all(line[name] == 1 for name in metrics)
    assert all(isinstance(line[name], str) for name in directive["Dimensions"][0])
    assert line["message"] == "hit"


@pytest.mark.parametrize(("is_first", "size"), [(True, 285), (False, 250)])
def test_a_hits_line_is_short(
    is_first: bool, size: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "leadflip-campaigns-Track-AbCdEfGhIjKl")
    HitRecorder(lambda hit: is_first, failing(AssertionError())).record(HIT)
    assert len(capsys.readouterr().out) <= size


@pytest.mark.parametrize("error", [StoreUnavailable("throttled"), StoreError("access denied"), ValueError("anything")])
def test_a_hit_that_cannot_be_applied_is_parked(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    parked: list[str] = []
    HitRecorder(failing(error), parked.append).record(HIT)
    assert [from_values(json.loads(text)) for text in parked] == [HIT]
    (line,) = lines(capsys)
    assert (line["message"], line["HitsParked"], line["level"]) == ("hit_parked", 1, "WARNING")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_an_unverified_hit_is_parked_and_never_applied(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a forgery: only the replay, which has keys, may write it."""
    parked: list[str] = []
    HitRecorder(failing(AssertionError("applied")), parked.append).record(UNVERIFIED)
    assert [from_values(json.loads(text)) for text in parked] == [UNVERIFIED]
    (line,) = lines(capsys)
    assert line["reason"] == "no keys to verify it with"


@pytest.mark.parametrize("hit", [HIT, UNVERIFIED])
def test_a_hit_that_cannot_be_parked_is_logged_whole(
    hit: Hit | UnverifiedHit, capsys: pytest.CaptureFixture[str]
) -> None:
    HitRecorder(failing(StoreUnavailable("no table")), failing(OSError("no queue"))).record(hit)
    (line,) = lines(capsys)
    assert (line["message"], line["level"], line["HitsLogged"]) == ("hit_not_parked", "ERROR", 1)
    assert from_values(line["hit"]) == hit


def test_while_everything_stalls_one_recipient_a_second_waits(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    waits: list[str] = []

    def stall(name: str) -> Callable[[Any], Any]:
        def wait(value: Any) -> Any:
            waits.append(name)
            now[0] += 0.7
            raise TimeoutError

        return wait

    recorder = HitRecorder(stall("store"), stall("queue"), clock=lambda: now[0])
    for _ in range(50):
        recorder.record(HIT)
    assert waits == ["store", "queue"]
    assert len(lines(capsys)) == 50


KEYS = KeyRingSource(lambda: '{"current": 1, "1": "the key"}')
HITS: list[Hit | UnverifiedHit] = [
    Hit(HitKind.OPEN, new_campaign_id(), new_lead_id(), AT, machine="privacy_proxy"),
    Hit(HitKind.CLICK, new_campaign_id(), new_lead_id(), AT, link="1", url='https://x.example/?q="ä, ö"&{}'),
    Hit(HitKind.UNSUBSCRIBE, new_campaign_id(), new_lead_id(), AT, source="one_click"),
    UnverifiedHit(HitKind.CLICK, "i" * 48, AT, None, "1", "https://x.example/,\"'", "signature"),
]


TIMES = st.integers(0, 2**41).map(
    lambda ms: datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
)


@given(st.sampled_from(HITS), st.text(), TIMES)
def test_a_hit_survives_its_way_as_json(hit: Hit | UnverifiedHit, machine: str, at: datetime) -> None:
    given_hit = replace(hit, machine=machine, at=at)
    assert from_values(json.loads(json.dumps(to_values(given_hit)))) == given_hit


TRACKING = CampaignTracking("https://t.example", new_campaign_id(), 1, b"the key")
LEAD = new_lead_id()


URL = "https://x.example/ann"
CLICK = UnverifiedHit(HitKind.CLICK, TRACKING.delivery_id(LEAD), AT, None, "2m", URL, TRACKING.sign("2m", URL))


def test_an_unverified_hit_becomes_the_hit_that_it_would_have_been() -> None:
    assert CLICK.verified(KEYS) == Hit(HitKind.CLICK, TRACKING.campaign_id, LEAD, AT, link="2m", url=URL)
    opened = Hit(HitKind.OPEN, TRACKING.campaign_id, LEAD, AT, machine="tool")
    assert UnverifiedHit(HitKind.OPEN, CLICK.delivery_id, AT, "tool").verified(KEYS) == opened


@pytest.mark.parametrize(
    "changes", [{"delivery_id": "i" * 48}, {"destination": "https://evil.example"}, {"link": "1"}, {"signature": ""}]
)
def test_an_unverified_hit_that_is_forged_is_none(changes: dict[str, Any]) -> None:
    assert replace(CLICK, **changes).verified(KEYS) is None
