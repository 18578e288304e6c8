"""The last line of `make test`: how many tests were skipped on all floors together, and why.

`python -m tests.skipped build/tests/*.xml` reads the JUnit reports that pytest wrote.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree


def main(reports: Iterable[Path]) -> None:
    passed, skipped = 0, Counter[str]()
    for report in reports:
        for test in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            reason = test.find("skipped")
            if reason is None:
                passed += 1
            else:
                skipped[reason.get("message", "").partition("\n")[0]] += 1
    print(line(passed, skipped))


def line(passed: int, skipped: Counter[str]) -> str:
    """One line, the most frequent reason first."""
    reasons = "; ".join(f"{count:,} because {reason}" for reason, count in skipped.most_common())
    said = f"{skipped.total():,} were skipped: {reasons}" if skipped else "none was skipped"
    return f"{passed:,} tests passed, {said}."


if __name__ == "__main__":
    main(map(Path, sys.argv[1:]))
