"""Everything behind the JSON door, in the order in which a request meets it.

answer_problems      any error on the way becomes a problem detail
  authentication     401, 403
    idempotency      a repeated POST gets its first answer
      the operation  a resource's handler
"""

from collections.abc import Callable
from typing import Any

from chalice import Chalice, Response
from chalice.app import Request

from chalicelib.api.campaign_list import campaign_list
from chalicelib.api.campaign_verbs import campaign_verbs
from chalicelib.api.campaigns import campaigns
from chalicelib.api.deliveries import deliveries
from chalicelib.api.health import health
from chalicelib.api.http.answers import problem_answer, to_response
from chalicelib.api.http.authentication import authentication
from chalicelib.api.http.idempotency import idempotency
from chalicelib.api.http.openapi import describe
from chalicelib.api.http.problems import framework_problem, problem_of
from chalicelib.api.http.resources import Resource, operations, request_id
from chalicelib.api.http.unknown import unknown
from chalicelib.api.lead_groups import lead_groups
from chalicelib.api.leads import leads
from chalicelib.api.preview_page import preview_frame
from chalicelib.api.rules import rules
from chalicelib.api.send_test import test_send
from chalicelib.api.stats import stats
from chalicelib.api.timeline import timeline
from chalicelib.api.tokens import tokens
from chalicelib.wiring.requests import Context, deployed_context

_DESCRIBED: tuple[Resource, ...] = (
    health,
    leads,
    lead_groups,
    timeline,
    campaigns,
    campaign_list,
    preview_frame,
    campaign_verbs,
    test_send,
    stats,
    deliveries,
    rules,
    tokens,
)
RESOURCES: tuple[Resource, ...] = (*_DESCRIBED, describe(_DESCRIBED))

Middleware = Callable[[Any, Callable[[Any], Any]], Any]


def register(app: Chalice, context: Callable[[], Context] = deployed_context) -> None:
    """Give the app all `/v1` routes and what guards them; other routes pass untouched."""
    public = {(operation.method, operation.path) for _, operation in operations(RESOURCES) if operation.public}
    secret = {(operation.method, operation.path) for _, operation in operations(RESOURCES) if operation.answers_secret}
    for middleware in (
        _answer_problems(app),
        authentication(context, lambda method, path: (method, path) in public),
        idempotency(app, context, lambda method, path: (method, path) in secret),
    ):
        app.register_middleware(_only_api(middleware), "http")
    for resource in RESOURCES:
        app.register_blueprint(resource.blueprint(app, context))
    app.register_blueprint(unknown(app))


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
            return to_response(problem_answer(problem_of(error, {}, request_id(request))), app)
        return _in_our_form(response, app)

    return middleware


def _in_our_form(response: Response, app: Chalice) -> Response:
    """Chalice refuses wrong media types by itself, in a form of its own."""
    if not (isinstance(response.body, dict) and set(response.body) == {"Code", "Message"}):
        return response
    refused = framework_problem(response.status_code).saying(response.body["Message"])
    return to_response(problem_answer(refused.problem), app)
