"""SQS queues: putting messages on them, and handling those that Lambda hands over."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.backoff import attempts
from chalicelib.model.errors import Unavailable
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

T = TypeVar("T")
Failures = Mapping[str, Any]
"""Lambda's partial batch response: which messages of an SQS event are to be delivered again."""

ENTRIES_PER_CALL = 10
"""SQS takes at most ten messages a call."""
MOST_DELAY_SECONDS = 900


class QueueUnavailable(Unavailable):
    """SQS did not take a message; the same call may be repeated."""

    retry_after_seconds = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """One SQS queue, for writing."""

    _client: "SQSClient"
    _url: str

    def put(self, messages: Iterable["DataclassInstance"]) -> None:
        """Put all messages, ten a call. Raises QueueUnavailable; some may be on the queue then."""
        self.put_later((message, 0) for message in messages)

    def put_later(self, messages: Iterable[tuple["DataclassInstance", float]]) -> None:
        """Put messages, each with its delay in seconds: at most a quarter of an hour (SQS's limit)."""
        for group in groups(messages, ENTRIES_PER_CALL):
            self._put_group(
                [
                    {
                        "Id": str(number),
                        "MessageBody": json.dumps(asdict(message)),
                        "DelaySeconds": min(ceil(max(seconds, 0)), MOST_DELAY_SECONDS),
                    }
                    for number, (message, seconds) in enumerate(group)
                ]
            )

    def _put_group(self, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> None:
        for _ in attempts(7, longest_pause=1.0):
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable(str(error)) from error
            failed = {each["Id"] for each in answer.get("Failed", [])}
            entries = [each for each in entries if each["Id"] in failed]
            if not entries:
                return
        raise QueueUnavailable(f"{len(entries)} messages were not taken")


class Record(Protocol):
    """A message of Lambda's SQS event, as Powertools gives it."""

    body: str
    json_body: Any
    message_id: str


def for_each_record(event: dict[str, Any], handle: Callable[[Record], None]) -> Failures:
    """Handle every record of Lambda's SQS event; only those that raise go back to the queue, or to its dead letters.

    The log says why. An outage fails thousands of messages, so what is unavailable is named without a trace.
    """
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def logged(record: Record) -> None:
        try:
            handle(record)
        except Unavailable as error:
            cause = repr(error.__cause__ or error)
            logger().warning("message_put_back", extra={"sqs_message": record.message_id, "cause": cause})
            raise
        except Exception:
            logger().exception("message_failed", extra={"sqs_message": record.message_id})
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=logged, processor=processor)


def groups(things: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive groups of at most `size`."""
    source = iter(things)
    while group := list(islice(source, size)):
        yield group
