"""The tracking routes: pixel, click and unsubscribing. Whatever fails behind them, recipients never see an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from chalice import Blueprint, Response

from chalicelib.model.ids import TEST_CAMPAIGN
from chalicelib.telemetry import logger
from chalicelib.tracking import pages
from chalicelib.tracking.agents import MachineReason, is_speculative, machine_reason
from chalicelib.tracking.delivery_ids import DeliveryName
from chalicelib.tracking.hits import Hit, HitKind, UnverifiedHit
from chalicelib.tracking.http_api import FORM, HttpApi, Router
from chalicelib.tracking.navigation import poses_as_browser
from chalicelib.wiring.recipients import recipients

routes = Blueprint(__name__)

# The smallest transparent GIF: 43 bytes.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@routes.route("/t/o/{delivery_id}", methods=["GET", "HEAD"])
def pixel(delivery_id: str) -> Response:
    """The GIF, always; an open is recorded if the id is genuine and the request is not speculative."""
    try:
        hit = identify(routes.current_request, HitKind.OPEN)
        if hit is not None:
            _record(hit)
    except Exception:
        logger().exception("open_failed")
    return Response(body=PIXEL, headers={"Content-Type": "image/gif", "Cache-Control": "no-store"})


@routes.route("/t/c/{delivery_id}", methods=["GET", "HEAD"])
def click(delivery_id: str) -> Response:
    """302 to the destination that the link's signature vouches for; a 404 page for anything else.

    While there are no keys to verify it with, a page that names the destination's host and lets the recipient decide.
    """
    query: Mapping[str, str] = routes.current_request.query_params or {}
    destination = query.get("u", "")
    hit = identify(
        routes.current_request,
        HitKind.CLICK,
        link=query.get("l", ""),
        destination=destination,
        signature=query.get("s", ""),
    )
    if hit is None:
        return pages.not_found()
    _record(hit)
    if isinstance(hit, UnverifiedHit):
        return pages.ask_before_leaving(destination, recipients().workspace())
    return Response(body="", status_code=302, headers={"Location": location(destination), "Cache-Control": "no-store"})


@routes.route("/t/u/{delivery_id}", methods=["GET", "HEAD"])
def unsubscribe_page(delivery_id: str) -> Response:
    """A page that asks; it changes nothing, since scanners fetch it."""
    hit = identify(routes.current_request, HitKind.UNSUBSCRIBE)
    if hit is None:
        return pages.not_found()
    is_test = _is_of_a_test(hit)
    address = _address_of(hit) if isinstance(hit, Hit) and not is_test else None
    return pages.confirm_unsubscribing(address, recipients().workspace(), is_test=is_test)


@routes.route("/t/u/{delivery_id}", methods=["POST"], content_types=[FORM])
def unsubscribe(delivery_id: str) -> Response:
    """Unsubscribe: from the page's form, or by a mail client's one click (RFC 8058)."""
    source = "one_click" if b"One-Click" in routes.current_request.raw_body else "link"
    hit = identify(routes.current_request, HitKind.UNSUBSCRIBE, source=source)
    if hit is None:
        return pages.not_found()
    is_test = _is_of_a_test(hit)
    if not is_test:
        recipients().recorder.record(hit)
    return pages.unsubscribed(recipients().workspace(), is_test=is_test)


def identify(request: Any, kind: HitKind, **fields: str) -> Hit | UnverifiedHit | None:
    """A request's hit: genuine, unverified while there are no keys to verify it with, or None if it is forged.

    `fields`: further fields of UnverifiedHit. The delivery id was verified before the router was asked (http_api.py).
    """
    hit = UnverifiedHit(
        kind, request.uri_params["delivery_id"], datetime.now(UTC), _machine_reason(request, kind), **fields
    )
    identity = request.context.get("delivery_identity")
    if isinstance(identity, DeliveryName):
        return hit.of(identity, recipients().keys)
    return hit if identity == "unverified" else None


@cache
def http_api(router: Router) -> HttpApi:
    """What answers events of the HTTP API; the router is the app that these routes are registered with."""
    return HttpApi(router, recipients().keys)


def location(destination: str) -> str:
    """The destination as a header may carry it: what is not ASCII percent-encoded as UTF-8, all else as written.

    The bytes that browsers send for such a character anyway (WHATWG URL standard, "percent-encode after encoding").
    """
    return "".join(each if each.isascii() else quote(each) for each in destination)


def _machine_reason(request: Any, kind: HitKind) -> MachineReason | None:
    """Why a machine is assumed; None for a person.

    Only a click is a navigation: pixels are loaded by mail clients and image proxies, each with headers of its own.
    """
    if kind is HitKind.UNSUBSCRIBE:
        return None
    reason = machine_reason(request.headers.get("user-agent"), click=kind is HitKind.CLICK)
    if reason is not None or kind is HitKind.OPEN or not recipients().links_use_tls:
        return reason
    headers = request.to_original_event()["headers"]  # app.py replaces `Accept` in request.headers
    return MachineReason.NOT_A_NAVIGATION if poses_as_browser(headers) else None


def _record(hit: Hit | UnverifiedHit) -> None:
    request = routes.current_request
    if not is_speculative(request.method, request.headers):
        recipients().recorder.record(hit)


def _is_of_a_test(hit: Hit | UnverifiedHit) -> bool:
    return isinstance(hit, Hit) and hit.campaign_id == TEST_CAMPAIGN


def _address_of(hit: Hit) -> str | None:
    """Where the mail went to; None if that cannot be read now, which must not prevent unsubscribing."""
    try:
        delivery = recipients().deliveries.find(hit.campaign_id, hit.lead_id)
    except Exception:
        logger().warning("address_not_shown", exc_info=True)
        return None
    return delivery.email if delivery else None
