"""A hundred thousand deliveries as CSV: every one once, in pages that a function can answer, in little memory."""

import tracemalloc
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from chalicelib.model.csv_text import MOST_CHARACTERS
from chalicelib.model.ids import CampaignId, new_lead_id
from chalicelib.store import keys
from chalicelib.store.client import to_item
from local.tables import TableNames
from tests.store.test_analytics_api import NOW, Desk

DELIVERIES = 100_000
MOST_MEMORY = 40_000_000
"""Bytes at any moment of one page: as items, as deliveries, as text and as the answer."""


def fill(client: Any, table: str, campaign_id: CampaignId) -> None:
    """Write the rows of a sent campaign, in batches: claiming them one by one would take many minutes."""
    rows = (row(campaign_id, number, NOW + timedelta(milliseconds=number)) for number in range(DELIVERIES))
    while batch := [{"PutRequest": {"Item": each}} for each in islice(rows, 25)]:
        assert not client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"]


def row(campaign_id: CampaignId, number: int, at: datetime) -> dict[str, Any]:
    values = {"status": "sent", "claimed_at": at, "sent_at": at, "unit": "0.3", "clicks": {}, "scans": {}}
    texts = {"email": f"lead.number{number}@example.com", "subject": f"Prices for you, number {number}"}
    return keys.delivery(campaign_id, new_lead_id()) | to_item(values | texts)


@pytest.mark.soak
def test_a_hundred_thousand_deliveries_are_exported_in_pages(dynamodb: Any, tables: TableNames) -> None:
    desk = Desk(dynamodb, tables)
    campaign_id = CampaignId(desk.campaign())
    fill(dynamodb, tables.deliveries, campaign_id)
    leads: set[str] = set()
    lines = parts = 0
    here = ""
    tracemalloc.start()
    try:
        while True:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            reply = desk.api("GET", f"/v1/campaigns/{campaign_id}/deliveries.csv{here}")
            assert tracemalloc.get_traced_memory()[1] - before < MOST_MEMORY
            assert len(reply.body) <= MOST_CHARACTERS + 1_000
            parts += 1
            found = [line.split(",")[1] for line in reply.body.splitlines()]
            lines += len(found)
            leads.update(found)
            link = reply.headers.get("Link")
            if link is None:
                break
            here = link[1 : link.index(">")]
    finally:
        tracemalloc.stop()
    assert lines == len(leads) == DELIVERIES + 1, "every delivery once, and the header"
    assert parts < 30
