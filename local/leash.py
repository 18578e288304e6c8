"""Child processes that end with their parent: `python -m local.leash MODULE ARG...` or `... --program COMMAND ARG...`.

The parent holds the other end of the child's standard input. When the parent is gone, however it went, reading there
comes to an end and the child stops as on SIGTERM; so nothing is left behind that keeps a port.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading


def stop_with_parent() -> None:
    """Send this process a SIGTERM as soon as its standard input ends."""

    def wait_for_the_end() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_the_end, daemon=True, name="leash").start()


def run_program(command: list[str]) -> int:
    """Run a program that knows nothing of leashes, and stop it when this process is to stop."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda number, frame: program.terminate())
    stop_with_parent()
    return program.wait()


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    if sys.argv[0] == "--program":
        sys.exit(run_program(sys.argv[1:]))
    stop_with_parent()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
