"""Suppressions: addresses that must not be mailed, kept by address, so that they outlive the leads that had them.

One row per address (lower case) in the leads table, one attribute per reason:

    hard_bounce, complaint     hold for every entity: the address is dead, or its owner calls our mail spam
    manual                     holds for every entity: somebody put it on the list
    unsubscribed#<entity>      holds for that entity alone: its owner has left this business line's mail

The first of each kind stays. Leads who have the address carry a mark, so that audiences and senders need no look-up:
a lead is marked when the address is suppressed, and when it is made with, or changed to, a suppressed address.

Once a person is erased, a keyed hash stands for the address, here and as the argument of every method
(docs/decisions/0083). All rows are in one partition of the audience index, in the order of the addresses.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.model.addresses import address_key, begins_like, search_key, stored_beginnings
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, Resubscription, SuppressedAddress, SuppressionReason
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, to_item
from chalicelib.store.lead_rows import UNSUBSCRIPTION, decode_mark, mark_values, unsubscription_values
from chalicelib.store.statements import (
    Condition,
    Put,
    Query,
    Statement,
    Update,
    at_most,
    begins_with,
    below,
    equals,
    exists,
    missing,
)
from chalicelib.store.table import TableStore

HashOfAddress = Callable[[str], str]

_EVERYWHERE = (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL)
_UNSUBSCRIBED = "unsubscribed#"
_READ_FOR_A_PAGE = 2_000


class Suppressions(TableStore):
    """The suppressions among the rows of the leads table. Every method may raise StoreUnavailable.

    `hash_of`: the hash of an erased person's address, needed where addresses are looked up and lifted.
    """

    def __init__(self, client: Client, table: str, hash_of: HashOfAddress | None = None) -> None:
        super().__init__(client, table)
        self._hash_of = hash_of

    def find_many(self, addresses: Iterable[str]) -> dict[str, SuppressedAddress]:
        """What is kept of these addresses or of their hashes, by address in lower case; consistent, 100 a call."""
        wanted = sorted({address_key(address) for address in addresses})
        found = self._find(wanted)
        # Hashes last: an erasure moves what is kept from the address to its hash, in one transaction.
        hashes = {self._hash_of(address): address for address in wanted} if self._hash_of else {}
        for hashed, kept in self._find(hashes).items():
            address = hashes[hashed]
            found[address] = replace(kept, address=address).merged(found.get(address))
        return found

    def _find(self, addresses: Iterable[str]) -> dict[str, SuppressedAddress]:
        rows = self._table.find_many([keys.suppression(each) for each in addresses], consistent=True)
        return {found.address: found for found in map(_suppressed, rows)}

    def list_page(
        self, *, start: str, limit: int, position: str | None, shown: Callable[[SuppressedAddress], bool]
    ) -> tuple[list[SuppressedAddress], str | None]:
        """Up to `limit` of those shown whose address starts like this, by address; and where to go on (None: done).

        A page may hold fewer where few are shown. Eventually consistent (an index).
        """
        wanted = search_key(start)
        beginnings = [
            each for each in stored_beginnings(wanted) if not position or position < each or position.startswith(each)
        ]
        found, read = list[SuppressedAddress](), 0
        while beginnings and len(found) < limit and read < _READ_FOR_A_PAGE:
            key = equals("audience", keys.SUPPRESSED) & begins_with("lead_id", keys.SUPPRESSION + beginnings[0])
            query, after = Query(index=keys.AUDIENCE_INDEX, key=key), None
            if position and position.startswith(beginnings[0]):
                after = keys.suppression(position) | to_item({"audience": keys.SUPPRESSED})
            rows, last, looked_at = self._table.page(query, limit=limit, start=after)
            alike = (each for each in map(_suppressed, rows) if begins_like(each.address, wanted))
            passed = list(islice(filter(shown, alike), limit - len(found)))
            found += passed
            read += looked_at
            if last is None:
                del beginnings[0]
            if len(found) == limit and (beginnings or passed[-1].address != keys.suppressed_address(rows[-1])):
                return found, passed[-1].address
            position = keys.suppressed_address(rows[-1]) if rows else position
        return found, position if beginnings else None

    def suppress(self, address: str, mark: Mark) -> bool:
        """Keep the address from all mail; False when it was lifted after `mark.at`: old news does not count again."""
        not_yet = missing(mark.reason)
        not_lifted_since = missing("lifted_at") | below("lifted_at", mark.at)
        update = self._address(address).set({mark.reason: mark_values(mark)}).require(not_yet, not_lifted_since)
        refusal = self._table.refusal(update)
        return refusal is None or mark.reason in refusal

    def unsubscribe_lead(self, lead_id: LeadId, mark: Mark) -> bool | None:
        """Record that a lead, and its address in its entity, wants no more mail; None when there is no such lead.

        True the first time; False when it is so already, or was taken back after `mark.at`. Two writes.
        """
        lead_exists, is_subscribed = exists("lead_id"), missing("unsubscribed_at")
        not_taken_back_since = missing("resubscribed_at") | below("resubscribed_at", mark.at)
        update = self._table.update(keys.lead(lead_id)).set(unsubscription_values(mark))
        row, is_first = self._table.row_after(update.require(lead_exists, is_subscribed, not_taken_back_since))
        if not row:
            return None
        # Also when it is so already: a writer that died before this line has not done it.
        if "email" in row and "unsubscribed_at" in row:
            self._unsubscribe_address(row["entity"]["S"], row["email"]["S"], mark)
        return is_first

    def _unsubscribe_address(self, entity: str, address: str, mark: Mark) -> None:
        self._table.write(self._address(address).set_once({_UNSUBSCRIBED + entity: mark_values(mark)}))

    def unsubscribe_deleted(self, entity: str, address: str, mark: Mark) -> None:
        """As `unsubscribe_lead`, for a deleted lead: for its address, and for the entity's lead that has it now."""
        self._unsubscribe_address(entity, address, mark)
        identity = self._table.find(keys.identity(entity, "email", address_key(address)))
        if identity is not None:
            self.unsubscribe_lead(LeadId(identity["owner"]["S"]), mark)

    def resubscribe_lead(self, lead_id: LeadId, at: datetime, record: Put) -> bool:
        """Forget all that keeps a lead itself away, together with the record of it.

        False, and neither is done, when there is no such lead or it has left after `at`.
        """
        update = self._table.update(keys.lead(lead_id)).set(resubscribed_at=at)
        update.remove(*UNSUBSCRIPTION, "suppressed")
        not_left_since = missing("unsubscribed_at") | at_most("unsubscribed_at", at)
        return self._table.transact(update.require(exists("lead_id"), not_left_since), record)

    def lift(self, address: str, entities: Collection[str], allowed: Resubscription) -> None:
        """Allow mail to the address: what kept it from all entities' mail until then, and from these, is forgotten.

        Who allowed it last, and why, stays with the address.
        """
        for each in (address, self._hash_of(address)) if self._hash_of else (address,):
            while row := self._table.find(keys.suppression(each)):
                lifted = [
                    name
                    for name, mark in _marks(row).items()
                    if mark.at <= allowed.at and (name in _EVERYWHERE or name.removeprefix(_UNSUBSCRIBED) in entities)
                ]
                update = self._address(each).remove(*lifted).set(lifted_at=allowed.at, lifted_by=allowed.by)
                if each == address:  # what an erased person's row says names nobody
                    update.set(lifted_reason=allowed.reason)
                if self._table.write(update.require(_same_version(row))):
                    break

    def forget(self, address: str, hashed: str, lead_id: LeadId) -> None:
        """Keep a hash in the place of an erased lead's address. May be repeated."""
        while statements := self.forgetting(address, hashed, lead_id):
            if self._table.transact(*statements):
                return

    def forgetting(self, address: str, hashed: str, lead_id: LeadId, lead: Lead | None = None) -> list[Statement]:
        """The writes that keep a hash in the place of an address; refused if what is kept has changed meanwhile.

        What is kept stays with the address while another lead has it. `lead`: as it is now, if it still exists: its own
        marks are kept too.
        """
        own = {name: replace(mark, note=None) for name, mark in _marks_of(lead).items()}
        if any(owner != lead_id for owner in self.list_owners(address)):
            return [self._address(address).set_once(_values(own))] if own else []
        row = self._table.find(keys.suppression(address)) or {}
        kept = own | {name: replace(mark, note=None) for name, mark in _marks(row).items()}
        if not row and not kept:
            return []
        update = self._address(hashed).set_once(_values(kept))
        update.set(lifted_at=row["lifted_at"]["S"] if "lifted_at" in row else None)
        if not row:
            return [update]
        return [update, self._table.delete(keys.suppression(address)).require(_same_version(row))]

    def list_owners(self, address: str) -> list[LeadId]:
        """Leads of all entities who have this address. Eventually consistent (an index)."""
        owned = Query(index=keys.ADDRESS_INDEX, key=equals("address", address_key(address)))
        return [LeadId(row["owner"]["S"]) for row in self._table.query(owned)]

    def mark(self, lead: Lead, mark: Mark) -> bool:
        """Mark a lead as suppressed; False when it is so already, is gone, or has another address by now.

        False too when it was resubscribed after `mark.at`.
        """
        not_marked, same_address = missing("suppressed"), equals("email", lead.email or "")
        not_taken_back_since = missing("resubscribed_at") | below("resubscribed_at", mark.at)
        update = self._table.update(keys.lead(lead.lead_id)).set(suppressed=mark_values(mark))
        return self._table.transact(update.require(not_marked, same_address, not_taken_back_since))

    def unmark(self, lead: Lead) -> bool:
        """Take the mark off a lead; False when there is none."""
        update = self._table.update(keys.lead(lead.lead_id)).remove("suppressed")
        return self._table.transact(update.require(exists("suppressed")))

    def _address(self, address: str) -> Update:
        return self._table.update(keys.suppression(address)).set(audience=keys.SUPPRESSED).add(version=1)


def _values(marks: Mapping[str, Mark]) -> dict[str, Any]:
    return {name: mark_values(mark) for name, mark in marks.items()}


def _same_version(row: Item) -> Condition:
    known = from_item(row).get("version")
    return equals("version", known) if known else missing("version")


def _marks(row: Item) -> dict[str, Mark]:
    """By attribute."""
    return {
        name: decode_mark(value) for name, value in row.items() if name in _EVERYWHERE or name.startswith(_UNSUBSCRIBED)
    }


def _marks_of(lead: Lead | None) -> dict[str, Mark]:
    """A lead's own, as its address's attributes. A process may have died before it wrote them there."""
    if lead is None:
        return {}
    own = {_UNSUBSCRIBED + lead.entity: lead.unsubscription}
    if lead.suppressed is not None:
        own[lead.suppressed.reason] = lead.suppressed
    return {name: mark for name, mark in own.items() if mark is not None}


def _suppressed(row: Item) -> SuppressedAddress:
    marks = _marks(row)
    everywhere = [mark for name, mark in marks.items() if name in _EVERYWHERE]
    unsubscribed = {name.removeprefix(_UNSUBSCRIBED): mark for name, mark in marks.items() if name not in _EVERYWHERE}
    lifted = None
    if "lifted_at" in row:
        values = from_item(row)
        by, reason = values.get("lifted_by", ""), values.get("lifted_reason", "")
        lifted = Resubscription(time_from(values["lifted_at"]), by, reason)
    return SuppressedAddress(
        keys.suppressed_address(row), tuple(sorted(everywhere, key=lambda mark: mark.at)), unsubscribed, lifted
    )
