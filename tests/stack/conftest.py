"""A whole local stack for the tests: the same code as `make run`, on free ports, its state in a temporary folder."""

import time
from collections.abc import Callable, Iterator

import pytest

from local.ports import free_ports
from local.stack import DEFAULTS, LocalStack, Options, running
from tests.stack.engine_log import unexpected_exceptions


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running, empty stack made from the tree as it is; its package is built once per state of the tree.

    Fails in the end if a function raised or logged an exception that nobody expects, since a retry may have hidden it.
    """
    port, inbox_port, smtp_port = free_ports(3)
    folder = tmp_path_factory.mktemp("stack")
    options = Options(folder, DEFAULTS.builds, port, inbox_port, smtp_port, {"ExampleSubscription": "on"})
    with running(options) as started:
        yield started
        # Before the end, which breaks off what is under way.
        found = list(unexpected_exceptions(started.engine.child.log.read_text(errors="replace")))
        # Saving a state that nobody will read takes seconds.
        started.engine.child.process.kill()
    assert not found, "\n\n".join(["The functions met errors that nobody expects:", *found])


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], bool]:
    """Waits for a condition for up to three minutes, since a cold stack is slow; answers whether it came to hold."""

    def wait(condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.1)
        return False

    return wait
