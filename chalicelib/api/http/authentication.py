"""Authentication: a bearer token (RFC 6750), or the page's session, on every route but the public ones.

A `read` token may only read. A session has the scope of its token, and is valid for requests of our own page alone.
"""

import re
from collections.abc import Callable
from typing import Any

from chalice.app import Request

from chalicelib.model.access import Scope, Token
from chalicelib.model.errors import Refused, Unauthenticated
from chalicelib.web.session import is_from_our_page, session_secret
from chalicelib.wiring.requests import Context

_BEARER = re.compile(r"bearer +(lf_[A-Za-z0-9_-]{43}) *", re.IGNORECASE)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLER = "caller"


class Unauthorized(Unauthenticated, problem="unauthorized", title="Authentication is required"):
    """The request comes without a valid token or session."""


class Forbidden(Refused, problem="forbidden", title="The token does not allow this"):
    """The token may only read."""


class NotFromOurPage(Refused, problem="not-from-our-page", title="The request did not come from the page"):
    """Another site made a browser send this session."""


def authenticate(request: Request, context: Context) -> None:
    """Find the request's token and keep it with the request. Raises Unauthorized, Forbidden, NotFromOurPage."""
    header = request.headers.get("authorization")
    token = _token_of_session(request, context) if header is None else _token_of_bearer(header, context)
    if token.scope is Scope.READ and request.method not in _READING:
        raise Forbidden("This token may only read.", 'Bearer error="insufficient_scope", scope="full"')
    request.context[_CALLER] = token


def _token_of_bearer(header: str, context: Context) -> Token:
    match = _BEARER.fullmatch(header)
    token = context.tokens.use(match[1], context.now()) if match else None
    if token is None:
        raise Unauthorized("The token is malformed, unknown or revoked.", 'Bearer error="invalid_token"')
    return token


def _token_of_session(request: Request, context: Context) -> Token:
    secret = session_secret(request.headers)
    if secret is None:
        # RFC 6750, 3.1: no error code for a request without credentials.
        raise Unauthorized("A bearer token is required.", "Bearer")
    if not is_from_our_page(request.method, request.headers):
        raise NotFromOurPage("A session is good for requests of the web page alone; others come with a token.")
    session = context.sessions.find(secret, context.now())
    if session is None:
        raise Unauthorized("The session has ended.", "Bearer")
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
