"""The description says what there is, all of it, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.registry import RESOURCES
from chalicelib.api.resources import operations
from chalicelib.api.unknown import ANYTHING
from tests.api_client import ApiClient, context_of


def no_database() -> Any:
    raise AssertionError("the description must not need the database")


@pytest.fixture(scope="module")
def api() -> ApiClient:
    return ApiClient(context_of(no_database))


@pytest.fixture(scope="module")
def description(api: ApiClient) -> Any:
    reply = api("GET", "/v1/openapi.json")
    assert reply.status == 200
    return reply.json


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def test_every_registered_route_is_described_and_the_other_way_round(api: ApiClient, description: Any) -> None:
    routes = {(path, method) for path, methods in api.app.routes.items() for method in methods}
    described = {(path, method.upper()) for path, methods in description["paths"].items() for method in methods}
    assert {(path, method) for path, method in routes if path.startswith("/v1") and path != ANYTHING} == described


def test_the_address_of_the_api_is_the_one_that_was_asked(description: Any) -> None:
    assert description["servers"] == [{"url": "/api"}]


def test_every_reference_leads_somewhere(description: Any) -> None:
    schemas = description["components"]["schemas"]
    for reference in references(description):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_operations_have_names_of_their_own_summaries_and_path_parameters(description: Any) -> None:
    names = []
    for path, methods in description["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            assert operation["summary"]
            parameters = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert parameters == set(re.findall(r"{(\w+)}", path))
            assert any(status.startswith("2") for status in operation["responses"])
    assert len(set(names)) == len(names)


def test_only_health_and_the_description_are_public(description: Any) -> None:
    public = {path for path, methods in description["paths"].items() if methods.get("get", {}).get("security") == []}
    assert public == {"/v1/health", "/v1/openapi.json"}
    assert description["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_every_error_that_an_operation_raises_is_described() -> None:
    for _, operation in operations(RESOURCES):
        assert operation.answers, operation.path
    problems = document(RESOURCES)["paths"]["/v1/leads"]["post"]["responses"]
    assert {"201", "400", "401", "403", "409", "422", "500", "503"} <= set(problems)


def test_a_change_has_no_defaults(description: Any) -> None:
    for name in ("LeadPatch", "CampaignPatch"):
        assert not any(
            "default" in schema for schema in description["components"]["schemas"][name]["properties"].values()
        )


def test_a_lead_is_described_with_exactly_its_members(description: Any) -> None:
    lead = description["components"]["schemas"]["LeadAnswer"]
    assert set(lead["properties"]) == {
        "lead_id",
        "external_id",
        "entity",
        "stage",
        "email",
        "first_name",
        "last_name",
        "tags",
        "fields",
        "unsubscribed",
        "tracking_opt_out",
        "created_at",
    }
    json.dumps(description, allow_nan=False)


def test_an_answer_that_is_no_json_says_what_it_is(description: Any) -> None:
    export = description["paths"]["/v1/campaigns/{campaign_id}/deliveries.csv"]["get"]
    assert export["responses"]["200"]["content"] == {"text/csv": {"schema": {"type": "string"}}}
