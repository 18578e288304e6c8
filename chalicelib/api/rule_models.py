"""Bodies of the rules' operations. Types only: what a rule must have is decided in automation/rule_editor.py."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from chalicelib.api.http.requests import RequestModel
from chalicelib.api.lead_models import Moment
from chalicelib.automation.rule_editor import WrittenRule
from chalicelib.model.ids import CampaignId
from chalicelib.model.rule import Act, Action, ActionKind, If, Rule, Trigger, When


class WhenBody(RequestModel):
    """The events that the rule is for. In a pattern, `*` stands for anything; case does not matter."""

    event: Annotated[Trigger, Field(description="What a person did; machines' opens and clicks are ignored.")]
    campaign_id: str | None = None
    campaign_title: Annotated[str | None, Field(description="A pattern, such as `*pricing*`.")] = None
    url: Annotated[
        str | None, Field(description="A pattern for the destination of a click, such as `https://*/pricing*`.")
    ] = None

    def when(self) -> When:
        campaign_id = None if self.campaign_id is None else CampaignId(self.campaign_id)
        return When(self.event, campaign_id, self.campaign_title, self.url)


class IfBody(RequestModel):
    """What the lead must be at the moment when the rule acts."""

    entity: str | None = None
    stages: Annotated[
        list[str], Field(default_factory=list, max_length=50, description="One of these; any when none is named.")
    ]
    tags: Annotated[list[str], Field(default_factory=list, max_length=50, description="All of these.")]

    def if_(self) -> If:
        return If(self.entity, tuple(self.stages), tuple(self.tags))


class ChangeStage(RequestModel):
    action: Literal[ActionKind.CHANGE_STAGE]
    stage: str

    def done(self) -> Action:
        return Action(ActionKind.CHANGE_STAGE, self.stage)


class AddTag(RequestModel):
    action: Literal[ActionKind.ADD_TAG]
    tag: str

    def done(self) -> Action:
        return Action(ActionKind.ADD_TAG, self.tag)


class RemoveTag(RequestModel):
    action: Literal[ActionKind.REMOVE_TAG]
    tag: str

    def done(self) -> Action:
        return Action(ActionKind.REMOVE_TAG, self.tag)


class SetField(RequestModel):
    action: Literal[ActionKind.SET_FIELD]
    field: Annotated[str, Field(description="Name of a custom field.")]
    value: Annotated[str, Field(description="Text; empty removes the field.")]

    def done(self) -> Action:
        return Action(ActionKind.SET_FIELD, self.value, self.field)


ActionBody = Annotated[ChangeStage | AddTag | RemoveTag | SetField, Field(discriminator="action")]


class RulePatch(RequestModel):
    """What to change. `when`, `if` and `then` are replaced as a whole."""

    name: str = ""
    enabled: bool = True
    when: WhenBody = WhenBody(event=Trigger.CLICKED)
    if_: Annotated[IfBody, Field(alias="if", default_factory=IfBody)]
    then: Annotated[list[ActionBody], Field(default_factory=list, description="Done one after the other.")]

    def changes(self) -> dict[str, Any]:
        """What was said, as fields of WrittenRule."""
        said: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set & {"name", "enabled"}}
        if "when" in self.model_fields_set:
            said["when"] = self.when.when()
        if "if_" in self.model_fields_set:
            said["if_"] = self.if_.if_()
        if "then" in self.model_fields_set:
            said["then"] = tuple(each.done() for each in self.then)
        return said


class NewRule(RulePatch):
    name: str
    when: WhenBody
    then: list[ActionBody]

    def written(self) -> WrittenRule:
        return WrittenRule(**{"if_": If()} | self.changes())


class WarningAnswer(BaseModel):
    field: str
    reason: str


class RuleAnswer(BaseModel):
    rule_id: str
    name: str
    enabled: bool
    when: WhenBody
    if_: Annotated[IfBody, Field(serialization_alias="if")]
    then: list[ActionBody]
    created_at: Moment
    updated_at: Moment
    active_since: Annotated[Moment, Field(description="The rule acts on what happens from then on.")]
    warnings: Annotated[list[WarningAnswer], Field(description="What may be a mistake, such as a stage nobody has.")]

    @classmethod
    def of(cls, rule: Rule, warnings: list[tuple[str, str]]) -> Self:
        when = rule.when
        return cls(
            rule_id=rule.rule_id,
            name=rule.name,
            enabled=rule.enabled,
            when=WhenBody(
                event=when.event, campaign_id=when.campaign_id, campaign_title=when.campaign_title, url=when.url
            ),
            if_=IfBody(entity=rule.if_.entity, stages=list(rule.if_.stages), tags=list(rule.if_.tags)),
            then=[_action(each) for each in rule.then],
            created_at=rule.created_at,
            updated_at=rule.updated_at,
            active_since=rule.active_since,
            warnings=[WarningAnswer(field=field, reason=reason) for field, reason in warnings],
        )


def _action(action: Action) -> ChangeStage | AddTag | RemoveTag | SetField:
    match action.kind:
        case ActionKind.CHANGE_STAGE:
            return ChangeStage(action=action.kind, stage=action.value)
        case ActionKind.ADD_TAG:
            return AddTag(action=action.kind, tag=action.value)
        case ActionKind.REMOVE_TAG:
            return RemoveTag(action=action.kind, tag=action.value)
        case ActionKind.SET_FIELD:
            return SetField(action=action.kind, field=action.field or "", value=action.value)


class ActAnswer(BaseModel):
    """What the rule did to one lead about one delivery."""

    at: Moment
    lead_id: str
    campaign_id: str
    campaign_title: str
    event: Trigger
    url: Annotated[str | None, Field(description="Where a click led.")]
    done: Annotated[list[str], Field(description="What was done, in words: `Stage New → Hot Lead`.")]
    failed: Annotated[list[str], Field(description="What could not be done, and why.")]

    @classmethod
    def of(cls, act: Act) -> Self:
        return cls(
            at=act.at,
            lead_id=act.lead_id,
            campaign_id=act.campaign_id,
            campaign_title=act.campaign_title,
            event=act.event,
            url=act.url,
            done=list(act.done),
            failed=list(act.failed),
        )
