"""Every answer of the API is one that its description names, to requests that are right, wrong, or made up from it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.api.http.openapi import EXAMPLES as EXAMPLES_FILE
from chalicelib.api.http.openapi import document
from chalicelib.api.http.registry import RESOURCES
from chalicelib.api.imports import WORKBOOK
from chalicelib.crm.leads import create_lead
from chalicelib.model.access import Scope
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId
from chalicelib.sending.budget import OwnServer
from chalicelib.tracking.delivery_ids import make_delivery_id
from chalicelib.tracking.key_ring import KeyRingSource
from local.tables import TableNames
from tests.api_client import ApiClient, Reply, context_of
from tests.claiming import record_claim
from tests.recounting import Recounter
from tests.store.test_campaigns_api import WRITTEN, OpenQueue
from tests.store.test_schedule_api import Scheduler
from tests.store.test_test_send import MailService
from tests.unit.crm.workbooks import sheet, workbook
from tests.unit.inbox.running_inbox import RunningInbox
from tests.wired import schedules_over

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')
DESCRIPTION = document(RESOURCES)
EXAMPLES = json.loads(EXAMPLES_FILE.read_text())
OPERATIONS = {
    each.ok().label: each.ok()
    for each in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()
    if isinstance(each, Ok)
}
# What removes things comes last.
LABELS = sorted(OPERATIONS, key=lambda label: label.startswith("DELETE"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# The answers are the API's own, whichever engine is behind it.
pytestmark = [
    pytest.mark.parametrize("dynamodb", ["ministack"], indirect=True),
    pytest.mark.usefixtures("few_shards"),
]

A_WORKBOOK = workbook({"Leads": sheet([["email", "entity", "stage"], ["ada@example.com", "acme", "New"]])})
"""For the description's "PK...": JSON holds no bytes."""


@dataclass(frozen=True, slots=True)
class World:
    """An API with one thing of each kind."""

    api: ApiClient
    known: dict[str, str]

    def ask(self, label: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        method, path = label.format(**self.known).split(" ")
        return self.api(method, path, body, headers)

    def answer(self, case: Case[Any]) -> schemathesis.Response:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://api")).prepare()
        # Made-up tokens would only be refused; what happens behind authentication is the question here.
        headers = {
            name: str(text) for name, text in sent.headers.items() if name.lower() not in ("authorization", "cookie")
        }
        body = sent.body.decode("utf-8", "replace") if isinstance(sent.body, bytes) else sent.body
        reply = self.api(sent.method or "", sent.path_url, body, headers)
        listed = {name: [text] for name, text in reply.headers.items()}
        return schemathesis.Response(reply.status, listed, reply.body.encode(), sent, elapsed=0, verify=False)


@pytest.fixture
def world(dynamodb: Any, tables: TableNames, inbox: RunningInbox) -> World:
    queue, scheduler, service = OpenQueue(), Scheduler(), MailService()
    context = context_of(
        dynamodb,
        tables,
        sqs=queue,
        schedules=schedules_over(scheduler),
        keys=KEYS,
        ses=inbox.ses(),
        transport=service,
        budget=OwnServer(),
        now=lambda: NOW,
    )
    api = ApiClient(context).sign_in()
    lead = create_lead(context.leads, {"entity": "acme", "stage": "New", "email": "ada@example.com"}, NOW)
    campaign_id = CampaignId(api("POST", "/v1/campaigns", WRITTEN).json["campaign_id"])
    record_claim(
        context.deliveries, Delivery(campaign_id, lead.lead_id, DeliveryStatus.SENT, NOW, "0.0", email=lead.email)
    )
    Recounter(dynamodb, tables.deliveries, tables.campaigns).repair(campaign_id)
    token_id = api("POST", "/v1/tokens", {"name": "another"}).json["token_id"]
    rule_id = api("POST", "/v1/rules", EXAMPLES["models"]["NewRule"]).json["rule_id"]
    delivery_id = make_delivery_id(b"a key for tests", 1, campaign_id, lead.lead_id)
    known = {"lead_id": lead.lead_id, "campaign_id": campaign_id, "token_id": token_id, "rule_id": rule_id}
    known |= {"delivery_id": delivery_id, "sender": "acme.example"}
    return World(api, known)


def described(label: str) -> Any:
    method, path = label.split(" ")
    return DESCRIPTION["paths"][path][method.lower()]


@pytest.mark.parametrize("label", LABELS)
def test_no_answer_to_a_made_up_request_is_undescribed(world: World, label: str) -> None:
    operation = OPERATIONS[label]
    known = {each.name: world.known[each.name] for each in operation.path_parameters}
    strategies = [operation.as_strategy(mode, path_parameters=known or None) for mode in GenerationMode]

    @settings(
        max_examples=12 if operation.body or operation.query else 3,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*strategies, operation.as_strategy()))
    def answers(case: Case[Any]) -> None:
        case.validate_response(world.answer(case), checks=CHECKS)

    answers()


def test_no_refusal_is_undescribed(world: World) -> None:
    """What every operation may meet on its way: tokens, sessions, media types, idempotency keys."""
    reader = World(ApiClient(world.api.context).sign_in(Scope.READ), world.known)
    stranger = World(ApiClient(world.api.context), world.known)
    from_elsewhere = {"Cookie": f"leadflip_session={'a' * 43}", "Origin": "https://x"}
    undescribed = []
    for label in LABELS:
        key = {"Idempotency-Key": label.replace(" ", "-")}
        replies = [
            world.ask(label, headers={"Authorization": "Bearer lf_nobody"}),
            stranger.ask(label, headers=from_elsewhere),
            reader.ask(label),
            world.ask(label, "{}", {"Content-Type": "text/plain"}),
            world.ask(label, "{}", {"Idempotency-Key": "ä"}),
            world.ask(label, "{}", key),
            world.ask(label, "{}", key),
            world.ask(label, "[]", key),
            world.ask(label, "no json"),
            world.ask(f"{label}?surprise=1"),
        ]
        answers = described(label)["responses"]
        for reply in replies:
            content = answers.get(str(reply.status), {}).get("content", {})
            problems = content.get("application/problem+json", {}).get("examples", {})
            if reply.status >= 400 and reply.json["type"].rpartition(":")[2] not in problems:
                undescribed.append((label, reply.status, reply.json["type"]))
    assert undescribed == []


def test_no_example_of_a_request_is_refused_for_its_content(world: World) -> None:
    refused = []
    for label in LABELS:
        for media_type, content in described(label).get("requestBody", {}).get("content", {}).items():
            body = A_WORKBOOK if media_type == WORKBOOK else content["example"]
            reply = world.ask(label, body, {"Content-Type": media_type})
            if reply.status in (400, 415, 422):
                refused.append((label, media_type, reply.body))
    assert refused == []
