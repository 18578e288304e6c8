"""The processes of a local stack: started on a leash, watched, and stopped by their id."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from local.console import NotReady

SECONDS_TO_STOP = 60


class Child:
    """One Python module running as a process of its own, its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal is for us, who then stop the children in order.
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=Path(__file__).parent.parent,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_alive(self) -> None:
        """Raise NotReady with the end of its log when the process has ended."""
        code = self.process.poll()
        if code is not None:
            raise NotReady(
                f"{self.name} has stopped by itself (exit code {code}). The end of its log:\n{self.log_end()}\n"
                f"The whole log is {self.log}. Start again with `make run`; if it will not, `make reset` helps."
            )

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Return once it is ready; raise NotReady when it dies before that, or takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not answer within {seconds:.0f} s; its log is {self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to stop, and wait until it has; a process that does not listen is killed, and what it started too."""
        self.process.terminate()
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # A function in the middle of a call would try the stopped engine for a minute more.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.process.stdin:
            self.process.stdin.close()

    def log_end(self) -> str:
        return "\n".join("    " + line for line in self.log.read_text(errors="replace").splitlines()[-15:])
