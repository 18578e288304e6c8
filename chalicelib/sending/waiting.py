"""How leads wait that cannot be mailed now, without their messages going round in circles (docs/decisions/0040).

Lambda stops a function that has fed its own queue some sixteen times in a row. So what waits briefly goes back to the
queue a few times, then by way of a one-time schedule, with which Lambda's count begins anew. What all mails wait for is
noted on the campaign, and its messages are dropped: a schedule wakes it, and the planner brings its leads back.

    write the note ── make its schedule ── drop messages ┄┄ wake: clear the note ── plan what is unfinished (launch.py)

Whoever drops a message has found the note first, and made sure of its schedule. A wake clears the note before anybody
looks for unfinished leads, so it finds whatever was dropped; clocks do not matter.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TypeVar

from chalicelib.model.campaign import Campaign, Wait
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage, LaunchTask, PlanMessage, RetryMessage, SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.scheduler import SchedulerUnavailable, Schedules
from chalicelib.sending.rate import Waiting
from chalicelib.sqs import Queue
from chalicelib.store.campaigns import Campaigns
from chalicelib.telemetry import logger

M = TypeVar("M", SendMessage, PlanMessage, RetryMessage)

MOST_RETURNS = 8
"""How often messages come back by the queue itself: half of what Lambda lets pass, which it tells approximately."""
LOOKS_AGAIN_AFTER = timedelta(minutes=15)
"""No campaign waits longer without a look at whether it may go on: a quota may be raised at any time."""
SOONEST = timedelta(seconds=90)
"""How far ahead schedules are made."""


def looks_again_at(waiting: Waiting, now: datetime) -> datetime:
    """When to see whether what kept all mails from leaving is over."""
    soon = now + LOOKS_AGAIN_AFTER
    # A quota comes back little by little: it is used a quarter of an hour's worth at a time.
    return soon if waiting.reason is WaitReason.QUOTA else min(waiting.until, soon)


class OwnQueue:
    """The queue that feeds the function at work, for what it puts back."""

    def __init__(
        self,
        queue: Queue,
        arn: str,
        schedules: Schedules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue = queue
        self._arn = arn
        self._schedules = schedules
        self._clock = clock

    def put_back(self, messages: Iterable[tuple[M, float]], returned: int) -> None:
        """Put messages back, each for so many seconds. Raises QueueUnavailable; some may be on the queue then.

        `returned`: the most that any message of the batch in hand says, since Lambda may count the batch as one.
        """
        if returned < MOST_RETURNS:
            self._queue.put_later((replace(each, returned=returned + 1), seconds) for each, seconds in messages)
            return
        for message, seconds in messages:
            at = self._clock() + max(timedelta(seconds=seconds), SOONEST)
            try:
                self._schedules.put_at(f"back-{secrets.token_hex(12)}", at, self._arn, replace(message, returned=0))
            except SchedulerUnavailable:
                logger().warning("not_scheduled", exc_info=True)
                self._queue.put_later([(replace(message, returned=returned), seconds)])


class Wakes:
    """Makes campaigns wait. One per process."""

    def __init__(
        self,
        campaigns: Campaigns,
        schedules: Schedules,
        launch_queue_arn: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._campaigns = campaigns
        self._schedules = schedules
        self._launch_queue_arn = launch_queue_arn
        self._clock = clock
        self._sure_of: dict[CampaignId, datetime] = {}

    def wait(self, campaign_id: CampaignId, until: datetime, reason: str | None) -> None:
        """Have a campaign woken at that time or before; its messages that are in hand may be dropped then.

        One that is not going is not woken: resuming brings its leads back. Raises SchedulerUnavailable, StoreError.
        """
        seconds = ceil(max(until, self._clock() + SOONEST).timestamp())
        campaign = self._campaigns.record_waiting(campaign_id, Wait(datetime.fromtimestamp(seconds, UTC), reason))
        if campaign is not None:
            self.make_sure_of(campaign)

    def make_sure_of(self, campaign: Campaign) -> None:
        """Make the schedule of a campaign's note, which whoever wrote it may not have lived to do.

        Made twice, or late, it wakes twice: harmless. Raises SchedulerUnavailable.
        """
        campaign_id, note = campaign.campaign_id, campaign.waiting
        if note is None or (self._sure_of.get(campaign_id) == note.until and note.until > self._clock()):
            return
        name = f"{campaign_id}.wake-{note.until.timestamp():.0f}"
        message = LaunchMessage(campaign_id, LaunchTask.WAKE, until=note.until.timestamp())
        self._schedules.put_at(name, max(note.until, self._clock() + SOONEST), self._launch_queue_arn, message)
        self._sure_of[campaign_id] = note.until
        logger().info("campaign_waits", extra={"campaign_id": campaign_id, "until": name, "reason": note.reason})
