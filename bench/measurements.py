"""Every measurement by its name."""

import os
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from . import cold_start, content, hit, send
from .rows import Row

MEASUREMENTS: dict[str, Callable[[bool], list[Row]]] = {
    "cold_start": cold_start.measure,
    "hit": hit.measure,
    "content": content.measure,
    "send": send.measure,
}


def measure(name: str, quick: bool) -> list[Row]:
    """The rows of one measurement, in a process of its own; what the functions log to standard output is dropped."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        return MEASUREMENTS[name](quick)
