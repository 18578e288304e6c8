"""Automation rules: when an event of a kind happens, and the lead is such, then these actions; and what they did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.model.ids import CampaignId, LeadId, RuleId


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
    """A pattern: a part of it, or all of it with `*` for anything."""
    url: str | None = None
    """A pattern for the destination of a click. A full address is for that page alone."""


@dataclass(frozen=True, slots=True)
class If:
    """What must hold of the lead when the rule acts; None and empty match any."""

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
    """It acts on what happens from then on: since its creation, or since it was last enabled."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Act:
    """What a rule did to a lead about one delivery."""

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
