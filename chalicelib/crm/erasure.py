"""Erasing a person: their data leaves every table, and no number of a campaign changes.

    message (in 15 minutes) ── one transaction: lead and identities go, suppressions move to the hash, a note is left
                            └─ deliveries, rules' acts, resubscriptions, kept answers ── the message: all of them again

The message is on its queue before anything is changed, so an erasure whose request dies is completed. It also finds
what was being written meanwhile: senders, rules and requests that read the lead before have ended by then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.backoff import attempts
from chalicelib.model.addresses import address_key
from chalicelib.model.errors import Conflict, Fault, InvalidFields, LeadNotFound, StoreUnavailable
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.messages import EraseMessage
from chalicelib.sqs import MOST_DELAY_SECONDS, Queue
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.erasures import Erasure, Erasures
from chalicelib.store.leads import Leads
from chalicelib.store.suppressions import HashOfAddress

_ATTEMPTS = 20
_PAGE = 100


class NotConfirmed(InvalidFields, problem="not-confirmed", title="The erasure is not confirmed"):
    """The request does not name the lead that it is about to erase."""


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases people. `hash_of`: what is kept of an address."""

    _leads: Leads
    _deliveries: Deliveries
    _erasures: Erasures
    _queue: Queue
    _hash_of: HashOfAddress

    def erase(
        self, lead_id: LeadId, confirm: str, by: str, now: datetime, time_is_short: Callable[[], bool]
    ) -> tuple[Erasure, bool]:
        """Erase a lead, or one that was deleted before; whether all is gone that was there (the queue does the rest).

        `confirm`: its address; its id where it has none. May be repeated. Raises LeadNotFound, NotConfirmed.
        """
        for _ in attempts(_ATTEMPTS):
            lead, known = self._leads.find(lead_id), self._erasures.find(lead_id)
            if lead is None and known is None and not self._is_remembered(lead_id):
                raise LeadNotFound("There is no lead with this id.")
            erasure = known or Erasure(now, by, self._hash_of(lead.email) if lead and lead.email else "")
            if not self._confirms(confirm.strip(), lead_id, lead, erasure):
                raise NotConfirmed([Fault("confirm", "must be the lead's email address, or its id if it has none")])
            message = EraseMessage(lead_id, lead.email if lead else None)
            self._queue.put_later([(message, MOST_DELAY_SECONDS)])
            try:
                self._end(lead_id, lead, erasure, is_known=known is not None)
            except Conflict:
                continue
            return erasure, self.forget(message, time_is_short)
        raise StoreUnavailable("the lead kept changing")

    def _is_remembered(self, lead_id: LeadId) -> bool:
        """Whether anything is left of a lead that was deleted."""
        mailed, _ = self._deliveries.list_of_lead(lead_id, limit=1, position=None)
        return bool(mailed) or any(True for _ in self._erasures.iter_history(lead_id))

    def _confirms(self, said: str, lead_id: LeadId, lead: Lead | None, erasure: Erasure) -> bool:
        if lead is not None and lead.email is not None:
            return address_key(said) == address_key(lead.email)
        return said == lead_id or (bool(erasure.address) and self._hash_of(said) == erasure.address)

    def _end(self, lead_id: LeadId, lead: Lead | None, erasure: Erasure, *, is_known: bool) -> None:
        """The lead's end, all or nothing. Raises Conflict when it or its suppressions have changed meanwhile."""
        if lead is not None:
            moved = (
                self._leads.suppressions.forgetting(lead.email, erasure.address, lead_id, lead) if lead.email else []
            )
            self._leads.delete(lead, *moved, self._erasures.recording(lead_id, erasure))
        elif not is_known:
            self._erasures.record(lead_id, erasure)

    def forget(self, message: EraseMessage, time_is_short: Callable[[], bool]) -> bool:
        """Remove what is left of an erased lead; False if time was short: then a message for the rest is on its queue.

        Nothing is done for a lead that was not erased. May be repeated.
        """
        lead_id = message.erase
        if self._erasures.find(lead_id) is None:
            return True
        if message.address is not None:
            self._leads.suppressions.forget(message.address, self._hash_of(message.address), lead_id)
        self._erasures.forget_history(lead_id)
        position, more = None, True
        while more:
            found, position = self._deliveries.list_of_lead(lead_id, limit=_PAGE, position=position)
            for delivery in found:
                if time_is_short():
                    self._queue.put([message])
                    return False
                hashed = self._hash_of(delivery.email) if delivery.email else ""
                if delivery.email:  # an address that the lead had before, or its last one
                    self._leads.suppressions.forget(delivery.email, hashed, lead_id)
                self._erasures.forget_delivery(delivery, hashed)
            more = position is not None
        return True
