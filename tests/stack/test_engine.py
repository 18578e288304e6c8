"""The engine as we start it, without the app: what it keeps when it is killed, and how it stops."""

import io
import json
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local import ministack
from local.ministack import Ministack
from local.ports import LOOPBACK, free_ports

Until = Callable[[Callable[[], bool]], bool]


@contextmanager
def engine_in(folder: Path, **environment: str) -> Iterator[Ministack]:
    (port,) = free_ports(1)
    engine = ministack.start(port, folder, folder / "log", environment)
    try:
        yield engine
    finally:
        engine.stop()


def kill(engine: Ministack) -> None:
    os.kill(engine.child.pid, signal.SIGKILL)
    engine.child.process.wait()


def is_saved(folder: Path, since: float) -> bool:
    file = ministack.state_file(folder)
    return file.exists() and file.stat().st_mtime > since


class Ledger:
    """A table with a stream and a queue, into which the same numbers are written, the table first."""

    def __init__(self, engine: Ministack) -> None:
        self.dynamodb, self.sqs = engine.client("dynamodb"), engine.client("sqs")

    def create(self) -> None:
        self.dynamodb.create_table(
            TableName="ledger",
            AttributeDefinitions=[{"AttributeName": "number", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "number", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.sqs.create_queue(QueueName="ledger", Attributes={"VisibilityTimeout": "600"})

    @property
    def queue(self) -> str:
        return str(self.sqs.get_queue_url(QueueName="ledger")["QueueUrl"])

    def write(self, number: int) -> None:
        self.dynamodb.put_item(TableName="ledger", Item={"number": {"N": str(number)}})
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=str(number))

    def rows(self) -> set[int]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName="ledger")
        return {int(row["number"]["N"]) for page in pages for row in page["Items"]}

    def receive(self) -> set[int]:
        received = set[int]()
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            received |= {int(each["Body"]) for each in messages}
        return received


def test_a_killed_engine_comes_back_as_it_was_seconds_ago(tmp_path: Path, until: Until) -> None:
    with engine_in(tmp_path) as engine:
        ledger = Ledger(engine)
        ledger.create()
        ledger.write(1)
        written_at = time.time()
        assert until(lambda: is_saved(tmp_path, since=written_at))
        kill(engine)
    with engine_in(tmp_path) as engine:
        assert Ledger(engine).rows() == {1}
        assert Ledger(engine).receive() == {1}


def test_all_services_come_back_as_of_one_moment(tmp_path: Path, until: Until) -> None:
    with engine_in(tmp_path) as engine:
        ledger = Ledger(engine)
        ledger.create()
        count = write_until_killed(engine, ledger, lambda: is_saved(tmp_path, since=0))
    with engine_in(tmp_path) as engine:
        rows, messages = Ledger(engine).rows(), Ledger(engine).receive()
    assert rows == set(range(len(rows)))
    assert messages in (rows, rows - {len(rows) - 1})
    assert 0 < len(rows) <= count


def write_until_killed(engine: Ministack, ledger: Ledger, may_be_killed: Callable[[], bool]) -> int:
    """Write without a pause, kill the engine in the middle of it; how many numbers were begun."""
    count = 0

    def kill_when_possible() -> None:
        while not may_be_killed():
            time.sleep(0.01)
        kill(engine)

    killer = threading.Thread(target=kill_when_possible)
    killer.start()
    try:
        while True:
            count += 1
            ledger.write(count - 1)
    except (BotoCoreError, ClientError):
        killer.join()
        return count


def test_what_is_only_read_is_not_saved_again(tmp_path: Path, until: Until) -> None:
    with engine_in(tmp_path) as engine:
        ledger = Ledger(engine)
        ledger.create()
        ledger.write(1)
        written_at = time.time()
        assert until(lambda: is_saved(tmp_path, since=written_at))
        saved_at = ministack.state_file(tmp_path).stat().st_mtime
        for _ in range(5):
            ledger.rows()
            time.sleep(1)
        assert ministack.state_file(tmp_path).stat().st_mtime == saved_at


def test_a_message_that_a_function_was_at_work_on_comes_again_at_once(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        ledger = Ledger(engine)
        ledger.create()
        ledger.write(1)
        ledger.sqs.send_message(QueueUrl=ledger.queue, MessageBody="2", DelaySeconds=600)
        assert ledger.receive() == {1}
        assert ledger.receive() == set()
    with engine_in(tmp_path) as engine:
        assert Ledger(engine).receive() == {1}


def test_a_deployment_that_was_cut_off_leaves_nothing(tmp_path: Path, until: Until) -> None:
    waits_for_a_signal = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
        },
    }
    with engine_in(tmp_path) as engine:
        ledger = Ledger(engine)
        ledger.create()
        written_at = time.time()
        assert until(lambda: is_saved(tmp_path, since=written_at))
        cloudformation = engine.client("cloudformation")
        cloudformation.create_stack(StackName="half", TemplateBody=json.dumps({"Resources": waits_for_a_signal}))
        (stack,) = cloudformation.describe_stacks(StackName="half")["Stacks"]
        assert stack["StackStatus"] == "CREATE_IN_PROGRESS"
    with engine_in(tmp_path) as engine:
        assert engine.client("cloudformation").describe_stacks()["Stacks"] == []
        assert Ledger(engine).rows() == set()


FOREIGN = [
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Host": "rebound.example:4566"},
]


def test_pages_of_other_origins_are_refused(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        health = "/_ministack/health"
        assert status_of(engine, "GET", health) == 200
        assert status_of(engine, "GET", health, Origin=engine.endpoint) == 200
        for headers in FOREIGN:
            assert status_of(engine, "GET", health, **headers) == 403
            assert status_of(engine, "OPTIONS", "/", **headers) == 403
            assert status_of(engine, "POST", "/_ministack/reset", **headers) == 403


def test_without_an_origin_pages_elsewhere_may_ask_the_apis_alone(tmp_path: Path) -> None:
    with engine_in(tmp_path) as engine:
        pixel = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        health = "/_ministack/health"
        assert status_of(engine, "GET", health, **pixel) == 403
        assert status_of(engine, "GET", health, **{"Sec-Fetch-Site": "none"}) == 200
        engine.client("apigatewayv2").create_api(Name="any", ProtocolType="HTTP", Tags={"ms-custom-id": "1eadf11b"})
        unknown = b'{"message":"Not Found"}'
        assert answer_of(engine, "GET", "/_aws/execute-api/1eadf11b/any", **pixel) == (404, unknown)
        assert answer_of(engine, "GET", "/any", Host="1eadf11b.execute-api.localhost:80", **pixel) == (404, unknown)


def status_of(engine: Ministack, method: str, path: str, **headers: str) -> int:
    return answer_of(engine, method, path, **headers)[0]


def answer_of(engine: Ministack, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(LOOPBACK, engine.port, timeout=20)
    with closing(connection):
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


def make_function(engine: Ministack, handler: str, code: str, *, timeout: int, **environment: str) -> None:
    """A function called like its module, which may use all queues."""
    name = handler.partition(".")[0]
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    queues = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    trusted, allowed = (json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, queues))
    iam = engine.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="queues", PolicyDocument=allowed)
    engine.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler=handler,
        Code={"ZipFile": zipped(f"{name}.py", code)},
        Timeout=timeout,
        Environment={"Variables": environment},
    )


SLEEPER = """
import time

def sleep(event, context):
    time.sleep(event["seconds"])
"""


def test_stopping_does_not_wait_for_functions(tmp_path: Path, until: Until) -> None:
    with engine_in(tmp_path) as engine:
        functions = engine.client("lambda")
        make_function(engine, "sleeper.sleep", SLEEPER, timeout=300)
        functions.invoke(FunctionName="sleeper", Payload=b'{"seconds": 0}')
        caller = threading.Thread(target=call_that_is_cut_off, args=(functions,))
        caller.start()
        time.sleep(1)
        begun = time.monotonic()
        engine.stop()
        assert time.monotonic() - begun < 30
        caller.join()
    with engine_in(tmp_path) as engine:
        assert engine.client("lambda").get_function(FunctionName="sleeper")


def call_that_is_cut_off(functions: Any) -> None:
    with pytest.raises(BotoCoreError):
        functions.invoke(FunctionName="sleeper", Payload=b'{"seconds": 250}')


def zipped(name: str, content: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, content)
    return data.getvalue()


ECHO = """
import os

import boto3

def echo(event, context):
    sqs = boto3.client("sqs", endpoint_url=os.environ["ENDPOINT"])
    for record in event["Records"]:
        sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=str(int(record["body"]) + 1))
"""


@contextmanager
def function_that_feeds_its_own_queue(engine: Ministack, loop: str) -> Iterator[tuple[Any, str, str]]:
    """An SQS client, the queue, and where what was stopped ends."""
    sqs, functions = engine.client("sqs"), engine.client("lambda")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "5"})
    attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "60"}
    queue = sqs.create_queue(QueueName="loop", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    make_function(engine, "echo.echo", ECHO, timeout=10, QUEUE=queue, ENDPOINT=engine.endpoint)
    functions.put_function_recursion_config(FunctionName="echo", RecursiveLoop=loop)
    functions.create_event_source_mapping(FunctionName="echo", EventSourceArn=arn, BatchSize=1)
    yield sqs, queue, dead


@pytest.mark.parametrize(("honoured", "loop"), [("0", "Allow"), ("1", "Terminate")])
def test_a_function_that_feeds_its_own_queue_is_stopped_at_the_seventeenth_call(
    tmp_path: Path, until: Until, honoured: str, loop: str
) -> None:
    with (
        engine_in(tmp_path, HONOUR_RECURSIVE_LOOP=honoured) as engine,
        function_that_feeds_its_own_queue(engine, loop) as (sqs, queue, dead),
    ):
        sqs.send_message(QueueUrl=queue, MessageBody="1")
        stopped: list[str] = []

        def is_stopped() -> bool:
            stopped.extend(each["Body"] for each in sqs.receive_message(QueueUrl=dead).get("Messages", []))
            return bool(stopped)

        assert until(is_stopped)
        assert stopped == ["17"]
        assert "recursive loop" in (tmp_path / "log").read_text()


def test_a_function_that_may_loop_goes_on_where_the_engine_honours_it(tmp_path: Path, until: Until) -> None:
    with (
        engine_in(tmp_path, HONOUR_RECURSIVE_LOOP="1") as engine,
        function_that_feeds_its_own_queue(engine, "Allow") as (sqs, queue, dead),
    ):
        sqs.send_message(QueueUrl=queue, MessageBody="1")

        def went_on() -> bool:
            seen = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0).get("Messages", [])
            return any(int(each["Body"]) > 20 for each in seen)

        assert until(went_on)
        assert "Messages" not in sqs.receive_message(QueueUrl=dead)
