"""The leads of one message, read again before what is known of them is too old to mail them."""

from collections.abc import Callable, Sequence

from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.store.leads import Leads

KNOWN_SECONDS = 2.0
"""No mail leaves longer than this after its lead was read: who has unsubscribed is not mailed any later than that."""
_READ_AHEAD_SECONDS = 0.5
"""So long before its mail's turn a lead is read again: a read takes some milliseconds, on a bad day a few hundred."""


class Recipients:
    """Reads all leads at once, consistently. `clock` gives epoch seconds. Methods may raise StoreUnavailable."""

    def __init__(self, leads: Leads, lead_ids: Sequence[LeadId], clock: Callable[[], float]) -> None:
        self._leads = leads
        self._lead_ids = lead_ids
        self._clock = clock
        self._known: dict[LeadId, Lead] = {}
        self._read_at: dict[LeadId, float] = {}
        self._read(0, len(lead_ids))

    def find(self, lead_id: LeadId) -> Lead | None:
        """The lead as it was read last; None when it was not there any more."""
        return self._known.get(lead_id)

    def is_known_at(self, lead_id: LeadId, moment: float) -> bool:
        """Whether a mail to this lead may leave at this moment by what is known of it."""
        return moment - self._read_at[lead_id] <= KNOWN_SECONDS

    @property
    def read_ahead_seconds(self) -> float:
        """How long before a mail's turn to read its lead again, so that the read does not cost the turn."""
        return min(max(_READ_AHEAD_SECONDS, 2 * self._took), 0.9 * KNOWN_SECONDS)

    def read_again(self, lead_id: LeadId) -> None:
        """Read the lead, and as many behind it as came to their turn since the last time: so many will come to it now.

        A request in two seconds is enough at any rate, and no lead is read that will have to be read again.
        """
        number = self._lead_ids.index(lead_id)
        self._read(number, max(1, number - self._began))

    def _read(self, number: int, count: int) -> None:
        wanted = self._lead_ids[number : number + count]
        self._began = number
        now = self._clock()
        found = self._leads.find_many(wanted, consistent=True)
        self._took = self._clock() - now
        for lead_id in wanted:
            self._read_at[lead_id] = now
            self._known.pop(lead_id, None)
        self._known |= found
