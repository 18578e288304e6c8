"""The messages between launch, plan and send, and putting them on their queues."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from itertools import islice
from math import ceil
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.store.ids import CampaignId, LeadId

T = TypeVar("T")

ENTRIES_PER_CALL = 10
"""SQS takes at most ten messages a call."""
MOST_DELAY_SECONDS = 900
LEADS_PER_MESSAGE = 10
"""Leads that one send message names: few enough that a redelivered message repeats little."""


class QueueUnavailable(Exception):
    """SQS did not take a message; the same call may be repeated."""


class LaunchTask(StrEnum):
    LAUNCH = "launch"
    """Begin it."""
    RESUME = "resume"
    """Bring back what pausing has let drop."""
    RETRY = "retry"
    """Have failed deliveries sent again."""


@dataclass(frozen=True, slots=True)
class LaunchMessage:
    campaign_id: CampaignId
    task: LaunchTask = LaunchTask.LAUNCH
    schedule_id: str | None = None
    """The schedule that fired, where one did."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "LaunchMessage":
        return cls(body["campaign_id"], LaunchTask(body.get("task", LaunchTask.LAUNCH)), body.get("schedule_id"))


@dataclass(frozen=True, slots=True)
class PlanMessage:
    """Plan one unit: the audience's stage number `stage` (0, 1, ...) and one shard of it."""

    campaign_id: CampaignId
    stage: int
    shard: int
    again_from: int | None = None
    """Also bring back what is unfinished of the pages from this one on (1, 2, ...): the campaign was resumed."""

    @property
    def unit(self) -> str:
        return f"{self.stage}.{self.shard}"


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Have the failed deliveries of one shard (0 to 63) sent again."""

    campaign_id: CampaignId
    retry_shard: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    campaign_id: CampaignId
    unit: str
    lead_ids: tuple[LeadId, ...]
    put_off: int = 0
    """How often the mail server has put exactly these leads' mails off."""

    @classmethod
    def from_json(cls, text: str) -> "SendMessage":
        values = json.loads(text)
        return cls(values["campaign_id"], values["unit"], tuple(values["lead_ids"]), values.get("put_off", 0))


Message = LaunchMessage | PlanMessage | RetryMessage | SendMessage


class Queue:
    """One SQS queue, for writing."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def put(self, messages: Iterable[Message]) -> None:
        """Put all messages, ten a call. Raises QueueUnavailable; some may be on the queue then."""
        self.put_later((message, 0) for message in messages)

    def put_later(self, messages: Iterable[tuple[Message, float]]) -> None:
        """Put messages that nobody sees for so many seconds, at most a quarter of an hour (SQS's limit)."""
        for group in groups(messages, ENTRIES_PER_CALL):
            self._put_group(
                [
                    {"Id": str(number), "MessageBody": json.dumps(asdict(message))}
                    | ({"DelaySeconds": min(ceil(seconds), MOST_DELAY_SECONDS)} if seconds > 0 else {})
                    for number, (message, seconds) in enumerate(group)
                ]
            )

    def _put_group(self, entries: list[dict[str, Any]]) -> None:
        for attempt in range(5):
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable(str(error)) from error
            failed = {each["Id"] for each in answer.get("Failed", [])}
            entries = [each for each in entries if each["Id"] in failed]
            if not entries:
                return
            time.sleep(0.1 * 2**attempt)
        raise QueueUnavailable(f"{len(entries)} messages were not taken")


@cache
def sqs() -> Any:
    return boto3.client("sqs")


def groups(things: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive groups of at most `size`."""
    source = iter(things)
    while group := list(islice(source, size)):
        yield group
