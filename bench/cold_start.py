"""How long a fresh process takes until it can record a hit, beside one that makes a stock boto3 client.

Each pair runs one after the other, so that what else the machine does meets both. Processor time, children's own; a
function of 512 MB has 0.29 of a processor, so a recipient waits three times that.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from .rows import Row, beside

PAIRS = 15
GOAL = 0.85
PEER = "a stock boto3 client"
STOCK = "import boto3; boto3.client('dynamodb')"
TRACK = "import app; from chalicelib.store.client import dynamodb_for_recipients; dynamodb_for_recipients()"
ENVIRONMENT = {
    "ROUTES": "track",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def measure(quick: bool) -> list[Row]:
    spent_on(STOCK), spent_on(TRACK)  # files into the cache, bytecode onto the disk
    pairs = [(spent_on(STOCK), spent_on(TRACK)) for _ in range(1 if quick else PAIRS)]

    def compared(name: str, of: Callable[[Spent], float], goal: float | None) -> Row:
        stock, track = ([of(spent) * 1000 for spent in spents] for spents in zip(*pairs, strict=True))
        return beside(name, track, PEER, stock, "ms", goal)

    return [
        compared("cold start of track, processor time", lambda spent: spent.processor, GOAL),
        compared("cold start of track, by the clock", lambda spent: spent.clock, None),
    ]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds."""

    processor: float
    clock: float


def spent_on(code: str) -> Spent:
    """What a fresh process spends on running this."""
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock)
