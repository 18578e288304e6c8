"""One DynamoDB client per process, the plain forms of its values, and the errors that the rest may see.

StoreError
├── StoreUnavailable   the engine refused, throttled or did not answer: the same call may be repeated
├── Conflict           somebody else changed the thing meanwhile: read again, decide again
└── InvalidPosition    a list was asked to go on from a place that it never named
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Item = dict[str, dict[str, Any]]
"""A row in DynamoDB's own typed form: {"lead_id": {"S": "lead_..."}}."""

_serialize: Callable[[Any], dict[str, Any]] = TypeSerializer().serialize
_deserialize: Callable[[dict[str, Any]], Any] = TypeDeserializer().deserialize


class StoreError(Exception):
    """Root of what this package raises."""


class StoreUnavailable(StoreError):
    """The engine refused, throttled or did not answer; the call may be repeated."""


class Conflict(StoreError):
    """A precondition no longer holds: somebody else was faster."""


class InvalidPosition(StoreError):
    """A list was asked to go on from a place that it never named."""


@cache
def dynamodb(*, patient: bool = True) -> Any:
    """The process's DynamoDB client. `patient=False` is for doors where a recipient waits: short time-outs, one retry.

    A fixed user agent saves botocore from rebuilding its own at every call (measured: 12 % of a call's CPU).
    """
    waits = {"connect_timeout": 3, "read_timeout": 10} if patient else {"connect_timeout": 0.5, "read_timeout": 1.0}
    attempts = 5 if patient else 2
    return boto3.client(
        "dynamodb",
        config=Config(
            user_agent="leadflip-campaigns",
            parameter_validation=False,
            tcp_keepalive=True,
            retries={"mode": "standard", "total_max_attempts": attempts},
            **waits,
        ),
    )


def to_item(values: Mapping[str, Any]) -> Item:
    """Plain values to DynamoDB's typed form; None is left out, aware datetimes become ISO 8601 in UTC (ms)."""
    return {name: _serialize(_plain(value)) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed form to plain values; whole numbers become int. Times stay text: `time_from` reads them."""
    return {name: _numbers(_deserialize(value)) for name, value in item.items()}


def time_text(moment: datetime) -> str:
    """An aware time as fixed-width ISO 8601 in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def time_from(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def is_condition_failure(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def call(operation: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    """Call the engine; a failed condition stays a ClientError for the caller to read, all else is StoreUnavailable."""
    try:
        return operation(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ConditionalCheckFailedException", "TransactionCanceledException"):
            raise
        if code in ("ValidationException", "ResourceNotFoundException", "AccessDeniedException"):
            raise StoreError(str(error)) from error
        raise StoreUnavailable(str(error)) from error
    except BotoCoreError as error:
        raise StoreUnavailable(str(error)) from error


def write_if(operation: Callable[..., dict[str, Any]], **arguments: Any) -> bool:
    """A conditional write: True when it was made, False when the condition did not hold."""
    try:
        call(operation, **arguments)
    except ClientError as error:
        if is_condition_failure(error):
            return False
        raise
    return True


_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that pass by themselves."""


def transact(client: Any, actions: Sequence[dict[str, Any]]) -> bool:
    """All writes or none: True when made, False when a condition did not hold. At most 100 actions (AWS's limit).

    Raises StoreUnavailable when another transaction held an item (a conflict, not a failed condition) after retries.
    """
    for attempt in range(6):
        try:
            call(client.transact_write_items, TransactItems=list(actions))
        except ClientError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                return False
            if not _PASSING.intersection(reasons):
                raise StoreError(f"transaction refused: {error}") from error
            # Jitter: two imports of one file meet at every transaction, and would meet again at every repetition.
            time.sleep(0.02 * 2**attempt * random.uniform(0.5, 1.5))
        else:
            return True
    raise StoreUnavailable("transaction conflicts did not clear")


def batch_get(client: Any, table: str, keys: Sequence[Item], *, consistent: bool = False) -> list[Item]:
    """Rows for up to any number of distinct keys, in no order; missing ones are absent; 100 keys a call."""
    found: list[Item] = []
    waiting = [dict(key) for key in keys]
    attempt = 0
    while waiting:
        chunk, waiting = waiting[:100], waiting[100:]
        answer = call(client.batch_get_item, RequestItems={table: {"Keys": chunk, "ConsistentRead": consistent}})
        found += answer["Responses"].get(table, [])
        unprocessed = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if unprocessed:
            attempt += 1
            if attempt > 8:
                raise StoreUnavailable("batch read kept being throttled")
            time.sleep(0.05 * 2**attempt)
            waiting = unprocessed + waiting
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _numbers(value: Any) -> Any:
    # The library reads numbers as Decimal and binaries as its own wrapper; the project stores whole numbers only.
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    return value
