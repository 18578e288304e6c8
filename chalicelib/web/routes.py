"""The web page: its files, signing in and out. All else the page does through the JSON API."""

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs

from chalice import Blueprint, Response
from chalice.app import Request

from chalicelib.model.access import Session
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.times import time_text
from chalicelib.store.access import SESSION_LIFETIME
from chalicelib.telemetry import logger
from chalicelib.web import assets
from chalicelib.web.session import ended, is_from_our_page, session_secret, started
from chalicelib.wiring.requests import Context, deployed_context

_FORM = "application/x-www-form-urlencoded"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_GUARDS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def blueprint(context: Callable[[], Context]) -> Blueprint:
    """The routes, for one app."""
    routes = Blueprint(__name__)

    @routes.route("/", methods=["GET", "HEAD"])
    def start_page() -> Response:
        return page(_asked(routes), context)

    @routes.route("/assets/{version}/{name}", methods=["GET", "HEAD"])
    def asset(version: str, name: str) -> Response:
        found = assets.find_asset(version, name)
        if found is None:
            return _refusal(404, "There is no such file; the page may have been updated.")
        text, media_type = found
        cached = {"Content-Type": media_type, "Cache-Control": "public, max-age=31536000, immutable"}
        return _response(200, text, cached | _GUARDS)

    @routes.route("/session", methods=["POST"], content_types=[_FORM])
    def sign_in() -> Response:
        return begin_session(_asked(routes), context())

    @routes.route("/session", methods=["DELETE"])
    def sign_out() -> Response:
        return end_session(_asked(routes), context())

    return routes


def page(request: Request, context: Callable[[], Context]) -> Response:
    """The page with its version and who is signed in, so that it need not ask; at an address that ends with a slash."""
    address = str(request.context.get("path") or "/")
    if not address.endswith("/"):
        # The page's own references are relative to the stage's root.
        return _response(307, "", {"Location": f"{address.rpartition('/')[2]}/"} | _GUARDS)
    session = escape(json.dumps(_signed_in(request, context)))
    text = assets.files()[assets.PAGE].replace("{version}", assets.version()).replace("{session}", session)
    return _response(200, text, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"} | _GUARDS)


def begin_session(request: Request, context: Context) -> Response:
    """201 with whose session it is, for a form with the field `token`, or `code` of a sign-in link; else 401.

    The session that the browser had ends: its cookie is replaced.
    """
    if not is_from_our_page(request.method, request.headers):
        return _refusal(403, "Sign in on the page itself.")
    raw = request.raw_body
    fields = parse_qs(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
    code = fields.get("code", [""])[0]
    try:
        if code:
            session = context.sessions.begin_with_link(code, context.now())
        else:
            session = context.sessions.begin(fields.get("token", [""])[0].strip(), context.now())
    except StoreUnavailable:
        logger().warning("sign-in failed", exc_info=True)
        return _refusal(503, "The service cannot answer right now. Try again in a moment.")
    if session is None:
        what = "This sign-in link has been used or has expired." if code else "This token is unknown or was revoked."
        return _refusal(401, what)
    _end(request, context)
    return _json(201, _described(session[0]), {"Set-Cookie": started(session[1], SESSION_LIFETIME, request.headers)})


def end_session(request: Request, context: Context) -> Response:
    """204; the browser forgets the session even when the database cannot."""
    if not is_from_our_page(request.method, request.headers):
        return _refusal(403, "Sign out on the page itself.")
    status = 204 if _end(request, context) else 503
    return _response(status, "", {"Set-Cookie": ended(request.headers), "Cache-Control": "no-store"})


def _end(request: Request, context: Context) -> bool:
    """End the session that a request came with, if any; False while the database is away."""
    try:
        if secret := session_secret(request.headers):
            context.sessions.end(secret)
    except StoreUnavailable:
        logger().warning("session not ended", exc_info=True)
        return False
    return True


def _signed_in(request: Request, context: Callable[[], Context]) -> dict[str, Any] | None:
    """Who is signed in; None for nobody. Without a name while the database is away: the page will find out."""
    secret = session_secret(request.headers)
    if secret is None:
        return None
    try:
        session = context().sessions.find(secret, context().now())
    except StoreUnavailable:
        logger().warning("session not looked up", exc_info=True)
        return {"name": "", "scope": "full", "ends_at": None}
    return None if session is None else _described(session)


def _described(session: Session) -> dict[str, Any]:
    token = session.token
    return {"name": token.name, "scope": token.scope.value, "ends_at": time_text(session.ends_at)}


def _refusal(status: int, detail: str) -> Response:
    return _json(status, {"status": status, "detail": detail}, {})


def _json(status: int, body: dict[str, Any], headers: Mapping[str, str]) -> Response:
    sent = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return _response(status, json.dumps(body, ensure_ascii=False), {**sent, **headers})


def _response(status: int, body: str, headers: Mapping[str, str]) -> Response:
    return Response(body, dict(headers), status)


def _asked(routes: Blueprint) -> Request:
    request = routes.current_request
    assert request is not None  # noqa: S101 - Chalice calls views for requests only
    return request


routes = blueprint(deployed_context)
