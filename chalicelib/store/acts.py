"""Acts: what a rule did to a lead about one delivery, at most once.

An act and the change of the lead are one transaction. So a rule acts once however often its event comes, no crash
leaves half an act, and nobody's change of the lead is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from chalicelib.model.ids import CampaignId, LeadId, RuleId
from chalicelib.model.lead import LeadChange
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, call, from_item, to_item, transact
from chalicelib.store.lead_rows import update_of
from chalicelib.store.rules import Trigger


@dataclass(frozen=True, slots=True)
class Act:
    rule_id: RuleId
    rule_name: str
    """As it was then."""
    lead_id: LeadId
    campaign_id: CampaignId
    campaign_title: str
    event: Trigger
    url: str | None
    """Of a click."""
    at: datetime
    done: tuple[str, ...]
    """What was done, in words."""
    failed: tuple[str, ...] = ()
    """What could not be done and why, in words."""

    @classmethod
    def from_item(cls, item: Item) -> Self:
        values = from_item(item)
        given: dict[str, Any] = {name: values.get(name) for name in cls.__dataclass_fields__}
        given |= {name: tuple(values[name]) for name in ("done", "failed")}
        return cls(**given | {"at": time_from(values["created_at"]), "event": Trigger(values["event"])})


class Acts:
    """The acts, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str, leads_table: str) -> None:
        self._client = client
        self._table = table
        self._leads_table = leads_table

    def has(self, lead_id: LeadId, rule_id: RuleId, campaign_id: CampaignId) -> bool:
        """Whether the rule has acted about this delivery."""
        key = keys.act(lead_id, rule_id, campaign_id)
        answer = call(
            self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True, ProjectionExpression="pk"
        )
        return "Item" in answer

    def record(self, act: Act, change: LeadChange | None) -> bool:
        """Write the act together with what it changed of the lead; True once.

        False when the rule has acted already, or the lead is no longer `change.before`: look, and decide again.
        """
        actions: list[dict[str, Any]] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _encode(act),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        ]
        if change is not None and change.before is not None:
            actions.append({"Update": {"TableName": self._leads_table, **update_of(change.before, change.after)}})
        return transact(self._client, actions)

    def list_of_rule(self, rule_id: RuleId, *, limit: int, position: str | None) -> tuple[list[Act], str | None]:
        """A rule's acts, newest first, and where to go on (None at the end)."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": keys.LISTING_INDEX,
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": _kind(rule_id)}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if position is not None:
            created_at, pk, sk = position.split(" ")
            query["ExclusiveStartKey"] = to_item({"kind": _kind(rule_id), "created_at": created_at, "pk": pk, "sk": sk})
        answer = call(self._client.query, **query)
        last = answer.get("LastEvaluatedKey")
        following = " ".join(last[name]["S"] for name in ("created_at", "pk", "sk")) if last else None
        return [Act.from_item(item) for item in answer["Items"]], following

    def list_of_lead(self, lead_id: LeadId) -> Sequence[Act]:
        """All that rules did to a lead, newest first."""
        found: list[Act] = []
        start: dict[str, Any] = {}
        while True:
            answer = call(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="pk = :lead AND begins_with(sk, :act)",
                ExpressionAttributeValues={":lead": {"S": keys.acts_of(lead_id)}, ":act": {"S": keys.ACT}},
                **start,
            )
            found += map(Act.from_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return sorted(found, key=lambda act: act.at, reverse=True)
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _kind(rule_id: RuleId) -> str:
    return f"acts#{rule_id}"


def _encode(act: Act) -> Item:
    values = {name: getattr(act, name) for name in act.__dataclass_fields__ if name not in ("at", "event")}
    values |= {"event": act.event.value, "created_at": act.at, "kind": _kind(act.rule_id)}
    return keys.act(act.lead_id, act.rule_id, act.campaign_id) | to_item(values)
