"""Suppressions: addresses that must not be mailed, kept by address, so that they outlive the leads that had them.

One row per address (lower case) in the leads table, one attribute per reason:

    hard_bounce, complaint     hold for every entity: the address is dead, or its owner calls our mail spam
    unsubscribed#<entity>      holds for that entity alone: its owner has left this business line's mail

The first of a kind stays. Leads who have the address carry a mark, so that audiences and senders need no look-up:
a lead is marked when the address is suppressed, and when it is made with, or changed to, a suppressed address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.model.addresses import address_key
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.model.times import time_text
from chalicelib.store import keys
from chalicelib.store.client import Item, batch_get, call, refused_by, row_after, to_item, transact
from chalicelib.store.lead_rows import decode_mark, encode_mark
from chalicelib.store.resubscriptions import Resubscription

_UNSUBSCRIBED = "unsubscribed#"


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """All that is kept of one address."""

    everywhere: tuple[Mark, ...]
    """Reasons that hold for every entity, the first one first."""
    unsubscribed: Mapping[str, Mark]
    """By entity."""


class Suppressions:
    """The suppressions among the rows of the leads table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def find_many(self, addresses: Iterable[str]) -> dict[str, SuppressedAddress]:
        """What is kept of these addresses, by address in lower case; consistent reads, 100 a call."""
        wanted = [keys.suppression(address) for address in sorted({address_key(address) for address in addresses})]
        rows = batch_get(self._client, self._table, wanted, consistent=True)
        return {keys.suppressed_address(row): _suppressed(row) for row in rows}

    def suppress(self, address: str, mark: Mark) -> bool:
        """Keep the address from all mail; False when it was lifted after `mark.at`: old news does not count again."""
        not_yet = "attribute_not_exists(#reason)"
        not_lifted_since = "(attribute_not_exists(lifted_at) OR lifted_at < :at)"
        refused = refused_by(
            self._client.update_item,
            TableName=self._table,
            Key=keys.suppression(address),
            UpdateExpression="SET #reason = :mark",
            ConditionExpression=f"{not_yet} AND {not_lifted_since}",
            ExpressionAttributeNames={"#reason": mark.reason.value},
            ExpressionAttributeValues={":mark": encode_mark(mark), ":at": {"S": time_text(mark.at)}},
        )
        return refused is None or mark.reason.value in refused

    def unsubscribe_lead(self, lead_id: LeadId, mark: Mark) -> bool | None:
        """Record that a lead, and its address in its entity, wants no more mail; None when there is no such lead.

        True the first time; False when it is so already, or was taken back after `mark.at`. Two writes.
        """
        lead_exists, is_subscribed = "attribute_exists(lead_id)", "attribute_not_exists(unsubscribed_at)"
        not_taken_back_since = "(attribute_not_exists(resubscribed_at) OR resubscribed_at < :at)"
        said = {":at": mark.at, ":source": mark.source, ":campaign": mark.campaign_id}
        sets = ["unsubscribed_at = :at", "unsubscribe_source = :source"]
        sets += ["unsubscribe_campaign = :campaign"] if mark.campaign_id is not None else []
        row, is_first = row_after(
            self._client.update_item,
            TableName=self._table,
            Key=keys.lead(lead_id),
            UpdateExpression=f"SET {', '.join(sets)}",
            ConditionExpression=f"{lead_exists} AND {is_subscribed} AND {not_taken_back_since}",
            ExpressionAttributeValues=to_item(said),
        )
        if not row:
            return None
        # Also when it is so already: whoever recorded it may have died before this line.
        if "email" in row and "unsubscribed_at" in row:
            self._unsubscribe_address(row["entity"]["S"], row["email"]["S"], mark)
        return is_first

    def _unsubscribe_address(self, entity: str, address: str, mark: Mark) -> None:
        call(
            self._client.update_item,
            TableName=self._table,
            Key=keys.suppression(address),
            UpdateExpression="SET #left = if_not_exists(#left, :mark)",
            ExpressionAttributeNames={"#left": _UNSUBSCRIBED + entity},
            ExpressionAttributeValues={":mark": encode_mark(mark)},
        )

    def unsubscribe_departed(self, entity: str, address: str, mark: Mark) -> None:
        """As `unsubscribe_lead`, for a lead that is gone: for its address, and for whoever of the entity has it now."""
        self._unsubscribe_address(entity, address, mark)
        identity = keys.identity(entity, "email", address_key(address))
        answer = call(self._client.get_item, TableName=self._table, Key=identity, ConsistentRead=True)
        if "Item" in answer:
            self.unsubscribe_lead(LeadId(answer["Item"]["owner"]["S"]), mark)

    def resubscribe_lead(self, lead_id: LeadId, at: datetime, other: dict[str, Any]) -> bool:
        """Forget all that keeps a lead itself away, together with another write.

        False, and neither is done, when there is no such lead or it has left after `at`.
        """
        forgotten = "unsubscribed_at, unsubscribe_source, unsubscribe_campaign, suppressed"
        lead_exists = "attribute_exists(lead_id)"
        not_left_since = "(attribute_not_exists(unsubscribed_at) OR unsubscribed_at <= :at)"
        update = {
            "TableName": self._table,
            "Key": keys.lead(lead_id),
            "UpdateExpression": f"REMOVE {forgotten} SET resubscribed_at = :at",
            "ConditionExpression": f"{lead_exists} AND {not_left_since}",
            "ExpressionAttributeValues": {":at": {"S": time_text(at)}},
        }
        return transact(self._client, [{"Update": update}, other])

    def lift(self, entity: str, address: str, allowed: Resubscription) -> None:
        """Allow mail to the address: what kept it from every entity's, and from this one's, is forgotten.

        Who allowed it last, and why, stays with the address.
        """
        reasons = [SuppressionReason.HARD_BOUNCE.value, SuppressionReason.COMPLAINT.value, _UNSUBSCRIBED + entity]
        names = {f"#reason{number}": reason for number, reason in enumerate(reasons)}
        update = {
            "TableName": self._table,
            "Key": keys.suppression(address),
            "UpdateExpression": (
                f"REMOVE {', '.join(names)} SET lifted_at = :at, lifted_by = :by, lifted_reason = :reason"
            ),
            "ConditionExpression": "attribute_exists(lead_id)",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item({":at": allowed.at, ":by": allowed.by, ":reason": allowed.reason}),
        }
        transact(self._client, [{"Update": update}])

    def list_owners(self, address: str) -> list[LeadId]:
        """Leads of all entities who have this address. Eventually consistent (an index)."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": keys.ADDRESS_INDEX,
            "KeyConditionExpression": "address = :address",
            "ExpressionAttributeValues": {":address": {"S": address_key(address)}},
        }
        owners: list[LeadId] = []
        while True:
            answer = call(self._client.query, **query)
            owners += [LeadId(row["owner"]["S"]) for row in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return owners
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def mark(self, lead: Lead, mark: Mark) -> bool:
        """Mark a lead as suppressed; False when it is so already, is gone, or has another address by now."""
        not_marked, same_address = "attribute_not_exists(suppressed)", "email = :email"
        update = {
            "TableName": self._table,
            "Key": keys.lead(lead.lead_id),
            "UpdateExpression": "SET suppressed = :mark",
            "ConditionExpression": f"{not_marked} AND {same_address}",
            "ExpressionAttributeValues": {":mark": encode_mark(mark), ":email": {"S": lead.email or ""}},
        }
        return transact(self._client, [{"Update": update}])

    def unmark(self, lead: Lead) -> bool:
        """Take the mark off a lead; False when there is none."""
        update = {
            "TableName": self._table,
            "Key": keys.lead(lead.lead_id),
            "UpdateExpression": "REMOVE suppressed",
            "ConditionExpression": "attribute_exists(suppressed)",
        }
        return transact(self._client, [{"Update": update}])


def _suppressed(row: Item) -> SuppressedAddress:
    everywhere = [
        decode_mark(row[reason.value])
        for reason in (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT)
        if reason.value in row
    ]
    unsubscribed = {
        name.removeprefix(_UNSUBSCRIBED): decode_mark(value)
        for name, value in row.items()
        if name.startswith(_UNSUBSCRIBED)
    }
    return SuppressedAddress(tuple(sorted(everywhere, key=lambda mark: mark.at)), unsubscribed)
