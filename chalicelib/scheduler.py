"""One-time schedules of EventBridge Scheduler: each puts its message on a queue at a time, and then deletes itself.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html (60 seconds' precision) and
managing-schedule-delete.html beside it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.model.errors import Unavailable
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from types_boto3_scheduler import EventBridgeSchedulerClient


class SchedulerUnavailable(Unavailable):
    """The scheduler did not create or delete a schedule; the same call may be repeated."""

    retry_after_seconds = 5


@dataclass(slots=True)
class Schedules:
    """The schedules of one group. Every method may raise SchedulerUnavailable."""

    client: Callable[[], "EventBridgeSchedulerClient"]
    """Called when needed: creating one takes longer than most requests, which need none."""
    group: str
    role_arn: str
    launch_queue_arn: str

    def create(self, campaign_id: CampaignId, schedule_id: str, at: datetime) -> None:
        """Have a campaign launched at a time."""
        message = LaunchMessage(campaign_id, schedule_id=schedule_id)
        self.put_at(_name(campaign_id, schedule_id), at, self.launch_queue_arn, message)

    def delete(self, campaign_id: CampaignId, schedule_id: str) -> None:
        """Delete a schedule that `create` made; one that has fired or never existed is no error."""
        client = self.client()
        try:
            client.delete_schedule(GroupName=self.group, Name=_name(campaign_id, schedule_id))
        except client.exceptions.ResourceNotFoundException:
            return
        except (BotoCoreError, ClientError) as error:
            raise SchedulerUnavailable(str(error)) from error

    def put_at(self, name: str, at: datetime, queue_arn: str, message: "DataclassInstance") -> None:
        """Have a message put on a queue at a time, at most a minute late; an existing schedule of this name stays.

        Name a time at least 90 seconds ahead: whether Scheduler accepts one that has passed is not documented.
        """
        client = self.client()
        try:
            client.create_schedule(
                GroupName=self.group,
                Name=name,
                ScheduleExpression=f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={"Arn": queue_arn, "RoleArn": self.role_arn, "Input": json.dumps(asdict(message))},
            )
        except client.exceptions.ConflictException:
            return  # another worker made it, or the SDK repeated a call whose answer was lost
        except (BotoCoreError, ClientError) as error:
            raise SchedulerUnavailable(str(error)) from error


def _name(campaign_id: CampaignId, schedule_id: str) -> str:
    return f"{campaign_id}.{schedule_id}"
