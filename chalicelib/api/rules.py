"""/v1/rules: automation rules, and the log of what they did.

The models check types only; what makes a rule valid is decided in automation/rule_editor.py.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.deliveries import visible
from chalicelib.api.http.answers import AnswerModel, Moment, Overlaid
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.automation.rule_editor import InvalidRule, TooManyRules, WrittenRule
from chalicelib.model.errors import Conflict
from chalicelib.model.ids import CampaignId, RuleId
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When

rules = Resource("automation")


class WhenBody(RequestModel):
    """The events that the rule is for. A pattern is a part of a text, or all of it with `*` for any part."""

    event: Trigger = Field(description="What a person did. Machine opens and clicks are ignored.")
    campaign_id: CampaignId | None = None
    campaign_title: str | None = Field(default=None, description="A pattern, such as `pricing`.")
    url: str | None = Field(
        default=None, description="A pattern for where a click led, such as `/pricing`, or a full address."
    )


class IfBody(RequestModel):
    """Conditions on the lead at the moment when the rule acts."""

    entity: str | None = None
    stages: list[str] = Field(default_factory=list, max_length=50, description="One of these; empty: any.")
    tags: list[str] = Field(default_factory=list, max_length=50, description="All of these.")


class ChangeStage(RequestModel):
    action: Literal[ActionKind.CHANGE_STAGE]
    stage: str


class AddTag(RequestModel):
    action: Literal[ActionKind.ADD_TAG]
    tag: str


class RemoveTag(RequestModel):
    action: Literal[ActionKind.REMOVE_TAG]
    tag: str


class SetField(RequestModel):
    action: Literal[ActionKind.SET_FIELD]
    field: str = Field(description="Name of a custom field.")
    value: str = Field(description="Text; empty removes the field.")


ActionBody = Annotated[ChangeStage | AddTag | RemoveTag | SetField, Field(discriminator="action")]
_VALUES = {
    ActionKind.CHANGE_STAGE: "stage",
    ActionKind.ADD_TAG: "tag",
    ActionKind.REMOVE_TAG: "tag",
    ActionKind.SET_FIELD: "value",
}
"""What an action's value is called in its body."""


def _action(said: ChangeStage | AddTag | RemoveTag | SetField) -> Action:
    return Action(said.action, getattr(said, _VALUES[said.action]), getattr(said, "field", None))


class RulePatch(RequestModel):
    """What to change. `when`, `if` and `then` are replaced as a whole."""

    name: str = ""
    enabled: bool = True
    when: WhenBody = WhenBody(event=Trigger.CLICKED)
    if_: IfBody = Field(alias="if", default_factory=IfBody)
    then: list[ActionBody] = Field(default_factory=list, description="Executed one after the other.")

    def changes(self) -> dict[str, Any]:
        """The members that were sent, as fields of WrittenRule."""
        written = {
            "when": When(**dict(self.when)),
            "if_": If(self.if_.entity, tuple(self.if_.stages), tuple(self.if_.tags)),
            "then": tuple(map(_action, self.then)),
        }
        return {name: written.get(name, getattr(self, name)) for name in self.model_fields_set}


class NewRule(RulePatch):
    name: str
    when: WhenBody
    then: list[ActionBody]


class WarningAnswer(AnswerModel):
    field: str
    reason: str


class RuleAnswer(AnswerModel):
    rule_id: str
    name: str
    enabled: bool
    when: WhenBody
    if_: IfBody = Field(serialization_alias="if")
    then: list[ActionBody]
    created_at: Moment
    updated_at: Moment
    active_since: Moment = Field(description="The rule acts on events from then on.")
    warnings: list[WarningAnswer] = Field(description="Likely mistakes, such as a stage that no lead has.")


class ActAnswer(AnswerModel):
    """What the rule did to one lead about one delivery."""

    at: Moment
    lead_id: str
    campaign_id: str
    campaign_title: str
    event: Trigger
    url: str | None = Field(description="Where a click led.")
    done: list[str] = Field(description="What was done, in words: `Stage New → Hot Lead`.")
    failed: list[str] = Field(description="What could not be done, and why.")


@Operation(rules, "POST", "/v1/rules", RuleAnswer, status=201, body=NewRule, raises=[InvalidRule, TooManyRules])
def create_rule(call: Call) -> object:
    """Create a rule.

    It acts on events from now on, once per lead and delivery, and never on what machines do.
    """
    written = WrittenRule(**{"if_": If()} | call.body(NewRule).changes())
    return _with_warnings(call, call.context.rule_editor.create(written, call.context.now()))


@Operation(rules, "GET", "/v1/rules", Page[RuleAnswer])
def list_rules(call: Call) -> object:
    """List rules.

    All of them, oldest first.
    """
    found = call.context.rules.list_all()
    warnings = call.context.rule_editor.warnings(found)
    return {"items": [_told(rule, warnings[rule.rule_id]) for rule in found], "cursor": None}


@Operation(rules, "GET", "/v1/rules/{rule_id}", RuleAnswer)
def get_rule(call: Call, rule_id: RuleId) -> object:
    """Read a rule."""
    return _with_warnings(call, call.context.rules.get(rule_id))


@Operation(rules, "PATCH", "/v1/rules/{rule_id}", RuleAnswer, body=RulePatch, raises=[InvalidRule, Conflict])
def change_rule(call: Call, rule_id: RuleId) -> object:
    """Change a rule.

    Past acts are not undone and stay in the log.
    """
    return _changed(call, rule_id, call.body(RulePatch).changes())


@Operation(rules, "POST", "/v1/rules/{rule_id}/enable", RuleAnswer, raises=[InvalidRule, Conflict])
def enable_rule(call: Call, rule_id: RuleId) -> object:
    """Enable a rule.

    It acts on events from now on, not on those that happened while it was disabled.
    """
    return _changed(call, rule_id, {"enabled": True})


@Operation(rules, "POST", "/v1/rules/{rule_id}/disable", RuleAnswer, raises=[InvalidRule, Conflict])
def disable_rule(call: Call, rule_id: RuleId) -> object:
    """Disable a rule."""
    return _changed(call, rule_id, {"enabled": False})


@Operation(rules, "DELETE", "/v1/rules/{rule_id}", status=204)
def delete_rule(call: Call, rule_id: RuleId) -> None:
    """Delete a rule.

    Its acts stay on the leads' timelines.
    """
    call.context.rules.delete(rule_id)


@Operation(rules, "GET", "/v1/rules/{rule_id}/log", Page[ActAnswer], query=PageQuery)
def get_rule_log(call: Call, rule_id: RuleId) -> object:
    """Read what a rule did.

    Newest first. An act may take a second to appear.
    """
    query = call.query(PageQuery)
    rule = call.context.rules.get(rule_id)
    acts, following = call.context.acts.list_of_rule(rule.rule_id, limit=query.limit, position=query.position())
    return query.page((visible(call, act, act.campaign_id, act.lead_id) for act in acts), following)


def _changed(call: Call, rule_id: RuleId, changes: dict[str, object]) -> object:
    return _with_warnings(call, call.context.rule_editor.change(rule_id, changes, call.context.now()))


def _with_warnings(call: Call, rule: Rule) -> object:
    return _told(rule, call.context.rule_editor.warnings([rule])[rule.rule_id])


def _told(rule: Rule, warnings: list[tuple[str, str]]) -> Overlaid:
    """What a RuleAnswer is made of."""
    then = [{"action": each.kind, _VALUES[each.kind]: each.value, "field": each.field} for each in rule.then]
    return Overlaid(
        rule,
        then=[{name: said for name, said in each.items() if said is not None} for each in then],
        warnings=[{"field": field, "reason": reason} for field, reason in warnings],
    )
