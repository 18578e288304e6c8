"""Schedules: sending once at a time that a marketer names.

Every schedule has an id of its own, and a campaign says which one counts. A new one is made before the campaign names
it, the old one is deleted afterwards: whoever dies in between leaves a schedule that fires and does nothing.

    schedule ── EventBridge Scheduler ── launch queue ── fire ──┬── planning
                                                                └── missed: too late, nobody to send to, or
                                                                    the mail service lets nothing leave
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.campaigns.account import Hindrance, SendingAccount
from chalicelib.campaigns.local_time import moment_of
from chalicelib.campaigns.statuses import get_campaign, require_status
from chalicelib.crm.audience import Audiences
from chalicelib.model.campaign import Campaign, CampaignStatus, Schedule
from chalicelib.model.ids import CampaignId
from chalicelib.sending.queues import LaunchMessage
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.client import Conflict
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LATE = timedelta(hours=1)
"""Later than this, a schedule that fires asks instead of sending."""

UNSENT = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED, CampaignStatus.MISSED)
"""Nothing of it was sent, and nothing is being sent."""
_WAITING = (CampaignStatus.SCHEDULED, CampaignStatus.MISSED)


class SchedulerUnavailable(Exception):
    """The scheduler did not take or delete a schedule; the same call may be repeated."""


class Schedules(Protocol):
    def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
        """Raises SchedulerUnavailable."""
        ...

    def delete(self, campaign_id: CampaignId, schedule_id: str) -> None:
        """Of one that has fired or never was, too. Raises SchedulerUnavailable."""
        ...

    def put_at(self, name: str, at: datetime, queue_arn: str, message: "DataclassInstance") -> None:
        """Have a message put on a queue at a time, by a schedule of this name: one that is there already stays.

        At least a minute and a half ahead: whether a moment that has passed is taken is not documented. Up to a minute
        late. Raises SchedulerUnavailable.
        """
        ...


class EventBridgeSchedules:
    """One-time schedules in a group of their own; each puts its message on a queue and then deletes itself.

    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html (60 seconds' precision) and
    managing-schedule-delete.html beside it.
    """

    def __init__(self, client: Callable[[], Any], *, group: str, role_arn: str, launch_queue_arn: str) -> None:
        """`client` is asked for when first needed: making one takes longer than most requests."""
        self._make_client = client
        self._group = group
        self._role_arn = role_arn
        self._launch_queue_arn = launch_queue_arn

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
        message = LaunchMessage(campaign_id, schedule_id=schedule_id)
        self.put_at(_name(campaign_id, schedule_id), at, self._launch_queue_arn, message)

    def put_at(self, name: str, at: datetime, queue_arn: str, message: "DataclassInstance") -> None:
        try:
            self._client.create_schedule(
                GroupName=self._group,
                Name=name,
                ScheduleExpression=f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": queue_arn, "RoleArn": self._role_arn, "Input": json.dumps(asdict(message))},
            )
        except self._client.exceptions.ConflictException:
            return  # somebody else was first, or the SDK repeated a call whose answer was lost
        except (BotoCoreError, ClientError) as error:
            raise SchedulerUnavailable(str(error)) from error

    def delete(self, campaign_id: CampaignId, schedule_id: str) -> None:
        try:
            self._client.delete_schedule(GroupName=self._group, Name=_name(campaign_id, schedule_id))
        except self._client.exceptions.ResourceNotFoundException:
            return
        except (BotoCoreError, ClientError) as error:
            raise SchedulerUnavailable(str(error)) from error


def forget_schedule(schedules: Schedules, campaign: Campaign) -> None:
    """Delete the schedule that counted. Should that fail, it fires and does nothing: no reason to refuse a marketer."""
    if campaign.schedule is None:
        return
    try:
        schedules.delete(campaign.campaign_id, campaign.schedule.schedule_id)
    except SchedulerUnavailable:
        logger().warning("schedule_left_behind", exc_info=True, extra={"campaign_id": campaign.campaign_id})


class Scheduling:
    def __init__(self, campaigns: Campaigns, schedules: Schedules) -> None:
        self._campaigns = campaigns
        self._schedules = schedules

    def schedule(self, campaign_id: CampaignId, local: str, timezone: str, now: datetime) -> Campaign:
        """Have a draft sent later, or another time than was said before, or once more after it was missed.

        Raises CampaignNotFound, WrongStatus, InvalidTime, SchedulerUnavailable, Conflict.
        """
        before = get_campaign(self._campaigns, campaign_id)
        require_status(before, UNSENT, "scheduled")
        schedule = Schedule(secrets.token_hex(6), moment_of(local, timezone, now), local, timezone)
        self._schedules.create(campaign_id, schedule.schedule_id, schedule.at)
        if not self._campaigns.set_schedule(campaign_id, UNSENT, schedule):
            self._schedules.delete(campaign_id, schedule.schedule_id)
            raise Conflict("The campaign was changed or sent meanwhile.")
        forget_schedule(self._schedules, before)
        return get_campaign(self._campaigns, campaign_id)

    def unschedule(self, campaign_id: CampaignId) -> Campaign:
        """Make it a draft again. Raises CampaignNotFound, WrongStatus, Conflict."""
        before = get_campaign(self._campaigns, campaign_id)
        require_status(before, _WAITING, "unscheduled")
        assert before.schedule is not None  # noqa: S101 - nothing else makes a campaign scheduled
        schedule_id = before.schedule.schedule_id
        if not self._campaigns.drop_schedule(campaign_id, schedule_id, _WAITING, CampaignStatus.DRAFT):
            raise Conflict("The campaign was changed or sent meanwhile.")
        forget_schedule(self._schedules, before)
        return get_campaign(self._campaigns, campaign_id)


def fire(
    campaigns: Campaigns,
    audiences: Audiences,
    account: SendingAccount,
    campaign_id: CampaignId,
    schedule_id: str,
    now: datetime,
) -> bool:
    """What a schedule does when its time has come: whether the campaign is to be launched now.

    A schedule that no longer counts does nothing. Repeated after its function died, it goes on where that was.
    """
    campaign = campaigns.find(campaign_id)
    schedule = campaign.schedule if campaign else None
    if campaign is None or schedule is None or schedule.schedule_id != schedule_id:
        logger().info("stale_schedule", extra={"campaign_id": campaign_id})
        return False
    if campaign.status is CampaignStatus.PLANNING:
        return True
    late = now - schedule.at
    said = f"scheduled for {schedule.local} {schedule.timezone}"
    if late > LATE:
        hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
        reason = f"It was {said}, but its turn came {hours} h {minutes:02} min late, too late to send without asking."
    elif audiences.is_empty(campaign.audience):
        reason = f"It was {said}; nobody matched its audience then."
    elif account.hindrance() is Hindrance.SENDING_DISABLED:
        reason = f"It was {said}. {Hindrance.SENDING_DISABLED.value}"
    else:
        return campaigns.change_status(
            campaign_id,
            [CampaignStatus.SCHEDULED],
            CampaignStatus.PLANNING,
            schedule_id=schedule_id,
            launched_at=now,
        )
    missed = campaigns.change_status(
        campaign_id, [CampaignStatus.SCHEDULED], CampaignStatus.MISSED, reason=reason, schedule_id=schedule_id
    )
    logger().warning("schedule_missed" if missed else "stale_schedule", extra={"campaign_id": campaign_id})
    return False


def _name(campaign_id: CampaignId, schedule_id: str) -> str:
    return f"{campaign_id}.{schedule_id}"
