"""HTTP/1.1 on one asyncio loop: keep-alive, bodies of known length, and nothing that the inbox does not need.

Plain asyncio rather than `http.server`: it shares the loop with aiosmtpd (one mailbox, no locks), holds hundreds of
idle SDK connections without a thread each, and can stall or break a single connection on request.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 60 * 1024 * 1024  # SES takes messages of 40 MB; base64 makes 54 of them

log = logging.getLogger("inbox.http")


class BreakConnection(Exception):
    """Raised by a handler: close the connection without an answer."""


class MalformedRequest(Exception):
    """The bytes are not a request that this server can read; carries the HTTP status to answer."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` percent-decoded, header names in lower case, of a repeated query name the first value."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; Content-Length and Connection are added when it is written."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Response":
        return Response(status, json.dumps(value).encode(), "application/json", headers or {})


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves one handler on 127.0.0.1 until closed."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1:`port` (0 picks a free one); gives the port. Raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=LONGEST_HEAD, backlog=512)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening and break the open connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (BreakConnection, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Cancelled only when the process ends; asyncio's streams would log it as an error if it went further.
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection stays open for another."""
        try:
            request = await _read_request(reader, writer)
        except MalformedRequest as malformed:
            writer.write(_encode(Response(malformed.status, str(malformed).encode()), close=True))
            await writer.drain()
            return False
        if request is None:
            return False
        close = request.headers.get("connection", "").lower() == "close"
        try:
            response = await self._handler(request)
        except BreakConnection:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = Response(500, b"The inbox failed; its log says why.\n")
        writer.write(_encode(response, close=close, bodiless=request.method == "HEAD"))
        await writer.drain()
        return not close


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request, or None when the client has closed the connection between two requests."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    except asyncio.LimitOverrunError:
        raise MalformedRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.") from None
    request_line, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MalformedRequest(HTTPStatus.BAD_REQUEST, "That is not HTTP/1.1.")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise MalformedRequest(HTTPStatus.LENGTH_REQUIRED, "Send the body with a Content-Length.")
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise MalformedRequest(HTTPStatus.BAD_REQUEST, "Content-Length is not a number.")
    if int(length) > LONGEST_BODY:
        raise MalformedRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long.")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(length)) if length != "0" else b""
    target = urlsplit(words[1])
    query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
    return Request(words[0], unquote(target.path), query, headers, body)


def _encode(response: Response, *, close: bool, bodiless: bool = False) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        f"Connection: {'close' if close else 'keep-alive'}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if bodiless else head + response.body
