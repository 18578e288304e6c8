"""AWS's JSON protocol with signed requests, in place of the SDK where that is too slow.

The SDK takes 250 ms to import and set up, and a millisecond of processor time for each call; this takes 25 ms and a
quarter of a millisecond (measured: `make bench`; decision 0016). It is used for six operations: UpdateItem, GetItem,
Query, BatchExecuteStatement, SendMessage and GetSecretValue. Errors are botocore's, as with its clients.

Sources: AWS IAM user guide, "Create a signed AWS API request"; AWS JSON 1.0 and 1.1 protocol, Smithy 2.0.
"""

import hashlib
import hmac
import json
import random
import threading
import time
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, HTTPClientError

from chalicelib.settings import AwsAccess

if TYPE_CHECKING:
    import ssl

_RETRIED = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)
"""Errors that a second attempt may not meet."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How to address one service."""

    service: str
    """Its name in the host's name and in the signature."""
    endpoint_name: str
    """Its name in `AWS_ENDPOINT_URL_...`."""
    target: str
    """The prefix of the operation's name in `X-Amz-Target`."""
    json_version: str = "1.0"


DYNAMODB = Protocol("dynamodb", "DYNAMODB", "DynamoDB_20120810")
SQS = Protocol("sqs", "SQS", "AmazonSQS")
SECRETS_MANAGER = Protocol("secretsmanager", "SECRETS_MANAGER", "secretsmanager", "1.1")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take, retries included, and how long one attempt waits for the connection or for data."""

    total_seconds: float
    attempt_seconds: float
    attempts: int = 2


class SignedCalls:
    """Calls to one service over one kept connection per thread."""

    def __init__(self, protocol: Protocol, access: AwsAccess, patience: Patience) -> None:
        self._protocol = protocol
        self._patience = patience
        self._access = access
        endpoint = endpoint_of(protocol, access)
        self._endpoint = urlsplit(endpoint)
        self._host = endpoint.partition("://")[2]
        self._kept = threading.local()

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One operation, its arguments and its answer in the service's JSON.

        Raises botocore's ClientError for a refusal and its HTTPClientError when there was no answer in time.
        """
        body = json.dumps(arguments, ensure_ascii=False, separators=(",", ":")).encode()
        deadline = time.monotonic() + self._patience.total_seconds
        attempt = 0
        while True:
            attempt += 1
            is_last = attempt >= self._patience.attempts
            try:
                status, raw = self._post(operation, body, deadline)
                if status == 200:
                    answer: dict[str, Any] = json.loads(raw) if raw else {}
                    return answer
                refusal = _refusal(operation, status, raw)
            except (OSError, HTTPException, ValueError) as error:
                if is_last or time.monotonic() >= deadline:
                    raise HTTPClientError(error=f"{self._protocol.service}: {error!r}") from error
            else:
                pause = random.uniform(0.02, 0.06)
                code = refusal.response["Error"]["Code"]
                is_passing = status >= 500 or status == 429 or code in _RETRIED
                if is_last or not is_passing or time.monotonic() + pause >= deadline:
                    raise refusal
                time.sleep(pause)

    def _post(self, operation: str, body: bytes, deadline: float) -> tuple[int, bytes]:
        headers = self._headers(operation, body)
        connection: HTTPConnection | None = getattr(self._kept, "connection", None)
        if connection is not None:
            try:
                return self._exchange(connection, headers, body, deadline)
            except (ConnectionError, HTTPException):
                pass  # closed by the service while this process was frozen, which is no error of the call
        host, port = self._endpoint.hostname or "", self._endpoint.port
        is_plain = self._endpoint.scheme == "http"
        connection = HTTPConnection(host, port) if is_plain else HTTPSConnection(host, port, context=_trust())
        self._kept.connection = connection
        return self._exchange(connection, headers, body, deadline)

    def _exchange(
        self, connection: HTTPConnection, headers: dict[str, str], body: bytes, deadline: float
    ) -> tuple[int, bytes]:
        def wait() -> float:
            return max(0.01, min(self._patience.attempt_seconds, deadline - time.monotonic()))

        try:
            if connection.sock is None:
                connection.timeout = wait()
                connection.connect()
            connection.sock.settimeout(wait())
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            connection.close()  # a late answer must not be read as the next call's
            self._kept.connection = None
            raise

    def _headers(self, operation: str, body: bytes) -> dict[str, str]:
        headers = {
            "content-type": f"application/x-amz-json-{self._protocol.json_version}",
            "host": self._host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        }
        if self._access.session_token:
            headers["x-amz-security-token"] = self._access.session_token
        headers["x-amz-target"] = f"{self._protocol.target}.{operation}"
        headers["authorization"] = authorization(headers, body, self._protocol.service, self._access)
        return headers


def endpoint_of(protocol: Protocol, access: AwsAccess) -> str:
    """Where a service listens: where the environment says so, by the SDK's rules, else at AWS in the region."""
    configured = access.endpoints.get(protocol.endpoint_name) or access.endpoints.get("")
    if configured:
        return configured
    suffix = "amazonaws.com.cn" if access.region.startswith("cn-") else "amazonaws.com"
    return f"https://{protocol.service}.{access.region}.{suffix}"


def authorization(headers: dict[str, str], body: bytes, service: str, access: AwsAccess) -> str:
    """The Authorization header (Signature Version 4) of a POST to `/` that has exactly these headers.

    Their names are lower case and in alphabetical order; `x-amz-date` is one of them.
    """
    moment = headers["x-amz-date"]
    names = ";".join(headers)
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{listed}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{access.region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(access.secret_key, scope), text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={access.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"


@cache
def _signing_key(secret_key: str, scope: str) -> bytes:
    """One per service and day."""
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _refusal(operation: str, status: int, raw: bytes) -> ClientError:
    try:
        said = json.loads(raw)
    except ValueError:
        said = {}
    code = str(said.get("__type", status)).rpartition("#")[2]
    message = str(said.get("message") or said.get("Message") or "")
    # The row that a condition refused to change, when it was asked for.
    item = {"Item": said["Item"]} if "Item" in said else {}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **item}, operation
    )


@cache
def _trust() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()
