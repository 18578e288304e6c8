"""/v1/rules: automation rules, and the log of what they did."""

from chalicelib.api.delivery_ids import visible
from chalicelib.api.http.answers import Answer, no_content, ok
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.problems import ProblemType, field_errors
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.rule_models import ActAnswer, NewRule, RuleAnswer, RulePatch
from chalicelib.automation.rule_editor import InvalidRule, TooManyRules
from chalicelib.model.ids import RuleId
from chalicelib.model.rule import Rule
from chalicelib.store.client import Conflict, InvalidPosition
from chalicelib.store.rules import RuleNotFound

rules = Resource(
    "automation",
    errors={
        RuleNotFound: ProblemType(404, "rule-not-found", "There is no such rule"),
        InvalidRule: ProblemType(
            422, "invalid-rule", "The rule is not valid", lambda error: field_errors(error.faults)
        ),
        TooManyRules: ProblemType(409, "too-many-rules", "There are too many rules"),
    },
)


@rules.operation(
    "POST",
    "/v1/rules",
    summary="Write a rule",
    body=NewRule,
    answers={201: RuleAnswer},
    raises=(InvalidRule, TooManyRules),
)
def create_rule(call: Call) -> Answer:
    """It acts on what happens from now on, once per lead and delivery, and never on what machines do."""
    rule = call.context.rule_editor.create(call.body(NewRule).written(), call.context.now())
    return call.created(_answer(call, rule), rule.rule_id)


@rules.operation("GET", "/v1/rules", summary="List rules", answers={200: Page[RuleAnswer]})
def list_rules(call: Call) -> Answer:
    """All of them, oldest first."""
    found = call.context.rules.list_all()
    warnings = call.context.rule_editor.warnings(found) if found else {}
    items = [RuleAnswer.of(rule, warnings[rule.rule_id]) for rule in found]
    return ok(Page[RuleAnswer](items=items, cursor=None))


@rules.operation("GET", "/v1/rules/{rule_id}", summary="Read a rule", answers={200: RuleAnswer}, raises=(RuleNotFound,))
def get_rule(call: Call, rule_id: str) -> Answer:
    return ok(_answer(call, call.context.rules.get(RuleId(rule_id))))


@rules.operation(
    "PATCH",
    "/v1/rules/{rule_id}",
    summary="Change a rule",
    body=RulePatch,
    answers={200: RuleAnswer},
    raises=(RuleNotFound, InvalidRule, Conflict),
)
def change_rule(call: Call, rule_id: str) -> Answer:
    """What it did stays done, and stays in its log."""
    return _changed(call, rule_id, call.body(RulePatch).changes())


@rules.operation(
    "POST",
    "/v1/rules/{rule_id}/enable",
    summary="Let a rule act",
    answers={200: RuleAnswer},
    raises=(RuleNotFound, InvalidRule, Conflict),
)
def enable_rule(call: Call, rule_id: str) -> Answer:
    """On what happens from now on; what happened while it was disabled is not made up for."""
    return _changed(call, rule_id, {"enabled": True})


@rules.operation(
    "POST",
    "/v1/rules/{rule_id}/disable",
    summary="Keep a rule from acting",
    answers={200: RuleAnswer},
    raises=(RuleNotFound, InvalidRule, Conflict),
)
def disable_rule(call: Call, rule_id: str) -> Answer:
    return _changed(call, rule_id, {"enabled": False})


@rules.operation("DELETE", "/v1/rules/{rule_id}", summary="Delete a rule", answers={204: None}, raises=(RuleNotFound,))
def delete_rule(call: Call, rule_id: str) -> Answer:
    """What it did stays on its leads' timelines."""
    call.context.rules.delete(RuleId(rule_id))
    return no_content()


@rules.operation(
    "GET",
    "/v1/rules/{rule_id}/log",
    summary="Read what a rule did",
    query=PageQuery,
    answers={200: Page[ActAnswer]},
    raises=(RuleNotFound, InvalidPosition),
)
def get_rule_log(call: Call, rule_id: str) -> Answer:
    """Newest first; an act may take a second to appear."""
    query = call.query(PageQuery)
    rule = call.context.rules.get(RuleId(rule_id))
    acts, following = call.context.acts.list_of_rule(rule.rule_id, limit=query.limit, position=query.position())
    shown = [ActAnswer.of(visible(call, act, act.campaign_id, act.lead_id)) for act in acts]
    return ok(Page[ActAnswer](items=shown, cursor=query.cursor_to(following)))


def _changed(call: Call, rule_id: str, changes: dict[str, object]) -> Answer:
    return ok(_answer(call, call.context.rule_editor.change(RuleId(rule_id), changes, call.context.now())))


def _answer(call: Call, rule: Rule) -> RuleAnswer:
    return RuleAnswer.of(rule, call.context.rule_editor.warnings([rule])[rule.rule_id])
