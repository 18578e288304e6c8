"""How a resource of the API is declared: its operations with their models and errors, in one table.

    campaigns = Resource("campaigns", errors={NotADraft: ProblemType(409, "not-a-draft", "The campaign is no draft")})

    @campaigns.operation("PATCH", "/v1/campaigns/{campaign_id}", summary="Change a draft", body=CampaignPatch,
                         answers={200: CampaignAnswer}, raises=(CampaignNotFound, NotADraft))
    def update_campaign(call: Call, campaign_id: str) -> Answer:
        said = call.body(CampaignPatch)
        return ok(CampaignAnswer.of(update(call.context.campaigns, campaign_id, said, call.context.now())))

The declaration makes the route, checks that the body and parameters read are those declared, turns the errors of
`raises` (and any other) into problem details, and is where openapi.py reads the operation from. A new resource module
is added to registry.RESOURCES; what its handlers work with becomes part of Context (wiring/requests.py). Handlers
load, decide, save; a Blueprint per resource is made at registration, for routes only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from chalice import Blueprint, Chalice, Response
from chalice.app import Request
from pydantic import BaseModel

from chalicelib.api.http.answers import JSON, Answer, problem_answer, to_response
from chalicelib.api.http.problems import ProblemTypes, problem_of
from chalicelib.api.http.requests import read_body, read_query
from chalicelib.wiring.requests import Context

M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Answer]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. The handler's name is the operation's id, its docstring the description."""

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Mapping[int, type[BaseModel] | None]
    """Model of the JSON body per status; None for a body that is not JSON, or none at all."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    raises: tuple[type[Exception], ...] = ()
    content_types: tuple[str, ...] = (JSON,)
    """What the request's body may be."""
    public: bool = False
    """Needs no token."""
    answers_secret: bool = False
    """The answer must not be kept for a repeated Idempotency-Key."""
    answer_type: str = JSON
    """Media type of a successful answer that is no JSON."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one operation."""

    operation: Operation
    request: Request
    context: Context

    def body(self, model: type[M]) -> M:
        """The JSON body; none at all is one that says nothing, where nothing has to be said. Raises ApiProblem."""
        if model is not self.operation.body:
            raise TypeError(f"{self.operation.handler.__name__} reads a body that it does not declare")
        if not self.request.raw_body and not needs_body(model):
            return model()
        return read_body(self.request, model)

    def query(self, model: type[M]) -> M:
        """The query parameters. Raises ApiProblem naming the parameter."""
        if model is not self.operation.query:
            raise TypeError(f"{self.operation.handler.__name__} reads parameters that it does not declare")
        return read_query(self.request, model)

    def created(self, body: BaseModel, thing_id: str, *, below: int = 0) -> Answer:
        """201 with the thing itself, and where it lives from now on, in the collection so many parts up from here.

        Relative to this address (RFC 9110, 10.2.2): what stands before the route, the gateway does not tell reliably.
        """
        collection = self.operation.path.split("/")[-1 - below]
        return Answer(201, body, {"Location": f"{'../' * below}{collection}/{thing_id}"})


@dataclass(slots=True)
class Resource:
    """The operations of one resource and the problem types of its own errors."""

    name: str
    errors: ProblemTypes = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def operation(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        answers: Mapping[int, type[BaseModel] | None],
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        raises: Sequence[type[Exception]] = (),
        content_types: Sequence[str] = (JSON,),
        public: bool = False,
        answers_secret: bool = False,
        answer_type: str = JSON,
    ) -> Callable[[H], H]:
        """Declare the decorated function as the handler of a method and path; it gets a Call and the path's names."""

        def declare(handler: H) -> H:
            self.operations.append(
                Operation(
                    method,
                    path,
                    handler,
                    summary,
                    answers,
                    body,
                    query,
                    tuple(raises),
                    tuple(content_types),
                    public,
                    answers_secret,
                    answer_type,
                )
            )
            return handler

        return declare

    def blueprint(self, app: Chalice, context: Callable[[], Context]) -> Blueprint:
        """Routes for one app, bound to one context."""
        blueprint = Blueprint(__name__)
        for operation in self.operations:
            view = self._view(operation, app, context)
            route = blueprint.route(
                operation.path,
                methods=[operation.method],
                # To Chalice any type is one of the body, also where there is none.
                content_types=["*/*"] if operation.method == "GET" else list(operation.content_types),
                name=operation.handler.__name__,
            )
            route(view)
        return blueprint

    def _view(self, operation: Operation, app: Chalice, context: Callable[[], Context]) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            request = app.current_request
            assert request is not None  # noqa: S101 - Chalice calls views for requests only
            # Caught here, not in a middleware: Chalice turns a view's exceptions into answers before those see them.
            try:
                # Chalice hands path parameters over as they stand in the URL.
                names = {name: unquote(value) for name, value in path.items()}
                answer = operation.handler(Call(operation, request, context()), **names)
            except Exception as error:
                answer = problem_answer(problem_of(error, self.errors, request_id(request)))
            return to_response(answer, app)

        return view


def needs_body(model: type[BaseModel]) -> bool:
    return any(each.is_required() for each in model.model_fields.values())


def operations(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Operation]]:
    for resource in resources:
        for operation in resource.operations:
            yield resource, operation


def request_id(request: Any) -> str:
    """The id that API Gateway's and the function's logs know this request by."""
    context = request.lambda_context
    return str(getattr(context, "aws_request_id", None) or request.context.get("requestId") or "unknown")
