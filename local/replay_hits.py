"""`make replay-hits LOG=...`: hits that only the log has kept, written to the tables. Again changes nothing.

LOG is a file or a folder (files ending in .gz are unpacked) or `-` for standard input: lines as functions write them,
an export of the log group to S3, what `aws logs filter-log-events` prints, or a CSV of Logs Insights.
"""

import argparse
import csv
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chalicelib.model.delivery import BurstRule
from chalicelib.model.errors import StoreError
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.tracking.hits import NOT_PARKED, Hit, UnverifiedHit, from_values
from chalicelib.tracking.key_ring import KeyRingSource, KeyRingUnavailable
from chalicelib.tracking.replay import ReplayOutcome, replay
from local.client import clients_and_outputs
from local.command import run
from local.console import NotReady, say

AT_ONCE = 8


class Tables:
    """Where a stack keeps what hits change, and the keys to verify them with."""

    def __init__(self, dynamodb: Any, secrets: Any, outputs: dict[str, str]) -> None:
        self.deliveries = Deliveries(dynamodb, outputs["DeliveriesTable"], BurstRule())
        self.leads = Leads(dynamodb, outputs["LeadsTable"])
        self.campaigns = Campaigns(dynamodb, outputs["CampaignsTable"])
        self.keys = KeyRingSource(
            lambda: str(secrets.get_secret_value(SecretId=outputs["KeyRingSecret"])["SecretString"])
        )

    def replay(self, hit: Hit | UnverifiedHit) -> ReplayOutcome | None:
        """What became of the hit; None when it could not be written now."""
        try:
            return replay(hit, self.keys, self.deliveries, self.leads, self.campaigns)
        except (StoreError, KeyRingUnavailable):
            return None


def replay_log(lines: Iterable[str], tables: Tables) -> Counter[ReplayOutcome | None]:
    """How many of the log's hits came to which end. Raises NotReady when a line lost its hit."""
    try:
        found = list(logged_hits(lines))
    except ValueError as problem:
        raise NotReady(str(problem)) from None
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(threads.map(tables.replay, found))


def lines_of(log: str) -> Iterator[str]:
    """Every line of a file, of all files in a folder, or of standard input."""
    if log == "-":
        yield from sys.stdin
        return
    path = Path(log)
    if not path.exists():
        raise NotReady(f"There is no {path}. Name the log: make replay-hits LOG=...")
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            yield from lines


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


def tables_of(stack: str | None) -> Tables:
    """Of a stack on AWS, by its name, or of the local one that runs."""
    client, outputs = clients_and_outputs(stack)
    return Tables(client("dynamodb"), client("secretsmanager"), outputs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.replay_hits", description="Replay hits from a log.")
    parser.add_argument("--log", required=True, help="a file, a folder, or - for standard input")
    parser.add_argument("--stack", help="a CloudFormation stack on AWS; without it the running local stack")
    given = parser.parse_args()
    ends = replay_log(lines_of(given.log), tables_of(given.stack))
    first, known, forged = (ends[each] for each in ReplayOutcome)
    say(f"{ends.total()} hits in the log: {first} counted now, {known} counted before,")
    say(f"{forged} forged, {ends[None]} not written")
    if ends[None]:
        say("The database did not take all of them. Run the same command again: what is written is not counted twice.")
    return 1 if ends[None] else 0


if __name__ == "__main__":
    run(main)
