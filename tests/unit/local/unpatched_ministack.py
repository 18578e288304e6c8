"""What ministack does without local/engine.py: each function shows the defect that the patch of its name mends.

A process of its own prints which defects are there, as JSON; with the argument "patched", after the patches. ministack
keeps its state in its modules, and reads the environment when they are imported.
"""

import asyncio
import io
import json
import os
import queue
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any

from ministack import app as ministack
from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway_v1, dynamodb, lambda_svc, scheduler, sqs
from ministack.services.cloudformation import changesets, provisioners

from local import engine

REGION, ACCOUNT = "eu-central-1", "000000000000"
SCOPE = (ACCOUNT, REGION)
TABLE = {
    "TableName": "books",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
}


def let_calls_wait_for_workers() -> bool:
    at_once: list[int] = []
    running: set[int] = set()

    def acquire(*_: object, **__: object) -> tuple[None, str]:
        running.add(threading.get_ident())
        at_once.append(len(running))
        time.sleep(0.1)
        running.remove(threading.get_ident())
        return None, "func_cap"

    lambda_svc.acquire_worker = acquire
    function = {"FunctionName": "f", "code_zip": b"zip"}
    calls = [threading.Thread(target=lambda_svc._execute_function_warm, args=(function, {}, "id")) for _ in range(2)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    return max(at_once) > 1


def return_without_waiting_for_logs() -> bool:
    worker = object.__new__(lambda_runtime.Worker)
    worker._stderr_queue = queue.Queue()
    begun = time.monotonic()
    worker._drain_stderr_bounded()
    return time.monotonic() - begun > 0.04


def unpack_code_once() -> bool:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return __file__\n")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    config = {"FunctionName": "f", "FunctionArn": arn, "Runtime": "python3.11", "Handler": "handler.handle"}
    workers = [lambda_runtime.Worker("f", config, code.getvalue()) for _ in range(2)]
    try:
        return len({os.path.realpath(str(each.invoke({}, "id")["result"])) for each in workers}) > 1
    finally:
        for each in workers:
            each.kill()


def look_at_schedules_every_second() -> bool:
    return bool(scheduler._SCHEDULE_TICK_INTERVAL > 1)


def read_numbers_from_parameters() -> bool:
    mapping = {"ScalingConfig": {"MaximumConcurrency": "2"}}
    return not isinstance(lambda_svc._sqs_esm_concurrency(mapping, {}, {}), int)


def pass_binary_bodies_as_they_came() -> bool:
    spec = {"info": {"title": "api"}, "x-amazon-apigateway-binary-media-types": ["application/zip"]}
    created = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]["create"]
    api_id, _ = created("Api", {"Body": spec}, "stack")
    return not apigateway_v1._rest_apis[api_id]["binaryMediaTypes"]


def keep_streams_over_restarts() -> bool:
    dynamodb._stream_records.set_scoped(*SCOPE, "unread", [{"eventName": "INSERT"}])
    saved = dynamodb.get_state()
    dynamodb._stream_records.clear()
    dynamodb.load_persisted_state(saved)
    return not dynamodb._stream_records.get_scoped(*SCOPE, "unread")


def return_messages_in_flight() -> bool:
    in_flight: dict[str, Any] = {"receipt_handle": "receipt", "visible_at": time.time() + 600}
    queues = AccountRegionScopedDict()
    queues.set_scoped(*SCOPE, "queue", {"name": "queue", "messages": [in_flight]})
    sqs.load_persisted_state({"queues": queues})
    return bool(in_flight["visible_at"] > time.time() + 500)


def name_queues_without_the_port() -> bool:
    return ":4999/" in sqs._queue_url_for_account(ACCOUNT, "queue")


def allow_batches_as_single_messages() -> bool:
    headers = {"x-amz-target": "AmazonSQS.SendMessageBatch"}
    return bool(iam_actions.extract_iam_action("sqs", "POST", "/", headers, b"{}", {}) == "sqs:SendMessageBatch")


def check_statements_one_by_one() -> bool:
    body = json.dumps({"Statements": [{"Statement": "INSERT INTO \"books\" VALUE {'id': '1'}"}]}).encode()
    checks = iam_actions.dynamodb_transaction_checks("dynamodb:BatchExecuteStatement", body, REGION, ACCOUNT)
    return "dynamodb:PartiQLInsert" not in [action for action, _ in checks]


def stream_what_statements_write() -> bool:
    provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]["create"]("Books", TABLE, "stack")
    parsed = {"item": {"pk": {"S": "1"}, "sk": {"S": "1"}}, "conditions": []}
    dynamodb._partiql_insert(dynamodb._tables["books"], parsed)
    return not any(records for _, records in dynamodb._stream_records.all_items())


def read_expressions_once() -> bool:
    expression, names = "#size = :size", {"#size": "size"}
    values, rows = {":size": {"N": "1"}}, [{"size": {"N": str(each)}} for each in range(300)]
    assert sum(dynamodb._evaluate_condition(expression, row, values, names) for row in rows) == 1
    begun = time.process_time()
    for row in rows:
        dynamodb._evaluate_condition(expression, row, values, names)
    spent, begun = time.process_time() - begun, time.process_time()
    for _ in rows:
        dynamodb._ExprEval(dynamodb._tokenize(expression), rows[0], values, names).evaluate()
    return spent > 2.2 * (time.process_time() - begun)


def find_schedules_in_their_groups() -> bool:
    body = json.dumps({"GroupName": "campaigns"}).encode()
    arn = iam_actions.extract_resource_arn("scheduler", "POST", "/schedules/once", {}, body, {}, REGION, ACCOUNT)
    return ":schedule/default/" in arn


def create_alarms_over_several_metrics() -> bool:
    sums = [{"Id": "sum", "Expression": "a + b"}]
    compared = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1}
    try:
        provisioners._cw_metric_alarm_record("alarm", compared | {"Metrics": sums})
    except ValueError:
        return True
    return False


def let_stacks_take_over() -> bool:
    return "AWS::SecretsManager::Secret" not in changesets._IMPORT_LOOKUPS


def stop_recursive_loops() -> bool:
    def ask(action: str, **fields: str) -> None:
        headers = {"x-amz-target": f"AmazonSQS.{action}", "content-type": "application/x-amz-json-1.0"}
        headers["x-amzn-trace-id"] = "Root=1;Lineage=abcdef01:16"
        asyncio.run(sqs.handle_request("POST", "/", headers, json.dumps(fields).encode(), {}))

    ask("CreateQueue", QueueName="chain")
    ask("SendMessage", QueueUrl=sqs._queue_url_for_account(ACCOUNT, "chain"), MessageBody="17")
    (message,) = (each for kept in sqs._queues.all_values() for each in kept["messages"] if each.get("body") == "17")
    return "Lineage" not in message["sys"].get("AWSTraceHeader", "")


def keep_recursive_loop_of_templates() -> bool:
    properties = {"FunctionName": "loops", "Code": {"ZipFile": "pass"}, "RecursiveLoop": "Allow"}
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"]("Loops", properties, "stack")
    return bool(lambda_svc._functions["loops"].get("recursive_loop") != "Allow")


def answer_apis_as_localhost() -> bool:
    return not ministack._parse_execute_api_url("1eadf11b.execute-api.localhost:4566", "/any")


def refuse_foreign_pages() -> bool:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"host", b"127.0.0.1:4999"), (b"origin", b"https://elsewhere.example")]
    scope = {"type": "http", "method": "GET", "path": "/_ministack/health", "query_string": b"", "headers": headers}
    asyncio.run(ministack.app(scope, receive, send))
    return bool(sent[0]["status"] == 200)


DEFECTS: tuple[Callable[[], bool], ...] = tuple(globals()[patch.__name__] for patch in engine.PATCHES)


def tried(defect: Callable[[], bool]) -> bool | str:
    """Whether the defect is still there, or what went wrong on the way to it."""
    try:
        return defect()
    except Exception as error:
        return repr(error)


if __name__ == "__main__":
    if sys.argv[1:] == ["patched"]:
        os.environ["WORKERS_PER_FUNCTION"] = "1"
        for patch in engine.PATCHES:
            patch()
    print(json.dumps({defect.__name__: tried(defect) for defect in DEFECTS}))
