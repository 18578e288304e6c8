"""Who may come in: a bearer token (RFC 6750), or the page's session, on every route but the public ones.

A `read` token only looks. A session may what its token may, and only for requests that our own page sends.
"""

import re
from collections.abc import Callable
from typing import Any

from chalice.app import Request

from chalicelib.api.http.problems import ProblemType
from chalicelib.model.access import Scope, Token
from chalicelib.web.session import is_from_our_page, session_secret
from chalicelib.wiring.requests import Context

_BEARER = re.compile(r"bearer +(lf_[A-Za-z0-9_-]{43}) *", re.IGNORECASE)
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLER = "caller"

UNAUTHORIZED = ProblemType(401, "unauthorized", "Authentication is needed")
FORBIDDEN = ProblemType(403, "forbidden", "The token does not allow this")
NOT_FROM_OUR_PAGE = ProblemType(403, "not-from-our-page", "The request did not come from the page")


def authenticate(request: Request, context: Context) -> None:
    """Find out whose token this is and keep it with the request. Raises ApiProblem 401, or 403 for the wrong scope."""
    header = request.headers.get("authorization")
    token = _token_of_session(request, context) if header is None else _token_of_bearer(header, context)
    if token.scope is Scope.READ and request.method not in _LOOKING:
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="full"'}
        raise FORBIDDEN.saying("This token may only read.", challenge)
    request.context[_CALLER] = token


def _token_of_bearer(header: str, context: Context) -> Token:
    match = _BEARER.fullmatch(header)
    token = context.tokens.find(match[1]) if match else None
    if token is None:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise UNAUTHORIZED.saying("The token is malformed, unknown or revoked.", challenge)
    return token


def _token_of_session(request: Request, context: Context) -> Token:
    secret = session_secret(request.headers)
    if secret is None:
        # RFC 6750, 3.1: no error code for who did not even try.
        raise UNAUTHORIZED.saying("A bearer token is needed.", {"WWW-Authenticate": "Bearer"})
    if not is_from_our_page(request.method, request.headers):
        raise NOT_FROM_OUR_PAGE.saying(
            "A session is good for requests of the web page alone; others come with a token."
        )
    session = context.sessions.find(secret, context.now())
    if session is None:
        raise UNAUTHORIZED.saying("The session has ended.", {"WWW-Authenticate": "Bearer"})
    return session.token


def caller(request: Request) -> Token:
    """The token that an authenticated request came with."""
    token: Token = request.context[_CALLER]
    return token


def authentication(context: Callable[[], Context], is_public: Callable[[str, str], bool]) -> Callable[[Any, Any], Any]:
    """A Chalice http middleware. `is_public(method, path)` names the operations that need no token."""

    def middleware(request: Request, get_response: Callable[[Request], Any]) -> Any:
        if not is_public(request.method, request.path):
            authenticate(request, context())
        return get_response(request)

    return middleware
