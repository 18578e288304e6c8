"""Resubscriptions: who allowed mail to a lead again, and why; all of them are kept, one per lead and millisecond."""

from typing import Any

from chalicelib.model.ids import LeadId
from chalicelib.model.suppression import Resubscription
from chalicelib.model.times import time_from, time_text
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item
from chalicelib.store.statements import Put, Query, begins_with, equals
from chalicelib.store.table import Table


class Resubscriptions:
    """In the campaigns table, apart from the leads, whose rows are read by the million."""

    def __init__(self, client: Any, table: str) -> None:
        self._table = Table(client, table)

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
