"""Patches of ministack with Lambda's rule about loops: a function that feeds itself through a queue is stopped."""

import functools
import hashlib
import json
import os
import re
import secrets
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners


def stop_recursive_loops() -> None:
    """Stop a function that SQS has called 16 times in one chain of requests: its messages go to the dead letters.

    The chain is told as on AWS: the function's environment has a trace header with a `Lineage`, the SDK sends it with
    every request, SQS keeps it with the message. ministack traces no function and stops none but those that call each
    other directly. `RecursiveLoop: Allow` in a template is ignored unless HONOUR_RECURSIVE_LOOP says otherwise: our
    functions must do without it. Which header a batch has AWS does not say; here the longest chain counts.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    run, trace_of = lambda_svc._run_sqs_batch, lambda_svc._xray_trace_id_for_invocation
    handle_request, attributes_of = sqs.handle_request, sqs._build_send_sys_attrs
    lineage: ContextVar[dict[str, int]] = ContextVar("lineage")
    sender: ContextVar[str] = ContextVar("sender", default="")

    def traced(config: dict[str, Any], inbound: str | None = None) -> str | None:
        root = trace_of(config, inbound) or f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"
        chain = lineage.get({})
        return f"{root};Lineage={'|'.join(f'{name}:{times}' for name, times in chain.items())}" if chain else root

    def run_unless_looping(
        mapping: dict[str, Any], function: dict[str, Any], event: Any, batch: list[dict[str, Any]], *queue: str
    ) -> None:
        name = hashlib.sha256(mapping["FunctionArn"].encode()).hexdigest()[:8]
        chain: dict[str, int] = {}
        for message in batch:
            for each, times in lineage_of(message["sys"].get("AWSTraceHeader", "")).items():
                chain[each] = max(times, chain.get(each, 0))
        chain[name] = chain.get(name, 0) + 1
        if chain[name] > lambda_svc.MAX_INVOKE_DEPTH and not may_loop(mapping["FunctionName"]):
            print(f"recursive loop of {mapping['FunctionArn']} stopped", flush=True)
            for message in batch:  # not after five times the visibility time-out, as on AWS
                bury(sqs._queues[queue[0]], message)
            return
        lineage.set(chain)
        run(mapping, function, event, batch, *queue)

    async def handle_with_trace(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
        sender.set(unquote(headers.get("x-amzn-trace-id", "")))
        return await handle_request(method, path, headers, *rest)

    def with_trace(now: float, given: dict[str, Any]) -> Any:
        header = {"AWSTraceHeader": {"StringValue": sender.get()}} if sender.get() else {}
        return attributes_of(now, header | (given or {}))

    lambda_svc._run_sqs_batch, lambda_svc._xray_trace_id_for_invocation = run_unless_looping, traced
    sqs.handle_request, sqs._build_send_sys_attrs = handle_with_trace, with_trace


def lineage_of(trace_header: str) -> dict[str, int]:
    """How often which function has run in the chain of requests that this header belongs to."""
    found = re.search(r"Lineage=([^;]+)", trace_header)
    entries = (each.split(":") for each in found[1].split("|")) if found else ()
    return {name: int(times) for name, times in entries}


def may_loop(function: str) -> bool:
    if os.environ.get("HONOUR_RECURSIVE_LOOP") != "1":
        return False
    return bool(lambda_svc._functions[function].get("recursive_loop") == "Allow")


def bury(queue: dict[str, Any], message: dict[str, Any]) -> None:
    """Move a message that was received to its queue's dead-letter queue; without one it comes again and again."""
    target = json.loads(queue["attributes"].get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
    dead_letters = sqs._queue_by_arn(target) if target else None
    if dead_letters is not None:
        queue["messages"].remove(message)
        dead_letters["messages"].append(message | {"receipt_handle": None, "visible_at": time.time()})


def keep_recursive_loop_of_templates() -> None:
    """Keep `RecursiveLoop` of a template's functions; ministack knows it from the API alone."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]

    def kept(write: Any, place: int) -> Any:
        @functools.wraps(write)
        def written(*arguments: Any, **named: Any) -> Any:
            answer = write(*arguments, **named)
            lambda_svc._functions[answer[0]]["recursive_loop"] = arguments[place].get("RecursiveLoop", "Terminate")
            return answer

        return written

    handlers["create"], handlers["update"] = kept(handlers["create"], 1), kept(handlers["update"], 2)
