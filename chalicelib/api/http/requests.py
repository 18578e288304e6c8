"""Reads bodies and parameters into models, or raises an error that names the field."""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from chalice.app import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from chalicelib.model.errors import Fault, InvalidFields, Unreadable

M = TypeVar("M", bound=BaseModel)


_REASONS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "union_tag_invalid": "must have a known {discriminator}",
    "union_tag_not_found": "must have a known {discriminator}",
    "json_invalid": "must be JSON",
}
"""Reasons that differ from Pydantic's; as all, they complete a sentence that begins with the field."""


class MalformedJson(Unreadable, problem="malformed-json", title="The body is not JSON"):
    """The body cannot be read as JSON."""


class InvalidBody(InvalidFields, problem="invalid-request", title="The request is not valid"):
    """The body does not have the members that it should have."""


class InvalidParameters(InvalidFields, Unreadable, problem="invalid-request", title="The request is not valid"):
    """The query does not have the parameters that it should have."""


class RequestModel(BaseModel):
    """Base of every body and every set of parameters; undeclared members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


def one_line(longest: int) -> tuple[StringConstraints, AfterValidator]:
    """Of a text: it can be seen, in one line, without characters that break it, hide or reverse what is around."""
    # The length comes first: Pydantic would count the "items" of what a function has checked.
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest), AfterValidator(_printable)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("line", "must be one line without control characters")
    return text


SEVERAL = BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
"""Of a parameter that may come several times: one that comes once is read as a text."""


def deadline(seconds: float) -> Callable[[], bool]:
    """Whether this many seconds have passed by then, of the 29 that a request has."""
    ends_at = time.monotonic() + seconds
    return lambda: time.monotonic() > ends_at


def read_body(request: Request, model: type[M]) -> M:
    """The JSON body as a model, with strict types ("5" is no number). Raises MalformedJson, InvalidBody."""
    try:
        return model.model_validate_json(request.raw_body, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise MalformedJson(str(faults[0]["ctx"]["error"])) from None
        raise InvalidBody([_fault(each) for each in faults]) from None


def read_query(request: Request, model: type[M]) -> M:
    """The query parameters as a model. Raises InvalidParameters."""
    given = request.query_params
    values: dict[str, Any] = {} if given is None else {name: given.getlist(name) for name in given}
    try:
        return model.model_validate({name: many[0] if len(many) == 1 else many for name, many in values.items()})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise InvalidParameters([_fault(each) for each in faults]) from None


def read_bytes(request: Request) -> bytes:
    """The body as it came."""
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else raw


def media_type(request: Request) -> str:
    """The lower-case media type of the body, without its parameters."""
    return str(request.headers.get("content-type", "application/json")).partition(";")[0].strip().lower()


def _fault(found: Any) -> Fault:
    """The field is named as in audience.stages[0]; the whole body is called body."""
    name = ""
    path = [part for part in found["loc"] if part != "[key]"]
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    if reason := _REASONS.get(found["type"]):
        return Fault(name or "body", reason.format(**found.get("ctx", {})))
    message = re.sub(r"^\w+ should ", "must ", str(found["msg"]).removeprefix("Value error, "))
    message = message.partition(" after validation")[0]
    return Fault(name or "body", message if len(path) == len(found["loc"]) else f"is a name that {message}")
