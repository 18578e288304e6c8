"""Hands events to an SNS topic in the background: never in the way of a send, and again until the topic takes them.

What it has not taken when the inbox stops, the next inbox publishes (taken.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import Any

from local.inbox.events import Event
from local.inbox.mailbox import MessageId
from local.inbox.taken import Taken

BATCH_SIZE = 10  # the most that PublishBatch takes
LONGEST_PAUSE_SECONDS = 5.0

log = logging.getLogger("inbox.publisher")


class Publisher:
    """One queue, one call at a time, so that events leave in the order in which they happened."""

    def __init__(self, topic_arn: str, endpoint_url: str, taken: Taken) -> None:
        self._topic_arn = topic_arn
        self._endpoint_url = endpoint_url
        self._taken = taken
        self._waiting: asyncio.Queue[Event] = asyncio.Queue()
        self._unfinished = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def region(self) -> str:
        return self._topic_arn.split(":")[3]

    @property
    def account_id(self) -> str:
        return self._topic_arn.split(":")[4]

    @property
    def unpublished(self) -> int:
        """How many events the topic has not taken yet."""
        return self._unfinished

    @property
    def taken_up_to(self) -> MessageId:
        """Of this message some events may have been taken before the inbox started, of later ones none."""
        return self._taken.up_to

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._taken.close()

    def publish(self, events: list[Event]) -> None:
        """Queue events; returns at once."""
        self._unfinished += len(events)
        for event in events:
            self._waiting.put_nowait(event)

    async def _run(self) -> None:
        client = await asyncio.to_thread(self._client)
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_SIZE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._publish_until_taken(client, batch)
            self._taken.record([event["mail"]["messageId"] for event in batch])
            self._unfinished -= len(batch)

    async def _publish_until_taken(self, client: Any, batch: list[Event]) -> None:
        pause = 0.2
        left = batch
        while left:
            left = await asyncio.to_thread(self._refused_of, client, left)
            if left:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _refused_of(self, client: Any, batch: list[Event]) -> list[Event]:
        """Publish a batch; gives the events that have to be published again. Runs in a thread."""
        from botocore.exceptions import BotoCoreError, ClientError

        entries = [{"Id": str(number), "Message": json.dumps(event)} for number, event in enumerate(batch)]
        try:
            answer = client.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        except (BotoCoreError, ClientError) as error:
            log.warning("%s did not take events, they are kept and tried again: %s", self._topic_arn, error)
            return batch
        return [batch[int(failed["Id"])] for failed in answer.get("Failed", []) if not failed["SenderFault"]]

    def _client(self) -> Any:
        # Imported here, because boto3 is slow to import and most inboxes publish nothing.
        import boto3
        from botocore.config import Config

        # Never the user's own profile: the topic is on this machine, and any key will do unless one is given.
        return boto3.client(
            "sns",
            endpoint_url=self._endpoint_url,
            region_name=self.region,
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "inbox"),
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "inbox"),
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )
