"""Leads: people of the CRM, one row each, found by id, by identity, by audience, or by looking through them all."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import product

from chalicelib.model.errors import Conflict, Fault, InvalidPosition, LeadNotFound
from chalicelib.model.ids import LeadId, is_lead_id
from chalicelib.model.lead import Identity, Lead, LeadChange
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store import keys, lead_rows
from chalicelib.store.client import Client, Item
from chalicelib.store.lead_batches import write_many
from chalicelib.store.lead_rows import decode
from chalicelib.store.statements import Condition, Query, Statement, all_of, contains, equals, exists, missing
from chalicelib.store.suppressions import HashOfAddress, Suppressions
from chalicelib.store.table import Table

_THREADS = 4
"""More cost more CPU than they save: measured 1.5x at 4."""
_ROWS_A_PAGE = 50_000
"""A page stops after looking at so many rows, full or not, so that a rare match cannot make a request run for ever."""


class IdentityTaken(Conflict, problem="lead-exists", title="There is such a lead already"):
    """Another lead of the entity has this address or external id already."""

    def __init__(self, identity: Identity, owner: LeadId) -> None:
        what = "address" if identity.kind == "email" else "external id"
        super().__init__(f"A lead of this entity has this {what} already: {owner}.")
        self.identity = identity
        field = "email" if identity.kind == "email" else "external_id"
        self.faults = (Fault(field, "belongs to another lead of this entity"),)
        self.owner = owner

    def members(self) -> dict[str, object]:
        return {"lead_id": self.owner, **super().members()}


class Leads:
    """The leads table. All methods raise StoreUnavailable when the engine does not answer; the call may be repeated.

    `hash_of`: the hash of an erased person's address, needed where leads are made and changed.
    """

    def __init__(self, client: Client, table: str, hash_of: HashOfAddress | None = None) -> None:
        self._table = Table(client, table)
        self.suppressions = Suppressions(client, table, hash_of)

    def find(self, lead_id: LeadId) -> Lead | None:
        """One strongly consistent read; None also for what is no lead's id."""
        row = self._table.find(keys.lead(lead_id)) if is_lead_id(lead_id) else None
        return None if row is None else decode(row)

    def get(self, lead_id: LeadId) -> Lead:
        """Raises LeadNotFound."""
        lead = self.find(lead_id)
        if lead is None:
            raise LeadNotFound("There is no lead with this id.")
        return lead

    def find_many(self, lead_ids: Iterable[LeadId], *, consistent: bool = False) -> dict[LeadId, Lead]:
        """The leads that exist, by id; 100 a call, one call after the other."""
        wanted = [keys.lead(lead_id) for lead_id in dict.fromkeys(lead_ids)]
        return {lead.lead_id: lead for lead in map(decode, self._rows(wanted, consistent=consistent))}

    def find_existing(self, lead_ids: Iterable[LeadId]) -> set[LeadId]:
        """Those of these leads that exist; eventually consistent, 100 a call."""
        wanted = [keys.lead(lead_id) for lead_id in dict.fromkeys(lead_ids)]
        return {LeadId(row["lead_id"]["S"]) for row in self._rows(wanted, consistent=False, only="lead_id")}

    def find_owners(self, identities: Iterable[Identity]) -> dict[Identity, LeadId]:
        """Who owns these identities, by strongly consistent reads; those that nobody owns are absent."""
        wanted = {keys.identity(*identity)["lead_id"]["S"]: identity for identity in identities}
        rows = self._rows([keys.identity(*identity) for identity in wanted.values()], consistent=True)
        return {wanted[row["lead_id"]["S"]]: LeadId(row["owner"]["S"]) for row in rows}

    def create(self, lead: Lead) -> None:
        """Write a new lead with its identities, all or nothing. Raises IdentityTaken naming the lead that is there."""
        if not self._table.transact(*lead_rows.create(self._table.name, lead)):
            self._raise_taken(lead)

    def update(self, before: Lead, after: Lead) -> Lead:
        """Write `after` over exactly `before`; the lead as written.

        Raises IdentityTaken, or Conflict when the lead changed meanwhile: read again, decide again. Unsubscription and
        suppression are not written, but those of another address.
        """
        statements = lead_rows.update(self._table.name, before, after)
        # One write alone costs half of what it costs in a transaction.
        written = self._table.transact(*statements) if len(statements) > 1 else self._table.write(*statements)
        if not written:
            self._raise_taken(after)
        return replace(after, version=before.version + 1)

    def write_many(self, changes: Sequence[LeadChange]) -> set[LeadId]:
        """Write new and changed leads by the hundred; the ids of those refused: decide these again (lead_batches)."""
        return write_many(self._table, changes)

    def delete(self, lead: Lead, *together: Statement) -> None:
        """Remove a lead and its identities, in one transaction with other writes. Raises Conflict when refused."""
        if not self._table.transact(*lead_rows.delete(self._table.name, lead), *together):
            raise Conflict("The lead changed meanwhile.")

    def unsubscribe(self, lead_id: LeadId, *, at: datetime, source: str, campaign_id: str | None = None) -> bool:
        """Record that a lead wants no more mail, and keep that by its address, which outlives the lead.

        True the first time; False when it is so already, or was taken back after `at`. Raises LeadNotFound.
        """
        mark = Mark(SuppressionReason.UNSUBSCRIBED, at, source, campaign_id)
        is_first = self.suppressions.unsubscribe_lead(lead_id, mark)
        if is_first is None:
            raise LeadNotFound("There is no lead with this id.")
        return is_first

    def list_page(
        self,
        *,
        entity: str | None = None,
        stage: str | None = None,
        tag: str | None = None,
        q: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Lead], str | None]:
        """A page of leads and where the next one starts (None: there is none); in no particular, but a stable order.

        With entity and stage the audience index is read, else the whole table. `q` is looked for in names, address and
        external id, whatever the case. A page may hold fewer than `limit` leads, even none, when matches are rare.
        """
        conditions = [exists("created_at")]
        partitions: list[str | None] = [None]
        if entity is not None and stage is not None:
            partitions = [keys.audience(entity, stage, shard) for shard in range(keys.AUDIENCE_SHARDS)]
        else:
            wanted = (("entity", entity), ("stage", stage))
            conditions += [equals(name, value) for name, value in wanted if value is not None]
        if tag is not None:
            conditions.append(contains("tags", tag))
        if q:
            conditions.append(contains("search_text", q.lower()))
        number, after = _position(cursor, len(partitions))
        # Two rows in three of the table are identities, so this much fills a page where nothing is looked for.
        rows_a_read = 3 * (limit + 1)
        found: list[Lead] = []
        looked_at = 0
        while number < len(partitions):
            if len(found) == limit:
                return found, f"{number}:{after or ''}"
            rows, after, scanned = self._read(partitions[number], all_of(*conditions), after, rows_a_read)
            looked_at += scanned
            # Rare matches: ever larger steps (up to a megabyte, by DynamoDB's own limit) instead of many small ones.
            rows_a_read = min(4 * rows_a_read, _ROWS_A_PAGE)
            for row in rows:
                if len(found) == limit:
                    return found, f"{number}:{found[-1].lead_id}"
                found.append(decode(row))
            number += after is None
            if number < len(partitions) and looked_at >= _ROWS_A_PAGE:
                return found, f"{number}:{after or ''}"
        return found, None

    def audience_page(
        self, entity: str, stage: str, shard: int, tags: Sequence[str], limit: int, start: LeadId | None = None
    ) -> tuple[list[LeadId], LeadId | None]:
        """At most `limit` leads of one shard of an audience, and where the next page starts (None: the shard is done).

        In the order of ids. Leaves out the unsubscribed and suppressed, and leads that lack any one of `tags`.
        Eventually consistent (an index): a lead changed within the last second may still be seen as it was.
        """
        partition = keys.audience(entity, stage, shard)
        found: list[LeadId] = []
        after: str | None = start
        while True:
            rows, after, _ = self._read(partition, _in_audience(tags), after, limit, only="lead_id")
            found += [LeadId(row["lead_id"]["S"]) for row in rows]
            if len(found) > limit:
                return found[:limit], found[limit - 1]
            if after is None or len(found) == limit:
                return found, None if after is None else LeadId(after)

    def count_audience(self, entity: str, stages: Iterable[str], tags: Sequence[str]) -> int:
        """How many leads `audience_page` would give over all shards of these stages."""
        with ThreadPoolExecutor(_THREADS) as threads:
            return sum(threads.map(self._table.count, _audience(entity, stages, tags)))

    def iter_audience(self, entity: str, stages: Iterable[str], tags: Sequence[str]) -> Iterator[Lead]:
        """Every lead of an audience with all its fields, shard by shard; read as the iterator is consumed."""
        for shard in _audience(entity, stages, tags):
            yield from map(decode, self._table.query(shard))

    def _read(
        self, partition: str | None, where: Condition, after: str | None, limit: int, *, only: str | None = None
    ) -> tuple[list[Item], str | None, int]:
        """Matching rows, where to go on, and how many rows were looked at, of an audience or (None) of the table."""
        start = keys.lead(LeadId(after)) if after else None
        if partition is None:
            query = Query(key=None, where=where, only=only)
        else:
            query = _in_partition(partition, where, only=only)
            start = start and start | {"audience": {"S": partition}}
        rows, last, looked_at = self._table.page(query, limit=limit, start=start)
        return rows, None if last is None else last["lead_id"]["S"], looked_at

    def _rows(self, wanted: Sequence[Item], *, consistent: bool, only: str | None = None) -> list[Item]:
        chunks = [wanted[start : start + 100] for start in range(0, len(wanted), 100)]
        if len(chunks) <= 1:
            return self._table.find_many(wanted, consistent=consistent, only=only)
        with ThreadPoolExecutor(_THREADS) as threads:
            read = threads.map(lambda chunk: self._table.find_many(chunk, consistent=consistent, only=only), chunks)
            return [row for rows in read for row in rows]

    def _raise_taken(self, lead: Lead) -> None:
        """Say why the condition failed: somebody owns an identity, or else the lead itself changed."""
        for identity, owner in sorted(self.find_owners(lead.identities).items()):
            if owner != lead.lead_id:
                raise IdentityTaken(identity, owner)
        raise Conflict("The lead changed meanwhile.")


def _position(cursor: str | None, partitions: int) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    number, _, after = cursor.partition(":")
    if not number.isascii() or not number.isdigit() or int(number) >= partitions:
        raise InvalidPosition("This list has no such page.")
    return int(number), after or None


def _in_audience(tags: Sequence[str]) -> Condition:
    may_be_mailed = [missing("unsubscribed_at"), missing("suppressed")]
    has_all_tags = [contains("tags", tag) for tag in dict.fromkeys(tags)]
    return all_of(*may_be_mailed, *has_all_tags)


def _audience(entity: str, stages: Iterable[str], tags: Sequence[str]) -> Iterator[Query]:
    """A query for each shard of each stage."""
    for stage, shard in product(dict.fromkeys(stages), range(keys.AUDIENCE_SHARDS)):
        yield _in_partition(keys.audience(entity, stage, shard), _in_audience(tags))


def _in_partition(partition: str, where: Condition, *, only: str | None = None) -> Query:
    return Query(index=keys.AUDIENCE_INDEX, key=equals("audience", partition), where=where, only=only)
