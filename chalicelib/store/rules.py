"""The automation rules and their acts, in the campaigns table."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from chalicelib.model.errors import Conflict, Missing
from chalicelib.model.ids import CampaignId, LeadId, RuleId
from chalicelib.model.lead import LeadChange
from chalicelib.model.rule import Act, Rule
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, noun_of, to_item
from chalicelib.store.lead_rows import update_of
from chalicelib.store.statements import Query, Statement, begins_with, equals, exists, missing
from chalicelib.store.table import TableStore


class RuleNotFound(Missing, problem="rule-not-found", title="There is no such rule"):
    """There is no rule with this id."""


class Rules(TableStore):
    """The rules. Every method may raise StoreUnavailable."""

    def create(self, rule: Rule) -> None:
        self._table.transact(self._table.put(_encode_rule(rule)))

    def get(self, rule_id: RuleId) -> Rule:
        """Raises RuleNotFound."""
        row = self._table.find(keys.rule(rule_id))
        if row is None:
            raise RuleNotFound("There is no rule with this id.")
        return _decode_rule(row)

    def list_all(self) -> list[Rule]:
        """In the order they were made; read consistently."""
        return list(map(_decode_rule, self._table.query(Query(key=equals("pk", keys.RULES), consistent=True))))

    def update(self, before: Rule, after: Rule) -> Rule:
        """Write `after` over exactly `before`; the rule as written. Raises Conflict when it changed meanwhile."""
        newer = replace(after, version=before.version + 1)
        same_version = equals("version", before.version)
        if not self._table.transact(self._table.put(_encode_rule(newer)).require(same_version)):
            raise Conflict("The rule was changed meanwhile.")
        return newer

    def delete(self, rule_id: RuleId) -> None:
        """Remove a rule; what it did stays in the log of its leads. Raises RuleNotFound."""
        if not self._table.transact(self._table.delete(keys.rule(rule_id)).require(exists("pk"))):
            raise RuleNotFound("There is no rule with this id.")


class Acts(TableStore):
    """What rules did to leads about deliveries, each at most once. Every method may raise StoreUnavailable.

    An act and the change of the lead are one transaction. So a rule acts once however often its event comes, a crash
    leaves no half of an act, and no other change of the lead is lost.
    """

    def __init__(self, client: Client, table: str, leads_table: str) -> None:
        super().__init__(client, table)
        self._leads_table = leads_table

    def has(self, lead_id: LeadId, rule_id: RuleId, campaign_id: CampaignId) -> bool:
        """Whether the rule has acted about this delivery."""
        return self._table.find(keys.act(lead_id, rule_id, campaign_id)) is not None

    def record(self, act: Act, change: LeadChange | None) -> bool:
        """Write the act together with what it changed of the lead; True once.

        False when the rule has acted already, or the lead is no longer `change.before`: read again, decide again.
        """
        statements: list[Statement] = [self._table.put(_encode_act(act)).require(missing("pk"))]
        if change is not None and change.before is not None:
            statements.append(update_of(self._leads_table, change.before, change.after))
        return self._table.transact(*statements)

    def list_of_rule(self, rule_id: RuleId, *, limit: int, position: str | None) -> tuple[list[Act], str | None]:
        """A rule's acts, newest first, and where to go on (None at the end)."""
        kind, names = _kind(rule_id), ("created_at", "pk", "sk")
        acts = Query(index=keys.LISTING_INDEX, key=equals("kind", kind), newest_first=True)
        rows, following = self._table.listed(acts, names, limit=limit, position=position, kind=kind)
        return list(map(_decode_act, rows)), following

    def list_of_lead(self, lead_id: LeadId) -> Sequence[Act]:
        """All that rules did to a lead, newest first."""
        acts = Query(key=equals("pk", keys.acts_of(lead_id)) & begins_with("sk", keys.ACT))
        return sorted(map(_decode_act, self._table.query(acts)), key=lambda act: act.at, reverse=True)


def _encode_rule(rule: Rule) -> Item:
    values = asdict(rule)
    del values["rule_id"]  # the sort key
    values["if"] = values.pop("if_")
    return keys.rule(rule.rule_id) | to_item(values)


def _decode_rule(row: Item) -> Rule:
    values = from_item(row)
    return noun_of(Rule, values | {"rule_id": values["sk"], "if_": values["if"]})


def _kind(rule_id: RuleId) -> str:
    return f"acts#{rule_id}"


def _encode_act(act: Act) -> Item:
    values = asdict(act) | {"kind": _kind(act.rule_id)}
    values["created_at"] = values.pop("at")
    return keys.act(act.lead_id, act.rule_id, act.campaign_id) | to_item(values)


def _decode_act(row: Item) -> Act:
    values = from_item(row)
    return noun_of(Act, values | {"at": values["created_at"]})
