"""What a handler answers, and how that becomes Chalice's response on a door with or without binary types."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice import Chalice, Response
from pydantic import BaseModel

from chalicelib.api.http.problems import CONTENT_TYPE, Problem

JSON = "application/json"
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A model or a mapping is sent as JSON, text and bytes as they are."""

    status: int
    body: BaseModel | Mapping[str, Any] | str | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        body = self.body.model_dump(mode="json", by_alias=True) if isinstance(self.body, BaseModel) else self.body
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def ok(body: BaseModel | Mapping[str, Any]) -> Answer:
    return Answer(200, body)


def accepted(body: BaseModel | Mapping[str, Any]) -> Answer:
    return Answer(202, body)


def no_content() -> Answer:
    return Answer(204)


def problem_answer(problem: Problem) -> Answer:
    return Answer(problem.status, problem.body(), problem.headers, CONTENT_TYPE)


def to_response(answer: Answer, app: Chalice) -> Response:
    """With `*/*` among the binary types Chalice wants bytes and encodes them itself; else it wants text."""
    payload = answer.payload()
    headers: dict[str, str | list[str]] = {**_ALWAYS, **answer.headers}
    if answer.status != 204:
        headers["Content-Type"] = answer.content_type
    body = payload if "*/*" in app.api.binary_types else payload.decode()
    return Response(body=body, status_code=answer.status, headers=headers)
