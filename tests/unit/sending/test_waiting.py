"""Messages that come back: by the queue a few times, then by a schedule, so that Lambda never stops the function."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.model.ids import new_campaign_id, new_lead_id
from chalicelib.model.messages import SendMessage
from chalicelib.scheduler import SchedulerUnavailable
from chalicelib.sending.waiting import MOST_RETURNS, SOONEST, OwnQueue
from tests.stand_in import StandIn

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MESSAGE = SendMessage(new_campaign_id(), "0.0", (new_lead_id(),))


class Kept(StandIn):
    """A queue and a scheduler at once: keeps what it is given."""

    def __init__(self, *, scheduler_is_down: bool = False) -> None:
        self.queued: list[tuple[SendMessage, float]] = []
        self.scheduled: list[tuple[SendMessage, datetime]] = []
        self._scheduler_is_down = scheduler_is_down

    def put_later(self, messages: Any) -> None:
        self.queued += messages

    def put_at(self, name: str, at: datetime, arn: str, message: SendMessage) -> None:
        if self._scheduler_is_down:
            raise SchedulerUnavailable("away")
        self.scheduled.append((message, at))


def put_back(kept: Kept, returned: int, seconds: float = 5.0) -> None:
    OwnQueue(kept, "arn", kept, lambda: NOW).put_back([(MESSAGE, seconds)], returned)


def test_a_message_that_comes_back_by_the_queue_counts_its_returns() -> None:
    """Not counted, it would go round until Lambda stops the function and drops it."""
    put_back(kept := Kept(), MOST_RETURNS - 1)
    ((message, seconds),) = kept.queued
    assert (message.returned, seconds, kept.scheduled) == (MOST_RETURNS, 5.0, [])


@pytest.mark.parametrize(("seconds", "later"), [(5.0, SOONEST), (600.0, timedelta(minutes=10))])
def test_after_that_it_comes_back_by_a_schedule_and_counts_from_nothing(seconds: float, later: timedelta) -> None:
    put_back(kept := Kept(), MOST_RETURNS, seconds)
    ((message, at),) = kept.scheduled
    assert (message.returned, at, kept.queued) == (0, NOW + later, [])


def test_while_the_scheduler_is_away_it_comes_back_by_the_queue_after_all() -> None:
    """Nothing is lost; that it has returned often is not forgotten."""
    put_back(kept := Kept(scheduler_is_down=True), MOST_RETURNS)
    ((message, _),) = kept.queued
    assert message.returned == MOST_RETURNS
