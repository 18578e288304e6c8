"""The deployed stack stands: both APIs answer, every queue and the stream feed their function."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from local.stack import STACK_NAME, LocalStack


def fetch(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read()


def physical_name(stack: LocalStack, logical_id: str) -> str:
    cloudformation = stack.engine.client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def test_the_api_says_that_it_is_well(stack: LocalStack) -> None:
    status, headers, body = fetch(f"{stack.api_url}/v1/health")
    assert (status, headers.get_content_type()) == (200, "application/json")
    assert json.loads(body)["status"] == "ok"


def test_the_start_page_is_a_page(stack: LocalStack) -> None:
    status, headers, body = fetch(stack.web_url)
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert body


def test_the_token_opens_the_api(stack: LocalStack) -> None:
    assert fetch(f"{stack.api_url}/v1/campaigns")[0] == 401
    assert fetch(f"{stack.api_url}/v1/campaigns", headers={"Authorization": f"Bearer {stack.token}"})[0] == 200


@pytest.mark.parametrize("accept", [None, "image/webp,image/*", "*/*"])
def test_a_pixel_is_a_gif_whatever_the_mail_client_accepts(stack: LocalStack, accept: str | None) -> None:
    headers = {"Accept": accept} if accept else {}
    status, answered, body = fetch(f"{stack.tracking_url}/t/o/not-an-id.gif", headers=headers)
    assert (status, answered.get_content_type(), body[:6]) == (200, "image/gif", b"GIF89a")


def test_the_tracking_api_knows_no_other_path(stack: LocalStack) -> None:
    assert fetch(f"{stack.tracking_url}/v1/health")[0] == 404


def test_the_json_api_has_no_tracking_routes(stack: LocalStack) -> None:
    assert fetch(f"{stack.api_url}/t/o/not-an-id.gif")[0] in (403, 404)


def test_the_inbox_is_open(stack: LocalStack) -> None:
    status, _, body = fetch(f"{stack.inbox_url}/messages")
    assert (status, type(json.loads(body))) == (200, list)


@pytest.mark.parametrize(
    ("function", "source"),
    [
        ("Launch", "LaunchQueue"),
        ("Plan", "PlanQueue"),
        ("Send", "SendQueue"),
        ("ReplayHits", "HitsQueue"),
        ("Fold", "DeliveriesTable"),
    ],
)
def test_a_function_is_fed_by_the_templates_own_source(stack: LocalStack, function: str, source: str) -> None:
    mappings = stack.engine.client("lambda").list_event_source_mappings(FunctionName=physical_name(stack, function))
    (mapping,) = mappings["EventSourceMappings"]
    if source == "DeliveriesTable":
        table = stack.engine.client("dynamodb").describe_table(TableName=stack.outputs[source])["Table"]
        expected = table["LatestStreamArn"]
    else:
        queue = physical_name(stack, source)
        attributes = stack.engine.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        expected = attributes["Attributes"]["QueueArn"]
    assert mapping["EventSourceArn"] == expected
