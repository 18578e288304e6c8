"""ministack with patches, as a process of its own: `python -m local.engine`.

Each of PATCHES says what ministack 1.5.33 does without it. There is no public way to any of them: neither its variables
nor `/_ministack/config` know of these things, and it has no plugins. When it no longer needs one, or has changed where
one holds on to it, tests/unit/local/test_engine_patches.py fails and names it.
"""

import functools
import json
import os
import re
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import iam_actions, lambda_runtime, persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway_v1, dynamodb, lambda_svc, scheduler, secretsmanager, sqs
from ministack.services.cloudformation import changesets, provisioners

from local.leash import stop_with_parent
from local.loopback import refusal
from local.recursion import keep_recursive_loop_of_templates, stop_recursive_loops
from local.saving import Scope, save_while_running
from local.unpacking import unpack_code_once

LOG_WAIT_SECONDS = 0.003
KEY_RINGS = "AWS::SecretsManager::Secret"


def let_calls_wait_for_workers() -> None:
    """Bound the worker processes of every function; further calls wait in line.

    ministack starts a process for each concurrent call and keeps it: 200 pixels at once would be 200 Python processes.
    Over its own cap it answers 429, where AWS would have scaled.
    """
    execute, workers = lambda_svc._execute_function_warm, int(os.environ["WORKERS_PER_FUNCTION"])
    lines: defaultdict[str, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(workers))

    @functools.wraps(execute)
    def wait_and_execute(function: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        name = (function.get("config") or function)["FunctionName"]
        with lines[name]:
            return execute(function, *arguments, **named)

    lambda_svc._execute_function_warm = wait_and_execute


def return_without_waiting_for_logs() -> None:
    """Answer a call as soon as its function has; late log lines belong to the next call's log.

    ministack waits 50 ms for a first log line after each call, ten times as long as most of the calls last.
    """
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(drain, first_line_wait=LOG_WAIT_SECONDS)


def look_at_schedules_every_second() -> None:
    """Start what is due within a second: ministack looks every ten."""
    scheduler._SCHEDULE_TICK_INTERVAL = 1


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


def pass_binary_bodies_as_they_came() -> None:
    """Read an API's binary media types from its OpenAPI body, where SAM puts them.

    ministack knows the resource's own property alone, decodes all other bodies as UTF-8, and loses what is none.
    Source: API Gateway developer guide, "x-amazon-apigateway-binary-media-types property".
    """
    import_api = apigateway_v1._import_rest_api

    @functools.wraps(import_api)
    def with_binary_types(spec: dict[str, Any], base_data: dict[str, Any] | None = None) -> Any:
        binary = spec.get("x-amazon-apigateway-binary-media-types") or []
        given = (base_data or {}).get("binaryMediaTypes") or []
        return import_api(spec, {**(base_data or {}), "binaryMediaTypes": [*given, *binary]})

    apigateway_v1._import_rest_api = with_binary_types


def keep_streams_over_restarts() -> None:
    """Save what has not been read of the tables' streams with the tables.

    ministack saves how far a stream was read, but not the stream: after a restart nothing would be read from it until
    as many new records had come, and what had not been read would be lost.
    """
    get_state, load_persisted_state = dynamodb.get_state, dynamodb.load_persisted_state

    def with_streams() -> dict[str, Any]:
        saved: dict[str, Any] = get_state()
        return saved | unread_streams()

    def load_with_streams(state: dict[str, Any]) -> None:
        load_persisted_state(state)
        dynamodb._stream_records.update(state.get("streams", {}))
        dynamodb._stream_trimmed.update(state.get("streams_trimmed", {}))

    dynamodb.get_state, dynamodb.load_persisted_state = with_streams, load_with_streams


def unread_streams() -> dict[str, Any]:
    """Each table's records that some function has not read yet, and how many came before them."""
    positions = defaultdict(list)
    for (*scope, mapping), position in lambda_svc._dynamodb_stream_positions.all_items():
        source = lambda_svc._esms.get_scoped(*scope, mapping)["EventSourceArn"]
        positions[(*scope, source.split("/")[1])].append(position)
    unread, trimmed = AccountRegionScopedDict(), AccountRegionScopedDict()
    for key, records in dynamodb._stream_records.all_items():
        first = dynamodb._stream_trimmed.get_scoped(*key, 0)
        read = min(positions[key], default=first)
        unread.set_scoped(*key, records[max(0, read - first) :])
        trimmed.set_scoped(*key, max(read, first))
    return {"streams": unread, "streams_trimmed": trimmed}


def return_messages_in_flight() -> None:
    """Show messages again that a function had received when the engine ended: its process ended as well.

    ministack waits for their visibility time-out, which is 6 minutes for mails and 12 for launches.
    """
    load_persisted_state = sqs.load_persisted_state

    def load_and_return(state: dict[str, Any]) -> None:
        load_persisted_state(state)
        for queue in sqs._queues.all_values():
            for message in queue["messages"]:
                if message.get("receipt_handle"):
                    message["visible_at"] = min(message["visible_at"], time.time())

    sqs.load_persisted_state = load_and_return


def name_queues_without_the_port() -> None:
    """Keep queues' addresses the same when ministack comes back on another port.

    ministack finds a queue by its address, the port included, and would not find those it has saved. The address is
    only a name: the SDK calls its endpoint.
    """
    sqs.DEFAULT_PORT = "4566"


def allow_batches_as_single_messages() -> None:
    """Check a batch of messages against the right to send, or delete, one.

    That is how AWS does it, where an action such as sqs:SendMessageBatch does not exist; ministack asks for it.
    """
    action_of = iam_actions.extract_iam_action

    @functools.wraps(action_of)
    def of_single_message(service: str, *arguments: Any, **named: Any) -> str | None:
        action: str | None = action_of(service, *arguments, **named)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = of_single_message


def check_statements_one_by_one() -> None:
    """Check every statement of a batch against the right to what it does, on its table.

    That is how AWS does it, where an action dynamodb:BatchExecuteStatement does not exist; ministack asks for it.
    """
    checks_of = iam_actions.dynamodb_transaction_checks

    @functools.wraps(checks_of)
    def of_statements(action: str, body: bytes, *place: Any) -> list[tuple[str, str]]:
        if action != "dynamodb:BatchExecuteStatement":
            checks: list[tuple[str, str]] = checks_of(action, body, *place)
            return checks
        statements = [each["Statement"] for each in json.loads(body)["Statements"]]
        return [
            (
                f"dynamodb:PartiQL{statement.split(maxsplit=1)[0].capitalize()}",
                iam_actions._dynamodb_table_arn(statement.split('"', 2)[1], *place),
            )
            for statement in statements
        ]

    iam_actions.dynamodb_transaction_checks = of_statements


def stream_what_statements_write() -> None:
    """Put rows written by PartiQL statements on their table's stream, as AWS does; ministack forgets them."""
    insert, update = dynamodb._partiql_insert, dynamodb._partiql_update

    def streamed(write: Any, table: dict[str, Any], parsed: dict[str, Any], *rest: Any) -> Any:
        named = parsed.get("item") or {name: value for name, is_, value in parsed["conditions"] if is_ == "="}
        partition, sort = (dynamodb._extract_key_val(named.get(table[each])) for each in ("pk_name", "sk_name"))
        before = table["items"].get(partition, {}).get(sort)
        answer = write(table, parsed, *rest)
        after = table["items"].get(partition, {}).get(sort)
        if after is not before:
            event = "MODIFY" if before else "INSERT"
            dynamodb._emit_stream_event(table["TableName"], event, before, after)
        return answer

    dynamodb._partiql_insert = functools.partial(streamed, insert)
    dynamodb._partiql_update = functools.partial(streamed, update)


def read_expressions_once() -> None:
    """Check and split an expression's text once; ministack does it for every row, two thirds of a query's time."""
    dynamodb._condition_syntax_error = functools.lru_cache(1000)(dynamodb._condition_syntax_error)
    tokens_of = functools.lru_cache(1000)(dynamodb._tokenize)
    dynamodb._tokenize = lambda text: list(tokens_of(text))


def find_schedules_in_their_groups() -> None:
    """Check the right to a schedule by its group and name; ministack takes all for those of the group `default`."""
    arn_of = iam_actions.extract_resource_arn

    @functools.wraps(arn_of)
    def of_group(
        service: str, method: str, path: str, headers: Any, body: bytes, query: dict[str, Any], *more: Any, **named: Any
    ) -> str:
        arn = str(arn_of(service, method, path, headers, body, query, *more, **named))
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        said = query.get("groupName") or (json.loads(body).get("GroupName") if body else None) or "default"
        group = said[0] if isinstance(said, list) else said
        return arn.replace(":schedule/default/", f":schedule/{group}/")

    iam_actions.extract_resource_arn = of_group


def create_alarms_over_several_metrics() -> None:
    """Create alarms with metric math, which never go off here; ministack refuses a stack that has one."""
    record_of = provisioners._cw_metric_alarm_record

    @functools.wraps(record_of)
    def of_math(name: str, properties: dict[str, Any]) -> Any:
        if "Metrics" in properties:
            expression = properties["Metrics"][0]
            properties = properties | {"Metrics": [], "Namespace": "Expressions", "MetricName": expression["Id"]}
        return record_of(name, properties)

    provisioners._cw_metric_alarm_record = of_math


def let_stacks_take_over() -> None:
    """Let a stack import a secret, and update what it imported in place, as on AWS.

    ministack imports no secrets, and at the next update replaces an imported table by a new one under another name.
    """

    def find(identifier: str) -> dict[str, Any] | None:
        secrets = secretsmanager._secrets.values()
        return next((each for each in secrets if identifier in (each["ARN"], each["Name"])), None)

    def problem(identifier: str) -> str | None:
        return None if find(identifier) else f"Secrets Manager can't find the specified secret {identifier}."

    def take(identifier: dict[str, str]) -> tuple[str, dict[str, str]]:
        found = find(identifier["Id"]) or {}
        return found["Name"], {"Id": found["ARN"], "Arn": found["ARN"]}

    def in_place(update: Any, key: str, physical: str, old: Any, new: Any, *rest: Any, **named: Any) -> Any:
        return update(physical, {key: physical, **old}, {key: physical, **new}, *rest, **named)

    handlers = provisioners._RESOURCE_HANDLERS
    changesets._IMPORT_LOOKUPS[KEY_RINGS] = (("Id",), problem)
    handlers[KEY_RINGS]["import"] = take
    for kind, key in ((KEY_RINGS, "Name"), ("AWS::DynamoDB::Table", "TableName")):
        handlers[kind]["update"] = functools.partial(in_place, handlers[kind]["update"], key)


def answer_apis_as_localhost() -> None:
    """Answer `<api>.execute-api.localhost`, which browsers take for this machine.

    ministack expects the name with MINISTACK_HOST, which is an address here: the functions ask no name server.
    """
    ministack._EXECUTE_API_RE = re.compile(r"^([a-f0-9]{8})\.execute-api\.localhost(?::\d+)?$")


def refuse_foreign_pages() -> None:
    """Answer 403 to web pages of other origins, which ministack allows to read and change everything.

    Recipients' pixels and links are loaded from anywhere, which browsers do without an Origin; but only the APIs may
    be asked like that, since AWS's own half changes things on a GET, too (`?Action=...`).
    """
    app = ministack.app

    async def guarded(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            is_page_elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
            why, host = refusal(headers), headers.get("host", "")
            if not why and is_page_elsewhere and not ministack._parse_execute_api_url(host, scope["path"]):
                why = "Pages of other origins may use the APIs' addresses only."
            if why and scope["type"] == "websocket":
                await send({"type": "websocket.close"})
                return
            if why:
                head = [(b"content-type", b"text/plain; charset=utf-8")]
                await send({"type": "http.response.start", "status": 403, "headers": head})
                await send({"type": "http.response.body", "body": f"{why}\n".encode()})
                return
        await app(scope, receive, send)

    ministack.app = guarded


PATCHES = (
    keep_streams_over_restarts,
    return_messages_in_flight,
    answer_apis_as_localhost,
    refuse_foreign_pages,
    name_queues_without_the_port,
    allow_batches_as_single_messages,
    read_expressions_once,
    find_schedules_in_their_groups,
    check_statements_one_by_one,
    stream_what_statements_write,
    read_numbers_from_parameters,
    pass_binary_bodies_as_they_came,
    create_alarms_over_several_metrics,
    let_stacks_take_over,
    stop_recursive_loops,
    keep_recursive_loop_of_templates,
    let_calls_wait_for_workers,
    return_without_waiting_for_logs,
    unpack_code_once,
    look_at_schedules_every_second,
)

if __name__ == "__main__":
    stop_with_parent()
    if persistence.PERSIST_STATE:
        save_while_running(Path(os.environ["STATE_FILE"]))
    for patch in PATCHES:
        patch()
    ministack.main()
