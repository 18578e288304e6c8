"""The fold function's entry point on a real engine: Lambda's events in, sums and the right calls out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from chalicelib.analytics.fold import StreamShardUnknown, fold_batch
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id
from chalicelib.store import keys
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.feedback import FeedbackRecords
from local.tables import TableNames
from tests.claiming import record_claim, record_sent

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/deliveries/stream/1"
Record = dict[str, Any]


class Stream:
    """A deliveries table, and the stream records that its changes make."""

    def __init__(self, dynamodb: Any, tables: TableNames) -> None:
        self._dynamodb = dynamodb
        self._table = tables.deliveries
        self._numbers = count(1)
        self.deliveries = Deliveries(dynamodb, tables.deliveries, BurstRule())
        self.feedback = FeedbackRecords(dynamodb, tables.deliveries, BurstRule())

    def _row(self, campaign_id: CampaignId, lead_id: LeadId) -> Record | None:
        key = keys.delivery(campaign_id, lead_id)
        row: Record | None = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return row

    def change(self, campaign_id: CampaignId, lead_id: LeadId, write: Callable[[], object]) -> Record:
        before = self._row(campaign_id, lead_id)
        write()
        images = {"OldImage": before, "NewImage": self._row(campaign_id, lead_id)}
        return {
            "eventSourceARN": STREAM,
            "dynamodb": {
                "Keys": keys.delivery(campaign_id, lead_id),
                "SequenceNumber": str(next(self._numbers)),
                "ApproximateCreationDateTime": NOW.timestamp(),
                **{name: row for name, row in images.items() if row is not None},
            },
        }

    def sent(self, campaign_id: CampaignId, lead_id: LeadId) -> list[Record]:
        claim = Delivery(campaign_id, lead_id, DeliveryStatus.SENDING, NOW, "0.0")
        ids = (campaign_id, lead_id)
        claimed = self.change(*ids, lambda: record_claim(self.deliveries, claim))
        end = partial(record_sent, self.deliveries, *ids, at=NOW, message_id="m", subject="s")
        return [claimed, self.change(*ids, end)]


class Function:
    """The fold as Lambda calls it, and the campaigns that it asked others to look at."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.advanced: list[CampaignId] = []
        self.protected: list[CampaignId] = []
        self.dies = False

    def advance(self, campaign_id: CampaignId) -> None:
        if self.dies:
            raise ConnectionError("dies after the sums were added")
        self.advanced.append(campaign_id)

    def __call__(self, records: list[Record], *, shard: str | None = "shard-1", unnamed: str | None = None) -> Record:
        event: Record = {"Records": records, "state": {"kept": "as it came"}}
        event |= {} if shard is None else {"shardId": shard}
        now = NOW.timestamp() + 5
        return fold_batch(
            event, self.counters, self.advance, self.protected.append, BurstRule(), unnamed, clock=lambda: now
        )

    def sums(self, campaign_id: CampaignId) -> dict[str, int]:
        return dict(self.counters.find(campaign_id).sums)


@pytest.fixture
def stream(dynamodb: Any, tables: TableNames) -> Stream:
    return Stream(dynamodb, tables)


@pytest.fixture
def fold(dynamodb: Any, tables: TableNames) -> Function:
    return Function(Counters(dynamodb, tables.campaigns))


def test_a_batch_that_lambda_repeats_counts_once_and_looks_for_the_end_again(stream: Stream, fold: Function) -> None:
    """The first call may have died between its sums and the look: only another look finds the campaign's end."""
    campaign_id = new_campaign_id()
    records = stream.sent(campaign_id, new_lead_id())
    for _ in range(2):
        assert fold(records) == {"state": {"kept": "as it came"}}
    assert fold.sums(campaign_id) == {"sent": 1}
    assert fold.advanced == [campaign_id] * 2


def test_a_death_after_the_sums_loses_neither_the_sums_nor_the_end(stream: Stream, fold: Function) -> None:
    campaign_id = new_campaign_id()
    records = stream.sent(campaign_id, new_lead_id())
    fold.dies = True
    with pytest.raises(ConnectionError):
        fold(records)
    fold.dies = False
    fold(records)
    assert (fold.sums(campaign_id), fold.advanced) == ({"sent": 1}, [campaign_id])


def test_opens_and_clicks_neither_end_a_campaign_nor_harm_it(stream: Stream, fold: Function) -> None:
    """They come one by one for weeks: a look for each would cost more than counting it."""
    ids = (new_campaign_id(), new_lead_id())
    fold(stream.sent(*ids))
    fold.advanced.clear()
    opened = stream.change(*ids, lambda: stream.deliveries.record_open(*ids, at=NOW, machine=None))
    clicked = stream.change(*ids, lambda: stream.deliveries.record_click(*ids, "1", Click(NOW, None)))
    fold([opened, clicked])
    assert (fold.sums(ids[0])["opened"], fold.sums(ids[0])["link/1/clicked"]) == (1, 1)
    assert fold.advanced == fold.protected == []


def test_only_the_campaign_whose_mails_bounce_is_looked_at_for_harm(stream: Stream, fold: Function) -> None:
    bounced, other = (new_campaign_id(), new_lead_id()), (new_campaign_id(), new_lead_id())
    records = [*stream.sent(*bounced), *stream.sent(*other)]
    at = NOW + timedelta(seconds=1)
    records.append(stream.change(*bounced, lambda: stream.feedback.record(*bounced, FeedbackKind.BOUNCED_HARD, at)))
    fold(records)
    assert fold.sums(bounced[0])["bounced"] == 1
    assert fold.protected == [bounced[0]]
    assert set(fold.advanced) == {bounced[0], other[0]}


def test_the_call_at_the_end_of_a_window_brings_no_records_and_gives_the_state_back(fold: Function) -> None:
    """Lambda refuses an answer without it, and would repeat the window."""
    assert fold([]) == {"state": {"kept": "as it came"}}
    assert fold.advanced == fold.protected == []


def test_records_of_a_shard_without_a_name_are_refused_unless_the_engine_has_only_one(
    stream: Stream, fold: Function
) -> None:
    """Without a name a repeated batch could not be told from a new one."""
    campaign_id = new_campaign_id()
    records = stream.sent(campaign_id, new_lead_id())
    with pytest.raises(StreamShardUnknown):
        fold(records, shard=None)
    assert fold.sums(campaign_id) == {}
    for _ in range(2):
        fold(records, shard=None, unnamed="the-only-one")
    assert fold.sums(campaign_id) == {"sent": 1}
