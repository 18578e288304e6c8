"""One whole local stack: inbox, ministack and the deployed package, from start to stop.

`make run` and the stack tests start it by the same function.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local import ministack, ports
from local.children import Child
from local.console import NotReady, step
from local.deploy import deploy
from local.ministack import Ministack, answers
from local.package import ROOT, package, this_machine
from local.ports import LOOPBACK
from local.token import working_token

STACK_NAME = "leadflip"
BUCKET = "leadflip-packages"
STACK_FILE = "stack.json"
POLL_SECONDS = 0.2
_TOPICS = f"arn:aws:sns:{ministack.REGION}:{ministack.ACCOUNT}:{STACK_NAME}"
EVENTS_TOPICS = {
    f"{_TOPICS}-feedback": "Reject,Bounce,Complaint",
    f"{_TOPICS}-delivery-reports": "Delivery,DeliveryDelay",
}
"""The template's event destinations: the inbox is told of them before they stand, and keeps its events until then."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where a local stack lives and listens."""

    folder: Path = ROOT / ".local"
    builds: Path = ROOT / ".local" / "packages"
    port: int = 4566
    inbox_port: int = 8025
    smtp_port: int = 1025
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The template's, over those that a local stack has by itself."""
    verified_domains: Sequence[str] = ()
    """That may send; empty: nearly all (local/inbox)."""


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running stack; its addresses have no slash at their end."""

    api_url: str
    tracking_url: str
    web_url: str
    inbox_url: str
    token: str
    outputs: dict[str, str]
    """The CloudFormation stack's: names of tables, queues and so on."""
    engine: Ministack
    inbox: Child

    def require_alive(self) -> None:
        """Raise NotReady when one of the stack's processes has ended by itself."""
        self.engine.child.require_alive()
        self.inbox.require_alive()


@contextmanager
def running(options: Options) -> Iterator[LocalStack]:
    """Start everything; stop everything, state saved, at the end. Raises NotReady with what to do."""
    make_private(options.folder)
    with only_one(options.folder / "lock"), ExitStack() as to_stop:
        (options.folder / STACK_FILE).unlink(missing_ok=True)  # left by a run that was killed
        ports.require_free(options.port, "ministack", "PORT")
        ports.require_free(options.inbox_port, "inbox", "INBOX_PORT")
        ports.require_free(options.smtp_port, "inbox, SMTP", "SMTP_PORT")
        with step("Building the package with Chalice"):
            built = package(options.builds, this_machine())
        inbox_url = f"http://{LOOPBACK}:{options.inbox_port}"
        with step("Starting the inbox"):
            inbox = start_inbox(options, inbox_url)
            to_stop.callback(stop, "Stopping the inbox", inbox.stop)
        with step("Starting ministack"):
            log = options.folder / "logs" / "ministack.log"
            played = {"AWS_ENDPOINT_URL_SESV2": inbox_url, "DNS_SERVER": f"{LOOPBACK}:{options.inbox_port}"}
            engine = ministack.start(options.port, options.folder, log, played)
            to_stop.callback(stop, "Saving the state, stopping ministack and the functions", engine.stop)
        tracking_api = f"{engine.endpoint}/_aws/execute-api/1eadf11b"
        with step("Deploying the stack"):
            s3 = engine.client("s3")
            with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ministack.REGION})
            parameters = {"TrackingUrl": tracking_api, **options.parameters}
            outputs = deploy(engine.client, built, STACK_NAME, BUCKET, parameters, poll_seconds=POLL_SECONDS)
        api_url = f"{engine.endpoint}/_aws/execute-api/{outputs['RestAPIId']}/api"
        with step("Waiting for the API"):
            engine.child.wait_until(lambda: answers(f"{api_url}/v1/health"), seconds=60)
            dynamodb = engine.client("dynamodb")
            token = working_token(options.folder / "token", api_url, dynamodb, outputs["CampaignsTable"])
        yield LocalStack(
            api_url=api_url,
            tracking_url=outputs["TrackingBaseUrl"],
            web_url=f"{api_url}/",
            inbox_url=inbox_url,
            token=token,
            outputs=outputs,
            engine=engine,
            inbox=inbox,
        )


def make_private(folder: Path) -> None:
    """Have a folder that only its owner may enter: it holds leads, mails and the token."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def stop(title: str, do: Callable[[], None]) -> None:
    with step(title):
        do()


def start_inbox(options: Options, url: str) -> Child:
    """Start the inbox and wait until it answers."""
    command = ["local.leash", "local.inbox", "--http-port", str(options.inbox_port)]
    command += ["--smtp-port", str(options.smtp_port), "--dir", str(options.folder / "inbox")]
    command += ["--region", ministack.REGION]
    command += ["--verified-domains", ",".join(options.verified_domains)] if options.verified_domains else []
    command += [f"--events-topic={arn}={types}" for arn, types in EVENTS_TOPICS.items()]
    command += ["--sns-endpoint", f"http://{LOOPBACK}:{options.port}"]
    saved_at = ministack.saved_at(options.folder)
    command += [] if saved_at is None else ["--stack-saved-at", str(saved_at)]
    inbox = Child("the inbox", command, options.folder / "logs" / "inbox.log", os.environ | ministack.ENVIRONMENT)
    try:
        inbox.wait_until(lambda: answers(f"{url}/health"), seconds=30)
    except BaseException:
        inbox.stop()
        raise
    return inbox


@contextmanager
def only_one(path: Path) -> Iterator[IO[str]]:
    """Hold the lock of a state folder: two stacks on one state would eat each other's."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise NotReady(
                f"A stack already runs on {path.parent} (process {lock.read().strip()}). Use it, or stop it first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock
