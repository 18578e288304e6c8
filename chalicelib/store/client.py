"""One DynamoDB client per process, the plain forms of its values, and the errors that the rest may see.

StoreError
├── StoreUnavailable   the engine refused, throttled or did not answer: the same call may be repeated
├── Conflict           somebody else changed the thing meanwhile: read again, decide again
└── InvalidPosition    a list was asked to go on from a place that it never named
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import sdk
from chalicelib.aws import DYNAMODB, Patience, SignedCalls
from chalicelib.model.times import time_text
from chalicelib.settings import aws_access

Item = dict[str, dict[str, Any]]
"""A row in DynamoDB's own typed form: {"lead_id": {"S": "lead_..."}}."""

_FOR_RECIPIENTS = Patience(total_seconds=1.0, attempt_seconds=0.6)
"""A write takes 5 ms; who waits longer than a second for a link leaves, and the hit has another way (tracking/hits)."""
_FOR_SENDING = Patience(total_seconds=10.0, attempt_seconds=3.0, attempts=4)


class StoreError(Exception):
    """Root of what this package raises."""


class StoreUnavailable(StoreError):
    """The engine refused, throttled or did not answer; the call may be repeated."""


class Conflict(StoreError):
    """A precondition no longer holds: somebody else was faster."""


class InvalidPosition(StoreError):
    """A list was asked to go on from a place that it never named."""


@cache
def dynamodb() -> Any:
    """The process's DynamoDB client, patient with the engine."""
    return sdk.client("dynamodb", connect=3, read=10, attempts=5)


class ItemClient:
    """Those operations of a DynamoDB client that are needed often, with its arguments, answers and errors."""

    def __init__(self, calls: SignedCalls) -> None:
        self._calls = calls

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        return self._calls.call("UpdateItem", arguments)

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        return self._calls.call("GetItem", arguments)

    def query(self, **arguments: Any) -> dict[str, Any]:
        return self._calls.call("Query", arguments)

    def batch_execute_statement(self, **arguments: Any) -> dict[str, Any]:
        return self._calls.call("BatchExecuteStatement", arguments)


@cache
def dynamodb_for_recipients() -> ItemClient:
    """The process's DynamoDB client where a recipient waits: it answers or fails within a second."""
    return ItemClient(SignedCalls(DYNAMODB, aws_access(), _FOR_RECIPIENTS))


@cache
def dynamodb_for_sending() -> ItemClient:
    """The process's DynamoDB client for what concerns every mail: patient, at a quarter of the SDK's CPU."""
    return ItemClient(SignedCalls(DYNAMODB, aws_access(), _FOR_SENDING))


def to_item(values: Mapping[str, Any]) -> Item:
    """Plain values to DynamoDB's typed form; None is left out, aware datetimes become ISO 8601 in UTC (ms).

    Texts, numbers, truth values, bytes, sets of texts, lists and maps: the SDK's own serializer knows more and
    costs its import.
    """
    return {name: _typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed form to plain values. Times stay text: `time_from` reads them."""
    return {name: _plain(value) for name, value in item.items()}


def is_condition_failure(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def attempts(most: int) -> Iterator[int]:
    """Numbers attempts at what others want at the same time, from 0, and pauses before each but the first.

    The pauses grow to half a second and are random: two that met once would else meet at every repetition.
    Source: Amazon Builders' Library, "Timeouts, retries, and backoff with jitter".
    """
    for number in range(most):
        if number:
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**number)))
        yield number


def call(operation: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    """Call the engine; a failed condition stays a ClientError for the caller to read, all else is StoreUnavailable.

    A write that meets a transaction on its item is repeated: DynamoDB refuses it, and the SDK does not repeat it.
    """
    for _ in attempts(_MEETINGS):
        try:
            return operation(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("ConditionalCheckFailedException", "TransactionCanceledException"):
                raise
            if code in ("ValidationException", "ResourceNotFoundException", "AccessDeniedException"):
                raise StoreError(str(error)) from error
            if code != "TransactionConflictException":
                raise StoreUnavailable(str(error)) from error
        except BotoCoreError as error:
            raise StoreUnavailable(str(error)) from error
    raise StoreUnavailable("transactions on the item did not end")


def write_if(operation: Callable[..., dict[str, Any]], **arguments: Any) -> bool:
    """A conditional write: True when it was made, False when the condition did not hold."""
    try:
        call(operation, **arguments)
    except ClientError as error:
        if is_condition_failure(error):
            return False
        raise
    return True


def refused_by(operation: Callable[..., dict[str, Any]], **arguments: Any) -> Item | None:
    """A conditional write: None when it was made, else the row that the condition was judged on (empty: no row)."""
    try:
        call(operation, **arguments, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as error:
        if is_condition_failure(error):
            row: Item = error.response.get("Item", {})
            return row
        raise
    return None


def row_after(operation: Callable[..., dict[str, Any]], **arguments: Any) -> tuple[Item, bool]:
    """A conditional update: the row as it is now (empty: there is none), and whether the update was made."""
    try:
        answer = call(operation, **arguments, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as error:
        if is_condition_failure(error):
            return error.response.get("Item", {}), False
        raise
    return answer["Attributes"], True


_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that pass by themselves."""
_MEETINGS = 6
"""How often a write may meet a transaction on the same item, within about a second."""


def transact(client: Any, actions: Sequence[dict[str, Any]], token: str | None = None) -> bool:
    """All writes or none: True when made, False when a condition did not hold. At most 100 actions (AWS's limit).

    When an answer is lost, the SDK repeats the request with the same token, and the engine answers as it did at first
    and writes nothing. So a single write goes this way, too, where its repetition would be refused or would undo what
    somebody else has written since. `token`: for a caller that repeats the call itself, at most 36 characters.
    Raises StoreUnavailable when another transaction held an item (a conflict, not a failed condition) after retries.
    Source: AWS, TransactWriteItems, `ClientRequestToken` (valid for ten minutes).
    """
    for _ in attempts(_MEETINGS):
        request = {"TransactItems": list(actions), "ClientRequestToken": token or secrets.token_hex(16)}
        try:
            call(client.transact_write_items, **request)
        except ClientError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                return False
            if not _PASSING.intersection(reasons):
                raise StoreError(f"transaction refused: {error}") from error
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


def query_all(client: Any, query: Mapping[str, Any]) -> Iterator[Item]:
    """All rows of a query, page by page."""
    start: dict[str, Any] = {}
    while True:
        answer = call(client.query, **query, **start)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case datetime():
            return {"S": time_text(value)}
        case Mapping():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [{"NULL": True} if each is None else _typed(each) for each in value]}
        case bytes():
            return {"B": value}
        case set() | frozenset() if value and all(isinstance(each, str) for each in value):
            return {"SS": sorted(value)}
        case _:
            raise TypeError(f"no row holds a {type(value).__name__}")


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    match kind:
        case "M":
            return from_item(inner)
        case "L":
            return [_plain(each) for each in inner]
        case "N":
            return int(inner)
        case "SS":
            return set(inner)
        case "NULL":
            return None
        case _:  # S, BOOL and B are what they say
            return inner
