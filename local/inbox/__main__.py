"""`python -m local.inbox`: start an inbox, say where it listens, serve until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from local.inbox.account import Limits
from local.inbox.announcements import EventKind
from local.inbox.identities import PENDING_DOMAIN, UNKNOWN_DOMAIN
from local.inbox.mailbox import MailboxInUse
from local.inbox.service import Inbox, Options


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped; 0, or 1 with a line on stderr when a port or the folder is taken."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    options = _options(arguments)
    try:
        asyncio.run(_serve(options))
    except MailboxInUse:
        print(
            f"inbox: another inbox keeps its mail in {options.folder}; stop it, or choose another --dir",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"inbox: cannot start: {error}; choose another --http-port or --smtp-port", file=sys.stderr)
        return 1
    return 0


async def _serve(options: Options) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    inbox = Inbox(options)
    try:
        http_port, smtp_port = await inbox.start()
        # The parent process waits for this line: it names the addresses of both servers.
        print(f"inbox ready: http://127.0.0.1:{http_port} smtp://127.0.0.1:{smtp_port}", flush=True)
        await stopped.wait()
    finally:
        await inbox.close()


def _events_topic(text: str) -> tuple[str, frozenset[str] | None]:
    """Raises ValueError, as argparse wants it, for a type that is none of SES's."""
    arn, only, types = text.partition("=")
    return arn, frozenset(EventKind(each).value for each in types.split(",")) if only else None


def _options(arguments: list[str] | None) -> Options:
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="python -m local.inbox", description="An inbox that plays SES and SMTP.")
    add = parser.add_argument
    add(
        "--http-port",
        type=int,
        required=True,
        help="port of SES, JSON list and page, and of DNS (UDP); 0: any",
    )
    add("--smtp-port", type=int, required=True, help="port of the SMTP server; 0: any")
    add("--dir", dest="folder", type=Path, required=True, metavar="PATH", help="the mailbox's folder")
    add("--max-send-rate", type=float, default=defaults.max_send_rate, help="recipients a second (default %(default)g)")
    add(
        "--max-24-hour-send",
        type=float,
        default=defaults.max_24_hour_send,
        help="recipients in 24 hours, -1: no limit (default %(default)g)",
    )
    add(
        "--verified-domains",
        type=lambda text: [domain.strip() for domain in text.split(",")],
        metavar="A,B",
        help=f"domains that may send (default: every domain but {UNKNOWN_DOMAIN} and {PENDING_DOMAIN})",
    )
    add("--region", default="us-east-1", help="the region that SES's messages name (default %(default)s)")
    add(
        "--smtp-login",
        type=lambda text: text.partition(":")[::2],
        metavar="USER:PASSWORD",
        help="let the SMTP server take mail only after AUTH with these",
    )
    add(
        "--events-topic",
        dest="events_topics",
        type=_events_topic,
        action="append",
        default=[],
        metavar="ARN[=TYPES]",
        help="publish SES's events to this SNS topic: all of them, or those of these types alone (Bounce,Complaint)",
    )
    add("--sns-endpoint", metavar="URL", help="where that topic is; needed with --events-topic")
    add(
        "--stack-saved-at",
        type=float,
        metavar="SECONDS",
        help="since the epoch: the stack comes back as it was then, and has forgotten what it sent later",
    )
    given = vars(parser.parse_args(arguments))
    # Without an endpoint the SDK would look for the topic at AWS.
    if bool(given["events_topics"]) != bool(given["sns_endpoint"]):
        parser.error("--events-topic and --sns-endpoint go together")
    limits = Limits(given.pop("max_send_rate"), given.pop("max_24_hour_send"))
    return Options(**given | {"limits": limits, "events_topics": dict(given["events_topics"])})


if __name__ == "__main__":
    sys.exit(main())
