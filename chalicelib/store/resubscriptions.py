"""Who allowed mail to a lead again."""

from dataclasses import asdict

from chalicelib.model.ids import LeadId
from chalicelib.model.suppression import Resubscription
from chalicelib.model.times import time_text
from chalicelib.store import keys
from chalicelib.store.client import from_item, noun_of, to_item
from chalicelib.store.statements import Put, Query, begins_with, equals
from chalicelib.store.table import TableStore


class Resubscriptions(TableStore):
    """Who allowed mail to a lead again, and why: all are kept, one per lead and millisecond.

    In the campaigns table, apart from the leads, whose rows are read by the million.
    """

    def recording(self, lead_id: LeadId, allowed: Resubscription) -> Put:
        """The write that keeps it, for one transaction with what it allows."""
        return self._table.put(keys.resubscription(lead_id, time_text(allowed.at)) | to_item(asdict(allowed)))

    def list_of_lead(self, lead_id: LeadId) -> list[Resubscription]:
        """All of a lead's, oldest first. Raises StoreUnavailable."""
        key = equals("pk", keys.acts_of(lead_id)) & begins_with("sk", keys.RESUBSCRIPTION)
        rows = self._table.query(Query(key=key, consistent=True))
        return [noun_of(Resubscription, from_item(row)) for row in rows]
