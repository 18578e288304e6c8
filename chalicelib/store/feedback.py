"""Records what the mail service reports of deliveries: the first report of each kind stays, in any order.

sending ─┬─ any report but a rejection ─> sent      (also from failed, when only the outcome was unknown, and from
sent ────┴─ rejection ──────────────────> failed     waiting, when it was to be sent again for that)
"""

from datetime import datetime
from typing import NamedTuple

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.feedback import FeedbackKind
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store import keys
from chalicelib.store.client import Client
from chalicelib.store.delivery_rows import decode
from chalicelib.store.statements import Condition, Update, differs, equals, exists, missing, one_of
from chalicelib.store.table import TableStore

_ATTRIBUTES = {
    FeedbackKind.DELAYED: ("delayed_at", None),
    FeedbackKind.DELIVERED: ("delivered_at", None),
    FeedbackKind.BOUNCED_SOFT: ("bounced_soft_at", "bounce_soft_detail"),
    FeedbackKind.BOUNCED_HARD: ("bounced_at", "bounce_detail"),
    FeedbackKind.COMPLAINED: ("complained_at", None),
}
"""Where the time of each report is kept, and its words."""
_WORDS = ("subject", "detail", "bounce_detail", "bounce_soft_detail")
"""Attributes that a report sets and that may quote the recipient's address."""


class Reported(NamedTuple):
    delivery: Delivery
    """As it is after the report."""
    is_first: bool
    """Whether the report was the first of its kind."""


class FeedbackRecords(TableStore):
    """The deliveries table, for reports. Every method may raise StoreUnavailable, and may be repeated."""

    def __init__(self, client: Client, table: str, rule: BurstRule) -> None:
        super().__init__(client, table)
        self._rule = rule

    def record(
        self, campaign_id: CampaignId, lead_id: LeadId, kind: FeedbackKind, at: datetime, detail: str | None = None
    ) -> Reported | None:
        """What happened to the mail after it was sent; None when there is no such delivery. Rejections: below."""
        time_name, detail_name = _ATTRIBUTES[kind]
        delivery_exists, is_first = exists("lead_id"), missing(time_name)
        update = self._table.update(keys.delivery(campaign_id, lead_id)).set({time_name: at})
        if detail_name is not None:
            update.set({detail_name: detail})
        return self._reported(update.require(delivery_exists, is_first))

    def record_accepted(
        self,
        campaign_id: CampaignId,
        lead_id: LeadId,
        at: datetime,
        *,
        message_id: str,
        subject: str | None,
        unknown: str,
    ) -> bool:
        """Settle a delivery whose end was not known: it was sent. True the first time.

        `unknown`: the reason of a failed delivery that only means this.
        """
        not_ended = one_of("status", DeliveryStatus.SENDING, DeliveryStatus.WAITING)
        only_not_known = equals("status", DeliveryStatus.FAILED) & equals("reason", unknown)
        update = self._table.update(keys.delivery(campaign_id, lead_id)).remove("reason", "detail")
        update.set(status=DeliveryStatus.SENT, sent_at=at, message_id=message_id)
        if subject:
            update.set_once(subject=subject)
        reported = self._reported(update.require(not_ended | only_not_known, _was_not_rejected(message_id)))
        return reported is not None and reported.is_first

    def record_rejected(
        self, campaign_id: CampaignId, lead_id: LeadId, *, message_id: str, reason: str, detail: str | None
    ) -> Reported | None:
        """The service accepted the message and then rejected it: it did not leave."""
        delivery_exists = exists("lead_id")
        was_thought_to_leave = one_of("status", DeliveryStatus.SENDING, DeliveryStatus.SENT)
        update = self._table.update(keys.delivery(campaign_id, lead_id)).remove("sent_at")
        update.set(status=DeliveryStatus.FAILED, reason=reason, detail=detail or None, rejected_message=message_id)
        return self._reported(update.require(delivery_exists, was_thought_to_leave, _was_not_rejected(message_id)))

    def _reported(self, update: Update) -> Reported | None:
        row, written = self._table.row_after(update)
        if "erased" in row and not row.keys().isdisjoint(_WORDS):
            # What quotes the address of an erased lead goes at once. A repeated report completes it after a crash.
            self._table.write(self._table.update({name: row[name] for name in ("bucket", "lead_id")}).remove(*_WORDS))
        return Reported(decode(row, self._rule), written) if row else None


def _was_not_rejected(message_id: str) -> Condition:
    return missing("rejected_message") | differs("rejected_message", message_id)
