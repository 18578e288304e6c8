"""Hits are found in every format in which CloudWatch exports logs."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.tracking.hits import Hit, HitKind, UnverifiedHit, to_values
from chalicelib.tracking.key_ring import KeyRingSource
from local.console import NotReady
from local.replay_hits import lines_of, logged_hits

KEYS = KeyRingSource(lambda: '{"current": 1, "1": "the key"}')
AT = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
HITS: list[Hit | UnverifiedHit] = [
    Hit(HitKind.OPEN, new_campaign_id(), new_lead_id(), AT, machine="privacy_proxy"),
    Hit(HitKind.CLICK, new_campaign_id(), new_lead_id(), AT, link="1", url='https://x.example/?q="ä, ö"&{}'),
    Hit(HitKind.UNSUBSCRIBE, new_campaign_id(), new_lead_id(), AT, source="one_click"),
    UnverifiedHit(HitKind.CLICK, "i" * 48, AT, None, "1", "https://x.example/,\"'", "signature"),
]


def message(hit: Hit | UnverifiedHit) -> str:
    line = {"level": "ERROR", "message": "hit_not_parked", "kind": hit.kind.value, "hit": to_values(hit), "_aws": {}}
    return json.dumps(line, ensure_ascii=False)


NOISE = ["START RequestId: 1 Version: $LATEST", '{"level":"INFO","message":"hit","kind":"open"}', "", "{broken"]
EVENTS = [{"timestamp": 1, "message": text + "\n"} for text in [*NOISE, *map(message, HITS)]]


def as_csv() -> str:
    text = io.StringIO()
    csv.writer(text).writerows([["@timestamp", "@message"], *[["2026-11-23", message(hit)] for hit in HITS]])
    return text.getvalue()


@pytest.mark.parametrize(
    "log",
    [
        "\n".join([*NOISE, *map(message, HITS)]),
        "\n".join(f"2026-11-23T12:00:00.123Z {message(hit)}" for hit in HITS),
        "\n".join(f"12:00:00.123 Track        {message(hit)}" for hit in HITS),
        json.dumps({"events": EVENTS}, indent=4),
        json.dumps({"events": EVENTS}),
        json.dumps({"messageType": "DATA_MESSAGE", "logEvents": EVENTS}),
        as_csv(),
    ],
    ids=["plain", "s3 export", "make logs", "aws logs, indented", "aws logs, compact", "subscription", "insights csv"],
)
def test_hits_are_found_in_every_kind_of_log(log: str) -> None:
    assert list(logged_hits(io.StringIO(log))) == HITS


def test_a_line_that_lost_its_hit_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="no hit can be read"):
        list(logged_hits(['{"message": "hit_not_parked", "hit": {"kind": "op']))


def test_a_folder_is_read_whole_and_its_archives_unpacked(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "000001.gz").write_bytes(gzip.compress("ä\nb\n".encode()))
    (tmp_path / "plain.log").write_text("c\n")
    assert list(lines_of(str(tmp_path))) == ["ä\n", "b\n", "c\n"]
    assert list(lines_of(str(tmp_path / "plain.log"))) == ["c\n"]


def test_a_missing_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="There is no"):
        list(lines_of(str(tmp_path / "none.log")))
