"""Simulates a campaign of any size, second by second: how long it takes and which limit binds.

`python -m bench.scale [leads] [rate] [workers]`. docs/SCALE.md explains the numbers that it prints.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from math import ceil

from bench.cost import BUDGET_WRITES, PAGE_WRITES, Deployed, seconds_a_mail
from chalicelib.crm.audience import LEADS_PER_PAGE
from chalicelib.model.messages import LEADS_PER_MESSAGE
from chalicelib.sending.rate import Grid
from chalicelib.sqs import ENTRIES_PER_CALL
from chalicelib.store.keys import AUDIENCE_SHARDS, DELIVERY_SHARDS

PLANNERS = 2
"""Concurrent plan functions (template.yaml)."""
SECONDS_A_PAGE = 0.15
"""One query of 500 leads, one transaction, five calls of SQS: some 10 to 20 ms each within a region."""
SECONDS_A_MAIL = seconds_a_mail(Deployed())
"""Of one worker: mostly the mail service's answer."""
REQUESTS_A_MAIL = 1.1 + 0.1 + BUDGET_WRITES
"""To DynamoDB: claim with the last outcome, leads, send position (tests/store/test_cost.py)."""
PARTITION_WRITES = 1000
"""Write units a second of one DynamoDB partition."""
WRITE_UNITS_A_MAIL = 3
"""Claim, its index entry, outcome."""


@dataclass(frozen=True, slots=True)
class Simulated:
    planned_after: int
    """Seconds."""
    sent_after: int
    deepest_queue: int
    """Most messages waiting at any time."""
    bound_by: Counter[str]
    """Seconds during which each limit was the one that bound."""
    function_seconds: Counter[str]


def simulate(leads: int, rate: float, workers: int) -> Simulated:
    """In steps of one second, until the last mail has left."""
    allowed = 1 / Grid(rate).step_seconds
    limits = {
        "the account's rate": allowed,
        "the senders (SendConcurrency)": workers / SECONDS_A_MAIL,
        "one campaign's partitions": DELIVERY_SHARDS * PARTITION_WRITES / WRITE_UNITS_A_MAIL,
        "the send rate's row": PARTITION_WRITES * LEADS_PER_MESSAGE,
    }
    planning = min(PLANNERS, AUDIENCE_SHARDS) * LEADS_PER_PAGE / SECONDS_A_PAGE
    planned = sent = 0.0
    second = planned_after = deepest = 0
    bound_by: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    while sent < leads:
        second += 1
        if planned < leads:
            planned = min(leads, planned + planning)
            spent["plan"] += PLANNERS
            planned_after = second
        possible = limits | {"planning": planned - sent}
        binding = min(possible, key=lambda name: possible[name])
        leaving = min(possible[binding], leads - sent)
        sent += leaving
        bound_by[binding] += 1
        spent["send"] += workers
        deepest = max(deepest, ceil((planned - sent) / LEADS_PER_MESSAGE))
    return Simulated(planned_after, second, deepest, bound_by, spent)


def needed(leads: int) -> dict[str, int]:
    """Requests, messages and write units, by arithmetic alone; the names are those of docs/SCALE.md."""
    pages = ceil(leads / LEADS_PER_PAGE)
    messages = ceil(leads / LEADS_PER_MESSAGE)
    return {
        "plan messages at launch": AUDIENCE_SHARDS,
        "pages": pages,
        "write units, planning": pages * PAGE_WRITES,
        "send messages": messages,
        "SQS requests": ceil(messages / ENTRIES_PER_CALL) * 3,
        "requests to SES": leads,
        "requests to DynamoDB": round(leads * REQUESTS_A_MAIL),
        "write units, sending": leads * WRITE_UNITS_A_MAIL,
        "write units, send rate": round(leads * BUDGET_WRITES),
        "messages of a recount": DELIVERY_SHARDS,
        "deliveries a recount message": leads // DELIVERY_SHARDS,
    }


def ceilings() -> dict[str, int]:
    """Mails a second at which a limit binds; the names are those of docs/SCALE.md."""
    return {
        "one worker": int(1 / SECONDS_A_MAIL),
        "the send rate's row": PARTITION_WRITES * LEADS_PER_MESSAGE,
        "one campaign's partitions": DELIVERY_SHARDS * PARTITION_WRITES // WRITE_UNITS_A_MAIL,
    }


def main(arguments: list[str]) -> None:
    leads, rate, workers = (int(each) for each in (arguments + ["10000000", "1000", "100"][len(arguments) :]))
    for name, number in needed(leads).items():
        print(f"{name:<76} {number:>14,}")
    simulated = simulate(leads, rate, workers)
    print(f"{'planned after (s)':<76} {simulated.planned_after:>14,}")
    print(f"{'sent after (s)':<76} {simulated.sent_after:>14,}")
    print(f"{'deepest send queue (messages)':<76} {simulated.deepest_queue:>14,}")
    for name, seconds in simulated.function_seconds.items():
        print(f"{name + ': function seconds':<76} {seconds:>14,}")
    for name, seconds in simulated.bound_by.most_common():
        print(f"{'bound by ' + name + ' (s)':<76} {seconds:>14,}")


if __name__ == "__main__":
    main(sys.argv[1:])
