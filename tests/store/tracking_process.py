"""The function `track` in a process of its own, as Lambda runs it, and a record of every call that it makes to AWS."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from chalicelib.settings import Settings
from local.package import ROOT
from local.recipients import NAVIGATION
from local.tables import TableNames

KEY = "a key for tests"
PERSON = {name.lower(): value for name, value in NAVIGATION.items()}
"""Headers of a person's click, named as the HTTP API names them."""
RING = {"SecretString": json.dumps({"current": 1, "1": KEY})}

LOOP = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
from app import track
for line in sys.stdin:
    print(json.dumps(track(json.loads(line), None)), file=answers)
"""
"""Events in, answers out, a line each; what the function prints goes to standard error."""


class Aws:
    """Passes DynamoDB's calls on to an engine, answers the others itself, and remembers all by their operation."""

    def __init__(self, engine_url: str) -> None:
        self.calls: list[str] = []
        self.parked: list[str] = []
        self.keys_are_away = False
        aws, engine = self, urlsplit(engine_url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["x-amz-target"].rpartition(".")[2]
                aws.calls.append(operation)
                status, answer = 200, b"{}"
                if operation == "GetSecretValue" and aws.keys_are_away:
                    status = 500
                elif operation == "GetSecretValue":
                    answer = json.dumps(RING).encode()
                elif operation == "SendMessage":
                    aws.parked.append(json.loads(body)["MessageBody"])
                else:
                    connection = HTTPConnection(engine.hostname or "", engine.port, timeout=10)
                    connection.request("POST", "/", body, dict(self.headers.items()))
                    response = connection.getresponse()
                    status, answer = response.status, response.read()
                    connection.close()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


class TrackingProcess:
    def __init__(self, process: "subprocess.Popen[str]", aws: Aws) -> None:
        self._process = process
        self.aws = aws

    def answer(
        self,
        path: str,
        query: str = "",
        *,
        method: str = "GET",
        headers: Mapping[str, str] = PERSON,
        body: str | None = None,
    ) -> dict[str, Any]:
        """What the function answers to the HTTP API's event of this request."""
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": dict(headers),
            "requestContext": {"http": {"method": method, "path": path}},
            "body": body,
            "isBase64Encoded": False,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def calls_of(self, path: str, query: str = "", **request: Any) -> list[str]:
        """The operations that this request took."""
        before = len(self.aws.calls)
        self.answer(path, query, **request)
        return self.aws.calls[before:]


@contextmanager
def running(engine_url: str, tables: TableNames, tracking_url: str = "https://t.example") -> Iterator[TrackingProcess]:
    aws = Aws(engine_url)
    threading.Thread(target=aws.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    environment = {
        "PATH": os.environ["PATH"],
        "ROUTES": "track",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": aws.url,
        # Every function reads all settings; this one uses those that follow.
        **{setting.name.upper(): "unused" for setting in fields(Settings)},
        "LEADS_TABLE": tables.leads,
        "DELIVERIES_TABLE": tables.deliveries,
        "CAMPAIGNS_TABLE": tables.campaigns,
        "HITS_QUEUE_URL": "https://sqs.example/HITS",
        "KEY_RING_SECRET": "key-ring",
        "TRACKING_URL": tracking_url,
        "CONFIGURATION_SET": "set",
    }
    command = [sys.executable, "-c", LOOP]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield TrackingProcess(process, aws)
    finally:
        process.communicate(timeout=10)
        aws.server.shutdown()
        aws.server.server_close()
