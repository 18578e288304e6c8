"""What is sent to a table: one conditional write of one row, or one query, built clause by clause.

    already_going = one_of("status", "planning", "sending")
    not_paused_before = missing("tripped") | lacks("tripped", kind)
    update = Update(table, key).set(status="paused").remove("waiting").add(tripped={kind})
    update.require(already_going, not_paused_before)

`update.arguments` are those of UpdateItem, `update.action` is the same in a transaction. A name is an attribute's, or a
tuple that leads into a map: ("schedule", "at"). Values are plain (client.to_item).

boto3.dynamodb.conditions offers such clauses, and imports the SDK, for which recipients would wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from chalicelib.store.client import Item, to_item

Name = str | tuple[str, ...]
Values = Mapping[Any, Any]
"""By name."""


class _Placeholders:
    """The names and values of one statement's expressions. Names may be reserved words, so none is written out."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, name: Name) -> str:
        parts = (name,) if isinstance(name, str) else name
        return ".".join([self._names.setdefault(part, f"#n{len(self._names)}") for part in parts])

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def arguments(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self._names:
            given["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self._names.items()}
        if self._values:
            given["ExpressionAttributeValues"] = to_item(self._values)
        return given


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a row. Combined by `&` and `|`."""

    text: Callable[[_Placeholders], str]

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(lambda given: f"{self.text(given)} AND {other.text(given)}")

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(lambda given: f"({self.text(given)} OR {other.text(given)})")


def _compared(name: Name, operator: str, value: Any) -> Condition:
    return Condition(lambda given: f"{given.name(name)} {operator} {given.value(value)}")


def equals(name: Name, value: Any) -> Condition:
    return _compared(name, "=", value)


def differs(name: Name, value: Any) -> Condition:
    """Has another value. Does not hold where the attribute is missing."""
    return _compared(name, "<>", value)


def below(name: Name, value: Any) -> Condition:
    return _compared(name, "<", value)


def at_most(name: Name, value: Any) -> Condition:
    return _compared(name, "<=", value)


def above(name: Name, value: Any) -> Condition:
    return _compared(name, ">", value)


def at_least(name: Name, value: Any) -> Condition:
    return _compared(name, ">=", value)


def one_of(name: Name, *values: Any) -> Condition:
    return Condition(lambda given: f"{given.name(name)} IN ({', '.join(map(given.value, values))})")


def exists(name: Name) -> Condition:
    return Condition(lambda given: f"attribute_exists({given.name(name)})")


def missing(name: Name) -> Condition:
    return Condition(lambda given: f"attribute_not_exists({given.name(name)})")


def contains(name: Name, value: Any) -> Condition:
    """Of a text: this part; of a set or list: this member."""
    return Condition(lambda given: f"contains({given.name(name)}, {given.value(value)})")


def lacks(name: Name, value: Any) -> Condition:
    """Does not contain it. Does not hold where the attribute is missing."""
    return Condition(lambda given: f"NOT contains({given.name(name)}, {given.value(value)})")


def begins_with(name: Name, start: str) -> Condition:
    return Condition(lambda given: f"begins_with({given.name(name)}, {given.value(start)})")


def has_size(name: Name, size: int) -> Condition:
    return Condition(lambda given: f"size({given.name(name)}) = {given.value(size)}")


def all_of(*conditions: Condition) -> Condition:
    return Condition(lambda given: " AND ".join([each.text(given) for each in conditions]))


class Statement:
    """A write of one row: its target, and what it requires."""

    kind: ClassVar[str]
    """What a transaction calls it."""
    operation: ClassVar[str]
    """What makes it alone: a client's method."""

    def __init__(self, table: str, target: Item) -> None:
        """`target`: the row's key, or the whole row of a Put."""
        self._table = table
        self._target = target
        self._conditions: list[Condition] = []

    def require(self, *conditions: Condition) -> Self:
        """Write only where all of these hold."""
        self._conditions += conditions
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the operation for a single write: UpdateItem, PutItem or DeleteItem."""
        given = _Placeholders()
        arguments: dict[str, Any] = {"TableName": self._table, "Item" if self.kind == "Put" else "Key": self._target}
        arguments |= self._changes(given)
        if self._conditions:
            arguments["ConditionExpression"] = all_of(*self._conditions).text(given)
        return arguments | given.arguments()

    @property
    def action(self) -> dict[str, Any]:
        """The same in a transaction."""
        return {self.kind: self.arguments}

    def _changes(self, given: _Placeholders) -> dict[str, str]:
        return {}


class Put(Statement):
    """Writes the whole row, in the place of any other under its key."""

    kind, operation = "Put", "put_item"


class Delete(Statement):
    kind, operation = "Delete", "delete_item"


class Check(Statement):
    """Writes nothing: a transaction's condition on a further row."""

    kind, operation = "ConditionCheck", ""


class Update(Statement):
    """Changes attributes of a row, which is made if it does not exist."""

    kind, operation = "Update", "update_item"

    def __init__(self, table: str, key: Item) -> None:
        super().__init__(table, key)
        self._clauses: dict[str, list[Callable[[_Placeholders], str]]] = {"SET": [], "REMOVE": [], "ADD": []}

    def set(self, values: Values | None = None, /, **named: Any) -> Self:
        """Set attributes. None is left out, as in a row."""
        return self._change("SET", values, named, "{0} = {1}")

    def set_once(self, values: Values | None = None, /, **named: Any) -> Self:
        """Set those attributes that do not exist."""
        return self._change("SET", values, named, "{0} = if_not_exists({0}, {1})")

    def append(self, name: Name, values: list[Any]) -> Self:
        """Append to a list, which is made if it does not exist."""

        def clause(given: _Placeholders) -> str:
            path, none, new = given.name(name), given.value([]), given.value(values)
            return f"{path} = list_append(if_not_exists({path}, {none}), {new})"

        self._clauses["SET"].append(clause)
        return self

    def add(self, values: Values | None = None, /, **named: Any) -> Self:
        """Add to numbers, or to sets of texts. What does not exist counts as 0, or as empty."""
        return self._change("ADD", values, named, "{0} {1}")

    def remove(self, *names: Name) -> Self:
        self._clauses["REMOVE"] += [partial(_Placeholders.name, name=name) for name in names]
        return self

    def _change(self, verb: str, values: Values | None, named: Values, clause: str) -> Self:
        self._clauses[verb] += [
            partial(_written, clause, name, value)
            for name, value in {**(values or {}), **named}.items()
            if value is not None
        ]
        return self

    def _changes(self, given: _Placeholders) -> dict[str, str]:
        written = [
            f"{verb} {', '.join([clause(given) for clause in clauses])}"
            for verb, clauses in self._clauses.items()
            if clauses
        ]
        return {"UpdateExpression": " ".join(written)}


def _written(clause: str, name: Name, value: Any, given: _Placeholders) -> str:
    return clause.format(given.name(name), given.value(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Rows of one partition, in the order of their sort key."""

    key: Condition | None
    """The partition, and a range of its sort keys; None scans the whole table."""
    index: str | None = None
    """Queried in place of the table; always eventually consistent."""
    where: Condition | None = None
    """What else must hold. Rows that do not pass are read, and paid for, too."""
    only: str | None = None
    """The one attribute wanted; None: all."""
    newest_first: bool = False
    """In descending order of the sort key."""
    consistent: bool = False

    def arguments(self, table: str) -> dict[str, Any]:
        given = _Placeholders()
        arguments: dict[str, Any] = {"TableName": table, "ConsistentRead": self.consistent}
        if self.key is not None:
            arguments |= {
                "KeyConditionExpression": self.key.text(given),
                "ScanIndexForward": not self.newest_first,
            }
        if self.index is not None:
            arguments["IndexName"] = self.index
        if self.where is not None:
            arguments["FilterExpression"] = self.where.text(given)
        if self.only is not None:
            arguments["ProjectionExpression"] = given.name(self.only)
        return arguments | given.arguments()
