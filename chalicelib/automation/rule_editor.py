"""Creates and changes rules: what makes one valid, and what is worth a warning."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.automation.rules import matches
from chalicelib.crm.lead_groups import Groups, list_groups
from chalicelib.crm.lead_input import LONGEST_TEXT, InvalidLead, LeadInput, checked, line_faults, normalized
from chalicelib.model.campaign import LaunchedLink
from chalicelib.model.errors import CampaignNotFound, Conflicting, Fault, InvalidFields
from chalicelib.model.ids import CampaignId, RuleId, is_campaign_id, new_rule_id
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.leads import Leads
from chalicelib.store.rules import Rules

MAX_RULES = 100
"""All of them are read for every event."""
MAX_ACTIONS = 10
LONGEST_PATTERN = 500
_MERGE_TAG = re.compile(r"\{[{%].*?[}%]\}")


class InvalidRule(InvalidFields, problem="invalid-rule", title="The rule is not valid"):
    """What was written breaks rules."""


class TooManyRules(Conflicting, problem="too-many-rules", title="There are too many rules"):
    """There are MAX_RULES rules already."""


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """The part of a rule that its author writes."""

    name: str
    when: When
    if_: If
    then: tuple[Action, ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RuleEditor:
    _rules: Rules
    _campaigns: Campaigns
    _leads: Leads
    _links_of: Callable[[CampaignId], Sequence[LaunchedLink]]

    def create(self, written: WrittenRule, now: datetime) -> Rule:
        """Raises InvalidRule or TooManyRules; nothing is written then."""
        written = self._checked(written)
        if len(self._rules.list_all()) >= MAX_RULES:
            raise TooManyRules(f"There are {MAX_RULES} rules. Delete one that is not needed any more.")
        rule = Rule(new_rule_id(), **_fields(written), created_at=now, updated_at=now, active_since=now)
        self._rules.create(rule)
        return rule

    def change(self, rule_id: RuleId, changes: Mapping[str, Any], now: datetime) -> Rule:
        """Change the fields of WrittenRule named in `changes`. Raises InvalidRule, RuleNotFound, Conflict.

        A rule that is enabled again acts on what happens from now on.
        """
        before = self._rules.get(rule_id)
        written = self._checked(WrittenRule(**{**_fields(before), **changes}))
        after = replace(before, **_fields(written))
        if after == before:
            return before
        since = now if after.enabled and not before.enabled else before.active_since
        return self._rules.update(before, replace(after, updated_at=now, active_since=since))

    def warnings(self, rules: Sequence[Rule]) -> dict[RuleId, list[tuple[str, str]]]:
        """Per rule, by field: the stages that no lead has, and a pattern that no link of its campaign matches.

        Leads are read only if one of the rules names a stage; with too many to look at, no stage is warned of.
        """
        groups = list_groups(self._leads) if any(map(_named_stages, rules)) else None
        stages = {rule.rule_id: _unused_stages(rule, groups) if groups and groups.is_whole else [] for rule in rules}
        return {rule.rule_id: stages[rule.rule_id] + self._unmatched_url(rule.when) for rule in rules}

    def _unmatched_url(self, when: When) -> list[tuple[str, str]]:
        if when.url is None or when.campaign_id is None:
            return []
        try:
            urls = [_MERGE_TAG.sub("", link.url) for link in self._links_of(when.campaign_id)]
        except CampaignNotFound:  # deleted since
            return []
        is_known = all("://" in url for url in urls)  # neither made of a merge tag nor relative
        if urls and is_known and not any(matches(when.url, url) for url in urls):
            return [("when.url", "No link of the campaign matches this.")]
        return []

    def _checked(self, written: WrittenRule) -> WrittenRule:
        name = normalized(written.name)
        faults = [("name", why) for why in line_faults(name, LONGEST_TEXT) or ([] if name else ["must not be empty"])]
        faults += self._faults_of_when(written.when)
        try:
            if_ = _checked_if(written.if_)
        except InvalidLead as error:
            if_ = written.if_
            faults += [(f"if.{fault.field}", fault.reason) for fault in error.faults]
        if not 1 <= len(written.then) <= MAX_ACTIONS:
            faults.append(("then", f"must have 1 to {MAX_ACTIONS} actions"))
        then = []
        for number, action in enumerate(written.then):
            try:
                then.append(_checked_action(action))
            except InvalidLead as error:
                faults += [(f"then[{number}].{_member(action, fault.field)}", fault.reason) for fault in error.faults]
        if faults:
            raise InvalidRule([Fault(*each) for each in faults])
        return replace(written, name=name, if_=if_, then=tuple(then))

    def _faults_of_when(self, when: When) -> list[tuple[str, str]]:
        faults = []
        named = when.campaign_id
        if named is not None and not (is_campaign_id(named) and self._campaigns.find(named)):
            faults.append(("when.campaign_id", "is not a campaign"))
        for name, pattern in (("campaign_title", when.campaign_title), ("url", when.url)):
            if pattern is not None and not 1 <= len(pattern) <= LONGEST_PATTERN:
                faults.append((f"when.{name}", f"must be 1 to {LONGEST_PATTERN} characters"))
        if when.url is not None and when.event is not Trigger.CLICKED:
            faults.append(("when.url", "is for the event clicked only"))
        return faults


def _fields(rule: WrittenRule | Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in WrittenRule.__dataclass_fields__}


def _checked_if(condition: If) -> If:
    """The condition in the normal form that leads have. Raises InvalidLead."""
    given: LeadInput = {"tags": condition.tags}
    if condition.entity is not None:
        given["entity"] = condition.entity
    normal = checked(given)
    stages = tuple(dict.fromkeys(checked({"stage": stage})["stage"] or "" for stage in condition.stages))
    return If(normal.get("entity"), stages, tuple(normal["tags"] or ()))


def _checked_action(action: Action) -> Action:
    """The action in normal form. Raises InvalidLead if the change of a lead would be invalid."""
    match action.kind:
        case ActionKind.CHANGE_STAGE:
            return replace(action, value=checked({"stage": action.value})["stage"] or "")
        case ActionKind.SET_FIELD:
            fields = checked({"fields": {action.field or "": action.value}})["fields"] or {}
            ((name, value),) = fields.items()
            return replace(action, field=name, value="" if value is None else str(value))
        case _:
            # Removing is checked as adding: a tag that no lead can have is a mistake.
            (tag,) = checked({"tags": [action.value]})["tags"] or ()
            return replace(action, value=tag)


def _member(action: Action, field: str) -> str:
    """The action's member that sets this field of the lead."""
    return "tag" if field == "tags" else "field" if field.startswith("fields") else field


def _named_stages(rule: Rule) -> list[tuple[str, str]]:
    """The stages that a rule names, by field."""
    named = [(f"if.stages[{number}]", stage) for number, stage in enumerate(rule.if_.stages)]
    return named + [
        (f"then[{number}].stage", action.value)
        for number, action in enumerate(rule.then)
        if action.kind is ActionKind.CHANGE_STAGE
    ]


def _unused_stages(rule: Rule, groups: Groups) -> list[tuple[str, str]]:
    entity = rule.if_.entity
    used = {stage.name for group in groups.groups if entity in (None, group.entity) for stage in group.stages}
    where = "has" if entity is None else f"of {entity} has"
    unused = [(field, stage) for field, stage in _named_stages(rule) if stage not in used]
    return [(field, f"No lead {where} the stage {stage} yet.") for field, stage in unused]
