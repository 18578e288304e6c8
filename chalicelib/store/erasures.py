"""Erasing a person: which attributes of which rows go, and the note that the lead was erased.

Rows that count stay, with everything that counts: no number of a campaign changes (analytics/facts.py). Every write may
be repeated. docs/decisions/0083 has the list.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from chalicelib.model.delivery import BurstRule, Delivery
from chalicelib.model.ids import LeadId
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, noun_of, to_item
from chalicelib.store.delivery_rows import decode
from chalicelib.store.idempotency import answers_about
from chalicelib.store.statements import Name, Put, Query, equals, exists
from chalicelib.store.table import Table

_TEXTS = ("email", "subject", "detail", "bounce_detail", "bounce_soft_detail")
"""Attributes of a delivery that name its recipient, or quote what may: the mail service's and other servers' words."""
_REMOVALS = 100
"""In one update, whose expression may be 4 KB long."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That a lead was erased."""

    at: datetime
    by: str
    """The name of the API token that asked for it."""
    address: str
    """The hash of its last address; empty if it had none."""


class Erasures:
    """What is kept, and removed, of erased leads in all but the leads table. Methods may raise StoreUnavailable."""

    def __init__(self, client: Client, campaigns_table: str, deliveries_table: str) -> None:
        self._campaigns = Table(client, campaigns_table)
        self._deliveries = Table(client, deliveries_table)

    def find(self, lead_id: LeadId) -> Erasure | None:
        row = self._campaigns.find(keys.erasure(lead_id))
        return None if row is None else noun_of(Erasure, from_item(row))

    def recording(self, lead_id: LeadId, erasure: Erasure) -> Put:
        """The write that notes it, for one transaction with the end of the lead."""
        return self._campaigns.put(keys.erasure(lead_id) | to_item(asdict(erasure)))

    def record(self, lead_id: LeadId, erasure: Erasure) -> None:
        """Note it of a lead that is gone already."""
        self._campaigns.transact(self.recording(lead_id, erasure))

    def forget_delivery(self, delivery: Delivery, hashed: str) -> None:
        """Remove what a delivery holds of a person, and keep the hash of its address."""
        known = delivery
        while names := list(_personal(known)):
            update = self._deliveries.update(keys.delivery(delivery.campaign_id, delivery.lead_id))
            update.set_once(erased=hashed).remove(*names[:_REMOVALS])
            row, is_there = self._deliveries.row_after(update.require(exists("lead_id")))
            if not is_there:  # a claim that was given back
                return
            known = decode(row, BurstRule())

    def iter_history(self, lead_id: LeadId) -> Iterator[Item]:
        """Rows of what rules did with a lead, why it was resubscribed, and the kept answers about it."""
        in_partition = Query(key=equals("pk", keys.acts_of(lead_id)), consistent=True)
        note = keys.erasure(lead_id)["sk"]
        yield from (row for row in self._campaigns.query(in_partition) if row["sk"] != note)
        yield from self._campaigns.query(answers_about(lead_id))

    def forget_history(self, lead_id: LeadId) -> None:
        """Remove these rows; of what rules did only that they did it stays."""
        for row in self.iter_history(lead_id):
            key = keys.of_row(row)
            if row["sk"]["S"].startswith(keys.ACT):
                self._campaigns.write(self._campaigns.update(key).set(done=[], failed=[]).remove("url"))
            else:
                self._campaigns.write(self._campaigns.delete(key))


def _personal(delivery: Delivery) -> Iterator[Name]:
    """The attributes that have to go. Without the note of the erasure the address counts as one, if there was none."""
    if delivery.erased is None and delivery.email is None:
        yield "email"
    yield from (name for name in _TEXTS if getattr(delivery, name) is not None)
    for where, clicks in (("clicks", delivery.clicks), ("scans", delivery.scans)):
        yield from ((where, link, "url") for link, click in clicks.items() if click.url is not None)
    for link, several in delivery.later.items():
        yield from (("later", link, place, "url") for place, click in enumerate(several) if click.url is not None)
