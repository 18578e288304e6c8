"""How a resource of the API is declared: its operations with their models and errors.

    campaigns = Resource("campaigns")

    @Operation(campaigns, "PATCH", "/v1/campaigns/{campaign_id}", CampaignAnswer, body=CampaignPatch)
    def update_campaign(call: Call, campaign_id: CampaignId) -> Campaign:
        changes = call.body(CampaignPatch).changes()
        return call.context.drafts.change(campaign_id, changes, call.context.now())

The declaration makes the route, checks that the body and parameters read are those declared, makes the answer's model
of what the handler returns, turns every error into a problem detail, and is where openapi.py reads the operation from;
the handler's docstring is its summary and description there. A new resource is added to registry.RESOURCES; what its
handlers work with becomes part of Context (wiring/requests.py). Handlers load, decide and save.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from chalice import Blueprint, Chalice, Response
from chalice.app import Request
from pydantic import BaseModel

from chalicelib.api.http.answers import JSON, Answer, problem_answer, to_response
from chalicelib.api.http.problems import problem_of
from chalicelib.api.http.requests import RequestModel, read_body, read_bytes, read_query
from chalicelib.model.errors import LeadflipError
from chalicelib.wiring.requests import Context

M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., object]
H = TypeVar("H", bound=Handler)


@dataclass(slots=True)
class Resource:
    """The operations of one resource, at paths that all begin with `base`."""

    name: str
    base: str = ""
    operations: "list[Operation]" = field(default_factory=list)

    def blueprint(self, app: Chalice, context: Callable[[], Context]) -> Blueprint:
        """Routes for one app, bound to one context."""
        blueprint = Blueprint(__name__)
        for operation in self.operations:
            route = blueprint.route(
                operation.path,
                methods=[operation.method],
                # Chalice checks the media type even where there is no body.
                content_types=["*/*"] if operation.method == "GET" else list(operation.content_types),
                name=operation.handler.__name__,
            )
            route(_view(operation, app, context))
        return blueprint


@dataclass(slots=True, eq=False)
class Operation:
    """One method of one path, as a decorator of its handler: a function of a Call and the path's names.

    The handler's name is the operation's id, its docstring summary and description.
    """

    resource: Resource = field(repr=False)
    method: str
    path: str
    """Given without the resource's base."""
    answer: type[BaseModel] | None = None
    """Model of the JSON body; None for a body that is not JSON, or none at all."""
    status: int = 200
    """Of a successful answer."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    raises: Sequence[type[LeadflipError]] = ()
    """Besides what follows from the rest of the declaration (openapi.py)."""
    content_types: Sequence[str] = (JSON,)
    """What the request's body may be."""
    public: bool = False
    """Needs no token."""
    answers_secret: bool = False
    """The answer must not be kept for a repeated Idempotency-Key: it holds a secret, or personal data that
    an erasure could not find: kept answers are found by the first lead's id in them (idempotency.py)."""
    answer_type: str = JSON
    """Media type of a successful answer that is no JSON."""
    handler: Handler = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.resource.base + self.path

    @property
    def reads_json(self) -> bool:
        """Whether a body is read as JSON, be it to see that it has no members: these would seem to count."""
        return self.body is not None or (self.method != "GET" and tuple(self.content_types) == (JSON,))

    def __call__(self, handler: H) -> H:
        self.handler = handler
        self.resource.operations.append(self)
        return handler

    def answered(self, result: object) -> Answer:
        """The answer made of what the handler returned, unless it returned an Answer."""
        if isinstance(result, Answer):
            return result
        if self.answer is None:
            return Answer(self.status)
        body = self.answer.model_validate(result, from_attributes=True)
        return Answer(self.status, body, {"Location": self._location(body)} if self.status == 201 else {})

    def _location(self, created: BaseModel) -> str:
        """Where a created thing lives: below the collection, by its id, which is the first member of its answer.

        Relative to this address (RFC 9110, 10.2.2), since the gateway does not reliably pass what precedes the route.
        """
        _, _, collection, *below = self.path.split("/")
        thing_id = getattr(created, next(iter(type(created).model_fields)))
        return f"{'../' * len(below)}{collection}/{thing_id}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one operation."""

    operation: Operation
    request: Request
    context: Context

    def body(self, model: type[M]) -> M:
        """The JSON body; a missing one is read as `{}` where no member is needed. Raises MalformedJson, InvalidBody."""
        if model is not self.operation.body:
            raise TypeError(f"{self.operation.handler.__name__} reads a body that it does not declare")
        if not self.request.raw_body and not needs_body(model):
            return model()
        return read_body(self.request, model)

    def query(self, model: type[M]) -> M:
        """The query parameters. Raises InvalidParameters."""
        if model is not self.operation.query:
            raise TypeError(f"{self.operation.handler.__name__} reads parameters that it does not declare")
        return read_query(self.request, model)


def _view(operation: Operation, app: Chalice, context: Callable[[], Context]) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        request = app.current_request
        assert request is not None  # noqa: S101 - Chalice calls views for requests only
        # Caught here, not in a middleware: Chalice turns a view's exceptions into answers before those see them.
        try:
            # Chalice does not decode path parameters.
            names = {name: unquote(value) for name, value in path.items()}
            if operation.body is None and operation.reads_json and read_bytes(request).strip() not in (b"", b"null"):
                read_body(request, RequestModel)
            answer = operation.answered(operation.handler(Call(operation, request, context()), **names))
        except Exception as error:
            answer = problem_answer(problem_of(error, request_id(request)))
        return to_response(answer, app)

    return view


def needs_body(model: type[BaseModel]) -> bool:
    return any(each.is_required() for each in model.model_fields.values())


def operations(resources: Sequence[Resource]) -> list[Operation]:
    return [operation for resource in resources for operation in resource.operations]


def request_id(request: Any) -> str:
    """The id that API Gateway's and the function's logs know this request by."""
    context = request.lambda_context
    return str(getattr(context, "aws_request_id", None) or request.context.get("requestId") or "unknown")
