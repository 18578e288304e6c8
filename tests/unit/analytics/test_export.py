"""The CSV: a spreadsheet reads it back as it was, and calculates nothing of it."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analytics.export import COLUMNS, header, lines
from chalicelib.model.csv_text import neutral
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.lead import Lead
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SENT = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0", email="ada@example.com", sent_at=NOON)


ADA = Lead(LEAD, "acme", "New", NOON, NOON, first_name="=Ada")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def written(*those: Delivery) -> list[dict[str, str]]:
    text, count = lines(those, lambda delivery: "id", {LEAD: ADA}, most_characters=10**6)
    assert count == len(those)
    return read(header() + text)


def test_a_file_begins_with_a_byte_order_mark_and_the_columns() -> None:
    assert header() == "\ufeff" + ",".join(COLUMNS) + "\r\n"


def test_a_line_tells_all_that_became_of_a_delivery() -> None:
    hour = timedelta(hours=1)
    delivery = replace(
        SENT,
        subject="Hello, “Ada”",
        opened_at=NOON + hour,
        opened_machine="privacy_proxy",
        clicks={"2": Click(NOON + 3 * hour, None), "1": Click(NOON + 4 * hour, None)},
    )
    (line,) = written(delivery)
    assert line == dict.fromkeys(COLUMNS, "") | {
        "delivery_id": "id",
        "lead_id": LEAD,
        "email": "ada@example.com",
        "status": "sent",
        "subject": "Hello, “Ada”",
        "sent_at_utc": "2026-11-23T12:00:00.000Z",
        "opened_at_utc": "2026-11-23T13:00:00.000Z",
        "opened_by": "machine",
        "clicked_at_utc": "2026-11-23T15:00:00.000Z",
        "clicked_links": "2 1",
        "first_name": "'=Ada",
    }


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "  ="])
def test_what_a_spreadsheet_would_calculate_is_text(start: str) -> None:
    formula = f'{start}HYPERLINK("http://evil.example","x")'
    (line,) = written(replace(SENT, email=formula, subject=formula, detail=formula))
    assert {line["email"], line["subject"], line["detail"]} == {f"'{formula}"}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_is_read_back(text: str) -> None:
    (line,) = written(replace(SENT, subject=text))
    assert line["subject"] == neutral(text)


@given(st.lists(deliveries, min_size=1, max_size=30), st.integers(1, 3000))
def test_parts_cut_by_length_make_the_same_file(those: list[Delivery], most: int) -> None:
    parts, rest = [], those
    while rest:
        text, count = lines(rest, lambda delivery: None, {}, most_characters=most)
        assert len(text) <= most or count == 1
        parts.append(text)
        rest = rest[count:]
    assert "".join(parts) == lines(those, lambda delivery: None, {}, most_characters=10**9)[0]
