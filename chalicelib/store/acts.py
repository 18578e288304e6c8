"""Acts: what a rule did to a lead about one delivery, at most once.

An act and the change of the lead are one transaction. So a rule acts once however often its event comes, a crash leaves
no half of an act, and no other change of the lead is lost.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.model.ids import CampaignId, LeadId, RuleId
from chalicelib.model.lead import LeadChange
from chalicelib.model.rule import Act, Trigger
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, to_item
from chalicelib.store.lead_rows import update_of
from chalicelib.store.statements import Query, Statement, begins_with, equals, missing
from chalicelib.store.table import Table


class Acts:
    """The acts, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str, leads_table: str) -> None:
        self._table = Table(client, table)
        self._leads_table = leads_table

    def has(self, lead_id: LeadId, rule_id: RuleId, campaign_id: CampaignId) -> bool:
        """Whether the rule has acted about this delivery."""
        return self._table.find(keys.act(lead_id, rule_id, campaign_id)) is not None

    def record(self, act: Act, change: LeadChange | None) -> bool:
        """Write the act together with what it changed of the lead; True once.

        False when the rule has acted already, or the lead is no longer `change.before`: read again, decide again.
        """
        statements: list[Statement] = [self._table.put(_encode(act)).require(missing("pk"))]
        if change is not None and change.before is not None:
            statements.append(update_of(self._leads_table, change.before, change.after))
        return self._table.transact(*statements)

    def list_of_rule(self, rule_id: RuleId, *, limit: int, position: str | None) -> tuple[list[Act], str | None]:
        """A rule's acts, newest first, and where to go on (None at the end)."""
        start = None
        if position is not None:
            created_at, pk, sk = position.split(" ")
            start = to_item({"kind": _kind(rule_id), "created_at": created_at, "pk": pk, "sk": sk})
        listed = Query(index=keys.LISTING_INDEX, key=equals("kind", _kind(rule_id)), newest_first=True)
        rows, last, _ = self._table.page(listed, limit=limit, start=start)
        following = " ".join(last[name]["S"] for name in ("created_at", "pk", "sk")) if last else None
        return list(map(_decode, rows)), following

    def list_of_lead(self, lead_id: LeadId) -> Sequence[Act]:
        """All that rules did to a lead, newest first."""
        acts = Query(key=equals("pk", keys.acts_of(lead_id)) & begins_with("sk", keys.ACT))
        return sorted(map(_decode, self._table.query(acts)), key=lambda act: act.at, reverse=True)


def _kind(rule_id: RuleId) -> str:
    return f"acts#{rule_id}"


def _encode(act: Act) -> Item:
    values = asdict(act) | {"kind": _kind(act.rule_id)}
    values["created_at"] = values.pop("at")
    return keys.act(act.lead_id, act.rule_id, act.campaign_id) | to_item(values)


def _decode(row: Item) -> Act:
    values = from_item(row)
    given: dict[str, Any] = {name: values.get(name) for name in Act.__dataclass_fields__}
    given |= {name: tuple(values[name]) for name in ("done", "failed")}
    return Act(**given | {"at": time_from(values["created_at"]), "event": Trigger(values["event"])})
