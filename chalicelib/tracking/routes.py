"""The recipients' door: pixel, click and unsubscribing. Whatever happens behind it, recipients never see an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from chalice import Blueprint, Response

from chalicelib.aws import SQS, Patience, SignedCalls
from chalicelib.settings import aws_access, burst_rule, settings
from chalicelib.store.client import dynamodb_for_recipients
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger
from chalicelib.tracking import hits, pages
from chalicelib.tracking.agents import is_speculative, machine_reason
from chalicelib.tracking.delivery_ids import DeliveryName, link_is_genuine, may_be_delivery_id, read_delivery_id
from chalicelib.tracking.door import Door, Router
from chalicelib.tracking.hits import Hit, HitKind, UnverifiedHit, click_of
from chalicelib.tracking.key_ring import KeyRingSource, KeyRingUnavailable, deployed_key_ring
from chalicelib.tracking.recorder import HitRecorder

routes = Blueprint(__name__)

# The smallest transparent GIF: 43 bytes.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_FORM_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data"]


@routes.route("/t/o/{delivery_id}", methods=["GET", "HEAD"])
def pixel(delivery_id: str) -> Response:
    """The GIF, always; an open, where the id is genuine and somebody looks."""
    try:
        _open(delivery_id.removesuffix(".gif"), routes.current_request)
    except Exception:
        logger().exception("open_failed")
    return Response(body=PIXEL, headers={"Content-Type": "image/gif", "Cache-Control": "no-store"})


@routes.route("/t/c/{delivery_id}", methods=["GET", "HEAD"])
def click(delivery_id: str) -> Response:
    """302 to the destination that the link's signature vouches for; a 404 page for anything else.

    While there are no keys to verify it with, a page that names the destination's host and lets the recipient decide.
    """
    request = routes.current_request
    query: Mapping[str, str] = request.query_params or {}
    link, destination, signature = query.get("l", ""), query.get("u", ""), query.get("s", "")
    at, is_counted = datetime.now(UTC), not is_speculative(request.method, request.headers)
    machine = machine_reason(request.headers.get("user-agent"))
    try:
        name = read_delivery_id(delivery_id, _keys())
        if name is None or not link_is_genuine(name, _keys(), link, destination, signature):
            return pages.not_found()
    except KeyRingUnavailable as error:
        if not may_be_delivery_id(delivery_id):
            return pages.not_found()
        if is_counted:
            unverified = UnverifiedHit(HitKind.CLICK, delivery_id, at, machine, link, destination, signature)
            _recorder().keep(unverified, error)
        return pages.ask_before_leaving(destination)
    if is_counted:
        _recorder().record(click_of(name.campaign_id, name.lead_id, link, destination, at=at, machine=machine))
    return Response(body="", status_code=302, headers={"Location": location(destination), "Cache-Control": "no-store"})


@routes.route("/t/u/{delivery_id}", methods=["GET", "HEAD"])
def unsubscribe_page(delivery_id: str) -> Response:
    """A page that asks; it changes nothing, since scanners fetch it."""
    try:
        name = read_delivery_id(delivery_id, _keys())
    except KeyRingUnavailable:
        return pages.confirm_unsubscribing(None) if may_be_delivery_id(delivery_id) else pages.not_found()
    return pages.not_found() if name is None else pages.confirm_unsubscribing(_address_of(name))


@routes.route("/t/u/{delivery_id}", methods=["POST"], content_types=_FORM_TYPES)
def unsubscribe(delivery_id: str) -> Response:
    """Unsubscribe: from the page's form, or by a mail client's one click (RFC 8058)."""
    source = "one_click" if b"One-Click" in routes.current_request.raw_body else "link"
    at = datetime.now(UTC)
    try:
        name = read_delivery_id(delivery_id, _keys())
    except KeyRingUnavailable as error:
        if not may_be_delivery_id(delivery_id):
            return pages.not_found()
        _recorder().keep(UnverifiedHit(HitKind.UNSUBSCRIBE, delivery_id, at, source=source), error)
        return pages.unsubscribed()
    if name is None:
        return pages.not_found()
    _recorder().record(Hit(HitKind.UNSUBSCRIBE, name.campaign_id, name.lead_id, at, source=source))
    return pages.unsubscribed()


def answer(event: dict[str, Any], context: Any, router: Router) -> dict[str, Any]:
    """The answer to one event of the HTTP API; the router is the app that these routes are registered with."""
    return _door(router).answer(event, context)


def location(destination: str) -> str:
    """The destination as a header may carry it: what is not ASCII percent-encoded as UTF-8, all else as written.

    The bytes that browsers send for such a character anyway (WHATWG URL standard, "percent-encode after encoding").
    """
    return "".join(each if each.isascii() else quote(each) for each in destination)


def _open(delivery_id: str, request: Any) -> None:
    at = datetime.now(UTC)
    try:
        name = read_delivery_id(delivery_id, _keys())
    except KeyRingUnavailable as error:
        if may_be_delivery_id(delivery_id) and not is_speculative(request.method, request.headers):
            machine = machine_reason(request.headers.get("user-agent"))
            _recorder().keep(UnverifiedHit(HitKind.OPEN, delivery_id, at, machine), error)
        return
    if name is not None and not is_speculative(request.method, request.headers):
        machine = machine_reason(request.headers.get("user-agent"))
        _recorder().record(Hit(HitKind.OPEN, name.campaign_id, name.lead_id, at, machine=machine))


def _address_of(name: DeliveryName) -> str | None:
    """Where the mail went to; None where that cannot be read now, which keeps nobody from leaving."""
    try:
        delivery = Deliveries(dynamodb_for_recipients(), settings().deliveries_table, burst_rule()).find(
            name.campaign_id, name.lead_id
        )
    except Exception:
        logger().warning("address_not_shown", exc_info=True)
        return None
    return delivery.email if delivery else None


@cache
def _door(router: Router) -> Door:
    return Door(router, _keys())


def _keys() -> KeyRingSource:
    return deployed_key_ring(settings().key_ring_secret)


@cache
def _recorder() -> HitRecorder:
    client = dynamodb_for_recipients()
    deliveries = Deliveries(client, settings().deliveries_table, burst_rule())
    leads = Leads(client, settings().leads_table)
    queue = SignedCalls(SQS, aws_access(), Patience(total_seconds=0.7, attempt_seconds=0.5))

    def park(text: str) -> None:
        queue.call("SendMessage", {"QueueUrl": settings().hits_queue_url, "MessageBody": text})

    return HitRecorder(lambda hit: hits.apply(hit, deliveries, leads), park)
