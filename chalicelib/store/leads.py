"""Leads: people of the CRM, one row each, found by id, by identity, by audience, or by looking through them all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from chalicelib.model.errors import Conflict, Fault, LeadNotFound
from chalicelib.model.ids import LeadId, is_lead_id, shard_of
from chalicelib.model.lead import EVERY_LEAD, Identity, Lead, LeadChange, LeadFilter
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store import keys, lead_rows
from chalicelib.store.client import Client, Item
from chalicelib.store.lead_batches import write_many
from chalicelib.store.lead_queries import (
    condition_of,
    in_audience,
    in_partition,
    partitions_of,
    position_from,
    position_text,
    queries_of,
    queries_of_audience,
)
from chalicelib.store.lead_rows import decode
from chalicelib.store.statements import Query, Statement
from chalicelib.store.suppressions import HashOfAddress, Suppressions
from chalicelib.store.table import Table
from chalicelib.threads import for_all

_READS_A_PAGE = 32
"""A page of a list ends after so many reads of a megabyte at most, full or not: a rare match, or leads of 17 KB, must
not make a request run for ever. That is 50,000 leads of the usual size."""
_ROWS_A_READ = 10_000
"""A megabyte holds fewer."""


class IdentityTaken(Conflict, problem="lead-exists", title="There is such a lead already"):
    """Another lead of the entity has this address or external id already."""

    def __init__(self, identity: Identity, owner: LeadId) -> None:
        field, what = ("email", "address") if identity.kind == "email" else ("external_id", "external id")
        super().__init__(f"Another lead of this business line has this {what}.")
        self.faults = (Fault(field, "belongs to another lead of this entity"),)
        self.owner = owner

    def members(self) -> dict[str, object]:
        return {"lead_id": self.owner, **super().members()}


class Count(NamedTuple):
    total: int
    at_least: bool
    """There may be more: time was over before all were looked at."""


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

    def unsubscribe(
        self, lead_id: LeadId, *, at: datetime, source: str, campaign_id: str | None = None, by: str | None = None
    ) -> bool:
        """Record that a lead wants no more mail, and keep that by its address, which outlives the lead.

        True the first time; False when it is so already, or was taken back after `at`. Raises LeadNotFound.
        """
        mark = Mark(SuppressionReason.UNSUBSCRIBED, at, source, campaign_id, by)
        is_first = self.suppressions.unsubscribe_lead(lead_id, mark)
        if is_first is None:
            raise LeadNotFound("There is no lead with this id.")
        return is_first

    def list_page(
        self, wanted: LeadFilter = EVERY_LEAD, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Lead], str | None]:
        """A page of leads and where the next one starts (None: there is none); in no particular, but a stable order.

        Reads the audience index, which has hardly other rows than leads: with entity and stage their partitions, else
        all of it. Eventually consistent. A page may hold fewer than `limit` leads, even none, when matches are rare. A
        position stays valid when leads change or go. Who moves to another stage or entity between two pages may come
        twice, or not at all.
        """
        queries, partitions = queries_of(wanted), partitions_of(wanted)
        number, after = position_from(cursor, partitions)
        takes_all = wanted == LeadFilter(wanted.entity, wanted.stage) and (len(partitions) > 1 or wanted == EVERY_LEAD)
        rows_a_read = limit + 1 if takes_all else 20 * limit
        found: list[Lead] = []
        reads = 0
        while number < len(partitions):
            if len(found) == limit:
                return found, position_text(number, after)
            rows, after, _ = self._table.page(queries[number], limit=rows_a_read, start=after)
            reads += 1
            # Rare matches: ever larger steps (up to a megabyte, by DynamoDB's own limit) instead of many small ones.
            rows_a_read = min(4 * rows_a_read, _ROWS_A_READ)
            for row in rows:
                if len(found) == limit:
                    return found, self.position_after(found[-1], wanted)
                found.append(decode(row))
            number += after is None
            if number < len(partitions) and reads >= _READS_A_PAGE:
                return found, position_text(number, after)
        return found, None

    def position_after(self, lead: Lead, wanted: LeadFilter) -> str:
        """Where `list_page` goes on behind this lead."""
        shard = shard_of(lead.lead_id, keys.AUDIENCE_SHARDS)
        number = shard if len(partitions_of(wanted)) > 1 else 0
        return position_text(number, keys.in_audience(keys.audience(lead.entity, lead.stage, shard), lead.lead_id))

    def count(self, wanted: LeadFilter, is_over: Callable[[], bool]) -> Count:
        """How many leads match, as far as they were looked at until `is_over()`."""
        return self._count(queries_of(wanted), is_over)

    def fields_of(self, wanted: LeadFilter, is_over: Callable[[], bool]) -> tuple[Mapping[str, int], bool]:
        """How many matching leads have each custom field, and whether all were looked at before `is_over()`."""
        fields = Counter[str]()
        pages = self._table.pages(*queries_of(wanted, only="fields"))
        while not is_over():
            rows = next(pages, None)
            if rows is None:
                return fields, True
            fields.update(name for row in rows if row for name in lead_rows.decode_fields(row))
        return fields, False

    def sample(self, count: int) -> tuple[list[Lead], bool]:
        """At least `count` leads if there are so many, and whether these are all.

        In the order of the table, by the hash of their random ids: the audience index has whole stages one after the
        other, which is no sample. Starts where leads begin in an engine that sorts by the keys themselves, since there
        all identities come first.
        """
        query = Query(key=None, where=condition_of(EVERY_LEAD))
        found: dict[LeadId, Lead] = {}
        start: Item | None
        for start in (keys.lead(LeadId("lead_")), None):
            while True:
                known = len(found)
                # Two rows in three are identities.
                rows, start, _ = self._table.page(query, limit=3 * count, start=start)
                found |= {lead.lead_id: lead for lead in map(decode, rows)}
                if len(found) >= count:
                    return list(found.values()), False
                is_round = len(found) < known + len(rows)
                if start is None or is_round:
                    break
        return list(found.values()), True

    def audience_page(
        self, entity: str, stage: str, shard: int, tags: Sequence[str], limit: int, start: LeadId | None = None
    ) -> tuple[list[LeadId], LeadId | None]:
        """At most `limit` leads of one shard of an audience, and where the next page starts (None: the shard is done).

        In the order of ids. Leaves out the unsubscribed and suppressed, and leads that lack any one of `tags`.
        Eventually consistent (an index): a lead changed within the last second may still be seen as it was.
        """
        partition = keys.audience(entity, stage, shard)
        query = in_partition(partition, in_audience(tags), only="lead_id")
        found: list[LeadId] = []
        after = keys.in_audience(partition, start) if start else None
        while True:
            rows, after, _ = self._table.page(query, limit=limit, start=after)
            found += [LeadId(row["lead_id"]["S"]) for row in rows]
            if len(found) > limit:
                return found[:limit], found[limit - 1]
            if after is None or len(found) == limit:
                return found, None if after is None else LeadId(after["lead_id"]["S"])

    def count_audience(
        self, entity: str, stages: Iterable[str], tags: Sequence[str], is_over: Callable[[], bool]
    ) -> Count:
        """How many leads `audience_page` would give over all shards of these stages, as far as they were looked at."""
        return self._count(list(queries_of_audience(entity, stages, tags)), is_over)

    def iter_audience(
        self, entity: str, stages: Iterable[str], tags: Sequence[str], is_over: Callable[[], bool] = lambda: False
    ) -> Iterator[Lead]:
        """Every lead of an audience with all its fields, shard by shard; read as the iterator is consumed."""
        for shard in queries_of_audience(entity, stages, tags):
            yield from map(decode, self._table.query(shard, is_over))

    def _count(self, queries: Sequence[Query], is_over: Callable[[], bool]) -> Count:
        counts = for_all(queries, lambda query: self._table.count(query, is_over))
        return Count(sum(count for count, _ in counts), not all(is_whole for _, is_whole in counts))

    def _rows(self, wanted: Sequence[Item], *, consistent: bool) -> list[Item]:
        chunks = [wanted[start : start + 100] for start in range(0, len(wanted), 100)]
        if len(chunks) <= 1:
            return self._table.find_many(wanted, consistent=consistent)
        read = for_all(chunks, lambda chunk: self._table.find_many(chunk, consistent=consistent))
        return [row for rows in read for row in rows]

    def _raise_taken(self, lead: Lead) -> None:
        """Say why the condition failed: somebody owns an identity, or else the lead itself changed."""
        for identity, owner in sorted(self.find_owners(lead.identities).items()):
            if owner != lead.lead_id:
                raise IdentityTaken(identity, owner)
        raise Conflict("The lead changed meanwhile.")
