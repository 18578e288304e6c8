"""Keeps the engine's state on disk while it runs: all services as of one moment, in one file.

    a request changed something ── within seconds ── fork ─┬─ the engine goes on
                                                           └─ the child writes a new file, renames it over the old one

ministack saves only when it is stopped, and one service after the other; after a kill it would be back at the last
clean stop. A forked child has the whole memory as it was at one moment, so that the services agree with each other and
no request waits for the writing. A kill in the middle of it leaves the previous file.
"""

import asyncio
import copy
import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.services import cloudformation, lambda_svc

SECONDS_BETWEEN_SAVES = 2.0
SECONDS_TO_SAVE = 30.0
"""A child that takes longer waits for a lock that a thread held at the fork; the next child will not."""

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Services = Mapping[str, Callable[[], Any]]
"""What gives each service's state, by its name; None for one that has none to save."""

_fork = multiprocessing.get_context("fork")
_READ = re.compile(rb"\.(Batch)?(Get|List|Describe|Query|Scan)\w*")


class Saver:
    """Saves ministack's state to one file: from time to time while something changes, and when it is to stop."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False
        self._child = _fork.Process()

    def watched(self, app: App) -> App:
        """The same app, its state saved for as long as it runs."""

        async def watched_app(scope: Scope, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                loop = asyncio.get_running_loop()
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, self._save_and_exit)
                self._saving = loop.create_task(self._save_while_running())
            try:
                await app(scope, receive, send)
            finally:
                self._changed |= not only_reads(scope)

        return watched_app

    async def _save_while_running(self) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SAVES)
            # A deployment that is cut off is started again, and half a stack would be in its way.
            if self._changed and not is_deploying():
                self._changed = False
                self._start()
                await asyncio.to_thread(self._child.join, SECONDS_TO_SAVE)
                self._changed |= self._child.exitcode != 0

    def _save_and_exit(self) -> None:
        """Stop, without waiting for calls of functions as ministack does: they wait for this engine in their turn."""
        if not is_deploying():
            self._start()
            self._child.join(SECONDS_TO_SAVE)
        os._exit(0)

    def _start(self) -> None:
        if self._child.pid:  # the one before must not write any more, should it hang
            self._child.kill()
            self._child.join()
        services = ministack._build_persistence_save_dict()
        self._child = _fork.Process(target=write, args=(self._file, services, time.time()))
        self._child.start()


def only_reads(scope: Scope) -> bool:
    action = dict(scope.get("headers", ())).get(b"x-amz-target", b"")
    return scope.get("method") in ("GET", "HEAD") or bool(_READ.search(action))


def is_deploying() -> bool:
    return any(stack["StackStatus"].endswith("_IN_PROGRESS") for stack in cloudformation._stacks.all_values())


def write(file: Path, services: Services, at: float) -> None:
    """Write everything as it is; `at` (seconds since the epoch) becomes the file's time. For a forked child."""
    os.closerange(3, 4096)  # else the sockets would stay open when the engine is killed meanwhile
    # Nothing else changes what is here, so it need not be copied before it is written.
    copy.deepcopy = as_it_is  # type: ignore[assignment]
    # The file before may still need functions' older code, until it is replaced.
    remove_older_code, in_use = lambda_svc._prune_orphan_code_blobs, list[set[str]]()
    lambda_svc._prune_orphan_code_blobs = in_use.append
    states = {name: state for name, get_state in services.items() if (state := get_state()) is not None}
    unfinished = file.with_suffix(".unfinished")
    with unfinished.open("w") as output:
        output.write(json.dumps(states, default=persistence._json_default))
        output.flush()
        os.fsync(output.fileno())
    os.utime(unfinished, (at, at))
    unfinished.replace(file)
    for each in in_use:
        remove_older_code(each)


def as_it_is(value: Any, memo: Any = None) -> Any:
    return value


def read(file: Path) -> Callable[[str], Any]:
    """Gives a service's state by its name, once; None for what was not saved."""
    if not file.exists():
        as_ministack_saves: Callable[[str], Any] = persistence.load_state  # one file a service
        return as_ministack_saves
    states: dict[str, Any] = json.loads(file.read_text(), object_hook=persistence._json_object_hook)
    return lambda service: states.pop(service, None)


def save_while_running(file: Path) -> None:
    """Have ministack load from this file and save to it."""
    saver = Saver(file)
    ministack.load_state = read(file)
    ministack.app = saver.watched(ministack.app)
