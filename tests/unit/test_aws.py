"""AWS's protocol without its SDK: signed as the SDK signs, patient as told, and failing as the SDK fails."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, HTTPClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.aws import DYNAMODB, SECRETS_MANAGER, SQS, Patience, Protocol, SignedCalls, authorization, endpoint_of
from chalicelib.settings import AwsAccess

SHORT = Patience(total_seconds=0.4, attempt_seconds=0.2)
LONG = Patience(total_seconds=20, attempt_seconds=10)
"""Where no time is measured: a busy machine makes nobody wait for so long."""
texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def access(endpoint: str = "", **endpoints: str) -> AwsAccess:
    return AwsAccess("eu-central-1", "AKID", "secret", None, {"": endpoint, **endpoints})


@settings(deadline=None)
@given(st.sampled_from([DYNAMODB, SQS, SECRETS_MANAGER]), texts, texts, st.none() | texts, st.binary(max_size=200))
def test_a_signature_is_the_sdks(
    protocol: Protocol, key: str, secret: str, session_token: str | None, body: bytes
) -> None:
    request = AWSRequest("POST", "https://host.example/", data=body)
    request.headers["Content-Type"] = "application/x-amz-json-1.0"
    request.headers["X-Amz-Target"] = "Target.Operation"
    SigV4Auth(Credentials(key, secret, session_token), protocol.service, "eu-central-1").add_auth(request)
    ours = {"content-type": "application/x-amz-json-1.0", "host": "host.example"}
    ours["x-amz-date"] = request.headers["X-Amz-Date"]
    if session_token:
        ours["x-amz-security-token"] = session_token
    ours["x-amz-target"] = "Target.Operation"
    given_access = AwsAccess("eu-central-1", key, secret, session_token, {})
    assert authorization(ours, body, protocol.service, given_access) == request.headers["Authorization"]


@pytest.mark.parametrize(
    ("known", "endpoint"),
    [
        (AwsAccess("eu-west-1", "", "", None, {}), "https://dynamodb.eu-west-1.amazonaws.com"),
        (AwsAccess("cn-north-1", "", "", None, {}), "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        (access("http://all"), "http://all"),
        (access("http://all", DYNAMODB="http://its-own", SQS="http://another"), "http://its-own"),
    ],
)
def test_an_endpoint_is_where_the_environment_says_or_else_at_aws(known: AwsAccess, endpoint: str) -> None:
    assert endpoint_of(DYNAMODB, known) == endpoint


@dataclass
class Service:
    """A service that answers what the test wrote down, in that order."""

    url: str
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    calls: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    connections: int = 0
    closes: bool = False
    stalls_seconds: float = 0


@pytest.fixture
def service() -> Iterator[Service]:
    known = Service("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            known.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.calls.append((dict(self.headers.items()), json.loads(body)))
            time.sleep(known.stalls_seconds)
            status, answer = known.answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = known.closes  # without having said so

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield known
        server.shutdown()


@pytest.fixture
def dynamodb(service: Service) -> SignedCalls:
    return SignedCalls(DYNAMODB, access(service.url), LONG)


@pytest.fixture
def hurried(service: Service) -> SignedCalls:
    return SignedCalls(DYNAMODB, access(service.url), SHORT)


OK = (200, b'{"Attributes":{}}')


def refused(code: str, status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "why"}).encode()


def test_an_operation_is_named_and_its_answer_read(service: Service, dynamodb: SignedCalls) -> None:
    service.answers = [OK]
    assert dynamodb.call("UpdateItem", {"TableName": "ä"}) == {"Attributes": {}}
    ((headers, arguments),) = service.calls
    assert arguments == {"TableName": "ä"}
    assert headers["x-amz-target"] == "DynamoDB_20120810.UpdateItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"


def test_calls_share_one_connection(service: Service, dynamodb: SignedCalls) -> None:
    service.answers = [OK] * 3
    for _ in range(3):
        dynamodb.call("UpdateItem", {})
    assert service.connections == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_attempt(service: Service) -> None:
    calls = SignedCalls(DYNAMODB, access(service.url), Patience(20, 10, attempts=1))
    service.answers = [OK] * 3
    service.closes = True
    for _ in range(3):
        calls.call("UpdateItem", {})
        time.sleep(0.02)
    assert len(service.calls) == 3


def test_a_refusal_is_the_sdks_error_and_is_not_repeated(service: Service, dynamodb: SignedCalls) -> None:
    service.answers = [refused("ConditionalCheckFailedException")]
    with pytest.raises(ClientError) as error:
        dynamodb.call("UpdateItem", {})
    assert error.value.response["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "why"}
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "passing",
    [refused("ProvisionedThroughputExceededException"), refused("InternalServerError", 500), (503, b"<html>")],
)
def test_what_passes_by_itself_is_tried_once_more(
    service: Service, dynamodb: SignedCalls, passing: tuple[int, bytes]
) -> None:
    service.answers = [passing, OK]
    assert dynamodb.call("UpdateItem", {}) == {"Attributes": {}}
    service.answers = [passing, passing]
    with pytest.raises(ClientError):
        dynamodb.call("UpdateItem", {})


def test_an_answer_that_makes_no_sense_is_no_answer(service: Service, dynamodb: SignedCalls) -> None:
    service.answers = [(200, b"{"), (200, b"{")]
    with pytest.raises(HTTPClientError):
        dynamodb.call("UpdateItem", {})


def seconds_of(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    with pytest.raises(HTTPClientError):
        work()
    return time.monotonic() - started


def test_a_stalled_service_is_waited_for_no_longer_than_told(service: Service, hurried: SignedCalls) -> None:
    service.stalls_seconds = 1
    service.answers = [OK, OK]
    assert seconds_of(lambda: hurried.call("UpdateItem", {})) < service.stalls_seconds


def test_a_late_answer_is_not_taken_for_the_next_calls(service: Service, hurried: SignedCalls) -> None:
    service.stalls_seconds = 0.5
    service.answers = [(200, b'{"late": 1}'), (200, b'{"late": 2}'), (200, b'{"next": 3}')]
    with pytest.raises(HTTPClientError):
        hurried.call("UpdateItem", {})
    service.stalls_seconds = 0
    time.sleep(0.7)
    assert hurried.call("UpdateItem", {}) == {"next": 3}


def test_a_host_that_takes_no_connections_fails_within_the_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        others = [socket.socket() for _ in range(3)]
        for each in others:
            each.setblocking(False)
            each.connect_ex(address)
        calls = SignedCalls(DYNAMODB, access(f"http://127.0.0.1:{address[1]}"), SHORT)
        assert seconds_of(lambda: calls.call("UpdateItem", {})) < 1  # the system itself gives up after two minutes
        for each in others:
            each.close()


def test_a_host_that_refuses_fails_at_once() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        calls = SignedCalls(DYNAMODB, access(f"http://127.0.0.1:{nobody.getsockname()[1]}"), SHORT)
        assert seconds_of(lambda: calls.call("UpdateItem", {})) < 0.1
