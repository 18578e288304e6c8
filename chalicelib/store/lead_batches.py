"""Writes many leads in as few transactions as possible, each all or nothing, four at a time."""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import LeadChange
from chalicelib.store import lead_rows
from chalicelib.store.statements import Statement
from chalicelib.store.table import Table
from chalicelib.threads import for_all

_STATEMENTS = 100
"""AWS's limit for a transaction. Its 4 MB are out of reach: crm holds a lead under 20 KB."""
_PATIENCE_SECONDS = 8.0
"""How long a throttled transaction is repeated: a table on demand takes seconds to grow to an import's rate. One that
gets no answer at all has taken longer by then, and is not repeated."""


class _Batch(NamedTuple):
    lead_ids: set[LeadId]
    statements: list[Statement]


def write_many(table: Table, changes: Sequence[LeadChange]) -> set[LeadId]:
    """Write new and changed leads; the ids of those that were not, because they or an identity changed meanwhile.

    One such lead holds back the others of its transaction too: decide all of them again. Raises StoreUnavailable; some
    of the leads may be written by then.
    """
    refused: set[LeadId] = set()
    for wave in _waves(changes):
        batches = list(_batches(table.name, wave))
        written = for_all(batches, lambda batch: _write(table, batch))
        refused.update(*(batch.lead_ids for batch, done in zip(batches, written, strict=True) if not done))
    return refused


def _waves(changes: Sequence[LeadChange]) -> list[list[LeadChange]]:
    """Changes in an order that works: an address given up by one lead and taken by another goes through two waves."""
    waves: list[list[LeadChange]] = []
    touched: dict[Any, int] = {}
    for change in changes:
        before = change.before.identities if change.before else frozenset()
        moving = before ^ change.after.identities
        wave = 1 + max((touched.get(identity, -1) for identity in moving), default=-1)
        touched.update(dict.fromkeys(moving, wave))
        if wave == len(waves):
            waves.append([])
        waves[wave].append(change)
    return waves


def _batches(table: str, changes: Sequence[LeadChange]) -> Iterator[_Batch]:
    batch = _Batch(set(), [])
    for before, after in changes:
        statements = lead_rows.update(table, before, after) if before else lead_rows.create(table, after)
        if len(batch.statements) + len(statements) > _STATEMENTS:
            yield batch
            batch = _Batch(set(), [])
        batch.lead_ids.add(after.lead_id)
        batch.statements.extend(statements)
    if batch.statements:
        yield batch


def _write(table: Table, batch: _Batch) -> bool:
    token = secrets.token_hex(16)  # what took effect unnoticed is not tried a second time
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return table.transact(*batch.statements, token=token)
        except StoreUnavailable:
            if time.monotonic() >= give_up_at:
                raise
