"""How long a fresh process takes until it can record a hit, beside one that makes a stock boto3 client.

Each pair runs one after the other, so that what else the machine does meets both. Processor time, children's own; a
function of 512 MB has 0.29 of a processor, so a recipient waits three times that.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

from .rows import Row

PAIRS = 15
LIMIT = 0.85
STOCK = "import boto3; boto3.client('dynamodb')"
TRACK = "import app; from chalicelib.store.client import dynamodb_for_recipients; dynamodb_for_recipients()"
ENVIRONMENT = {
    "DOORS": "track",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def measure() -> list[Row]:
    seconds_of(STOCK), seconds_of(TRACK)  # files into the cache, bytecode onto the disk
    pairs = [(seconds_of(STOCK), seconds_of(TRACK)) for _ in range(PAIRS)]
    return [
        Row("cold start: a stock boto3 client", median(stock.processor for stock, _ in pairs) * 1000, "ms"),
        Row("cold start: track, ready for a hit", median(track.processor for _, track in pairs) * 1000, "ms"),
        Row("cold start: track / stock", ratio([(s.processor, t.processor) for s, t in pairs]), "x", LIMIT),
        Row("cold start: track / stock, by the clock", ratio([(s.clock, t.clock) for s, t in pairs]), "x"),
    ]


class Spent:
    def __init__(self, processor: float, clock: float) -> None:
        self.processor = processor
        self.clock = clock


def seconds_of(code: str) -> Spent:
    """What a fresh process spends on running this."""
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock)


def ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The middle one of the pairs' ratios: a pair that something disturbed decides nothing."""
    return median(ours / theirs for theirs, ours in pairs)
