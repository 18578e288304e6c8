"""What the mail service reports of deliveries, on their rows: the first report of each kind stays, in whatever order.

sending ─┬─ any report but a rejection ─> sent      (also from failed, when only the outcome was unknown, and from
sent ────┴─ rejection ──────────────────> failed     waiting, when it was to be sent again for that)
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.model.delivery import BurstRule, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store import keys
from chalicelib.store.client import row_after, to_item, write_if
from chalicelib.store.delivery_rows import decode


class Reported(NamedTuple):
    delivery: Delivery
    """As it is after the report."""
    is_first: bool
    """Whether the report was the first of its kind."""


class FeedbackRecords:
    """The deliveries table, for reports. Every method may raise StoreUnavailable, and may be repeated."""

    def __init__(self, client: Any, table: str, rule: BurstRule) -> None:
        self._client = client
        self._table = table
        self._rule = rule

    def record_delivered(self, campaign_id: CampaignId, lead_id: LeadId, at: datetime) -> Reported | None:
        """The recipient's server took the mail. None, here and below, when there is no such delivery."""
        return self._record(campaign_id, lead_id, {"delivered_at": at})

    def record_delayed(
        self, campaign_id: CampaignId, lead_id: LeadId, at: datetime, detail: str | None
    ) -> Reported | None:
        return self._record(campaign_id, lead_id, {"delayed_at": at, "delay_detail": detail})

    def record_bounced(
        self, campaign_id: CampaignId, lead_id: LeadId, at: datetime, detail: str | None, *, hard: bool
    ) -> Reported | None:
        if hard:
            return self._record(campaign_id, lead_id, {"bounced_at": at, "bounce_detail": detail})
        return self._record(campaign_id, lead_id, {"bounced_soft_at": at, "bounce_soft_detail": detail})

    def record_complained(self, campaign_id: CampaignId, lead_id: LeadId, at: datetime) -> Reported | None:
        return self._record(campaign_id, lead_id, {"complained_at": at})

    def _record(self, campaign_id: CampaignId, lead_id: LeadId, values: Mapping[str, Any]) -> Reported | None:
        """Set the values, unless the first of them is there."""
        given = {name: value for name, value in values.items() if value is not None}
        delivery_exists, is_first = "attribute_exists(lead_id)", f"attribute_not_exists({next(iter(given))})"
        row, written = row_after(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in given),
            ConditionExpression=f"{delivery_exists} AND {is_first}",
            ExpressionAttributeValues=to_item({f":{name}": value for name, value in given.items()}),
        )
        return Reported(decode(row, self._rule), written) if row else None

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
        """Settle a delivery that nobody knew the end of: it was sent. True when that was not known before.

        `unknown`: the reason of a failed delivery that only means this.
        """
        not_ended = "#status IN (:sending, :waiting)"
        not_refused_since = "(attribute_not_exists(rejected_message) OR rejected_message <> :message_id)"
        only_not_known = "(#status = :failed AND reason = :unknown)"
        shown = ", subject = if_not_exists(subject, :subject)" if subject else ""
        values = {
            ":sending": DeliveryStatus.SENDING.value,
            ":waiting": DeliveryStatus.WAITING.value,
            ":failed": DeliveryStatus.FAILED.value,
            ":sent": DeliveryStatus.SENT.value,
            ":unknown": unknown,
            ":at": at,
            ":message_id": message_id,
            ":subject": subject or None,
        }
        return write_if(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=(
                f"SET #status = :sent, sent_at = :at, message_id = :message_id{shown} REMOVE reason, detail"
            ),
            ConditionExpression=f"({not_ended} OR {only_not_known}) AND {not_refused_since}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item(values),
        )

    def record_rejected(
        self, campaign_id: CampaignId, lead_id: LeadId, *, message_id: str, reason: str, detail: str | None
    ) -> Reported | None:
        """The service took the message and then refused it: it did not leave."""
        delivery_exists, was_thought_to_leave = "attribute_exists(lead_id)", "#status IN (:sending, :sent)"
        not_known = "(attribute_not_exists(rejected_message) OR rejected_message <> :message_id)"
        said = ", detail = :detail" if detail else ""
        values = {
            ":sending": DeliveryStatus.SENDING.value,
            ":sent": DeliveryStatus.SENT.value,
            ":failed": DeliveryStatus.FAILED.value,
            ":message_id": message_id,
            ":reason": reason,
            ":detail": detail or None,
        }
        row, written = row_after(
            self._client.update_item,
            TableName=self._table,
            Key=keys.delivery(campaign_id, lead_id),
            UpdateExpression=(
                f"SET #status = :failed, reason = :reason, rejected_message = :message_id{said} REMOVE sent_at"
            ),
            ConditionExpression=f"{delivery_exists} AND {was_thought_to_leave} AND {not_known}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item(values),
        )
        return Reported(decode(row, self._rule), written) if row else None
