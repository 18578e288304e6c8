"""`make run`: the whole stack in the foreground, until Ctrl-C."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from chalicelib.store.access import LINK_LIFETIME, Sessions
from local.client import Api, RunningStack
from local.command import run
from local.console import say, step
from local.seed import load_examples
from local.stack import DEFAULTS, STACK_FILE, LocalStack, Options, running

VERIFIED_DOMAINS = ("acme-realty.example", "acme.example", "shop.example")
"""Those of the examples, of the README and of `make smoke`; others are added on the page, as on AWS."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked for the end."""


def main() -> None:
    options = parse(sys.argv[1:])
    for each in STOP_SIGNALS:
        signal.signal(each, stop)
    say("Starting Leadflip Campaigns on this machine")
    try:
        with running(options) as stack:
            with step("Loading the examples, if the stack is empty"):
                load_examples(Api(stack.api_url, stack.token), stack.inbox_url)
            with announced(stack, options.folder):
                while True:
                    stack.require_alive()
                    time.sleep(0.5)
    except Stopped:
        say("Stopped. Leads and campaigns are kept; `make run` finds them again, `make reset` forgets them.")


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m local.run", description="Run the whole stack on this machine.")
    parser.add_argument("--folder", type=Path, default=DEFAULTS.folder, help="where state and logs live")
    parser.add_argument("--port", type=int, default=DEFAULTS.port, help="ministack: API, web page and tracking")
    parser.add_argument("--inbox-port", type=int, default=DEFAULTS.inbox_port, help="the inbox's page and SES")
    parser.add_argument("--smtp-port", type=int, default=DEFAULTS.smtp_port, help="the inbox's SMTP")
    given = parser.parse_args(arguments)
    return Options(
        folder=given.folder.resolve(),
        port=given.port,
        inbox_port=given.inbox_port,
        smtp_port=given.smtp_port,
        verified_domains=VERIFIED_DOMAINS,
    )


def stop(number: int, frame: FrameType | None) -> None:
    """Unwind everything, once: stopping saves the state and must not be stopped half way."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped


@contextmanager
def announced(stack: LocalStack, folder: Path) -> Iterator[None]:
    """Print where everything is and keep the same in stack.json for as long as that is true."""
    addresses = {each.name: getattr(stack, each.name) for each in fields(RunningStack)}
    file = folder / STACK_FILE
    unfinished = file.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(addresses, indent=2) + "\n")
    unfinished.rename(file)
    sessions = Sessions(stack.engine.client("dynamodb"), stack.outputs["CampaignsTable"])
    link = f"{stack.web_url}#/sign-in?code={sessions.make_link(stack.token, datetime.now(UTC))}"
    say(f"""
Ready.
  Sign in        {link}
                 (works once, within {LINK_LIFETIME // timedelta(minutes=1)} minutes; after that with the API token)
  Web page       {stack.web_url}
  API            {stack.api_url}
  Tracking       {stack.tracking_url}
  Inbox          {stack.inbox_url}
  API token      {stack.token}

Next: open the sign-in link. `make demo` in a second terminal sends the draft and simulates its recipients.
Functions' logs: `make logs`; the engine's: {folder / "logs"}
Ctrl-C stops everything.""")
    try:
        yield
    except Stopped:
        say("\nStopping; this may take a minute. What is being sent goes on with the next `make run`.")
        raise
    finally:
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
