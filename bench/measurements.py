"""Every measurement by its name."""

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

from . import cold_start, content, hit, send
from .rows import Row

MEASUREMENTS: dict[str, Callable[[bool], list[Row]]] = {
    "cold_start": cold_start.measure,
    "hit": hit.measure,
    "content": content.measure,
    "send": send.measure,
}


def measure(name: str, quick: bool) -> list[Row]:
    """The rows of one measurement; what the functions log to standard output is shown only if it fails."""
    with redirect_stdout(StringIO()) as logged:
        try:
            return MEASUREMENTS[name](quick)
        except Exception as failure:
            failure.add_note(logged.getvalue()[-4000:])
            raise
