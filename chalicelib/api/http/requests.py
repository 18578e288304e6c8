"""Reading a request: bodies and parameters into models, or a problem that names the field. Nothing is written here."""

from typing import Any, TypeVar

from chalice.app import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.api.http.problems import INVALID_BODY, INVALID_PARAMETERS, ProblemType, invalid

M = TypeVar("M", bound=BaseModel)

MALFORMED_JSON = ProblemType(400, "malformed-json", "The body is not JSON")

_REASONS = {
    "missing": "is needed",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


class RequestModel(BaseModel):
    """Base of every body and every set of parameters: what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_body(request: Request, model: type[M]) -> M:
    """The JSON body as a model, types taken strictly ("5" is no number). Raises ApiProblem: 400 no JSON, 422 wrong."""
    try:
        return model.model_validate_json(request.raw_body, strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise MALFORMED_JSON.saying(str(faults[0]["ctx"]["error"])) from None
        raise invalid(INVALID_BODY, [(_field(fault["loc"]), _reason(fault)) for fault in faults]) from None


def read_query(request: Request, model: type[M]) -> M:
    """The query parameters as a model. Raises ApiProblem (400)."""
    given = request.query_params
    values: dict[str, Any] = {} if given is None else {name: given.getlist(name) for name in given}
    try:
        return model.model_validate({name: many[0] if len(many) == 1 else many for name, many in values.items()})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise invalid(INVALID_PARAMETERS, [(_field(fault["loc"]), _reason(fault)) for fault in faults]) from None


def read_bytes(request: Request) -> bytes:
    """The body as it came."""
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else raw


def media_type(request: Request) -> str:
    """The lower-case media type of the body, without its parameters."""
    return str(request.headers.get("content-type", "application/json")).partition(";")[0].strip().lower()


def _field(location: tuple[int | str, ...]) -> str:
    """audience.stages[0]; the whole body is called body."""
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or "body"


def _reason(fault: Any) -> str:
    known = _REASONS.get(fault["type"])
    return known or str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
