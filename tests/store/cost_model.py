"""What DynamoDB charges for: calls to it counted at the client, and the size of a row by AWS's own rules.

Engines on one machine report capacity wrongly for indexes and transactions, so units are computed, not asked for.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any

WRITE_UNIT = 1024
"""Bytes of a row that one write unit writes; in a transaction two."""


@contextmanager
def counted_calls(client: Any) -> Iterator[Counter[str]]:
    """Requests that this client sends while the block runs, by operation, repetitions included."""
    calls: Counter[str] = Counter()

    def count(model: Any, **rest: Any) -> None:
        calls[model.name] += 1

    client.meta.events.register("before-call.dynamodb", count)
    try:
        yield calls
    finally:
        client.meta.events.unregister("before-call.dynamodb", count)


@contextmanager
def seen_arguments(client: Any, operation: str) -> Iterator[list[dict[str, Any]]]:
    """The arguments of every call to this operation while the block runs."""
    seen: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **rest: Any) -> None:
        seen.append(params)

    event = f"provide-client-params.dynamodb.{operation}"
    client.meta.events.register(event, note)
    try:
        yield seen
    finally:
        client.meta.events.unregister(event, note)


def row_bytes(row: Mapping[str, Mapping[str, Any]]) -> int:
    """Size of a row: names and values, in DynamoDB's typed form."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in row.items())


def write_units(row: Mapping[str, Mapping[str, Any]]) -> int:
    """Units that writing this row takes, outside of transactions."""
    return max(1, ceil(row_bytes(row) / WRITE_UNIT))


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        digits = content.lstrip("-").replace(".", "").strip("0")
        return ceil(len(digits) / 2) + 1 + int(content.startswith("-"))
    if kind == "B":
        return len(bytes(content))
    if kind == "SS":
        return sum(len(each.encode()) for each in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_bytes(inner) for inner in content)
    return 1
