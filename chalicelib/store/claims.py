"""Claims and endings of deliveries, several in one request: the end of one mail and the claim of the next.

Each statement is a conditional write of its own, with its own answer and at the price of a single write; together they
are no transaction. INSERT fails where there is a row; an UPDATE names the status that it may change.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.backoff import attempts
from chalicelib.model.delivery import Delivery
from chalicelib.model.errors import StoreError, StoreUnavailable
from chalicelib.store import keys
from chalicelib.store.client import Item, to_item
from chalicelib.store.delivery_rows import encode
from chalicelib.store.table import TableStore, call

_NOT_AS_DEMANDED = frozenset({"DuplicateItem", "ConditionalCheckFailed"})
_PASSING = frozenset(
    {"ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "InternalServerError"}
    | {"TransactionConflict"}
)
_ATTEMPTS = 9


@dataclass(frozen=True, slots=True)
class Ending:
    """How a claimed delivery ended; `values` are attributes of its row, its status among them."""

    claim: Delivery
    values: Mapping[str, Any]

    def concerns(self, delivery: Delivery) -> bool:
        return (self.claim.campaign_id, self.claim.lead_id) == (delivery.campaign_id, delivery.lead_id)


class Claims(TableStore):
    """A sender's writes to the deliveries table."""

    def claim_and_record(self, claims: Sequence[Delivery], endings: Sequence[Ending]) -> tuple[list[bool], list[bool]]:
        """Take the right to send (or to end) deliveries, and record how others ended; True for each that was written.

        At most 25 of both together, no delivery twice. An ending is written only while its own claim stands at
        `sending`. A claim whose answer was lost is repeated and refused: the row's nonce tells whose it is. Raises
        StoreUnavailable: any of them may have been written then.
        """
        statements = [self._record(each) for each in endings] + [self._claim(each) for each in claims]
        made: list[bool | None] = [None] * len(statements)
        for _ in attempts(_ATTEMPTS):
            waiting = [number for number, each in enumerate(made) if each is None]
            answer = call(self._table.client.batch_execute_statement, Statements=[statements[each] for each in waiting])
            for number, response in zip(waiting, answer["Responses"], strict=True):
                made[number] = _made(response)
            if None not in made:
                done = [bool(each) for each in made]
                return done[len(endings) :], done[: len(endings)]
        raise StoreUnavailable("writes of a batch kept being throttled")

    def _claim(self, delivery: Delivery) -> dict[str, Any]:
        row = encode(delivery)
        return {"Statement": _insert(self._table.name, tuple(row)), "Parameters": list(row.values())}

    def _record(self, ending: Ending) -> dict[str, Any]:
        values: Item = to_item(ending.values)
        key = keys.delivery(ending.claim.campaign_id, ending.claim.lead_id)
        parameters = [*values.values(), key["bucket"], key["lead_id"], {"S": "sending"}, {"S": ending.claim.nonce}]
        return {"Statement": _update(self._table.name, tuple(values)), "Parameters": parameters}


def _made(response: Mapping[str, Any]) -> bool | None:
    """Whether a statement was carried out; None when it may be repeated."""
    if "Error" not in response:
        return True
    code = response["Error"]["Code"]
    if code in _NOT_AS_DEMANDED:
        return False
    if code in _PASSING:
        return None
    raise StoreError(f"{code}: {response['Error'].get('Message')}")


@lru_cache(maxsize=64)
def _insert(table: str, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table}" VALUE {{{", ".join(f"{name!r}: ?" for name in names)}}}'


@lru_cache(maxsize=64)
def _update(table: str, names: tuple[str, ...]) -> str:
    sets = " ".join(f'SET "{name}" = ?' for name in names)
    return f'UPDATE "{table}" {sets} WHERE "bucket" = ? AND "lead_id" = ? AND "status" = ? AND "nonce" = ?'
