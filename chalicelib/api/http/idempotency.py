"""`Idempotency-Key`: a POST that is sent twice is executed once; the second gets the first answer.

Only successful answers are kept. A refused request (4xx) has written nothing, and a failed one (5xx) may be tried
again: both leave the key free. Source: draft-ietf-httpapi-idempotency-key-header. Why not Powertools' utility:
docs/decisions/0068.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from chalice import Chalice, Response
from chalice.app import Request

from chalicelib.api.http.answers import Answer, to_response
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.requests import read_bytes
from chalicelib.model.errors import Conflicting, Invalid, StoreUnavailable, Unreadable
from chalicelib.model.ids import LeadId
from chalicelib.store.idempotency import KeptAnswer
from chalicelib.telemetry import logger
from chalicelib.wiring.requests import Context

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_LEAD = re.compile(rb"\blead_[0-9a-f]{24}\b")


class InvalidKey(Unreadable, problem="invalid-idempotency-key", title="The idempotency key is not valid"):
    """The header has another form."""


class KeyReused(Invalid, problem="idempotency-key-reused", title="The idempotency key is taken"):
    """Another request came with this key."""


class StillRunning(Conflicting, problem="idempotency-key-running", title="The request is being answered"):
    """The first request with this key has no answer yet."""

    retry_after_seconds = 2


class AnswerNotKept(Conflicting, problem="answer-not-kept", title="The request was answered before"):
    """The first answer held a secret, or a person's data."""


def idempotency(
    app: Chalice, find_context: Callable[[], Context], answers_secret: Callable[[str, str], bool]
) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """A Chalice http middleware, after authentication. `answers_secret(method, path)`: do not keep that answer."""

    def middleware(request: Request, get_response: Callable[[Request], Any]) -> Any:
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or key is None:
            return get_response(request)
        if not _KEY.fullmatch(key):
            raise InvalidKey("Idempotency-Key must be 1 to 255 visible ASCII characters.")
        who, context = caller(request).token_id, find_context()
        fingerprint = _fingerprint(request)
        asked = context.idempotency.claim(who, key, fingerprint, context.now())
        if asked is not None:
            return _repeated(asked.answer, asked.fingerprint == fingerprint, app)
        try:
            response = get_response(request)
        except Exception:
            context.idempotency.release(who, key)
            raise
        _finish(response, who, key, answers_secret(request.method, request.path), context)
        return response

    return middleware


def _repeated(answer: KeptAnswer | None, same: bool, app: Chalice) -> Response:
    if not same:
        raise KeyReused("This key came with another request before. Use a new key for a new request.")
    if answer is None:
        raise StillRunning("The first request with this key is still being answered.")
    if answer.secret:
        raise AnswerNotKept("It was done; its answer is told once and not kept.")
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
    content_type = answer.headers.get("Content-Type", "")
    return to_response(
        Answer(answer.status, answer.body, {**headers, "Idempotent-Replayed": "true"}, content_type), app
    )


def _finish(response: Response, who: str, key: str, secret: bool, context: Context) -> None:
    if not 200 <= response.status_code < 300:
        context.idempotency.release(who, key)
        return
    body = b"" if secret else response.body
    body = body.encode() if isinstance(body, str) else body
    about = _LEAD.search(body)
    answer = KeptAnswer(
        response.status_code,
        {name: str(value) for name, value in response.headers.items()},
        body,
        secret,
        LeadId(about[0].decode()) if about else None,
    )
    try:
        if not context.idempotency.keep(who, key, answer, context.now()):
            logger().warning("answer too large to be kept for its idempotency key")
    except StoreUnavailable:
        # The request is done, so it must not fail now. Until the claim ends, a repetition gets 409.
        logger().warning("answer not kept for its idempotency key", exc_info=True)


def _fingerprint(request: Request) -> str:
    """The same for the same request: method, path with its names, parameters, body."""
    query = request.query_params
    parts = (
        request.method,
        request.path,
        sorted((request.uri_params or {}).items()),
        sorted((name, query.getlist(name)) for name in query) if query else [],
    )
    return hashlib.sha256(repr(parts).encode() + b"\n" + read_bytes(request)).hexdigest()
