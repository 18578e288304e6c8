"""The recipients' door: pixel, click and unsubscribing. Whatever happens behind it, recipients never see an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from chalice import Blueprint, Response

from chalicelib.settings import settings
from chalicelib.store.client import dynamodb_for_recipients
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger
from chalicelib.tracking import hits, pages
from chalicelib.tracking.agents import is_speculative, machine_reason
from chalicelib.tracking.delivery_ids import DeliveryName, link_is_genuine, read_delivery_id
from chalicelib.tracking.hits import Hit, HitKind
from chalicelib.tracking.key_ring import KeyRingSource, deployed_key_ring

routes = Blueprint(__name__)

# The smallest transparent GIF: 43 bytes.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_FORM_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data"]


@routes.route("/t/o/{delivery_id}", methods=["GET", "HEAD"])
def pixel(delivery_id: str) -> Response:
    """The GIF, always; an open, where the id is genuine and somebody looks."""
    try:
        _record_open(delivery_id.removesuffix(".gif"), routes.current_request)
    except Exception:
        logger().exception("open_failed")
    return Response(body=PIXEL, headers={"Content-Type": "image/gif", "Cache-Control": "no-store"})


@routes.route("/t/c/{delivery_id}", methods=["GET", "HEAD"])
def click(delivery_id: str) -> Response:
    """302 to the destination that the link's signature vouches for; a 404 page for anything else."""
    request = routes.current_request
    query: Mapping[str, str] = request.query_params or {}
    link, destination, signature = query.get("l", ""), query.get("u", ""), query.get("s", "")
    name = _name(delivery_id)
    if name is None or not link_is_genuine(name, _keys(), link, destination, signature):
        return pages.not_found()
    try:
        _record_click(name, link, destination, request)
    except Exception:
        logger().exception("click_failed")
    return Response(body="", status_code=302, headers={"Location": location(destination), "Cache-Control": "no-store"})


@routes.route("/t/u/{delivery_id}", methods=["GET", "HEAD"])
def unsubscribe_page(delivery_id: str) -> Response:
    """A page that asks; it changes nothing, since scanners fetch it."""
    return pages.not_found() if _name(delivery_id) is None else pages.confirm_unsubscribing()


@routes.route("/t/u/{delivery_id}", methods=["POST"], content_types=_FORM_TYPES)
def unsubscribe(delivery_id: str) -> Response:
    """Unsubscribe: from the page's form, or by a mail client's one click (RFC 8058)."""
    name = _name(delivery_id)
    if name is None:
        return pages.not_found()
    source = "one_click" if b"One-Click" in routes.current_request.raw_body else "link"
    _record(Hit(HitKind.UNSUBSCRIBE, name.campaign_id, name.lead_id, datetime.now(UTC), source=source))
    return pages.unsubscribed()


def location(destination: str) -> str:
    """The destination as a header may carry it: what is not ASCII percent-encoded as UTF-8, all else as written.

    The bytes that browsers send for such a character anyway (WHATWG URL standard, "percent-encode after encoding").
    """
    return "".join(each if each.isascii() else quote(each) for each in destination)


def _record_open(delivery_id: str, request: Any) -> None:
    name = _name(delivery_id)
    if name is None or is_speculative(request.method, request.headers):
        return
    machine = machine_reason(request.headers.get("user-agent"))
    _record(Hit(HitKind.OPEN, name.campaign_id, name.lead_id, datetime.now(UTC), machine=machine))


def _record_click(name: DeliveryName, link: str, destination: str, request: Any) -> None:
    if is_speculative(request.method, request.headers):
        return
    differs_per_recipient = link.endswith("m")
    _record(
        Hit(
            HitKind.CLICK,
            name.campaign_id,
            name.lead_id,
            datetime.now(UTC),
            machine=machine_reason(request.headers.get("user-agent")),
            link=link,
            url=destination if differs_per_recipient else None,
        )
    )


def _record(hit: Hit) -> None:
    deliveries, leads = _tables()
    hits.record(hit, deliveries, leads, _park)


def _name(delivery_id: str) -> DeliveryName | None:
    return read_delivery_id(delivery_id, _keys())


def _keys() -> KeyRingSource:
    return deployed_key_ring(settings().key_ring_secret)


@cache
def _tables() -> tuple[Deliveries, Leads]:
    client = dynamodb_for_recipients()
    return Deliveries(client, settings().deliveries_table), Leads(client, settings().leads_table)


def _park(text: str) -> None:
    # SQS is needed on bad days only; its client costs a cold start.
    import boto3

    boto3.client("sqs").send_message(QueueUrl=settings().hits_queue_url, MessageBody=text)
