"""What one request of a recipient costs, beside a bare boto3 conditional `update_item` on the same engine.

Every round runs each kind of request once, the bare call among them, so that what else the machine does meets all. It
is processor time of this process: the engine runs in its own. Each number is the median of all rounds.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import LeadId, new_campaign_id, new_lead_id
from chalicelib.settings import Settings
from chalicelib.store import keys
from chalicelib.store.claims import Claims
from chalicelib.tracking.delivery_ids import CampaignTracking
from local import ministack, ports
from local.tables import TableNames, create_tables

from .rows import Row, beside

ROUNDS = 400
QUICK_ROUNDS = 5
WARMING = 20
KEY = "a key for measuring"
DESTINATION = "https://shop.example/offer?product=4711&colour=blue"
BROWSER = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)
HEADERS = {
    "accept": "image/webp,image/avif,image/*,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br",
    "accept-language": "de-DE,de;q=0.9",
    "host": "t.mail.example",
    "user-agent": BROWSER,
    "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


def measure(quick: bool) -> list[Row]:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    (port,) = ports.free_ports(1)
    with engine(port, "dynamodb,secretsmanager", ROUTES="track") as (dynamodb, tables):
        import app

        bare, *kinds = requests(dynamodb, tables, lambda request: app.track(request, None), rounds)
        return compare(bare, kinds, rounds)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, and how many times the bare call it may cost."""

    name: str
    send: Callable[[], object]
    goal: float | None = None
    in_a_row: int = 1
    """Forged ids come in floods; one alone, behind a hit that waited for the engine, finds the caches cold (0.04)."""


def compare(bare: Kind, kinds: Sequence[Kind], rounds: int) -> list[Row]:
    times: dict[str, list[float]] = {kind.name: [] for kind in (bare, *kinds)}
    for number in range(WARMING + rounds):
        for kind in (bare, *kinds):
            started = time.thread_time()
            for _ in range(kind.in_a_row):
                kind.send()
            spent = (time.thread_time() - started) / kind.in_a_row
            if number >= WARMING:
                times[kind.name].append(spent * 1e6)
    return [beside(kind.name, times[kind.name], bare.name, times[bare.name], "us", kind.goal) for kind in kinds]


def requests(dynamodb: Any, tables: TableNames, handle: Callable[[dict[str, Any]], object], rounds: int) -> list[Kind]:
    """The bare call and one request of each kind, each time of another recipient where it is to be the first."""
    import boto3

    campaign_id = new_campaign_id()
    tracking = CampaignTracking("", campaign_id, 1, KEY.encode())
    forger = CampaignTracking("", campaign_id, 1, b"a guess")
    claims = Claims(dynamodb, tables.deliveries)
    stock = boto3.client("dynamodb")

    def recipients() -> Iterator[LeadId]:
        while True:
            delivery = Delivery(campaign_id, new_lead_id(), DeliveryStatus.SENT, datetime.now(UTC), unit="1")
            claims.claim_and_record([delivery], [])
            yield delivery.lead_id

    # Made beforehand: making one is no part of a hit.
    made = recipients()
    bare, opening, clicking = (iter([next(made) for _ in range(WARMING + rounds)]) for _ in range(3))
    known = next(made)
    query = urlencode({"l": "1", "u": DESTINATION, "s": tracking.sign("1", DESTINATION)})

    forged_pixel = event(f"/t/o/{forger.delivery_id(known)}.gif")
    forged_click = event(f"/t/c/{forger.delivery_id(known)}", query)

    def bare_call() -> object:
        return stock.update_item(
            TableName=tables.deliveries,
            Key=keys.delivery(campaign_id, next(bare)),
            UpdateExpression="SET opened_person_at = :at, opened_at = if_not_exists(opened_at, :at)",
            ConditionExpression="attribute_exists(lead_id) AND attribute_not_exists(opened_person_at)",
            ExpressionAttributeValues={":at": {"S": "2026-11-23T12:00:00.000Z"}},
        )

    # A hit may cost 1.10 without its log line and metric and 1.25 with them: they are in here, and 1.10 holds.
    return [
        Kind("boto3 conditional update_item", bare_call),
        Kind("hit: first open", lambda: handle(event(f"/t/o/{tracking.delivery_id(next(opening))}.gif")), 1.10),
        Kind("hit: the same open again", lambda: handle(event(f"/t/o/{tracking.delivery_id(known)}.gif")), 1.10),
        Kind("hit: first click", lambda: handle(event(f"/t/c/{tracking.delivery_id(next(clicking))}", query)), 1.10),
        Kind("hit: forged pixel", lambda: handle(forged_pixel), 0.05, 10),
        Kind("hit: forged click", lambda: handle(forged_click), 0.05, 10),
        Kind("hit: HEAD", lambda: handle(event(f"/t/o/{tracking.delivery_id(known)}.gif", method="HEAD"))),
    ]


def event(path: str, query: str = "", method: str = "GET") -> dict[str, Any]:
    """As the HTTP API sends it."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": HEADERS,
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }


@contextmanager
def engine(port: int, services: str, **variables: str) -> Iterator[tuple[Any, TableNames]]:
    """A local engine with the tables and a key ring; the environment names them, and has these variables."""
    extra = {"SERVICES": services, "PERSIST_STATE": "0", "AUTH": "false"}
    with tempfile.TemporaryDirectory() as folder:
        running = ministack.start(port, Path(folder), Path(folder) / "ministack.log", extra)
        try:
            dynamodb = running.client("dynamodb")
            tables = create_tables(dynamodb, "bench")
            secret = running.client("secretsmanager").create_secret(
                Name="key-ring", SecretString=f'{{"current": 1, "1": "{KEY}"}}'
            )
            os.environ.update(environment(running.endpoint, tables, secret["ARN"]) | variables)
            yield dynamodb, tables
        finally:
            running.stop()


def environment(endpoint: str, tables: TableNames, secret: str) -> dict[str, str]:
    """What the template gives to functions."""
    return {
        # What is optional stays away: an SMTP secret, for one, would take the mails from SES.
        **{setting.name.upper(): "unused" for setting in fields(Settings) if setting.type is str},
        "AWS_REGION": ministack.REGION,
        "AWS_DEFAULT_REGION": ministack.REGION,
        "AWS_ENDPOINT_URL": endpoint,
        **{name.upper(): value for name, value in ministack.CREDENTIALS.items()},
        "LEADS_TABLE": tables.leads,
        "DELIVERIES_TABLE": tables.deliveries,
        "CAMPAIGNS_TABLE": tables.campaigns,
        "KEY_RING_SECRET": secret,
        "TRACKING_URL": "https://t.mail.example",
    }
