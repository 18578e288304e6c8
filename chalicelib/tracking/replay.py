"""Replays hits that were parked in the queue or written to the log. A hit may be replayed any number of times."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.model.suppression import Mark, SuppressionReason
from chalicelib.sqs import for_each_record
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import LeadNotFound, Leads
from chalicelib.telemetry import logger
from chalicelib.tracking.hits import NOT_PARKED, Hit, UnverifiedHit, apply, from_values
from chalicelib.tracking.key_ring import KeyRingSource

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


class Outcome(StrEnum):
    FIRST = "first"
    """Counted now."""
    KNOWN = "known"
    """Counted before, or by another hit."""
    FORGED = "forged"
    """Its id or signature is wrong."""


def replay(
    hit: Hit | UnverifiedHit, keys: KeyRingSource, deliveries: Deliveries, leads: Leads, campaigns: Campaigns
) -> Outcome:
    """Apply a hit that was kept. Raises StoreError or KeyRingUnavailable. May be repeated."""
    genuine = hit.verified(keys) if isinstance(hit, UnverifiedHit) else hit
    if genuine is None:
        return Outcome.FORGED
    try:
        is_first = apply(genuine, deliveries, leads)
    except LeadNotFound:
        is_first = _unsubscribe_address(genuine, deliveries, leads, campaigns)
    return Outcome.FIRST if is_first else Outcome.KNOWN


def _unsubscribe_address(hit: Hit, deliveries: Deliveries, leads: Leads, campaigns: Campaigns) -> bool:
    """Unsubscribe the address of a deleted lead's mail from the entity that sent it; True the first time.

    The address may have been imported again under another id: who has it now is unsubscribed too.
    """
    delivery = deliveries.find(hit.campaign_id, hit.lead_id)
    campaign = campaigns.find(hit.campaign_id)
    if delivery is None or delivery.email is None or campaign is None:
        logger().warning("nobody_to_unsubscribe", extra={"campaign_id": hit.campaign_id})
        return False
    mark = Mark(SuppressionReason.UNSUBSCRIBED, hit.at, hit.source or "link", hit.campaign_id)
    leads.suppressions.unsubscribe_departed(campaign.audience.entity, delivery.email, mark)
    return deliveries.record_unsubscribed(hit.campaign_id, hit.lead_id, at=hit.at)


def replay_parked(
    event: dict[str, Any], keys: KeyRingSource, deliveries: Deliveries, leads: Leads, campaigns: Campaigns
) -> Any:
    """Handles Lambda's SQS event of parked hits; each that fails goes back to the queue.

    With the recipients' short timeouts, ten messages fit into the function's time even while the database stalls.
    """

    def replay_record(record: "SQSRecord") -> None:
        outcome = replay(from_values(record.json_body), keys, deliveries, leads, campaigns)
        logger().info("hit_replayed", extra={"outcome": outcome.value})

    return for_each_record(event, replay_record)


def logged_hits(lines: Iterable[str]) -> Iterator[Hit | UnverifiedHit]:
    """The hits in the lines of a log, in every format in which CloudWatch exports logs.

    Plain lines, lines behind a time (exports to S3), JSON of events (`aws logs filter-log-events`), subscriptions' JSON
    and CSV (Logs Insights). Raises ValueError for a line that mentions a hit which cannot be read.
    """
    for line in lines:
        if NOT_PARKED in line:
            found = list(_hits_in(line))
            if not found:
                raise ValueError(f"no hit can be read from this line: {line[:500]}")
            yield from map(from_values, found)


def _hits_in(value: Any) -> Iterator[dict[str, Any]]:
    match value:
        case {"message": message, "hit": dict() as hit} if message == NOT_PARKED:
            yield hit
        case dict():
            for inner in value.values():
                yield from _hits_in(inner)
        case list():
            for inner in value:
                yield from _hits_in(inner)
        case str() if NOT_PARKED in value and value != NOT_PARKED:
            yield from _hits_in(_json_in(value))


def _json_in(text: str) -> Any:
    """The first JSON in a text that mentions a hit; the cells of a CSV line if there is none."""
    decoder = json.JSONDecoder()
    for start in re.finditer(r'[{\["]', text):
        try:
            value, end = decoder.raw_decode(text, start.start())
        except ValueError:
            continue
        if value != NOT_PARKED and NOT_PARKED in text[start.start() : end]:
            return value
    cells = next(csv.reader([text]))
    return cells if len(cells) > 1 else None
