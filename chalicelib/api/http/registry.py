"""The whole API, in the order in which a request meets it.

answer_problems      any error on the way becomes a problem detail
  authentication     401, 403
    idempotency      a repeated POST gets its first answer
      the operation  a resource's handler
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalice import Blueprint, Chalice, Response
from chalice.app import Request

from chalicelib.api.campaign_list import campaign_list
from chalicelib.api.campaign_moves import campaign_moves
from chalicelib.api.campaigns import campaigns
from chalicelib.api.deliveries import deliveries
from chalicelib.api.http.answers import AnswerModel, Moment, problem_answer, to_response
from chalicelib.api.http.authentication import authentication
from chalicelib.api.http.idempotency import idempotency
from chalicelib.api.http.openapi import describe
from chalicelib.api.http.problems import Problem, framework_problem, problem_of
from chalicelib.api.http.resources import Call, Operation, Resource, operations, request_id
from chalicelib.api.imports import WORKBOOK, imports
from chalicelib.api.lead_lists import lead_lists
from chalicelib.api.leads import leads
from chalicelib.api.previews import live_preview, previews
from chalicelib.api.privacy import privacy
from chalicelib.api.recounts import recounts
from chalicelib.api.rules import rules
from chalicelib.api.senders import senders
from chalicelib.api.stats import stats
from chalicelib.api.suppressions import suppressions
from chalicelib.api.timeline import timeline
from chalicelib.api.tokens import tokens
from chalicelib.api.workspace import workspace
from chalicelib.wiring.requests import Context, deployed_context

health = Resource("health")


class HealthAnswer(AnswerModel):
    status: str
    at: Moment


@Operation(health, "GET", "/v1/health", HealthAnswer, public=True)
def get_health(call: Call) -> object:
    """Check that the API answers."""
    # No table is read, so that monitoring costs nothing.
    return {"status": "ok", "at": call.context.now()}


_DESCRIBED: tuple[Resource, ...] = (
    health,
    leads,
    imports,
    lead_lists,
    timeline,
    campaign_list,
    privacy,
    suppressions,
    campaigns,
    previews,
    live_preview,
    campaign_moves,
    stats,
    recounts,
    deliveries,
    rules,
    senders,
    tokens,
    workspace,
)
RESOURCES: tuple[Resource, ...] = (*_DESCRIBED, describe(_DESCRIBED))

ANYTHING = "/v1/{anything+}"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

Middleware = Callable[[Any, Callable[[Any], Any]], Any]


def register(app: Chalice, context: Callable[[], Context] = deployed_context) -> None:
    """Give the app all `/v1` routes and their middlewares; other routes are not affected."""
    # Bodies of binary types arrive as they were sent, others as UTF-8 (AWS, "Binary media types for REST APIs").
    app.api.binary_types.append(WORKBOOK)
    public = {(operation.method, operation.path) for operation in operations(RESOURCES) if operation.public}
    secret = {(operation.method, operation.path) for operation in operations(RESOURCES) if operation.answers_secret}
    for middleware in (
        _answer_problems(app),
        authentication(context, lambda method, path: (method, path) in public),
        idempotency(app, context, lambda method, path: (method, path) in secret),
    ):
        app.register_middleware(_only_api(middleware), "http")
    for resource in RESOURCES:
        app.register_blueprint(resource.blueprint(app, context))
    app.register_blueprint(_rest(app))


def _only_api(middleware: Middleware) -> Middleware:
    def guarded(request: Any, get_response: Callable[[Any], Any]) -> Any:
        # None: an event that is no HTTP request; Chalice answers it.
        if request is None or not f"{request.path}/".startswith("/v1/"):
            return get_response(request)
        return middleware(request, get_response)

    return guarded


def _answer_problems(app: Chalice) -> Middleware:
    def middleware(request: Request, get_response: Callable[[Request], Any]) -> Any:
        try:
            response = get_response(request)
        except Exception as error:
            return to_response(problem_answer(problem_of(error, request_id(request))), app)
        return _in_our_form(response, request, app)

    return middleware


def _in_our_form(response: Response, request: Request, app: Chalice) -> Response:
    """Chalice refuses wrong media types by itself, in another form, and does not say which are right."""
    if not (isinstance(response.body, dict) and set(response.body) == {"Code", "Message"}):
        return response
    detail = response.body["Message"]
    if response.status_code == 415:
        taken = app.routes[request.context["resourcePath"]][request.method].content_types
        detail += f". Send {' or '.join(taken)}."
    return to_response(problem_answer(replace(framework_problem(response.status_code), detail=detail)), app)


def _rest(app: Chalice) -> Blueprint:
    """The route behind all others, which is not described: 404, or 405 where the path exists.

    A REST API sends a request here when no other route has its path *and* method. Without this route API Gateway would
    answer by itself: 403 "Missing Authentication Token", which misleads everybody.
    """
    blueprint = Blueprint(__name__)

    @blueprint.route(ANYTHING, methods=_METHODS, content_types=["*/*"])
    def answer_unknown() -> Response:
        request = app.current_request
        asked = ((request.uri_params if request else None) or {}).get("anything", "")
        problem = Problem(404, "not-found", "There is nothing at this address")
        if methods := allowed(app, f"/v1/{asked}"):
            headers = {"Allow": ", ".join(methods)}
            problem = Problem(405, "method-not-allowed", "This cannot be done here", headers=headers)
        return to_response(problem_answer(problem), app)

    return blueprint


def allowed(app: Chalice, path: str) -> list[str]:
    """The methods that the operations of this path answer."""
    parts = path.split("/")
    fitting = (methods for route, methods in app.routes.items() if route != ANYTHING and _fits(route.split("/"), parts))
    return sorted({method for methods in fitting for method in methods})


def _fits(pattern: list[str], parts: list[str]) -> bool:
    # Segments of a pattern are literal, or a name in braces.
    return len(pattern) == len(parts) and all(
        wanted == part or wanted.startswith("{") for wanted, part in zip(pattern, parts, strict=True)
    )
