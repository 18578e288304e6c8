"""What is sent to a table: one conditional write of one row, or one query, built clause by clause.

    already_going = one_of("status", "planning", "sending")
    not_paused_before = missing("tripped") | lacks("tripped", kind)
    update = Update(table, key).set(status="paused").remove("waiting").add(tripped={kind})
    update.require(already_going, not_paused_before)

`update.arguments` are those of UpdateItem, `update.action` is the same in a transaction. A name is an attribute's, or a
tuple that leads into maps and lists: ("schedule", "at"), ("later", "1", 0). Values are plain (client.to_item).

boto3.dynamodb.conditions offers such clauses, and imports the SDK, for which recipients would wait.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from chalicelib.store.client import Item, typed

Name = str | tuple[str | int, ...]
Values = Mapping[Any, Any]
"""By name."""


class _Placeholders:
    """The names and values of one statement's expressions. Names may be reserved words, so none is written out."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: Item = {}

    def name(self, name: Name) -> str:
        if not isinstance(name, str):
            parts = [f"[{part}]" if isinstance(part, int) else f".{self.name(part)}" for part in name]
            return "".join(parts).removeprefix(".")
        return self.names.setdefault(name, f"#n{len(self.names)}")

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = typed(value)
        return placeholder

    def arguments(self) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.names:
            given["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self.names.items()}
        if self.values:
            given["ExpressionAttributeValues"] = self.values
        return given


class Condition:
    """What must hold of a row. Combined by `&` and `|`."""

    __slots__ = ("text",)

    def __init__(self, text: Callable[[_Placeholders], str]) -> None:
        self.text = text

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(lambda given: f"{self.text(given)} AND {other.text(given)}")

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(lambda given: f"({self.text(given)} OR {other.text(given)})")


def _with_value(form: str) -> Callable[[Name, Any], Condition]:
    """What makes clauses of this form about an attribute and a value."""
    return lambda name, value: Condition(lambda given: form.format(given.name(name), given.value(value)))


equals = _with_value("{} = {}")
differs = _with_value("{} <> {}")
"""Has another value, or none: unlike other comparisons, `<>` holds where the attribute is missing."""
below = _with_value("{} < {}")
at_most = _with_value("{} <= {}")
above = _with_value("{} > {}")
at_least = _with_value("{} >= {}")
begins_with = _with_value("begins_with({}, {})")
has_size = _with_value("size({}) = {}")
contains = _with_value("contains({}, {})")
"""Of a text: this part; of a set or list: this member."""
lacks = _with_value("NOT contains({}, {})")
"""Does not contain it. Does not hold where the attribute is missing."""


def one_of(name: Name, *values: Any) -> Condition:
    return Condition(lambda given: f"{given.name(name)} IN ({', '.join(map(given.value, values))})")


def exists(name: Name) -> Condition:
    return Condition(lambda given: f"attribute_exists({given.name(name)})")


def missing(name: Name) -> Condition:
    return Condition(lambda given: f"attribute_not_exists({given.name(name)})")


def is_not_empty(name: Name) -> Condition:
    """Of a text, set, list or map. Does not hold where the attribute is missing."""
    return Condition(lambda given: f"size({given.name(name)}) > {given.value(0)}")


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
        self._given = _Placeholders()
        self._conditions: list[str] = []

    def require(self, *conditions: Condition) -> Self:
        """Write only where all of these hold."""
        self._conditions += [each.text(self._given) for each in conditions]
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the operation for a single write: UpdateItem, PutItem or DeleteItem."""
        arguments: dict[str, Any] = {"TableName": self._table, "Item" if self.kind == "Put" else "Key": self._target}
        if self._conditions:
            arguments["ConditionExpression"] = " AND ".join(self._conditions)
        return arguments | self._given.arguments()

    @property
    def action(self) -> dict[str, Any]:
        """The same in a transaction."""
        return {self.kind: self.arguments}


class Put(Statement):
    """Writes the whole row, in the place of any other under its key."""

    kind, operation = "Put", "put_item"


class Delete(Statement):
    kind, operation = "Delete", "delete_item"


class Update(Statement):
    """Changes attributes of a row, which is made if it does not exist."""

    kind, operation = "Update", "update_item"

    def __init__(self, table: str, key: Item) -> None:
        super().__init__(table, key)
        self._sets: list[str] = []
        self._removes: list[str] = []
        self._adds: list[str] = []

    def set(self, values: Values | None = None, /, **named: Any) -> Self:
        """Set attributes. None is left out, as in a row."""
        self._sets += [f"{path} = {value}" for path, value in self._pairs(values, named)]
        return self

    def set_once(self, values: Values | None = None, /, **named: Any) -> Self:
        """Set those attributes that do not exist."""
        self._sets += [f"{path} = if_not_exists({path}, {value})" for path, value in self._pairs(values, named)]
        return self

    def append(self, name: Name, values: list[Any]) -> Self:
        """Append to a list, which is made if it does not exist."""
        path, none, new = self._given.name(name), self._given.value([]), self._given.value(values)
        self._sets.append(f"{path} = list_append(if_not_exists({path}, {none}), {new})")
        return self

    def add(self, values: Values | None = None, /, **named: Any) -> Self:
        """Add to numbers, or to sets of texts. What does not exist counts as 0, or as empty."""
        self._adds += [f"{path} {value}" for path, value in self._pairs(values, named)]
        return self

    def remove(self, *names: Name) -> Self:
        self._removes += map(self._given.name, names)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        clauses = (("SET", self._sets), ("REMOVE", self._removes), ("ADD", self._adds))
        written = [f"{verb} {', '.join(several)}" for verb, several in clauses if several]
        return super().arguments | {"UpdateExpression": " ".join(written)}

    def _pairs(self, values: Values | None, named: Values) -> Iterator[tuple[str, str]]:
        """Placeholders of names and values."""
        name_of, value_of = self._given.name, self._given.value
        for given in (values or {}, named):
            for name, value in given.items():
                if value is not None:
                    yield name_of(name), value_of(value)


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
