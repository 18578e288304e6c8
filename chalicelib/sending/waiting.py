"""How leads wait that cannot be mailed now, without messages circulating (docs/decisions/0040).

Lambda stops a function that has fed its own queue about sixteen times in a row. So what waits briefly goes back to the
queue a few times, then by a one-time schedule, which restarts Lambda's count. What all mails wait for is noted on the
campaign, and its messages are dropped: a schedule wakes it, and the planner enqueues its leads again.

    write the note ── create its schedule ── drop messages ┄┄ wake: clear the note ── plan what is unfinished

A message is dropped only after its worker has read the note and ensured the schedule. A wake clears the note before the
planner looks for unfinished leads, so it finds all that was dropped, whatever the clocks say.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
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
"""How often messages come back by the queue itself: half of Lambda's limit, which is documented as approximate."""
LOOKS_AGAIN_AFTER = timedelta(minutes=15)
"""Every waiting campaign is checked at least this often: a quota may be raised at any time."""
SOONEST = timedelta(seconds=90)
"""How far ahead schedules are created, at least."""


def looks_again_at(waiting: Waiting, now: datetime) -> datetime:
    """When to check whether mails may leave again."""
    soon = now + LOOKS_AGAIN_AFTER
    # A quota over 24 hours comes back little by little: use a quarter of an hour's worth at a time.
    return soon if waiting.reason is WaitReason.QUOTA else min(waiting.until, soon)


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """The queue that feeds the running function, for the messages that it puts back."""

    _queue: Queue
    _arn: str
    _schedules: Schedules
    _clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def put_back(self, messages: Iterable[tuple[M, float]], returned: int) -> None:
        """Put messages back, each for a number of seconds. Raises QueueUnavailable; some may be on the queue then.

        `returned`: the highest of the current batch, since Lambda may count the batch as one.
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


@dataclass(frozen=True, slots=True)
class Wakes:
    """Makes campaigns wait, and wakes them. One per process."""

    _campaigns: Campaigns
    _schedules: Schedules
    _launch_queue_arn: str
    _clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _sure_of: dict[CampaignId, datetime] = field(default_factory=dict)

    def wait(self, campaign_id: CampaignId, until: datetime, reason: str | None) -> bool:
        """Have a campaign woken at that time or before; if True, its messages at hand may be dropped.

        False while the scheduler is unavailable. A campaign that is not going is not woken: resuming brings its leads
        back. Raises StoreError.
        """
        seconds = ceil(max(until, self._clock() + SOONEST).timestamp())
        campaign = self._campaigns.record_waiting(campaign_id, Wait(datetime.fromtimestamp(seconds, UTC), reason))
        return campaign is None or self.make_sure_of(campaign)

    def make_sure_of(self, campaign: Campaign) -> bool:
        """Make the schedule of a campaign's note, in case the function that wrote it died before; False as above.

        Made twice, or late, it wakes twice, which is harmless.
        """
        campaign_id, note = campaign.campaign_id, campaign.waiting
        if note is None or (self._sure_of.get(campaign_id) == note.until and note.until > self._clock()):
            return True
        name = f"{campaign_id}.wake-{note.until.timestamp():.0f}"
        message = LaunchMessage(campaign_id, LaunchTask.WAKE, until=note.until.timestamp())
        try:
            self._schedules.put_at(name, max(note.until, self._clock() + SOONEST), self._launch_queue_arn, message)
        except SchedulerUnavailable:
            logger().warning("cannot_wait", exc_info=True, extra={"campaign_id": campaign_id})
            return False
        self._sure_of[campaign_id] = note.until
        logger().info("campaign_waits", extra={"campaign_id": campaign_id, "until": name, "reason": note.reason})
        return True
