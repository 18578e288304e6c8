"""Suppressions: addresses that must not be mailed, kept by address, so that they outlive the leads that had them.

One row per address (lower case) in the leads table, one attribute per reason:

    hard_bounce, complaint     hold for every entity: the address is dead, or its owner calls our mail spam
    unsubscribed#<entity>      holds for that entity alone: its owner has left this business line's mail

The first of each kind stays. Leads who have the address carry a mark, so that audiences and senders need no look-up:
a lead is marked when the address is suppressed, and when it is made with, or changed to, a suppressed address.
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.model.addresses import address_key
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, Resubscription, SuppressedAddress, SuppressionReason
from chalicelib.model.times import time_from, time_text
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item
from chalicelib.store.lead_rows import decode_mark, mark_values
from chalicelib.store.statements import Put, Query, Update, at_most, begins_with, below, equals, exists, missing
from chalicelib.store.table import TableStore

_EVERYWHERE = (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT)
_UNSUBSCRIBED = "unsubscribed#"


class Suppressions(TableStore):
    """The suppressions among the rows of the leads table. Every method may raise StoreUnavailable."""

    def find_many(self, addresses: Iterable[str]) -> dict[str, SuppressedAddress]:
        """What is kept of these addresses, by address in lower case; consistent reads, 100 a call."""
        wanted = [keys.suppression(address) for address in sorted({address_key(address) for address in addresses})]
        rows = self._table.find_many(wanted, consistent=True)
        return {keys.suppressed_address(row): _suppressed(row) for row in rows}

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
        update = self._table.update(keys.lead(lead_id)).set(
            unsubscribed_at=mark.at, unsubscribe_source=mark.source, unsubscribe_campaign=mark.campaign_id
        )
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
        update.remove("unsubscribed_at", "unsubscribe_source", "unsubscribe_campaign", "suppressed")
        not_left_since = missing("unsubscribed_at") | at_most("unsubscribed_at", at)
        return self._table.transact(update.require(exists("lead_id"), not_left_since), record)

    def lift(self, entity: str, address: str, allowed: Resubscription) -> None:
        """Allow mail to the address: what kept it from every entity's, and from this one's, is forgotten.

        Who allowed it last, and why, stays with the address.
        """
        update = self._address(address).remove(*_EVERYWHERE, _UNSUBSCRIBED + entity)
        update.set(lifted_at=allowed.at, lifted_by=allowed.by, lifted_reason=allowed.reason)
        self._table.transact(update.require(exists("lead_id")))

    def list_owners(self, address: str) -> list[LeadId]:
        """Leads of all entities who have this address. Eventually consistent (an index)."""
        owned = Query(index=keys.ADDRESS_INDEX, key=equals("address", address_key(address)))
        return [LeadId(row["owner"]["S"]) for row in self._table.query(owned)]

    def mark(self, lead: Lead, mark: Mark) -> bool:
        """Mark a lead as suppressed; False when it is so already, is gone, or has another address by now."""
        not_marked, same_address = missing("suppressed"), equals("email", lead.email or "")
        update = self._table.update(keys.lead(lead.lead_id)).set(suppressed=mark_values(mark))
        return self._table.transact(update.require(not_marked, same_address))

    def unmark(self, lead: Lead) -> bool:
        """Take the mark off a lead; False when there is none."""
        update = self._table.update(keys.lead(lead.lead_id)).remove("suppressed")
        return self._table.transact(update.require(exists("suppressed")))

    def _address(self, address: str) -> Update:
        return self._table.update(keys.suppression(address))


def _suppressed(row: Item) -> SuppressedAddress:
    everywhere = [decode_mark(row[reason]) for reason in _EVERYWHERE if reason in row]
    unsubscribed = {
        name.removeprefix(_UNSUBSCRIBED): decode_mark(value)
        for name, value in row.items()
        if name.startswith(_UNSUBSCRIBED)
    }
    return SuppressedAddress(tuple(sorted(everywhere, key=lambda mark: mark.at)), unsubscribed)


class Resubscriptions(TableStore):
    """Who allowed mail to a lead again, and why: all are kept, one per lead and millisecond.

    In the campaigns table, apart from the leads, whose rows are read by the million.
    """

    def recording(self, lead_id: LeadId, allowed: Resubscription) -> Put:
        """The write that keeps it, for one transaction with what it allows."""
        row = to_item({"at": allowed.at, "by": allowed.by, "reason": allowed.reason})
        return self._table.put(keys.resubscription(lead_id, time_text(allowed.at)) | row)

    def list_of_lead(self, lead_id: LeadId) -> list[Resubscription]:
        """All of a lead's, oldest first. Raises StoreUnavailable."""
        key = equals("pk", keys.acts_of(lead_id)) & begins_with("sk", keys.RESUBSCRIPTION)
        return list(map(_resubscription, self._table.query(Query(key=key, consistent=True))))


def _resubscription(row: Item) -> Resubscription:
    values = from_item(row)
    return Resubscription(time_from(values["at"]), values["by"], values["reason"])
