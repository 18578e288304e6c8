"""Refuses calls that AWS would refuse, in whatever client boto3 makes in this process, before an engine sees them.

Checked are botocore's own models, which production clients do not ask (parameter_validation=False), with the maxima,
patterns and enumerations that botocore leaves to the service; and what DynamoDB says of expressions, keys and items.
The product may catch what an engine refuses and go on; these refusals fail the test.

Sources, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/: Constraints.html, ReservedWords.html,
Expressions.ExpressionAttributeNames.html, and the CancellationReasons of API_TransactWriteItems.html.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from botocore.validate import ParamValidator

KB = 1024
MOST_EXPRESSION_BYTES = 4 * KB
MOST_PARTITION_KEY_BYTES = 2 * KB
MOST_SORT_KEY_BYTES = KB
MOST_ITEM_BYTES = 400 * KB
MOST_OPERANDS = 100
"""Of one IN."""
MOST_OPERATORS = 300
"""In one update expression."""

EXPRESSIONS = (
    *("ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression"),
    "UpdateExpression",
)
SYNTAX = {"UpdateExpression": {"SET", "REMOVE", "ADD", "DELETE"}}
SYNTAX_OF_CONDITIONS = {"AND", "OR", "NOT", "IN", "BETWEEN"}
SYNTAX_OF_STATEMENTS = {
    *("SELECT", "FROM", "INSERT", "INTO", "VALUE", "UPDATE", "SET", "REMOVE", "DELETE"),
    *("WHERE", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "MISSING", "RETURNING", "ALL", "OLD", "NEW", "MODIFIED"),
}
_WORD = re.compile(r"([#:]?\w+)(\s*\()?")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPERATOR = re.compile(r"[+=-]|\b(?:if_not_exists|list_append|SET|REMOVE|ADD|DELETE)\b")

Values = Mapping[str, Any]
KeyOf = Mapping[str, str]
"""HASH or RANGE by attribute name."""


class RefusedByAws(AssertionError):
    """AWS would refuse this call. No error that the product handles: the test fails, whoever made the call."""


class AwsRules:
    """Looks at every call of clients made from a session after `watch`, before it is sent."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        """What was refused since somebody emptied the list: the product may have caught the exception."""
        self._keys: dict[str, list[KeyOf]] = {}
        """Of a table's own rows first, then of its indexes."""

    def watch(self, session: Any) -> None:
        session.events.register("before-parameter-build", self._look)

    def _look(self, params: Values, model: Any, **_: Any) -> None:
        faults = list(self._faults(model, params))
        if faults:
            said = f"{model.service_model.service_name} {model.name}: {'; '.join(faults)}"
            self.refused.append(said)
            raise RefusedByAws(said)

    def _faults(self, model: Any, params: Values) -> Iterator[str]:
        if model.input_shape is None:
            return
        report = ParamValidator().validate(params, model.input_shape)
        if report.has_errors():
            yield report.generate_report()
            return
        yield from beyond_the_model(model.input_shape, params, model.name)
        if model.service_model.service_name != "dynamodb":
            return
        if model.name == "CreateTable":
            self._keys[params["TableName"]] = list(keys_of(params))
        yield from self._faults_of_transaction(params)
        for request in requests_in(params):
            yield from faults_of_expressions(request)
            yield from self._faults_of_rows(request)

    def _faults_of_transaction(self, params: Values) -> Iterator[str]:
        touched = [self._identity(each) for action in params.get("TransactItems", ()) for each in action.values()]
        if len(touched) != len({repr(each) for each in touched}):
            yield "a transaction has two actions on one item"

    def _identity(self, action: Values) -> tuple[str, Any]:
        row = action.get("Key") or action.get("Item", {})
        own, *_ = self._keys.get(action["TableName"], [dict.fromkeys(row, "HASH")])
        return action["TableName"], sorted((name, repr(value)) for name, value in row.items() if name in own)

    def _faults_of_rows(self, request: Values) -> Iterator[str]:
        keys = self._keys.get(request.get("TableName", ""), [])
        for name in ("Key", "Item"):
            for key_of in keys[: 1 if name == "Key" else None]:
                yield from faults_of_keys(key_of, request.get(name, {}))
        if item_bytes(request.get("Item", {})) > MOST_ITEM_BYTES:
            yield f"an item has {item_bytes(request['Item']):,} bytes, at most {MOST_ITEM_BYTES:,} are taken"
        values = request.get("ExpressionAttributeValues", {})
        if item_bytes(values) > MOST_ITEM_BYTES and "UpdateExpression" in request:
            yield f"an update writes {item_bytes(values):,} bytes, an item holds {MOST_ITEM_BYTES:,}"


def beyond_the_model(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What botocore's models say and its validator does not look at: maxima, patterns, enumerations."""
    match shape.type_name:
        case "structure":
            for name, inner in shape.members.items():
                if value.get(name) is not None:
                    yield from beyond_the_model(inner, value[name], f"{path}.{name}")
        case "list":
            for number, each in enumerate(value):
                yield from beyond_the_model(shape.member, each, f"{path}[{number}]")
        case "map":
            for name, each in value.items():
                yield from beyond_the_model(shape.value, each, f"{path}[{name!r}]")
    said = shape.metadata
    size = value if shape.type_name in ("integer", "long") else len(value) if hasattr(value, "__len__") else 0
    if "max" in said and size > said["max"]:
        yield f"{path} is {size:,}, at most {said['max']:,} is taken"
    if shape.type_name == "string":
        if "enum" in said and value not in said["enum"]:
            yield f"{path} is {value!r}, none of {said['enum']}"
        if "pattern" in said and not re.search(said["pattern"], value):
            yield f"{path} is {value!r}, which {said['pattern']} does not fit"


def requests_in(params: Values) -> Iterator[Values]:
    """The reads and writes of single rows, queries and statements that one call is made of."""
    yield params
    for action in (*params.get("TransactItems", ()), *params.get("Statements", ())):
        yield from action.values() if "Statement" not in action else (action,)
    tables: Values = params.get("RequestItems", {})
    for table, asked in tables.items():
        if "Keys" in asked:
            yield {name: value for name, value in asked.items() if name != "Keys"}
            rows = [{"TableName": table, "Key": key} for key in asked["Keys"]]
        else:
            rows = [{"TableName": table, **inner} for each in asked for inner in each.values()]
        yield from rows
        if len(rows) > 100 or len(rows) != len({repr(each) for each in rows}):
            yield {"Faults": f"a batch names {len(rows)} rows, at most 100, and none twice, are taken"}


def faults_of_expressions(request: Values) -> Iterator[str]:
    if "Faults" in request:
        yield request["Faults"]
    if "Statement" in request:
        yield from faults_of_statement(request["Statement"], request.get("Parameters", ()))
    used: set[str] = set()
    for kind in EXPRESSIONS:
        if kind in request:
            words, faults = read(kind, request[kind])
            used |= words
            yield from faults
    for mark, argument in (("#", "ExpressionAttributeNames"), (":", "ExpressionAttributeValues")):
        defined = request.get(argument)
        if defined is None:
            defined = {}
        elif not defined:
            yield f"{argument} is empty"
        wanted = {word for word in used if word.startswith(mark)}
        if wanted - defined.keys():
            yield f"{argument} lacks {sorted(wanted - defined.keys())}"
        if defined.keys() - wanted:
            yield f"{argument} has {sorted(defined.keys() - wanted)}, which no expression uses"


@cache
def read(kind: str, expression: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The placeholders of an expression, and what is wrong with it by itself."""
    faults: list[str] = []
    size = len(expression.encode())
    if not size:
        faults.append(f"{kind} is empty")
    if size > MOST_EXPRESSION_BYTES:
        faults.append(f"{kind} has {size:,} bytes, at most {MOST_EXPRESSION_BYTES:,} are taken")
    words = _WORD.findall(expression)
    allowed = SYNTAX.get(kind, SYNTAX_OF_CONDITIONS)
    bare = sorted({word for word, called in words if not called and is_reserved(word, allowed)})
    if bare:
        faults.append(f"{kind} uses reserved words as names: {', '.join(bare)}")
    if kind == "UpdateExpression" and len(_OPERATOR.findall(expression)) > MOST_OPERATORS:
        faults.append(f"{kind} has more than {MOST_OPERATORS} operators and functions")
    if any(listed.count(",") >= MOST_OPERANDS for listed in re.findall(r"\bIN\s*\(([^)]*)\)", expression)):
        faults.append(f"{kind} has more than {MOST_OPERANDS} operands in one IN")
    return frozenset(word for word, _ in words if word[0] in "#:"), tuple(faults)


@cache
def reserved_words() -> frozenset[str]:
    """The 573 of AWS's list, as moto has it; read without importing moto, which sees every call then."""
    moto = find_spec("moto")
    assert moto is not None
    assert moto.origin is not None
    return frozenset((Path(moto.origin).parent / "dynamodb/parsing/reserved_keywords.txt").read_text().split())


def is_reserved(word: str, allowed: set[str]) -> bool:
    return word.upper() in reserved_words() and word.upper() not in allowed


def faults_of_statement(statement: str, parameters: Any) -> Iterator[str]:
    """What is wrong with a PartiQL statement. Names in quotes are safe, whichever words AWS reserves there."""
    unquoted = _QUOTED.sub("", statement)
    bare = sorted({word for word, _ in _WORD.findall(unquoted) if is_reserved(word, SYNTAX_OF_STATEMENTS)})
    if bare:
        yield f"a statement uses reserved words as names: {', '.join(bare)}"
    if unquoted.count("?") != len(parameters):
        yield f"a statement has {unquoted.count('?')} parameters and is given {len(parameters)}"


def keys_of(table: Values) -> Iterator[KeyOf]:
    for owner in (table, *table.get("GlobalSecondaryIndexes", ())):
        yield {each["AttributeName"]: each["KeyType"] for each in owner["KeySchema"]}


def faults_of_keys(key_of: KeyOf, row: Values) -> Iterator[str]:
    """An index's limits hold for rows that lack its other key, too: Amazon's DynamoDB Local refuses those."""
    for name, kind in key_of.items():
        for value in row.get(name, {}).values():
            size = len(value.encode() if isinstance(value, str) else value)
            most = MOST_PARTITION_KEY_BYTES if kind == "HASH" else MOST_SORT_KEY_BYTES
            if not 1 <= size <= most:
                yield f"the key {name} has {size:,} bytes, 1 to {most:,} are taken"


def item_bytes(item: Values) -> int:
    """An item's size as DynamoDB counts it (CapacityUnitCalculations.html): names and values, 3 for a list or map."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(typed: Values) -> int:
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return (len(value.strip("-").replace(".", "")) + 1) // 2 + 1
        case "SS" | "BS" | "NS":
            return sum(value_bytes({kind[0]: each}) for each in value)
        case "M":
            return 3 + len(value) + item_bytes(value)
        case "L":
            return 3 + len(value) + sum(map(value_bytes, value))
        case _:
            return 1
