"""`make logs`: what the running local stack's functions write, oldest first, and on as it comes."""

import argparse
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from local.client import running_stack
from local.command import run
from local.console import say

Line = tuple[str, int, str]
"""Stream, time and text: ministack gives events no id."""
PLATFORM_LINES = ("START RequestId", "END RequestId", "REPORT RequestId")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.logs", description="Follow the functions' logs.")
    parser.add_argument("function", nargs="?", default="", help="only functions with this in their name, like Track")
    parser.add_argument("--once", action="store_true", help="show what is there and stop")
    given = parser.parse_args()
    logs = running_stack().client("logs")
    seen: set[Line] = set()
    while True:
        for event in sorted(new_events(logs, given.function, seen), key=lambda event: event["timestamp"]):
            at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            say(f"{at:%H:%M:%S.%f} {event['function']:12} {event['message'].rstrip()}")
        if given.once:
            return
        time.sleep(1)


def new_events(logs: Any, function: str, seen: set[Line]) -> Iterator[dict[str, Any]]:
    """The functions' own lines that are not among the seen ones, which they join."""
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        name = group["logGroupName"].split("-")[1]
        if function.lower() not in name.lower():
            continue
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in page["events"]:
                line = (event["logStreamName"], event["timestamp"], event["message"])
                if line not in seen and not event["message"].startswith(PLATFORM_LINES):
                    seen.add(line)
                    yield event | {"function": name}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        run(main)
