"""Resubscriptions: who allowed mail to a lead again, and why; all of them are kept, one per lead and millisecond."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.model.ids import LeadId
from chalicelib.model.times import time_from, time_text
from chalicelib.store import keys
from chalicelib.store.client import Item, call, from_item, to_item


@dataclass(frozen=True, slots=True)
class Resubscription:
    """Mail to a lead was allowed again."""

    at: datetime
    by: str
    """The name of the API token that asked for it."""
    reason: str


class Resubscriptions:
    """In the campaigns table, apart from the leads, whose rows are read by the million."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def recording(self, lead_id: LeadId, allowed: Resubscription) -> dict[str, Any]:
        """The write that keeps it, for one transaction with what it allows."""
        row = to_item({"at": allowed.at, "by": allowed.by, "reason": allowed.reason})
        return {"Put": {"TableName": self._table, "Item": keys.resubscription(lead_id, time_text(allowed.at)) | row}}

    def list_of_lead(self, lead_id: LeadId) -> list[Resubscription]:
        """All of a lead's, oldest first. Raises StoreUnavailable."""
        found: list[Resubscription] = []
        start: dict[str, Any] = {}
        while True:
            answer = call(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="pk = :lead AND begins_with(sk, :kind)",
                ExpressionAttributeValues={
                    ":lead": {"S": keys.acts_of(lead_id)},
                    ":kind": {"S": keys.RESUBSCRIPTION},
                },
                ConsistentRead=True,
                **start,
            )
            found += map(_resubscription, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _resubscription(row: Item) -> Resubscription:
    values = from_item(row)
    at = time_from(values["at"])
    assert at is not None  # noqa: S101 - every row has it
    return Resubscription(at, values["by"], values["reason"])
