"""GET /v1/openapi.json: the API as OpenAPI 3.1, made from what the resources declare, so that nothing is said twice."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import getdoc
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.api.answers import JSON, Answer, ok
from chalicelib.api.problems import CONTENT_TYPE, GENERAL
from chalicelib.api.resources import Call, Operation, Resource, needs_body, operations

_REF = "#/components/schemas/{model}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again within 24 hours, the request is not done again and gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

Mode = Literal["validation", "serialization"]
Schemas = Mapping[tuple[type[BaseModel], Mode], dict[str, Any]]


def describe(resources: Sequence[Resource]) -> Resource:
    """The resource that describes these resources, and itself."""
    described: list[Resource] = list(resources)
    openapi = Resource("openapi")
    described.append(openapi)
    paths_and_components = cache(lambda: document(described))

    @openapi.operation("GET", "/v1/openapi.json", summary="This description", answers={200: None}, public=True)
    def get_openapi(call: Call) -> Answer:
        # The REST API's stage is part of every address, and known only from a request.
        base = str(call.request.context.get("path", "")).removesuffix(call.operation.path) or "/"
        return ok({**paths_and_components(), "servers": [{"url": base}]})

    return openapi


def document(resources: Sequence[Resource]) -> dict[str, Any]:
    """The OpenAPI document of all operations of these resources, without servers."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {}
    for _, operation in operations(resources):
        wanted.update({(model, "validation"): None for model in (operation.body, operation.query) if model})
        wanted.update({(model, "serialization"): None for model in operation.answers.values() if model})
    schemas: Any
    schemas, definitions = models_json_schema(list(wanted), ref_template=_REF)
    components = definitions.get("$defs", {})
    for _, operation in operations(resources):
        if operation.method == "PATCH" and operation.body is not None:
            # What is absent from a change is left alone: there is no default that a client might fill in.
            for schema in components[_name(schemas[(operation.body, "validation")])]["properties"].values():
                schema.pop("default", None)
    paths: dict[str, dict[str, Any]] = {}
    for resource, operation in operations(resources):
        described = _described(resource, operation, schemas, components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    # Parameters are taken apart above; as a whole these models are nobody's body.
    queried = {operation.query for _, operation in operations(resources) if operation.query}
    queries = {_name(schemas[(model, "validation")]) for model in queried}
    kept = {name: schema for name, schema in components.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leadflip Campaigns", "version": "1"},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**kept, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(
    resource: Resource, operation: Operation, schemas: Schemas, components: Mapping[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "tags": [resource.name],
        "summary": operation.summary,
        "parameters": _parameters(operation, schemas, components),
        "responses": _responses(resource, operation, schemas),
    }
    if description := getdoc(operation.handler):
        described["description"] = description
    if operation.public:
        described["security"] = []
    if operation.body is not None:
        schema = schemas[(operation.body, "validation")]
        content = {content_type: {"schema": schema} for content_type in operation.content_types}
        described["requestBody"] = {"required": needs_body(operation.body), "content": content}
    elif operation.content_types != (JSON,):
        described["requestBody"] = {"required": True, "content": {name: {} for name in operation.content_types}}
    return described


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"].rpartition("/")[2])


def _parameters(operation: Operation, schemas: Schemas, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query is not None:
        model = components[_name(schemas[(operation.query, "validation")])]
        for name, schema in model.get("properties", {}).items():
            needed = name in model.get("required", [])
            parameter = {"name": name, "in": "query", "required": needed, "schema": schema}
            if "description" in schema:
                parameter["description"] = schema["description"]
            parameters.append(parameter)
    if operation.method == "POST":
        parameters.append(_IDEMPOTENCY_KEY)
    return parameters


def _responses(resource: Resource, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in sorted(operation.answers.items()):
        response: dict[str, Any] = {"description": operation.summary}
        if model is not None:
            response["content"] = {JSON: {"schema": schemas[(model, "serialization")]}}
        elif operation.answer_type != JSON:
            response["content"] = {operation.answer_type: {"schema": {"type": "string"}}}
        responses[str(status)] = response
    for status, titles in sorted(_problems(resource, operation).items()):
        content = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
        responses[str(status)] = {"description": "; or: ".join(dict.fromkeys(titles)), "content": content}
    return responses


def _problems(resource: Resource, operation: Operation) -> dict[int, list[str]]:
    """Titles of what may go wrong, by status."""
    titles: dict[int, list[str]] = {}
    for error in operation.raises:
        known = next(types[kind] for kind in error.__mro__ for types in (resource.errors, GENERAL) if kind in types)
        titles.setdefault(known.status, []).append(known.title)
    if not operation.public:
        titles.setdefault(401, []).append("Authentication is needed")
        if operation.method != "GET":
            titles.setdefault(403, []).append("The token does not allow this")
    if operation.body is not None:
        titles.setdefault(400, []).append("The body is not JSON")
        titles.setdefault(422, []).append("The request is not valid")
    if operation.query is not None:
        titles.setdefault(400, []).append("The request is not valid")
    titles.setdefault(500, []).append("Something went wrong on our side")
    titles.setdefault(503, []).append("The service cannot answer right now")
    return titles
