"""Stacks that run, for the commands of a second terminal: the local one, or one on AWS."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3

from local.cloudformation import find_stack, outputs_of
from local.console import NotReady
from local.ministack import client
from local.stack import DEFAULTS, STACK_FILE, STACK_NAME


@dataclass(frozen=True, slots=True)
class Api:
    """The JSON API of a stack, for one token."""

    url: str
    token: str

    def __call__(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """One request, whose body is bytes or goes as JSON; {} for an empty answer.

        Raises NotReady with the problem's detail when refused.
        """
        headers = {"Authorization": f"Bearer {self.token}"} | ({} if body is None else {"Content-Type": content_type})
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                raw = response.read()
                answer: dict[str, Any] = json.loads(raw) if raw else {}
                return answer
        except urllib.error.HTTPError as refusal:
            detail = refusal.read().decode(errors="replace")
            raise NotReady(f"The API answers {refusal.code} to {method} {path}: {detail}") from None

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Everything in a list, page by page."""
        cursor = ""
        while True:
            page = self("GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
            yield from page["items"]
            if page["cursor"] is None:
                return
            cursor = f"&cursor={page['cursor']}"


@dataclass(frozen=True, slots=True)
class RunningStack:
    """Where a stack that somebody else started can be reached."""

    api_url: str
    tracking_url: str
    web_url: str
    inbox_url: str
    token: str

    @property
    def api(self) -> Api:
        return Api(self.api_url, self.token)

    @property
    def endpoint(self) -> str:
        """Of the engine beneath it."""
        origin = urlsplit(self.api_url)
        return f"{origin.scheme}://{origin.netloc}"

    def client(self, service: str) -> Any:
        """A boto3 client for the engine beneath it, with an administrator's rights."""
        return client(service, self.endpoint)

    def outputs(self) -> dict[str, str]:
        """The CloudFormation stack's outputs: names of tables, queues and so on."""
        stack = self.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def clients_and_outputs(stack: str | None) -> tuple[Callable[[str], Any], dict[str, str]]:
    """What makes boto3 clients, and the stack's outputs: of one on AWS by its name, or (None) of the local stack.

    Raises NotReady when there is no such stack.
    """
    if stack is None:
        local = running_stack()
        return local.client, local.outputs()
    found = find_stack(boto3.client("cloudformation"), stack)
    if found is None:
        raise NotReady(f"There is no stack {stack} in this account and region.")
    return boto3.client, outputs_of(found)


def client_and_name(service: str, name: str | None, output: str) -> tuple[Any, str]:
    """A service's client and the resource to work on: one on AWS by its name, or (None) the local stack's output."""
    if name is not None:
        return boto3.client(service), name
    local = running_stack()
    return local.client(service), local.outputs()[output]


def running_stack() -> RunningStack:
    """The stack of this tree. Raises NotReady when none runs."""
    file = DEFAULTS.folder / STACK_FILE
    if not file.exists():
        raise NotReady("No local stack is running here. Start one in another terminal: make run")
    return RunningStack(**json.loads(file.read_text()))
