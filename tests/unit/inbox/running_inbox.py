"""An inbox as its users meet it: a started process, a real SDK client, plain HTTP."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class RunningInbox:
    process: subprocess.Popen[str]
    http_port: int
    smtp_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def ses(self, **config: Any) -> Any:
        """A sesv2 client that never repeats a call by itself."""
        return boto3.client(
            "sesv2",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="thing",
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=60, **config),
        )

    def request(self, method: str, path: str, value: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, None if value is None else json.dumps(value), headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def messages(self, query: str = "") -> list[dict[str, str]]:
        messages: list[dict[str, str]] = self.request("GET", f"/messages{query}").json()
        return messages

    def content(self, message_id: str) -> bytes:
        return self.request("GET", f"/messages/{message_id}.eml").body

    def send(
        self,
        content: bytes = b"From: news@leadflip.example\r\nSubject: Hello\r\n\r\nHello\r\n",
        to: str = "ada@example.com",
        **fields: Any,
    ) -> str:
        """Send one raw mail; gives its MessageId."""
        request = {"FromEmailAddress": "news@leadflip.example", **fields}
        answer = self.ses().send_email(Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": content}}, **request)
        return str(answer["MessageId"])

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


@contextlib.contextmanager
def started_inbox(folder: Path, *options: str) -> Iterator[RunningInbox]:
    command = [sys.executable, "-m", "local.inbox", "--http-port=0", "--smtp-port=0", f"--dir={folder}", *options]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ports = re.findall(r":(\d+)", process.stdout.readline())
        yield RunningInbox(process, int(ports[0]), int(ports[1]), folder)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def eventually(condition: Callable[[], bool], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
