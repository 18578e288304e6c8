"""One table: reading rows, and writing them on conditions. All stores are made of it."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.backoff import attempts
from chalicelib.model.errors import StoreError, StoreUnavailable
from chalicelib.store.client import Client, Item, to_item
from chalicelib.store.statements import Delete, Put, Query, Statement, Update

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_CONFLICTS = 6
"""How often a write that conflicts with a transaction on the same item is tried, within about a second."""
_THROTTLED_READS = 12
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that pass by themselves."""


class RowPage(NamedTuple):
    rows: list[Item]
    last: Item | None
    """Key of the last row that was looked at, behind which the next page begins; None at the end."""
    looked_at: int
    """How many rows were read, with those that did not pass a filter."""


class Table:
    """Reads and writes of one table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = cast("DynamoDBClient", client)
        self.name = name

    def put(self, row: Item) -> Put:
        return Put(self.name, row)

    def update(self, key: Item) -> Update:
        return Update(self.name, key)

    def delete(self, key: Item) -> Delete:
        return Delete(self.name, key)

    def find(self, key: Item) -> Item | None:
        """A row, read consistently."""
        row: Item | None = call(self.client.get_item, TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return row

    def find_many(self, keys: Sequence[Item], *, consistent: bool = False) -> list[Item]:
        """The rows that exist of any number of distinct keys, in no order; 100 keys a call."""
        found: list[Item] = []
        for start in range(0, len(keys), 100):
            waiting = list(keys[start : start + 100])
            for _ in attempts(_THROTTLED_READS, longest_pause=6.0):
                request = {self.name: {"Keys": waiting, "ConsistentRead": consistent}}
                answer = call(self.client.batch_get_item, RequestItems=request)
                found += answer["Responses"].get(self.name, [])
                waiting = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not waiting:
                    break
            else:
                raise StoreUnavailable("batch read kept being throttled")
        return found

    def query(self, query: Query, is_over: Callable[[], bool] = lambda: False) -> Iterator[Item]:
        """All rows of a query, a page at a time as they are consumed, until `is_over()`."""
        pages = self.pages(query)
        while not is_over() and (rows := next(pages, None)) is not None:
            yield from rows

    def pages(self, *queries: Query) -> Iterator[list[Item]]:
        """The rows of queries, a megabyte at a time."""
        return (answer["Items"] for query in queries for answer in self._pages(query))

    def page(self, query: Query, *, limit: int | None = None, start: Item | None = None) -> RowPage:
        """One page: as many rows as are read at once (1 MB), or at most `limit`, behind the key `start`."""
        answer = self._read(query, {"Limit": limit, "ExclusiveStartKey": start})
        return RowPage(answer["Items"], answer.get("LastEvaluatedKey"), answer["ScannedCount"])

    def listed(
        self, query: Query, names: Sequence[str], *, limit: int, position: str | None, **others: str
    ) -> tuple[list[Item], str | None]:
        """A page of an index, and where to go on (None at the end): as a text of these attributes of its key.

        `others`: the rest of the key, the same for all rows.
        """
        start = to_item(dict(zip(names, position.split(" "), strict=True)) | others) if position else None
        rows, last, _ = self.page(query, limit=limit, start=start)
        return rows, " ".join(last[name]["S"] for name in names) if last else None

    def count(self, query: Query, is_over: Callable[[], bool]) -> tuple[int, bool]:
        """How many rows a query has, a megabyte at a time until `is_over()`, and whether these are all."""
        total, pages = 0, self._pages(query, Select="COUNT")
        while not is_over():
            answer = next(pages, None)
            if answer is None:
                return total, True
            total += int(answer["Count"])
        return total, False

    def _pages(self, query: Query, **further: Any) -> Iterator[dict[str, Any]]:
        answer: dict[str, Any] = {}
        while not answer or "LastEvaluatedKey" in answer:
            answer = self._read(query, further | {"ExclusiveStartKey": answer.get("LastEvaluatedKey")})
            yield answer

    def _read(self, query: Query, further: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in further.items() if value is not None}
        operation = self.client.scan if query.key is None else self.client.query
        return call(operation, **query.arguments(self.name), **given)

    def write(self, statement: Statement) -> bool:
        """True when written, False when a condition did not hold, also one that an own lost attempt made fail."""
        return self._write(statement)[1]

    def refusal(self, statement: Statement) -> Item | None:
        """None when written, else the row that the conditions were judged on (empty: no row)."""
        answer, written = self._write(statement, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        return None if written else answer.get("Item", {})

    def row_after(self, update: Update) -> tuple[Item, bool]:
        """The row as it is now (empty: there is none), and whether the update was made."""
        answer, written = self._write(update, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD")
        return answer.get("Attributes" if written else "Item", {}), written

    def _write(self, statement: Statement, **wanted: str) -> tuple[dict[str, Any], bool]:
        operation = getattr(self.client, statement.operation)
        try:
            return call(operation, **statement.arguments, **wanted), True
        except ClientError as error:
            if _code(error) != "ConditionalCheckFailedException":
                raise
            return dict(error.response), False

    def transact(self, *statements: Statement, token: str | None = None) -> bool:
        """All writes or none, in this and other tables: True when made, False when a condition did not hold.

        At most 100 (AWS's limit). When an answer is lost, the SDK repeats the request with the same token, and the
        engine gives its first answer again and writes nothing. So a single write goes this way, too, where its
        repetition would be refused, or would undo what somebody else has written since. `token`: for a caller that
        repeats the call itself, at most 36 characters. Raises StoreUnavailable when other transactions kept holding an
        item. Source: AWS, TransactWriteItems, `ClientRequestToken` (valid for ten minutes).
        """
        actions = [each.action for each in statements]
        for _ in attempts(_CONFLICTS):
            try:
                call(
                    self.client.transact_write_items,
                    TransactItems=actions,
                    ClientRequestToken=token or secrets.token_hex(16),
                )
            except ClientError as error:
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" in reasons:
                    return False
                if not _PASSING & reasons:
                    raise StoreError(f"transaction refused: {error}") from error
            else:
                return True
        raise StoreUnavailable("transaction conflicts did not clear")


class TableStore:
    """What is kept in a table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str) -> None:
        self._table = Table(client, table)


def call(operation: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Call the engine. A failed condition and a cancelled transaction stay ClientErrors, for the caller to read.

    A write that conflicts with a transaction on its item is repeated: DynamoDB refuses it, and the SDK does not repeat
    it. Raises StoreUnavailable, or StoreError for what no repetition would mend.
    """
    for _ in attempts(_CONFLICTS):
        try:
            answer: dict[str, Any] = operation(**arguments)
        except ClientError as error:
            code = _code(error)
            if code in ("ConditionalCheckFailedException", "TransactionCanceledException"):
                raise
            if code in ("ValidationException", "ResourceNotFoundException", "AccessDeniedException"):
                raise StoreError(str(error)) from error
            if code != "TransactionConflictException":
                raise StoreUnavailable(str(error)) from error
        except BotoCoreError as error:
            raise StoreUnavailable(str(error)) from error
        else:
            return answer
    raise StoreUnavailable("transactions on the item did not end")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
