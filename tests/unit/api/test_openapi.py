"""The description says what there is, all of it, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from chalice import Chalice
from jsonschema import Draft202012Validator, FormatChecker

from chalicelib.api.http.openapi import EXAMPLES, document
from chalicelib.api.http.problems import problem_type
from chalicelib.api.http.registry import ANYTHING, RESOURCES
from chalicelib.api.http.resources import Operation, Resource, operations
from chalicelib.model.errors import Conflict
from tests.api_client import ApiClient, Reply, context_of, undescribed


@pytest.fixture(scope="module")
def api() -> ApiClient:
    return ApiClient(context_of(None))


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


@pytest.mark.parametrize(
    ("told", "base"),
    [
        ("/api/v1/openapi.json", "https://1a2b3c4d5e.execute-api.eu-central-1.amazonaws.com/api"),
        ("/v1/openapi.json", "https://api.acme.example"),
        ("/crm/v1/openapi.json", "https://api.acme.example/crm"),
        ("/crm/mails/v1/openapi.json", "https://api.acme.example/crm/mails"),
        # The local engine strips its own prefix and tells nobody.
        ("/api/v1/openapi.json", "http://127.0.0.1:4566/_aws/execute-api/1a2b3c4d/api"),
    ],
)
def test_the_server_is_where_the_description_came_from(api: ApiClient, told: str, base: str) -> None:
    """`told`: what the gateway says of the address. A server's URL may be relative to the document's own."""
    described = api("GET", "/v1/openapi.json", stage=told.removesuffix("/v1/openapi.json")).json
    (server,) = described["servers"]
    assert urljoin(f"{base}/v1/openapi.json", server["url"]).removesuffix("/") == base


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
    scheme = description["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert "x-amzn-remapped-www-authenticate" in scheme["description"]


def test_every_error_that_an_operation_declares_is_described(description: Any) -> None:
    for operation in operations(RESOURCES):
        answers = description["paths"][operation.path][operation.method.lower()]["responses"]
        assert {str(operation.status), "500", "503"} <= set(answers)
        for error in operation.raises:
            problem = problem_type(error)
            assert problem.slug in answers[str(problem.status)]["content"]["application/problem+json"]["examples"]
        for name in re.findall(r"{(\w+)_id}", operation.path):
            assert f"{name}-not-found" in answers["404"]["content"]["application/problem+json"]["examples"]


@pytest.mark.parametrize(
    ("status", "problem", "is_described"),
    [(409, "lead-exists", True), (409, "conflict", False), (404, "lead-exists", False), (404, "lead-not-found", False)],
)
def test_an_answer_that_is_not_described_is_found(status: int, problem: str, is_described: bool) -> None:
    """So that every test that goes by the API client fails when an operation raises what it does not declare."""
    reply = Reply(status, {}, json.dumps({"type": f"urn:leadflip:problem:{problem}"}))
    assert is_described == (undescribed("POST", "/v1/leads", reply) is None)


def test_the_api_client_refuses_an_answer_that_is_not_described(api: ApiClient) -> None:
    def create(call: Any) -> Any:
        raise Conflict("Not declared by this operation.")

    context = context_of(None)
    client = ApiClient(context)
    leads = Resource("leads")
    Operation(leads, "GET", "/v1/health", public=True)(create)
    client.app = Chalice("undeclared", configure_logs=False)
    client.app.register_blueprint(leads.blueprint(client.app, lambda: context))
    with pytest.raises(AssertionError, match="conflict"):
        client("GET", "/v1/health")


def contents(description: Any) -> Iterator[tuple[str, Any]]:
    """Every body of every request and answer, with where it stands."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            here = f"{method.upper()} {path}"
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{here} takes {media_type}", content
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    yield f"{here} answers {status} {media_type}", content


def test_every_request_and_answer_has_an_example_that_fits_its_schema(description: Any) -> None:
    for place, content in contents(description):
        examples = [each["value"] for each in content.get("examples", {}).values()] or [content.get("example")]
        schema = {**content["schema"], "components": description["components"]}
        for example in examples:
            assert example is not None, f"{place}: write an example into chalicelib/api/http/examples.json"
            faults = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(example)
            assert not [f"{fault.json_path}: {fault.message}" for fault in faults], place


def test_an_example_has_exactly_the_members_that_are_described(description: Any) -> None:
    for place, content in contents(description):
        model = description["components"]["schemas"].get(content["schema"].get("$ref", "").rpartition("/")[2], {})
        if " answers 2" in place and not model.get("additionalProperties") and "properties" in model:
            assert set(content["example"]) == set(model["properties"]), place


def test_every_example_of_a_request_is_taken(description: Any) -> None:
    for operation in operations(RESOURCES):
        if operation.body is not None:
            body = description["paths"][operation.path][operation.method.lower()]["requestBody"]["content"]
            for content in body.values():
                operation.body.model_validate_json(json.dumps(content["example"]), strict=True)


def test_every_example_is_used() -> None:
    written = json.loads(EXAMPLES.read_text("utf-8"))
    described = document(RESOURCES)
    shown = json.dumps([content.get("example") for _, content in contents(described)], sort_keys=True)
    for name, example in written["models"].items():
        assert json.dumps(example, sort_keys=True) in shown, name


def test_needed_parameters_have_examples(description: Any) -> None:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                assert "example" in parameter or not parameter["required"], (path, parameter["name"])


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
        "mailing_status",
        "tracking_opt_out",
        "created_at",
    }
    json.dumps(description, allow_nan=False)


def test_an_answer_that_is_no_json_says_what_it_is(description: Any) -> None:
    export = description["paths"]["/v1/campaigns/{campaign_id}/deliveries.csv"]["get"]
    assert export["responses"]["200"]["content"]["text/csv"]["schema"] == {"type": "string"}


def test_an_answer_to_a_creation_begins_with_its_id() -> None:
    """The Location header is made of the first member (resources.py)."""
    created = [each.answer for each in operations(RESOURCES) if each.status == 201 and each.answer is not None]
    assert len(created) >= 4
    first = [next(iter(answer.model_fields)) for answer in created]
    assert all(name.endswith("_id") or name == "sender" for name in first)
