"""The JSON API as a client sees it, without a network: requests become the events that API Gateway would send."""

import json
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalice import Chalice

from chalicelib.api.http.openapi import document
from chalicelib.api.http.registry import ANYTHING, RESOURCES, register
from chalicelib.model.access import Scope
from chalicelib.senders.lookups import Answers, Dns, Question
from chalicelib.tracking.key_ring import KeyRingSource
from chalicelib.wiring.requests import Context
from local.tables import TableNames
from tests.wired import settings_of


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key for tests"}')


class _LambdaContext:
    aws_request_id = "request-1"


class HealthySes(Any):
    """SES as far as it is asked before a launch: everybody is verified, and nothing keeps the account from sending."""

    def get_account(self) -> dict[str, Any]:
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0}
        switches = {"SendingEnabled": True, "ProductionAccessEnabled": True, "EnforcementStatus": "HEALTHY"}
        return switches | {"SendQuota": quota}

    def get_email_identity(self, EmailIdentity: str) -> dict[str, Any]:  # noqa: N803
        return {"VerifiedForSendingStatus": True, "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS"}}


class OnlyDmarc(Dns):
    """DNS in which every domain has a DMARC policy, and nothing else."""

    def look_up(self, questions: Collection[Question]) -> Answers:
        return {each: ("v=DMARC1; p=none",) if each.name.startswith("_dmarc.") else () for each in questions}


def context_of(dynamodb: Any, tables: TableNames | None = None, **parts: Any) -> Context:
    """The API's wiring over these tables, with some of its parts given: `sqs=...`, `keys=...`."""
    context = Context(settings_of(tables), dynamodb)
    for name, part in ({"ses": HealthySes(), "dns": OnlyDmarc(), "keys": KEYS} | parts).items():
        if not hasattr(Context, name) and name not in vars(context):
            raise TypeError(f"the wiring has no {name}")
        setattr(context, name, part)
    return context


@cache
def _described_problems() -> frozenset[tuple[str, str, int, str]]:
    """Method, path, status and problem type of every problem that the description names."""
    return frozenset(
        (method.upper(), path, int(status), problem)
        for path, methods in document(RESOURCES)["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        for problem in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    )


def undescribed(method: str, route: str, reply: Reply) -> str | None:
    """The type of a problem that an operation answers and its description does not name."""
    is_operation = any((method, route) == (known, path) for known, path, _, _ in _described_problems())
    if reply.status < 400 or not is_operation:
        return None
    problem = str(reply.json["type"]).rpartition(":")[2]
    return None if (method, route, reply.status, problem) in _described_problems() else problem


class ApiClient:
    """Sends requests to an app of its own, with a full token once `sign_in` was called."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.app = Chalice("api-test", configure_logs=False)
        register(self.app, lambda: context)
        self.token: str | None = None

    def sign_in(self, scope: Scope = Scope.FULL) -> "ApiClient":
        _, self.token = self.context.tokens.issue("test", scope, self.context.now())
        return self

    def __call__(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        stage: str = "/api",
    ) -> Reply:
        """`body`: text and bytes are sent as they are, all else as JSON. `stage`: or a custom domain's base path."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        is_binary = isinstance(body, bytes) and sent["content-type"] in self.app.api.binary_types
        if isinstance(body, bytes):
            body = b64encode(body).decode() if is_binary else body.decode(errors="replace")
        split = urlsplit(url)
        route, names = self._route(method, split.path)
        event = {
            "httpMethod": method,
            "headers": sent,
            "body": body,
            "isBase64Encoded": is_binary,
            "multiValueQueryStringParameters": parse_qs(split.query, keep_blank_values=True) or None,
            "pathParameters": names or None,
            "stageVariables": None,
            "requestContext": {"httpMethod": method, "resourcePath": route, "path": stage + split.path},
        }
        answer = self.app(event, _LambdaContext())
        reply = Reply(answer["statusCode"], answer["headers"], answer["body"])
        assert undescribed(method, route, reply) is None, f"{method} {route}: its description lacks {reply.body}"
        return reply

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """As API Gateway does it: literal before named segments, and what fits no path and method is for the last."""
        parts = path.split("/")
        known = {route for route, methods in self.app.routes.items() if method in methods}
        for route in sorted(known - {ANYTHING}):
            patterns = route.split("/")
            pairs = list(zip(patterns, parts, strict=False))
            if len(parts) == len(patterns) and all(wanted in (part, f"{{{wanted[1:-1]}}}") for wanted, part in pairs):
                return route, {wanted[1:-1]: part for wanted, part in pairs if wanted.startswith("{")}
        return ANYTHING, {"anything": path.removeprefix("/v1/")}
