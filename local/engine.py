"""ministack with a few local manners, as a process of its own: `python -m local.engine`.

ministack starts a worker process per concurrent call and keeps it, so 200 pixels at once would become 200 Python
processes on a laptop; and over its cap it answers 429, where AWS would have scaled. Here calls of one function wait for
one of a few workers. And after each call it waits 50 ms for log lines that may still come; ours come at once.
"""

import functools
import os
import threading
from collections import defaultdict
from typing import Any

from ministack import app as ministack
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.leash import stop_with_parent

LOG_WAIT_SECONDS = 0.003


def let_calls_wait_for_workers(workers_per_function: int) -> None:
    """Bound the worker processes of every function; further calls wait in line instead of failing."""
    execute = lambda_svc._execute_function_warm
    lines: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
        lambda: threading.BoundedSemaphore(workers_per_function)
    )

    @functools.wraps(execute)
    def wait_and_execute(function: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        name = (function.get("config") or function)["FunctionName"]
        with lines[name]:
            return execute(function, *arguments, **named)

    lambda_svc._execute_function_warm = wait_and_execute


def return_without_waiting_for_logs() -> None:
    """Answer a call as soon as its function has; late log lines belong to the next call's log."""
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(drain, first_line_wait=LOG_WAIT_SECONDS)


def read_numbers_from_parameters() -> None:
    """A `MaximumConcurrency` that refers to a template parameter reaches ministack's poller as text."""
    concurrency = lambda_svc._sqs_esm_concurrency

    @functools.wraps(concurrency)
    def of_numbers(mapping: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        scaling = mapping.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            mapping = mapping | {"ScalingConfig": {"MaximumConcurrency": int(scaling["MaximumConcurrency"])}}
        return concurrency(mapping, *arguments, **named)

    lambda_svc._sqs_esm_concurrency = of_numbers


if __name__ == "__main__":
    stop_with_parent()
    read_numbers_from_parameters()
    let_calls_wait_for_workers(int(os.environ["WORKERS_PER_FUNCTION"]))
    return_without_waiting_for_logs()
    ministack.main()
