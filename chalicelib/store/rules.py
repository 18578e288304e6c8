"""The automation rules, in the campaigns table."""

from dataclasses import asdict, replace

from chalicelib.model.errors import Conflict, Missing
from chalicelib.model.ids import RuleId
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, from_item, to_item
from chalicelib.store.statements import Query, equals, exists
from chalicelib.store.table import TableStore


class RuleNotFound(Missing, problem="rule-not-found", title="There is no such rule"):
    """There is no rule with this id."""


class Rules(TableStore):
    """The rules. Every method may raise StoreUnavailable."""

    def create(self, rule: Rule) -> None:
        self._table.transact(self._table.put(_encode(rule)))

    def get(self, rule_id: RuleId) -> Rule:
        """Raises RuleNotFound."""
        row = self._table.find(keys.rule(rule_id))
        if row is None:
            raise RuleNotFound("There is no rule with this id.")
        return _decode(row)

    def list_all(self) -> list[Rule]:
        """In the order they were made; read consistently."""
        return list(map(_decode, self._table.query(Query(key=equals("pk", keys.RULES), consistent=True))))

    def update(self, before: Rule, after: Rule) -> Rule:
        """Write `after` over exactly `before`; the rule as written. Raises Conflict when it changed meanwhile."""
        newer = replace(after, version=before.version + 1)
        same_version = equals("version", before.version)
        if not self._table.transact(self._table.put(_encode(newer)).require(same_version)):
            raise Conflict("The rule was changed meanwhile.")
        return newer

    def delete(self, rule_id: RuleId) -> None:
        """Remove a rule; what it did stays in the log of its leads. Raises RuleNotFound."""
        if not self._table.transact(self._table.delete(keys.rule(rule_id)).require(exists("pk"))):
            raise RuleNotFound("There is no rule with this id.")


def _encode(rule: Rule) -> Item:
    values = asdict(rule)
    del values["rule_id"]  # the sort key
    values["if"] = values.pop("if_")
    return keys.rule(rule.rule_id) | to_item(values)


def _decode(row: Item) -> Rule:
    values = from_item(row)
    when, if_ = values["when"], values["if"]
    return Rule(
        rule_id=RuleId(values["sk"]),
        name=values["name"],
        enabled=values["enabled"],
        when=When(**when | {"event": Trigger(when["event"])}),
        if_=If(if_.get("entity"), tuple(if_["stages"]), tuple(if_["tags"])),
        then=tuple(Action(**each | {"kind": ActionKind(each["kind"])}) for each in values["then"]),
        created_at=time_from(values["created_at"]),
        updated_at=time_from(values["updated_at"]),
        active_since=time_from(values["active_since"]),
        version=values["version"],
    )
