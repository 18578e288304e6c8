"""What an operation answers, and how that becomes Chalice's response, with or without binary types."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from chalice import Chalice, Response
from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from chalicelib.api.http.problems import CONTENT_TYPE, Problem
from chalicelib.model.times import time_text

JSON = "application/json"
MERGE_PATCH = (JSON, "application/merge-patch+json")
"""Of a body whose absent members change nothing (RFC 7396)."""
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Moment = Annotated[
    datetime, PlainSerializer(time_text, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time in UTC with milliseconds: 2026-12-01T08:00:00.000Z."""


class AnswerModel(BaseModel):
    """Base of every answer's body, made from any object with attributes of these names."""

    # Validators are built when a model is first used: a cold start would pay for all, and its request uses one or two.
    model_config = ConfigDict(from_attributes=True, defer_build=True)


class Overlaid:
    """What an answer's model is made of: an object, and further values beside its attributes or in place of them."""

    def __init__(self, below: object, **values: object) -> None:
        self._below = below
        self.__dict__ |= values

    def __getattr__(self, name: str) -> object:
        return getattr(self._below, name)


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


def problem_answer(problem: Problem) -> Answer:
    return Answer(problem.status, problem.body(), problem.headers, CONTENT_TYPE)


def to_response(answer: Answer, app: Chalice) -> Response:
    """With `*/*` among its binary types Chalice takes bytes and encodes them itself; else it takes text."""
    payload = answer.payload()
    headers: dict[str, str | list[str]] = {**_ALWAYS, **answer.headers}
    if answer.status != 204:
        headers["Content-Type"] = answer.content_type
    body = payload if "*/*" in app.api.binary_types else payload.decode()
    return Response(body=body, status_code=answer.status, headers=headers)
