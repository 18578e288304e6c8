"""What rules decide: which events they are for, which leads, and what becomes of the lead."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.automation.rules import Incident, act_on, applies_to, is_for
from chalicelib.crm.lead_input import MAX_TAGS
from chalicelib.model.ids import CampaignId, LeadId, RuleId
from chalicelib.model.lead import Lead
from chalicelib.model.rule import Action, ActionKind, If, Rule, Trigger, When

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
CAMPAIGN = CampaignId("cmp_" + "0" * 24)
LEAD = Lead(LeadId("lead_" + "1" * 24), "acme", "New", created_at=NOW, updated_at=NOW, tags=("vip", "cold"))
HOT = Action(ActionKind.CHANGE_STAGE, "Hot Lead")
RULE = Rule(RuleId("rule_1"), "Hot", True, When(Trigger.CLICKED), If(), (HOT,), NOW, NOW, NOW)
CLICK = Incident(
    Trigger.CLICKED, NOW, CAMPAIGN, "Our Pricing, autumn", LEAD.lead_id, "https://www.acme.example/pricing?a=1"
)


def event(detail_type: str = "CampaignLinkClicked", **detail: Any) -> dict[str, Any]:
    known = {
        "occurred_at": "2026-11-26T09:00:00.000Z",
        "campaign_id": CAMPAIGN,
        "campaign_title": CLICK.campaign_title,
        "lead_id": LEAD.lead_id,
        "url": CLICK.url,
    }
    return {"detail-type": detail_type, "detail": known | detail}


def test_a_persons_click_is_an_incident_and_a_machines_is_none() -> None:
    assert Incident.of(event(machine=False)) == CLICK
    assert Incident.of(event(machine=True)) is None


def test_events_that_no_rule_is_for_are_none() -> None:
    assert Incident.of(event("CampaignFinished")) is None
    assert Incident.of(event("CampaignEmailComplained")) is None


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        (When(Trigger.CLICKED), True),
        (When(Trigger.OPENED), False),
        (When(Trigger.CLICKED, campaign_id=CAMPAIGN), True),
        (When(Trigger.CLICKED, campaign_id=CampaignId("cmp_" + "9" * 24)), False),
        (When(Trigger.CLICKED, campaign_title="*pricing*"), True),
        (When(Trigger.CLICKED, campaign_title="pricing"), True),
        (When(Trigger.CLICKED, campaign_title="winter"), False),
        (When(Trigger.CLICKED, campaign_title="our pricing, AUTUMN"), True),
        (When(Trigger.CLICKED, url="https://*/pricing*"), True),
        (When(Trigger.CLICKED, url="https://*/pricing"), False),
        (When(Trigger.CLICKED, url="*?a=[0-9]"), False),
        (When(Trigger.CLICKED, url="Pricing"), True),
        (When(Trigger.CLICKED, url="prizing"), False),
        (When(Trigger.CLICKED, url="https://www.acme.example/pricing"), True),
        (When(Trigger.CLICKED, url="https://www.acme.example/"), False),
        (When(Trigger.CLICKED, url="https://www.acme.example/pri"), False),
    ],
)
def test_a_rule_is_for_the_events_that_it_names(when: When, fits: bool) -> None:
    assert is_for(replace(RULE, when=when), CLICK) is fits


def test_a_rule_acts_on_what_happens_while_it_is_enabled() -> None:
    assert not is_for(replace(RULE, enabled=False), CLICK)
    assert not is_for(replace(RULE, active_since=NOW + timedelta(milliseconds=1)), CLICK)


@given(st.text())
def test_a_full_address_without_a_star_is_for_itself_alone(text: str) -> None:
    url = f"https://{text}".replace("*", "")
    rule = replace(RULE, when=When(Trigger.CLICKED, url=url))
    assert is_for(rule, replace(CLICK, url=url))
    assert is_for(rule, replace(CLICK, url=f"{url}?utm_source=news"))
    assert not is_for(rule, replace(CLICK, url=f"{url}x"))


@given(
    st.lists(st.text(alphabet="ab?[]*.", max_size=3), min_size=2, max_size=6), st.text(alphabet="ab?[]. ", max_size=4)
)
def test_a_star_stands_for_anything(parts: list[str], between: str) -> None:
    parts = [part.replace("*", "") for part in parts]
    rule = replace(RULE, when=When(Trigger.CLICKED, url="*".join(parts)))
    assert is_for(rule, replace(CLICK, url=between.join(parts)))


def test_a_hostile_pattern_takes_no_more_time_than_others() -> None:
    rule = replace(RULE, when=When(Trigger.CLICKED, url="a*" * 249 + "c"))
    began = time.process_time()
    assert not is_for(rule, replace(CLICK, url="a" * 9_999 + "b"))
    assert time.process_time() - began < 5  # backtracking would take longer than anybody lives


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (If(), True),
        (If(entity="acme"), True),
        (If(entity="other"), False),
        (If(stages=("Old", "New")), True),
        (If(stages=("Old",)), False),
        (If(tags=("vip", "cold")), True),
        (If(tags=("vip", "hot")), False),
    ],
)
def test_a_lead_must_be_as_the_rule_wants_it(condition: If, fits: bool) -> None:
    assert applies_to(condition, LEAD) is fits


def test_actions_are_done_one_after_the_other_and_told_in_words() -> None:
    actions = (
        HOT,
        Action(ActionKind.ADD_TAG, "hot"),
        Action(ActionKind.REMOVE_TAG, "cold"),
        Action(ActionKind.SET_FIELD, "10", "score"),
    )
    outcome = act_on(actions, LEAD, NOW + timedelta(seconds=1))
    assert (outcome.lead.stage, outcome.lead.tags, dict(outcome.lead.fields)) == (
        "Hot Lead",
        ("vip", "hot"),
        {"score": "10"},
    )
    assert outcome.done == ("Stage New → Hot Lead", "Tag hot added", "Tag cold removed", "score set to 10")
    assert outcome.failed == ()


def test_what_is_so_already_changes_nothing() -> None:
    outcome = act_on((Action(ActionKind.ADD_TAG, "vip"), Action(ActionKind.REMOVE_TAG, "hot")), LEAD, NOW)
    assert outcome.lead is LEAD
    assert outcome.done == ("Add the tag vip: already so", "Remove the tag hot: already so")


def test_an_action_that_a_leads_rules_forbid_fails_alone() -> None:
    full = replace(LEAD, tags=tuple(f"t{number}" for number in range(MAX_TAGS)))
    outcome = act_on((Action(ActionKind.ADD_TAG, "hot"), HOT), full, NOW)
    assert outcome.lead.stage == "Hot Lead"
    assert outcome.done == ("Stage New → Hot Lead",)
    assert outcome.failed == (f"Add the tag hot: tags must not be more than {MAX_TAGS}",)
