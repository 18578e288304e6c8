"""Whatever is asked of /v1 that no operation answers: 404, or 405 where the path exists.

A REST API sends a request here when no other route has its path *and* method. Without this route API Gateway would
answer by itself: 403 "Missing Authentication Token", which misleads everybody.
"""

from collections.abc import Callable

from chalice import Blueprint, Chalice, Response

from chalicelib.api.http.answers import problem_answer, to_response
from chalicelib.api.http.problems import Problem

ANYTHING = "/v1/{anything+}"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def unknown(app: Chalice) -> Blueprint:
    """The route behind all others; it is no operation, and not described."""
    blueprint = Blueprint(__name__)
    route = blueprint.route(ANYTHING, methods=_METHODS, content_types=["*/*"], name="answer_unknown")
    route(_view(app))
    return blueprint


def _view(app: Chalice) -> Callable[[], Response]:
    def view() -> Response:
        request = app.current_request
        asked = ((request.uri_params if request else None) or {}).get("anything", "")
        methods = allowed(app, f"/v1/{asked}")
        problem = Problem(404, "not-found", "There is nothing at this address")
        if methods:
            headers = {"Allow": ", ".join(methods)}
            problem = Problem(405, "method-not-allowed", "This cannot be done here", headers=headers)
        return to_response(problem_answer(problem), app)

    return view


def allowed(app: Chalice, path: str) -> list[str]:
    """The methods that the operations of this path answer."""
    parts = path.split("/")
    return sorted(
        {
            method
            for route, methods in app.routes.items()
            if route != ANYTHING and _fits(route.split("/"), parts)
            for method in methods
        }
    )


def _fits(pattern: list[str], parts: list[str]) -> bool:
    # Segments of a pattern are literal, or a name in braces.
    return len(pattern) == len(parts) and all(
        wanted == part or wanted.startswith("{") for wanted, part in zip(pattern, parts, strict=True)
    )
