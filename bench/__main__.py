"""`make bench`: every measurement, each number beside its goal and its peer, as a table and in bench/results.json.

`python -m bench hit send` measures these alone; `--quick` a few rounds only, to see that it works.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from .measurements import MEASUREMENTS, measure
from .rows import Row, as_json, table


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the promises of speed rest on.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MEASUREMENTS)}; all without a name")
    parser.add_argument("--quick", action="store_true", help="a few rounds of each: that it works, not how fast")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the rows there as JSON, too")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - MEASUREMENTS.keys():
        parser.error(f"there is no measurement {', '.join(unknown)}")
    rows: list[Row] = []
    # A process for each: the settings, clients and caches of one measurement must not meet the next.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in asked.names or MEASUREMENTS:
            print(f"Measuring {name} ...", file=sys.stderr, flush=True)
            measured = processes.submit(measure, name, asked.quick).result()
            print(table(measured), flush=True)
            rows += measured
    if asked.results:
        asked.results.write_text(json.dumps(as_json(rows), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
