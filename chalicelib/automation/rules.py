"""Which events and leads a rule is for, and what its actions make of a lead: pure decisions."""

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from chalicelib.automation.events import DETAIL_TYPES, MilestoneKind
from chalicelib.crm.lead_input import InvalidLead, LeadInput, checked
from chalicelib.crm.leads import changed
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger

TRIGGERS = {DETAIL_TYPES[MilestoneKind(each.value)]: each for each in Trigger}
"""Events that rules act on, by detail-type (docs/events/)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What rules need of an event. A machine's open or click is no incident."""

    trigger: Trigger
    occurred_at: datetime
    campaign_id: CampaignId
    campaign_title: str
    lead_id: LeadId
    url: str | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Incident | None":
        """Read an event from the bus; None if no rule may act on it. Raises KeyError or ValueError if it is invalid."""
        detail, trigger = event["detail"], TRIGGERS.get(event["detail-type"])
        if trigger is None or detail.get("machine"):
            return None
        return cls(
            trigger,
            datetime.fromisoformat(detail["occurred_at"]),
            detail["campaign_id"],
            detail["campaign_title"],
            detail["lead_id"],
            detail.get("url"),
        )


def is_for(rule: Rule, incident: Incident) -> bool:
    """Whether the rule is for this event, whatever the lead."""
    when = rule.when
    return (
        rule.enabled
        and incident.occurred_at >= rule.active_since
        and when.event is incident.trigger
        and when.campaign_id in (None, incident.campaign_id)
        and matches(when.campaign_title, incident.campaign_title)
        and matches(when.url, incident.url or "")
    )


def matches(pattern: str | None, text: str) -> bool:
    """Whether a rule's pattern is for this text; case does not matter. Takes linear time, as fnmatch does.

    With `*`, which stands for anything, it must be the whole text. Without, a part of it; but a full address is for
    that page alone, whatever parameters it is opened with.
    """
    if pattern is None:
        return True
    pattern, text = pattern.casefold(), text.casefold()
    if "*" in pattern:
        return fnmatchcase(text, "*".join(map(glob.escape, pattern.split("*"))))
    if "://" in pattern:
        return text.startswith(pattern) and text[len(pattern) :][:1] in ("", "?", "&", "#")
    return pattern in text


def applies_to(condition: If, lead: Lead) -> bool:
    """Whether the lead meets the rule's condition."""
    return (
        condition.entity in (None, lead.entity)
        and (not condition.stages or lead.stage in condition.stages)
        and set(condition.tags) <= set(lead.tags)
    )


def stages_set(rules: Iterable[Rule], entity: str) -> list[str]:
    """The stages that rules give leads of an entity."""
    concerned = (rule for rule in rules if rule.if_.entity in (None, entity))
    return [action.value for rule in concerned for action in rule.then if action.kind is ActionKind.CHANGE_STAGE]


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """The lead after a rule's actions (the same object if nothing changed), and what was and was not done, in words."""

    lead: Lead
    done: tuple[str, ...]
    failed: tuple[str, ...]


def act_on(actions: tuple[Action, ...], lead: Lead, now: datetime) -> RuleEffect:
    """Do the actions in order; one that would make the lead invalid is left out, and the others are done."""
    done: list[str] = []
    failed: list[str] = []
    for action in actions:
        wanted, success = (words.format(action=action, lead=lead) for words in _WORDS[action.kind])
        try:
            after = changed(lead, checked(input_of(action, lead)), now)
        except InvalidLead as error:
            failed.append(f"{wanted}: {error}")
        else:
            done.append(f"{wanted}: already so" if after is lead else success)
            lead = after
    return RuleEffect(lead, tuple(done), tuple(failed))


def input_of(action: Action, lead: Lead) -> LeadInput:
    """The action as a change of the lead."""
    match action.kind:
        case ActionKind.CHANGE_STAGE:
            return {"stage": action.value}
        case ActionKind.ADD_TAG:
            return {"tags": [*lead.tags, action.value]}
        case ActionKind.REMOVE_TAG:
            return {"tags": [tag for tag in lead.tags if tag != action.value]}
        case ActionKind.SET_FIELD:
            return {"fields": {action.field or "": action.value}}


_WORDS = {
    ActionKind.CHANGE_STAGE: ("Change the stage to {action.value}", "Stage {lead.stage} → {action.value}"),
    ActionKind.ADD_TAG: ("Add the tag {action.value}", "Tag {action.value} added"),
    ActionKind.REMOVE_TAG: ("Remove the tag {action.value}", "Tag {action.value} removed"),
    ActionKind.SET_FIELD: ("Set {action.field} to {action.value}", "{action.field} set to {action.value}"),
}
"""What an action is to do, and what it did to a lead, in words."""
