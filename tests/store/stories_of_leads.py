"""Stories of leads and their addresses, of tokens, sessions and idempotency keys."""

from dataclasses import replace
from typing import Any

from chalicelib.automation.rules import Incident
from chalicelib.crm.bulk import BulkAction, BulkChange, BulkEditor
from chalicelib.crm.import_files import read_file
from chalicelib.crm.importing import import_leads
from chalicelib.crm.leads import create_lead, delete_lead, update_lead
from chalicelib.crm.suppression import suppress_address
from chalicelib.model.access import Scope
from chalicelib.model.ids import CampaignId, LeadId, RuleId
from chalicelib.model.lead import Lead, LeadFilter
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When
from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.store.idempotency import KeptAnswer
from tests.store.lossy_world import ADDRESS, LATER, SAID, LossyWorld, Story, repeated, story
from tests.store.test_sending import NOW

HOT = Action(ActionKind.CHANGE_STAGE, "Hot Lead")


def as_said(lead: Lead) -> Any:
    return replace(lead, lead_id=LeadId(""))


@story
def a_lead_is_made_changed_and_removed(world: LossyWorld) -> Story:
    def live() -> Any:
        lead = create_lead(world.leads, SAID, NOW)
        named = update_lead(world.leads, lead.lead_id, {"first_name": "Ada"}, LATER)
        moved_on = update_lead(world.leads, lead.lead_id, {"email": "other@shop.example"}, LATER)
        assert world.leads.get(lead.lead_id) == moved_on
        delete_lead(world.leads, lead.lead_id)
        return as_said(named), as_said(moved_on), lead.lead_id

    named, moved_on, lead_id = yield live
    return named, moved_on, world.leads.find(lead_id)


@story
def many_leads_are_changed_and_the_report_is_true(world: LossyWorld) -> Story:
    lead = create_lead(world.leads, SAID, NOW)
    create_lead(world.leads, SAID | {"stage": "Hot", "email": "b@shop.example"}, NOW)
    acme = LeadFilter(entity="acme")

    def change() -> Any:
        reports = [
            BulkEditor(world.leads).change_matching(acme, change, LATER)
            for change in (
                BulkChange(BulkAction.CHANGE_STAGE, stage="Hot"),
                BulkChange(BulkAction.ADD_TAG, tags=["vip"]),
            )
        ]
        changed = world.leads.get(lead.lead_id)
        reports.append(BulkEditor(world.leads).change_matching(acme, BulkChange(BulkAction.DELETE), LATER))
        return reports, as_said(changed), world.leads.list_page()

    seen = yield change
    return seen


@repeated
def a_file_is_imported(world: LossyWorld) -> Story:
    create_lead(world.leads, SAID, NOW)
    lines = [f"acme,Hot,{ADDRESS}"] + [f"acme,New,p{number}@shop.example" for number in range(40)]
    file = read_file("\n".join(["entity,stage,email", *lines]).encode(), "csv")
    report = yield lambda: import_leads(world.leads, file, LATER)
    found, _ = world.leads.list_page(limit=100)
    summary = (report.created + report.updated + report.unchanged, report.errors)
    return summary, sorted((lead.email, lead.stage, lead.version) for lead in found)


@story
def a_files_report_is_true(world: LossyWorld) -> Story:
    create_lead(world.leads, SAID, NOW)
    file = read_file(f"entity,stage,email\nacme,Hot,{ADDRESS}\nacme,New,b@shop.example".encode(), "csv")
    report = yield lambda: import_leads(world.leads, file, LATER)
    return report.created, report.updated, report.unchanged


@repeated
def an_address_is_suppressed(world: LossyWorld) -> Story:
    lead = create_lead(world.leads, SAID, NOW)
    mark = Mark(SuppressionReason.HARD_BOUNCE, LATER, "bounce")
    suppressed = yield lambda: suppress_address(world.leads, ADDRESS, mark, lead_id=lead.lead_id)
    return suppressed, world.lead_and_address(lead.lead_id)


@repeated
def a_lead_is_resubscribed(world: LossyWorld) -> Story:
    lead = create_lead(world.leads, SAID, NOW)
    world.leads.unsubscribe(lead.lead_id, at=NOW, source="link")
    suppress_address(world.leads, ADDRESS, Mark(SuppressionReason.HARD_BOUNCE, NOW, "bounce"), lead_id=lead.lead_id)
    again = yield lambda: world.resubscribe(lead.lead_id)
    return as_said(again), world.lead_and_address(lead.lead_id)


# -- Rules -------------------------------------------------------------------------------------------------------------


def hot_rule() -> Rule:
    return Rule(RuleId("rule_1"), "Hot", True, When(Trigger.CLICKED), If(), (HOT,), NOW, NOW, NOW)


def clicked_by(lead: Lead) -> Incident:
    return Incident(Trigger.CLICKED, LATER, CampaignId("cmp_1"), "Pricing", lead.lead_id, None)


@story
def a_rule_is_made_changed_and_removed(world: LossyWorld) -> Story:
    rule = hot_rule()

    def live() -> Any:
        world.rules.create(rule)
        changed = world.rules.update(rule, replace(rule, name="Hotter"))
        assert world.rules.get(rule.rule_id) == changed
        world.rules.delete(rule.rule_id)
        return changed, world.rules.list_all()

    seen = yield live
    return seen


@repeated
def a_rule_acts_on_a_lead(world: LossyWorld) -> Story:
    world.rules.create(hot_rule())
    lead = create_lead(world.leads, SAID, NOW)
    yield lambda: world.automation.handle(clicked_by(lead))
    (act,) = world.acts.list_of_lead(lead.lead_id)
    after = world.leads.get(lead.lead_id)
    return act.done, after.stage, after.version


# -- Tokens, sessions, idempotency keys --------------------------------------------------------------------------------


@story
def a_token_is_issued_used_and_revoked(world: LossyWorld) -> Story:
    def use() -> Any:
        token, secret = world.tokens.issue("script", Scope.READ, NOW)
        begun = world.sessions.begin(secret, NOW)
        assert begun is not None
        found = world.sessions.find(begun[1], NOW)
        world.sessions.end(begun[1])
        ended = world.sessions.find(begun[1], NOW)
        code = world.sessions.make_link(secret, NOW)
        by_link, again = world.sessions.begin_with_link(code, NOW), world.sessions.begin_with_link(code, NOW)
        world.tokens.revoke(token.token_id)
        return found == begun[0], ended, by_link is not None, again, world.tokens.use(secret, NOW)

    seen = yield use
    return seen


ANSWER = KeptAnswer(201, {}, b"done")


@story
def a_request_is_done_once_for_its_key(world: LossyWorld) -> Story:
    def ask() -> Any:
        first = world.idempotency.claim("caller", "key", "print", NOW)
        world.idempotency.keep("caller", "key", ANSWER, NOW)
        return first, world.idempotency.claim("caller", "key", "print", NOW)

    seen = yield ask
    return seen


@story
def a_request_that_failed_may_be_asked_again(world: LossyWorld) -> Story:
    def ask() -> Any:
        first = world.idempotency.claim("caller", "key", "print", NOW)
        world.idempotency.release("caller", "key")
        return first, world.idempotency.claim("caller", "key", "print", NOW)

    seen = yield ask
    return seen
