"""Hands events to SNS topics in the background: never in the way of a send, and again until the topics take them.

What it has not taken when the inbox stops, the next inbox publishes (taken.py).
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from local.inbox.events import Event
from local.inbox.mailbox import MessageId
from local.inbox.taken import Taken

BATCH_SIZE = 10  # the most that PublishBatch takes
LONGEST_PAUSE_SECONDS = 5.0

Outgoing = tuple[str, Event]
"""A topic's ARN and what goes to it."""

log = logging.getLogger("inbox.publisher")


class Publisher:
    """One queue, one call at a time, so that events leave in the order in which they happened.

    `topics`: by their ARNs the types of events that each gets, as a configuration set's event destinations say; None:
    all of them.
    """

    def __init__(self, topics: Mapping[str, frozenset[str] | None], endpoint_url: str, taken: Taken) -> None:
        self._topics = topics
        self._first_arn = next(iter(topics))
        self._endpoint_url = endpoint_url
        self._taken = taken
        self._waiting: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._unfinished = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def region(self) -> str:
        return self._first_arn.split(":")[3]

    @property
    def account_id(self) -> str:
        return self._first_arn.split(":")[4]

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
        """Queue events for the topics that get their type; returns at once."""
        for event in events:
            for topic_arn, types in self._topics.items():
                if types is None or event["eventType"] in types:
                    self._unfinished += 1
                    self._waiting.put_nowait((topic_arn, event))

    async def _run(self) -> None:
        client = await asyncio.to_thread(self._client)
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_SIZE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._publish_until_taken(client, batch)
            self._taken.record([event["mail"]["messageId"] for _, event in batch])
            self._unfinished -= len(batch)

    async def _publish_until_taken(self, client: Any, batch: list[Outgoing]) -> None:
        pause = 0.2
        left = batch
        while left:
            left = await asyncio.to_thread(self._refused_of, client, left)
            if left:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _refused_of(self, client: Any, batch: list[Outgoing]) -> list[Outgoing]:
        """Publish a batch; gives what has to be published again, in its order. Runs in a thread."""
        from botocore.exceptions import BotoCoreError, ClientError

        refused: set[int] = set()
        for topic_arn in self._topics:
            entries = [
                {"Id": str(number), "Message": json.dumps(event)}
                for number, (to, event) in enumerate(batch)
                if to == topic_arn
            ]
            if not entries:
                continue
            try:
                answer = client.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=entries)
            except (BotoCoreError, ClientError) as error:
                log.warning("%s did not take events, they are kept and tried again: %s", topic_arn, error)
                refused |= {int(entry["Id"]) for entry in entries}
            else:
                refused |= {int(failed["Id"]) for failed in answer.get("Failed", []) if not failed["SenderFault"]}
        return [batch[number] for number in sorted(refused)]

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
