"""Rules over the API and on a real engine: written, checked, acting once, told in their log and on timelines."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.automation.automate import Automation
from chalicelib.automation.rules import Incident
from chalicelib.model.ids import CampaignId, new_lead_id
from chalicelib.model.lead import LeadChange
from chalicelib.model.rule import Act, Trigger
from chalicelib.store.rules import Acts
from local.tables import TableNames
from tests.api_client import ApiClient, context_of

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PRICING = {
    "name": "Pricing clickers are hot",
    "when": {"event": "clicked", "campaign_title": "*pricing*", "url": "https://*/pricing*"},
    "if": {"entity": "acme", "stages": ["New", "Warm"]},
    "then": [{"action": "change_stage", "stage": "Hot Lead"}, {"action": "add_tag", "tag": "hot"}],
}
CAMPAIGN = {
    "title": "Our pricing",
    "subject": "s",
    "from_email": "me@acme.example",
    "html": "<p>x",
    "audience": {"entity": "acme", "stages": ["New"]},
}


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(dynamodb: Any, tables: TableNames, clock: Clock) -> ApiClient:
    return ApiClient(context_of(dynamodb, tables, now=clock)).sign_in()


@pytest.fixture
def lead_id(api: ApiClient) -> str:
    made = api("POST", "/v1/leads", {"entity": "acme", "stage": "New", "email": "ann@acme.example", "tags": ["vip"]})
    return str(made.json["lead_id"])


@pytest.fixture
def campaign_id(api: ApiClient) -> CampaignId:
    return CampaignId(api("POST", "/v1/campaigns", CAMPAIGN).json["campaign_id"])


@pytest.fixture
def automation(api: ApiClient, clock: Clock) -> Automation:
    context = api.context
    return Automation(context.rules, context.leads, context.acts, clock)


def write(api: ApiClient, **said: Any) -> str:
    reply = api("POST", "/v1/rules", PRICING | said)
    assert reply.status == 201, reply.body
    return str(reply.json["rule_id"])


def click(campaign_id: CampaignId, lead_id: Any, **said: Any) -> Incident:
    known: dict[str, Any] = {
        "trigger": Trigger.CLICKED,
        "occurred_at": NOW + timedelta(minutes=1),
        "campaign_id": campaign_id,
        "campaign_title": "Our pricing",
        "lead_id": lead_id,
        "url": "https://acme.example/pricing",
    }
    return Incident(**known | said)


def test_a_rule_is_answered_as_it_was_written(api: ApiClient) -> None:
    reply = api("POST", "/v1/rules", PRICING)
    assert reply.status == 201
    assert reply.headers["Location"].endswith(f"rules/{reply.json['rule_id']}")
    rule = reply.json
    assert {name: rule[name] for name in ("name", "then", "enabled")} == {
        "name": PRICING["name"],
        "then": PRICING["then"],
        "enabled": True,
    }
    assert rule["when"] == {"campaign_id": None, **PRICING["when"]}  # type: ignore[dict-item]
    assert rule["if"] == {"tags": [], **PRICING["if"]}  # type: ignore[dict-item]
    assert api("GET", f"/v1/rules/{rule['rule_id']}").json == rule
    assert api("GET", "/v1/rules").json == {"items": [rule], "cursor": None}


def test_a_rule_is_changed_disabled_enabled_and_deleted(api: ApiClient, clock: Clock) -> None:
    path = f"/v1/rules/{write(api)}"
    clock.now += timedelta(hours=1)
    changed = api("PATCH", path, {"name": "Renamed", "then": [{"action": "remove_tag", "tag": "cold"}]}).json
    assert (changed["name"], changed["then"]) == ("Renamed", [{"action": "remove_tag", "tag": "cold"}])
    assert changed["when"]["url"] == "https://*/pricing*"
    assert changed["active_since"] == "2026-11-26T09:00:00.000Z"
    assert api("POST", f"{path}/disable").json["enabled"] is False
    enabled = api("POST", f"{path}/enable").json
    assert (enabled["enabled"], enabled["active_since"]) == (True, "2026-11-26T10:00:00.000Z")
    assert api("DELETE", path).status == 204
    assert api("GET", path).status == 404
    assert api("DELETE", path).status == 404
    assert api("PATCH", path, {"name": "x"}).status == 404


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"when": {"event": "purchased"}}, "when.event"),
        ({"when": {"event": "clicked", "campaign_id": "cmp_" + "0" * 24}}, "when.campaign_id"),
        ({"when": {"event": "clicked", "campaign_id": ""}}, "when.campaign_id"),
        ({"when": {"event": "opened", "url": "*"}}, "when.url"),
        ({"when": {"event": "clicked", "url": ""}}, "when.url"),
        ({"when": {"event": "clicked", "campaign_title": "x" * 501}}, "when.campaign_title"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"then": []}, "then"),
        ({"then": [{"action": "add_tag", "tag": "hot"}] * 11}, "then"),
        ({"then": [{"action": "send_mail"}]}, "then[0]"),
        ({"then": [{"action": "change_stage", "stage": "a#b"}]}, "then[0].stage"),
        ({"then": [{"action": "change_stage", "stage": ""}]}, "then[0].stage"),
        ({"then": [{"action": "add_tag", "tag": "a;b"}]}, "then[0].tag"),
        ({"then": [{"action": "remove_tag", "tag": ""}]}, "then[0].tag"),
        ({"then": [{"action": "set_field", "field": "email", "value": "x"}]}, "then[0].field"),
        ({"if": {"stages": ["a#b"]}}, "if.stage"),
        ({"if": {"entity": ""}}, "if.entity"),
        ({"if": {"color": "red"}}, "if.color"),
    ],
)
def test_a_wrong_rule_is_refused_by_field_and_nothing_is_written(
    api: ApiClient, said: dict[str, Any], field: str
) -> None:
    reply = api("POST", "/v1/rules", PRICING | said)
    assert reply.status == 422, reply.body
    assert [each["field"] for each in reply.json["errors"]] == [field]
    assert api("GET", "/v1/rules").json["items"] == []
    path = f"/v1/rules/{write(api)}"
    before = api("GET", path).json
    assert api("PATCH", path, said).status == 422
    assert api("GET", path).json == before


def test_a_stage_that_no_lead_has_is_a_warning(api: ApiClient, lead_id: str) -> None:
    rule = api("POST", "/v1/rules", PRICING).json
    assert [each["field"] for each in rule["warnings"]] == ["if.stages[1]", "then[0].stage"]
    assert rule["warnings"][1]["reason"] == "No lead of acme has the stage Hot Lead yet."


@pytest.mark.one_engine
def test_a_pattern_that_no_link_of_its_draft_matches_is_warned_of(api: ApiClient) -> None:
    html = '<a href="https://shop.example/sessel">Sessel</a> <a href="mailto:me@acme.example">Write</a> '
    html += '<a href="https://shop.example/tisch?x={{ lead.id }}">Tisch</a>'
    campaign_id = api("POST", "/v1/campaigns", CAMPAIGN | {"html": html}).json["campaign_id"]
    assert [each["url"] for each in api("GET", f"/v1/campaigns/{campaign_id}/links").json["items"]] == [
        "https://shop.example/sessel",
        "https://shop.example/tisch?x={{ lead.id }}",
    ]

    def fields_warned_of(url: str) -> list[str]:
        rule_id = write(api, when={"event": "clicked", "campaign_id": campaign_id, "url": url})
        warnings = api("GET", f"/v1/rules/{rule_id}").json["warnings"]
        return [each["field"] for each in warnings if each["field"].startswith("when")]

    assert fields_warned_of("sessel") == []
    assert fields_warned_of("https://shop.example/tisch?x=*") == []
    assert fields_warned_of("sofa") == ["when.url"]
    api("DELETE", f"/v1/campaigns/{campaign_id}")
    assert api("GET", "/v1/rules").status == 200


def test_there_are_only_so_many_rules(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.automation.rule_editor.MAX_RULES", 2)
    write(api)
    write(api)
    assert api("POST", "/v1/rules", PRICING).status == 409


def test_a_rule_acts_and_tells_it(
    api: ApiClient, automation: Automation, lead_id: str, campaign_id: CampaignId, clock: Clock
) -> None:
    rule_id = write(api)
    clock.now += timedelta(minutes=2)
    assert automation.handle(click(campaign_id, lead_id)) == 1
    lead = api("GET", f"/v1/leads/{lead_id}").json
    assert (lead["stage"], lead["tags"]) == ("Hot Lead", ["vip", "hot"])
    assert api("GET", f"/v1/leads?entity=acme&stage={'Hot%20Lead'}").json["items"] == [lead]
    log = api("GET", f"/v1/rules/{rule_id}/log").json
    assert log == {
        "items": [
            {
                "at": "2026-11-26T09:02:00.000Z",
                "lead_id": lead_id,
                "campaign_id": campaign_id,
                "campaign_title": "Our pricing",
                "event": "clicked",
                "url": "https://acme.example/pricing",
                "done": ["Stage New → Hot Lead", "Tag hot added"],
                "failed": [],
            }
        ],
        "cursor": None,
    }
    assert api("GET", f"/v1/leads/{lead_id}/timeline").json["items"] == [
        {
            "type": "automation",
            "icon": "bolt",
            "title": "Rule: Pricing clickers are hot",
            "detail": "Stage New → Hot Lead; Tag hot added",
            "at": "2026-11-26T09:02:00.000Z",
            "rule_id": rule_id,
            "campaign_id": campaign_id,
            "campaign_title": "Our pricing",
        }
    ]


def test_a_rule_acts_once_per_delivery_whatever_comes(
    api: ApiClient, automation: Automation, lead_id: str, campaign_id: CampaignId
) -> None:
    write(api, **{"if": {}})
    first = click(campaign_id, lead_id)
    assert automation.handle(first) == 1
    api("PATCH", f"/v1/leads/{lead_id}", {"stage": "New"})
    assert automation.handle(first) == 0
    assert automation.handle(click(campaign_id, lead_id, url="https://acme.example/pricing/more")) == 0
    assert api("GET", f"/v1/leads/{lead_id}").json["stage"] == "New"
    other = CampaignId(api("POST", "/v1/campaigns", CAMPAIGN).json["campaign_id"])
    assert automation.handle(click(other, lead_id)) == 1


def test_a_lead_that_is_not_as_wanted_is_left_alone(
    api: ApiClient, automation: Automation, lead_id: str, campaign_id: CampaignId
) -> None:
    rule_id = write(api, **{"if": {"stages": ["Warm"]}})
    assert automation.handle(click(campaign_id, lead_id)) == 0
    assert api("GET", f"/v1/rules/{rule_id}/log").json["items"] == []


def test_a_lead_that_was_deleted_is_told_in_the_log(
    api: ApiClient, automation: Automation, campaign_id: CampaignId
) -> None:
    rule_id = write(api)
    automation.handle(click(campaign_id, new_lead_id()))
    (entry,) = api("GET", f"/v1/rules/{rule_id}/log").json["items"]
    assert entry["done"] == []
    assert entry["failed"] == ["The lead was deleted before the rule could look at it."]


class ActsWhileTheLeadChanges(Acts):
    """The lead is changed by somebody else between a rule's reading and its act, as often as there are changes."""

    changes: list[Callable[[], object]]

    def record(self, act: Act, change: LeadChange | None) -> bool:
        if self.changes:
            self.changes.pop()()
        return super().record(act, change)


def test_nobodys_change_of_the_lead_is_lost(
    api: ApiClient, clock: Clock, lead_id: str, campaign_id: CampaignId, dynamodb: Any, tables: TableNames
) -> None:
    write(api)
    acts = ActsWhileTheLeadChanges(dynamodb, tables.campaigns, tables.leads)
    acts.changes = [
        lambda: api("PATCH", f"/v1/leads/{lead_id}", {"first_name": "Ann"}),
        lambda: api("PATCH", f"/v1/leads/{lead_id}", {"last_name": "Lee"}),
    ]
    automation = Automation(api.context.rules, api.context.leads, acts, clock)
    assert automation.handle(click(campaign_id, lead_id)) == 1
    lead = api("GET", f"/v1/leads/{lead_id}").json
    assert (lead["first_name"], lead["last_name"], lead["stage"]) == ("Ann", "Lee", "Hot Lead")


def test_the_log_is_paged_newest_first(api: ApiClient, automation: Automation, lead_id: str, clock: Clock) -> None:
    rule_id = write(api, **{"if": {}})
    for _ in range(5):
        clock.now += timedelta(minutes=1)
        automation.handle(click(CampaignId(api("POST", "/v1/campaigns", CAMPAIGN).json["campaign_id"]), lead_id))
    seen: list[str] = []
    url = f"/v1/rules/{rule_id}/log?limit=2"
    cursor = ""
    while cursor is not None:
        page = api("GET", url + (f"&cursor={cursor}" if cursor else "")).json
        seen += [entry["at"] for entry in page["items"]]
        cursor = page["cursor"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5


def test_an_event_as_the_bus_brings_it_is_acted_on(
    api: ApiClient, automation: Automation, lead_id: str, campaign_id: CampaignId
) -> None:
    write(api)
    event = {
        "detail-type": "CampaignLinkClicked",
        "source": "leadflip.campaigns",
        "detail": {
            "version": 1,
            "event_id": "evt_1",
            "occurred_at": "2026-11-26T09:01:00.000Z",
            "campaign_id": campaign_id,
            "campaign_title": "Our pricing",
            "entity": "acme",
            "lead_id": lead_id,
            "machine": False,
            "link": "1",
            "url": "https://acme.example/pricing",
        },
    }
    incident = Incident.of(json.loads(json.dumps(event)))
    assert incident is not None
    assert automation.handle(incident) == 1
