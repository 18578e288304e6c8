"""DynamoDB clients, each with its own timeouts; and plain values for typed ones."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from chalicelib import sdk
from chalicelib.aws import DYNAMODB, Patience, SignedCalls
from chalicelib.model.times import time_from, time_text
from chalicelib.settings import aws_access

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from types_boto3_dynamodb import DynamoDBClient

Client = Union["DynamoDBClient", "ItemClient"]
"""What stores are made of. An ItemClient is enough for what recipients and senders do."""
Item = dict[str, dict[str, Any]]
"""A row in DynamoDB's own typed form: {"lead_id": {"S": "lead_..."}}."""
Noun = TypeVar("Noun", bound="DataclassInstance")
Readers = Mapping[str, Callable[[Any], object]]

_FOR_RECIPIENTS = Patience(total_seconds=1.0, attempt_seconds=0.6)
"""A write takes 5 ms. People leave who wait longer than a second for a link, and the hit is kept on a queue then."""
_FOR_SENDING = Patience(total_seconds=10.0, attempt_seconds=3.0, attempts=4)


@cache
def dynamodb() -> Any:
    """The process's SDK client."""
    return sdk.client("dynamodb", connect=3, read=10, attempts=5)


class ItemClient:
    """The operations of a DynamoDB client that are needed often, with its arguments, answers and errors."""

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
    """The process's client for recipients, who wait: it answers or fails within a second."""
    return ItemClient(SignedCalls(DYNAMODB, aws_access(), _FOR_RECIPIENTS))


@cache
def dynamodb_for_sending() -> ItemClient:
    """The process's client for what every mail needs: patient, at a quarter of the SDK's processor time."""
    return ItemClient(SignedCalls(DYNAMODB, aws_access(), _FOR_SENDING))


def to_item(values: Mapping[str, Any]) -> Item:
    """Plain values to DynamoDB's typed form; None is left out, aware datetimes become ISO 8601 in UTC (ms).

    Texts, numbers, truth values, bytes, sets of texts, lists and maps. The SDK's own serializer knows more, and its
    import would keep recipients waiting.
    """
    return {name: typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed form to plain values. Times stay text: `time_from` reads them."""
    return {name: _plain(value) for name, value in item.items()}


def noun_of(noun: type[Noun], values: Mapping[str, Any], read: Readers = MappingProxyType({}), **others: Any) -> Noun:
    """The noun of a row's values, each read as its field's type says, or as `read` does; `others` are not in the row.

    Values that it has not are left out: another release may have written more. A row holds no None, so what may be None
    is None where it is missing.
    """
    readers, blank = _reading(noun)
    readers = {**readers, **read} if read else readers
    given = {name: readers[name](value) for name, value in values.items() if name in readers and name not in others}
    return noun(**{**blank, **given, **others})


@cache
def _reading(noun: type[Any]) -> tuple[Readers, Mapping[str, None]]:
    """What reads each of a noun's fields; and of those without a default the ones that may be None."""
    types = get_type_hints(noun)
    required = [each.name for each in fields(noun) if each.default is MISSING and each.default_factory is MISSING]
    blank = dict.fromkeys(name for name in required if NoneType in get_args(types[name]))
    return {name: _reader_of(kind) for name, kind in types.items()}, blank


def _reader_of(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of a row's."""
    outer, inner = get_origin(kind) or kind, [_reader_of(each) for each in get_args(kind) if each is not NoneType]
    if outer in (Union, UnionType):
        return lambda value: None if value is None else inner[0](value)
    if outer in (tuple, Sequence):
        return lambda values: tuple(map(inner[0], values))
    if outer in (dict, Mapping):
        return lambda values: {inner[0](key): inner[1](value) for key, value in values.items()}
    if outer is datetime:
        return time_from
    if isinstance(outer, type) and is_dataclass(outer):
        return partial(noun_of, outer)
    is_made_of_value = isinstance(outer, type) and issubclass(outer, Enum | int | float | frozenset)
    return outer if is_made_of_value else lambda value: value


def packed(value: Any) -> bytes:
    """JSON, compressed; `unpacked` reads it."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode())


def unpacked(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def typed(value: Any) -> dict[str, Any]:
    """One value of `to_item`."""
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
            return {"L": [{"NULL": True} if each is None else typed(each) for each in value]}
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
            return int(inner) if inner.lstrip("-").isdigit() else float(inner)
        case "SS":
            return set(inner)
        case "NULL":
            return None
        case _:  # S, BOOL and B are what they say
            return inner
