"""What a stack's functions have logged that nobody expects: exceptions that are no answers of the product's own."""

import json
import re
from collections.abc import Iterator

_TRACE = re.compile(r"^Traceback \(most recent call last\):\n((?: .*\n|\n)*)(\S.*)$", re.MULTILINE)
_CHAINED = re.compile(r"\n\n(?:The above exception was|During handling of)")


def unexpected_exceptions(log: str) -> Iterator[str]:
    """Each exception of a type that the product does not define: a defect, whether or not a retry hid it.

    An outage or a refusal that a test provokes becomes an error of the product's own tree (model/errors.py), a killed
    process leaves no trace, and what is logged as a warning was dealt with. A plain StoreError is a defect too.
    """
    for line in log.splitlines():
        if line.startswith('{"level":"ERROR"') and '"exception_name"' in line:
            said = json.loads(line)
            if _is_defect(f"{said['stack_trace']['module']}.{said['exception_name']}"):
                yield f"{said['message']}: {said['exception']}"
    for trace in _TRACE.finditer(log):  # of what a function raised; the engine's own name no file of the package
        if "/code/" in trace[1] and _is_defect(trace[2]) and not _CHAINED.match(log, trace.end()):
            yield trace[0]


def _is_defect(name: str) -> bool:
    return not name.startswith("chalicelib.") or name.partition(":")[0] == "chalicelib.model.errors.StoreError"
