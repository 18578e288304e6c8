"""The people's door: the page, its files, signing in and out. All else the page does through the JSON API."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs

from chalice import Blueprint, Response
from chalice.app import Request

from chalicelib.model.access import Session
from chalicelib.model.times import time_text
from chalicelib.store.access import LASTS, Sessions
from chalicelib.store.client import StoreUnavailable
from chalicelib.telemetry import logger
from chalicelib.web import assets
from chalicelib.web.session import begun, ended, is_from_our_page, session_secret
from chalicelib.wiring.requests import deployed_context

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


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes work with."""

    sessions: Callable[[], Sessions]
    now: Callable[[], datetime]


def deployed_door() -> Door:
    return Door(lambda: deployed_context().sessions, lambda: datetime.now(UTC))


def blueprint(door: Door) -> Blueprint:
    """The routes, for one app."""
    routes = Blueprint(__name__)

    @routes.route("/", methods=["GET", "HEAD"])
    def start_page() -> Response:
        return page(_asked(routes), door)

    @routes.route("/assets/{version}/{name}", methods=["GET", "HEAD"])
    def asset(version: str, name: str) -> Response:
        found = assets.find_asset(version, name)
        if found is None:
            return _said(404, "There is no such file; the page may have been updated.")
        text, media_type = found
        headers = {"Content-Type": media_type, "Cache-Control": "public, max-age=31536000, immutable", **_GUARDS}
        return Response(text, _texts(headers))

    @routes.route("/session", methods=["POST"], content_types=[_FORM])
    def sign_in() -> Response:
        return begin_session(_asked(routes), door)

    @routes.route("/session", methods=["DELETE"])
    def sign_out() -> Response:
        return end_session(_asked(routes), door)

    return routes


def page(request: Request, door: Door) -> Response:
    """The page with its version and who is signed in, so that it need not ask; at an address that ends with a slash."""
    address = str(request.context.get("path") or "/")
    if not address.endswith("/"):
        # The page's own references are relative to the stage's root.
        return Response("", {"Location": f"{address.rpartition('/')[2]}/", **_texts(_GUARDS)}, 307)
    told = escape(json.dumps(_session_told(request, door)))
    text = assets.files()[assets.PAGE].replace("{version}", assets.version()).replace("{session}", told)
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", **_GUARDS}
    return Response(text, _texts(headers))


def begin_session(request: Request, door: Door) -> Response:
    """201 with whose session it is, for a form with the field `token`; 401 for an unknown token."""
    if not is_from_our_page(request.method, request.headers):
        return _said(403, "Sign in on the page itself.")
    raw = request.raw_body
    fields = parse_qs(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))
    try:
        session = door.sessions().begin(fields.get("token", [""])[0].strip(), door.now())
    except StoreUnavailable:
        logger().warning("sign-in failed", exc_info=True)
        return _said(503, "The service cannot answer right now. Try again in a moment.")
    if session is None:
        return _said(401, "This token is unknown or was revoked.")
    return _json(201, _told(session[0]), {"Set-Cookie": begun(session[1], LASTS, request.headers)})


def end_session(request: Request, door: Door) -> Response:
    """204; the browser forgets the session even when the database cannot."""
    if not is_from_our_page(request.method, request.headers):
        return _said(403, "Sign out on the page itself.")
    secret = session_secret(request.headers)
    status = 204
    if secret is not None:
        try:
            door.sessions().end(secret)
        except StoreUnavailable:
            logger().warning("session not ended", exc_info=True)
            status = 503
    headers = {"Set-Cookie": ended(request.headers), "Cache-Control": "no-store"}
    return Response("", _texts(headers), status)


def _session_told(request: Request, door: Door) -> dict[str, Any] | None:
    """Who is signed in; None for nobody. While the database is away nobody knows: the page will find out."""
    secret = session_secret(request.headers)
    if secret is None:
        return None
    try:
        session = door.sessions().find(secret, door.now())
    except StoreUnavailable:
        logger().warning("session not looked up", exc_info=True)
        return {"name": "", "scope": "full", "ends_at": None}
    return None if session is None else _told(session)


def _told(session: Session) -> dict[str, Any]:
    return {
        "name": session.token.name,
        "scope": session.token.scope.value,
        "ends_at": time_text(session.ends_at),
    }


def _said(status: int, detail: str) -> Response:
    return _json(status, {"status": status, "detail": detail}, {})


def _json(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    sent = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(body, ensure_ascii=False), _texts(sent | headers), status)


def _texts(headers: dict[str, str]) -> dict[str, str | list[str]]:
    return dict(headers)


def _asked(routes: Blueprint) -> Request:
    request = routes.current_request
    assert request is not None  # noqa: S101 - Chalice calls views for requests only
    return request


routes = blueprint(deployed_door())
