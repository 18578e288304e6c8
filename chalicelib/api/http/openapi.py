"""GET /v1/openapi.json: the API as OpenAPI 3.1, made from what the resources declare.

Only the frame of the document (openapi.json) and the examples are separate; these are in examples.json: those of models
and parameters by name, of other bodies by operation. Of answers' headers, API Gateway renames a few (developer guide,
"Important notes for REST APIs"), which the frame says.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from chalicelib.api.http import authentication, idempotency
from chalicelib.api.http.answers import JSON, Answer
from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.problems import CONTENT_TYPE, INTERNAL, Problem, framework_problem, problem_type
from chalicelib.api.http.requests import InvalidBody, InvalidParameters, MalformedJson
from chalicelib.api.http.resources import Call, Operation, Resource, needs_body, operations
from chalicelib.model.errors import CampaignNotFound, InvalidPosition, LeadflipError, LeadNotFound, Unavailable
from chalicelib.store.access import TokenNotFound
from chalicelib.store.rules import RuleNotFound

EXAMPLES = Path(__file__).with_name("examples.json")
_FRAME = Path(__file__).with_name("openapi.json")
_REF = "#/components/schemas/{model}"
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeated with the same key within 24 hours, a request is executed once and gets the first answer.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

_OF_NAMES = {
    "campaign_id": CampaignNotFound,
    "lead_id": LeadNotFound,
    "rule_id": RuleNotFound,
    "token_id": TokenNotFound,
}
"""What every operation raises that has such a name in its path."""

Mode = Literal["validation", "serialization"]
Schemas = Mapping[tuple[type[BaseModel], Mode], dict[str, Any]]


class OpenApiDocument(BaseModel):
    """An OpenAPI document: https://spec.openapis.org/oas/v3.1.0."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, Any]]
    paths: dict[str, Any]


def describe(resources: Sequence[Resource]) -> Resource:
    """The resource that describes these resources, and itself."""
    described: list[Resource] = list(resources)
    openapi = Resource("openapi")
    described.append(openapi)
    paths_and_components = cache(lambda: document(described))

    @Operation(openapi, "GET", "/v1/openapi.json", OpenApiDocument, public=True)
    def get_openapi(call: Call) -> Answer:
        """Read this description."""
        return Answer(200, {**paths_and_components(), "servers": [{"url": _server(call)}]})

    return openapi


def _server(call: Call) -> str:
    """The API's base, relative to this document's address.

    The gateway passes the stage, or a custom domain's base path, but not a prefix before them, such as the local
    engine's or a proxy's. An absolute path would leave that out.
    """
    base = str(call.request.context.get("path", "")).removesuffix(call.operation.path)
    return f"../..{base[base.rindex('/') :]}" if base else "/"


def document(resources: Sequence[Resource]) -> dict[str, Any]:
    """The OpenAPI document of all operations of these resources, without servers."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {}
    for operation in operations(resources):
        wanted.update({(model, "validation"): None for model in (operation.body, operation.query) if model})
        if operation.answer:
            wanted[(operation.answer, "serialization")] = None
    schemas: Any
    schemas, definitions = models_json_schema(list(wanted), ref_template=_REF)
    components = definitions.get("$defs", {})
    for operation in operations(resources):
        if operation.method == "PATCH" and operation.body is not None:
            # Absent members stay as they are: there is no default that a client might fill in.
            for schema in components[_name(schemas[(operation.body, "validation")])]["properties"].values():
                schema.pop("default", None)
    examples = json.loads(EXAMPLES.read_text("utf-8"))
    described: dict[str, Any] = json.loads(_FRAME.read_text("utf-8"))
    for operation in operations(resources):
        methods = described["paths"].setdefault(operation.path, {})
        methods[operation.method.lower()] = _Described(operation, schemas, components, examples).operation()
    # Parameters are described one by one; these models are no operation's body.
    queried = {operation.query for operation in operations(resources) if operation.query}
    queries = {_name(schemas[(model, "validation")]) for model in queried}
    kept = {name: schema for name, schema in components.items() if name not in queries}
    described["components"]["schemas"] |= kept
    return described


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"].rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class _Described:
    """One operation in OpenAPI's words."""

    _operation: Operation
    _schemas: Schemas
    _components: Mapping[str, Any]
    _examples: Mapping[str, Any]

    @property
    def _summary(self) -> str:
        return (getdoc(self._operation.handler) or "").partition("\n")[0].removesuffix(".")

    def operation(self) -> dict[str, Any]:
        operation = self._operation
        described: dict[str, Any] = {
            "operationId": operation.handler.__name__,
            "tags": [operation.resource.name],
            "summary": self._summary,
            "parameters": list(self._parameters()),
            "responses": dict(sorted({**self._problems(), str(operation.status): self._answer()}.items())),
        }
        if description := (getdoc(operation.handler) or "").partition("\n")[2].strip():
            described["description"] = description
        if operation.public:
            described["security"] = []
        if operation.body is not None:
            content = self._content(operation.content_types, (operation.body, "validation"))
            described["requestBody"] = {"required": needs_body(operation.body), "content": content}
        elif operation.content_types != (JSON,):
            described["requestBody"] = {"required": True, "content": self._texts("requests", operation.content_types)}
        return described

    def _content(self, content_types: Sequence[str], model: tuple[type[BaseModel], Mode]) -> dict[str, Any]:
        schema = self._schemas[model]
        return {each: {"schema": schema, "example": self._example(schema)} for each in content_types}

    def _texts(self, kind: str, content_types: Sequence[str]) -> dict[str, Any]:
        texts = self._examples[kind].get(self._operation.handler.__name__, {})
        return {each: {"schema": {"type": "string"}, "example": texts.get(each)} for each in content_types}

    def _example(self, schema: Mapping[str, Any]) -> Any:
        """A page's is made of its items'."""
        name = _name(schema)
        item = self._components[name]["properties"].get("items", {}).get("items", {})
        if name.startswith("Page_") and "$ref" in item:
            return {"items": [self._example(item)], "cursor": None}
        return self._examples["models"].get(name)

    def _parameters(self) -> Iterator[dict[str, Any]]:
        operation = self._operation
        for name in re.findall(r"{(\w+)}", operation.path):
            yield self._with_example({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
        if operation.query is not None:
            model = self._components[_name(self._schemas[(operation.query, "validation")])]
            for name, schema in model.get("properties", {}).items():
                needed = name in model.get("required", [])
                parameter = {"name": name, "in": "query", "required": needed, "schema": schema}
                if "description" in schema:
                    parameter["description"] = schema["description"]
                yield self._with_example(parameter)
        if operation.method == "POST":
            yield self._with_example(_IDEMPOTENCY_KEY)

    def _with_example(self, parameter: dict[str, Any]) -> dict[str, Any]:
        example = self._examples["parameters"].get(parameter["name"])
        return parameter if example is None else {**parameter, "example": example}

    def _answer(self) -> dict[str, Any]:
        operation = self._operation
        answer: dict[str, Any] = {"description": self._summary}
        if operation.answer is not None:
            answer["content"] = self._content([JSON], (operation.answer, "serialization"))
        elif operation.answer_type != JSON:
            answer["content"] = self._texts("answers", [operation.answer_type])
        return answer

    def _problems(self) -> dict[str, Any]:
        refused = [] if self._operation.method == "GET" else [framework_problem(415)]
        kinds: dict[str, list[Problem]] = {}
        for kind in (*map(problem_type, self._errors()), *refused, INTERNAL, problem_type(Unavailable)):
            kinds.setdefault(str(kind.status), []).append(kind)
        schema = {"$ref": _REF.format(model="Problem")}
        return {
            status: {
                "description": "; or: ".join(dict.fromkeys(kind.title for kind in of_status)),
                "content": {
                    CONTENT_TYPE: {
                        "schema": schema,
                        "examples": {kind.slug: {"value": kind.body()} for kind in of_status},
                    }
                },
            }
            for status, of_status in kinds.items()
        }

    def _errors(self) -> Iterator[type[LeadflipError]]:
        """What may go wrong, by what the operation declares."""
        operation = self._operation
        yield from (error for name, error in _OF_NAMES.items() if f"{{{name}}}" in operation.path)
        if operation.query is not None and issubclass(operation.query, PageQuery):
            yield InvalidPosition
        yield from operation.raises
        if not operation.public:
            yield from (authentication.Unauthorized, authentication.NotFromOurPage)
            if operation.method != "GET":
                yield authentication.Forbidden
            if operation.method == "POST":
                yield from (idempotency.InvalidKey, idempotency.StillRunning, idempotency.KeyReused)
            if operation.answers_secret:
                yield idempotency.AnswerNotKept
        if operation.reads_json:
            yield from (MalformedJson, InvalidBody)
        if operation.query is not None:
            yield InvalidParameters
