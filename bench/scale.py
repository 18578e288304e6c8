"""A campaign of any size, played second by second with measured step times: what it takes, and what holds it up.

`python -m bench.scale [leads] [rate] [workers]`. docs/SCALE.md explains the numbers it prints.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from math import ceil

from bench.cost import BUDGET_WRITES, PAGE_WRITES
from chalicelib.crm.audience import LEADS_PER_PAGE
from chalicelib.model.messages import LEADS_PER_MESSAGE
from chalicelib.sending.rate import Grid
from chalicelib.sqs import ENTRIES_PER_CALL
from chalicelib.store.keys import AUDIENCE_SHARDS, DELIVERY_SHARDS

PLANNERS = 5
"""Plan functions at once (template.yaml)."""
SECONDS_A_PAGE = 0.15
"""One query of 500 leads, one transaction, five calls of SQS: some 10 to 20 ms each within a region."""
SECONDS_A_MAIL = 0.09
"""The mail service's answer (50 to 80 ms) and one request to DynamoDB (5 to 10 ms)."""
PARTITION_WRITES = 1000
"""Write units a second of one DynamoDB partition."""
WRITE_UNITS_A_MAIL = 3
"""Claim with the lead's index, and its end."""


@dataclass(frozen=True, slots=True)
class Played:
    planned_after: int
    """Seconds."""
    sent_after: int
    deepest_queue: int
    """Messages waiting at most."""
    held_up: Counter[str]
    """Seconds during which each limit was the one that bound."""
    function_seconds: Counter[str]


def play(leads: int, rate: float, workers: int, stages: int = 1) -> Played:
    """One second a step, until the last mail has left."""
    allowed = 1 / Grid(rate).step_seconds
    limits = {
        "the account's rate": allowed,
        "the senders (SendConcurrency)": workers / SECONDS_A_MAIL,
        "a campaign's partitions": DELIVERY_SHARDS * PARTITION_WRITES / WRITE_UNITS_A_MAIL,
        "the budget's row": PARTITION_WRITES * LEADS_PER_MESSAGE,
    }
    planning = min(PLANNERS, stages * AUDIENCE_SHARDS) * LEADS_PER_PAGE / SECONDS_A_PAGE
    planned = sent = 0.0
    second = planned_after = deepest = 0
    held_up: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    while sent < leads:
        second += 1
        if planned < leads:
            planned = min(leads, planned + planning)
            spent["plan"] += PLANNERS
            planned_after = second
        possible = limits | {"planning": planned - sent}
        holding = min(possible, key=lambda name: possible[name])
        leaving = min(possible[holding], leads - sent)
        sent += leaving
        held_up[holding] += 1
        spent["send"] += workers
        deepest = max(deepest, ceil((planned - sent) / LEADS_PER_MESSAGE))
    return Played(planned_after, second, deepest, held_up, spent)


def needed(leads: int) -> dict[str, int]:
    """Requests, messages and write units, by arithmetic alone."""
    pages = ceil(leads / LEADS_PER_PAGE)
    messages = ceil(leads / LEADS_PER_MESSAGE)
    return {
        "pages": pages,
        "send messages": messages,
        "SQS requests": ceil(messages / ENTRIES_PER_CALL) * 3,
        f"write units, planning ({PAGE_WRITES} a page: 6 KB and its records, in a transaction)": pages * PAGE_WRITES,
        "write units, sending (3 a mail)": leads * WRITE_UNITS_A_MAIL,
        f"write units, budget ({BUDGET_WRITES} a mail)": ceil(leads * BUDGET_WRITES),
    }


def main(arguments: list[str]) -> None:
    leads, rate, workers = (int(each) for each in (arguments + ["10000000", "1000", "100"][len(arguments) :]))
    for name, number in needed(leads).items():
        print(f"{name:<76} {number:>14,}")
    played = play(leads, rate, workers)
    print(f"{'planned after (s)':<76} {played.planned_after:>14,}")
    print(f"{'sent after (s)':<76} {played.sent_after:>14,}")
    print(f"{'deepest send queue (messages)':<76} {played.deepest_queue:>14,}")
    for name, seconds in played.function_seconds.items():
        print(f"{name + ': function seconds':<76} {seconds:>14,}")
    for name, seconds in played.held_up.most_common():
        print(f"{'held up by ' + name + ' (s)':<76} {seconds:>14,}")


if __name__ == "__main__":
    main(sys.argv[1:])
