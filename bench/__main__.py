"""`make bench`: every row of every measurement, with its limit and whether it is met. `python -m bench hit` for one."""

import sys
from collections.abc import Callable

from . import cold_start, content, hit, send
from .rows import Row, table

MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "cold_start": cold_start.measure,
    "hit": hit.measure,
    "content": content.measure,
    "send": send.measure,
}


def main(wanted: list[str]) -> None:
    for name, measure in MEASUREMENTS.items():
        if not wanted or name in wanted:
            print(table(measure()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
