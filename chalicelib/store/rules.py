"""Automation rules: when an event of a kind happens, and the lead is such, then these actions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.model.errors import Conflict, Missing
from chalicelib.model.ids import CampaignId, RuleId
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, call, from_item, to_item, transact


class Trigger(StrEnum):
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"


class ActionKind(StrEnum):
    CHANGE_STAGE = "change_stage"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    SET_FIELD = "set_field"


@dataclass(frozen=True, slots=True)
class When:
    """The events that a rule is for; None matches any."""

    event: Trigger
    campaign_id: CampaignId | None = None
    campaign_title: str | None = None
    """A pattern: `*` stands for anything."""
    url: str | None = None
    """A pattern for the destination of a click."""


@dataclass(frozen=True, slots=True)
class If:
    """What the lead must be when the rule acts; None and nothing match any."""

    entity: str | None = None
    stages: tuple[str, ...] = ()
    """One of these."""
    tags: tuple[str, ...] = ()
    """All of these."""


@dataclass(frozen=True, slots=True)
class Action:
    kind: ActionKind
    value: str
    """The stage, the tag, or the field's value."""
    field: str | None = None
    """Name of the custom field to set."""


@dataclass(frozen=True, slots=True)
class Rule:
    rule_id: RuleId
    name: str
    enabled: bool
    when: When
    if_: If
    then: tuple[Action, ...]
    created_at: datetime
    updated_at: datetime
    active_since: datetime
    """It acts on what happens from then on: its creation, or its last enabling."""
    version: int = 1

    @classmethod
    def from_item(cls, item: Item) -> Self:
        values = from_item(item)
        when, if_ = values["when"], values["if"]
        times: dict[str, Any] = {name: time_from(values[name]) for name in ("created_at", "updated_at", "active_since")}
        return cls(
            rule_id=RuleId(values["sk"]),
            name=values["name"],
            enabled=values["enabled"],
            when=When(**when | {"event": Trigger(when["event"])}),
            if_=If(if_.get("entity"), tuple(if_["stages"]), tuple(if_["tags"])),
            then=tuple(Action(**each | {"kind": ActionKind(each["kind"])}) for each in values["then"]),
            version=values["version"],
            **times,
        )


class RuleNotFound(Missing, problem="rule-not-found", title="There is no such rule"):
    """There is no rule with this id."""


class Rules:
    """The rules, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, rule: Rule) -> None:
        transact(self._client, [{"Put": {"TableName": self._table, "Item": _encode(rule)}}])

    def get(self, rule_id: RuleId) -> Rule:
        """Raises RuleNotFound."""
        answer = call(self._client.get_item, TableName=self._table, Key=keys.rule(rule_id), ConsistentRead=True)
        if "Item" not in answer:
            raise RuleNotFound("There is no rule with this id.")
        return Rule.from_item(answer["Item"])

    def list_all(self) -> list[Rule]:
        """In the order of their making; read consistently."""
        found: list[Rule] = []
        start: Mapping[str, Any] = {}
        while True:
            answer = call(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="pk = :rules",
                ExpressionAttributeValues={":rules": {"S": keys.RULES}},
                ConsistentRead=True,
                **start,
            )
            found += map(Rule.from_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def update(self, before: Rule, after: Rule) -> Rule:
        """Write `after` over exactly `before`; the rule as written. Raises Conflict when it changed meanwhile."""
        newer = replace(after, version=before.version + 1)
        put = {
            "TableName": self._table,
            "Item": _encode(newer),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": to_item({":version": before.version}),
        }
        if not transact(self._client, [{"Put": put}]):
            raise Conflict("The rule was changed meanwhile.")
        return newer

    def delete(self, rule_id: RuleId) -> None:
        """Remove a rule; what it did stays in the log of its leads. Raises RuleNotFound."""
        delete = {
            "TableName": self._table,
            "Key": keys.rule(rule_id),
            "ConditionExpression": "attribute_exists(pk)",
        }
        if not transact(self._client, [{"Delete": delete}]):
            raise RuleNotFound("There is no rule with this id.")


def _encode(rule: Rule) -> Item:
    when, if_ = rule.when, rule.if_
    values = {
        "name": rule.name,
        "enabled": rule.enabled,
        "when": {
            "event": when.event.value,
            "campaign_id": when.campaign_id,
            "campaign_title": when.campaign_title,
            "url": when.url,
        },
        "if": {"entity": if_.entity, "stages": if_.stages, "tags": if_.tags},
        "then": [{"kind": each.kind.value, "value": each.value, "field": each.field} for each in rule.then],
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
        "active_since": rule.active_since,
        "version": rule.version,
    }
    return keys.rule(rule.rule_id) | to_item(values)
