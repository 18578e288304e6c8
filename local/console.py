"""What `make run` says while it works: one line per step, alive while it lasts, and errors that say what to do."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class NotReady(Exception):
    """The stack cannot start or go on; the message says what to do about it."""


def say(text: str = "") -> None:
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, put a dot per second behind it while it lasts, and its time when it is done."""
    started = time.monotonic()
    done = threading.Event()

    def show_life() -> None:
        while not done.wait(1):
            sys.stdout.write(".")
            sys.stdout.flush()

    sys.stdout.write(f"  {title} ")
    sys.stdout.flush()
    life = threading.Thread(target=show_life, daemon=True)
    life.start()
    try:
        yield
    except BaseException:
        done.set()
        life.join()
        say(" failed")
        raise
    done.set()
    life.join()
    say(f" {time.monotonic() - started:.1f} s")
