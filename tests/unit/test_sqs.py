"""A batch of messages: what fails goes back to its queue, and the log says why."""

import json
from typing import Any

import pytest

from chalicelib.model.errors import StoreUnavailable
from chalicelib.sqs import for_each_record


def event(*bodies: str) -> dict[str, Any]:
    """Lambda's SQS event of messages with the ids 0, 1, ..."""
    record = {"eventSource": "aws:sqs"}
    return {"Records": [record | {"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(bodies)]}


class AnyError(Exception):
    """No error of the product's."""


def test_the_log_says_why_a_message_failed(caplog: pytest.LogCaptureFixture) -> None:
    """Its dead letter says nothing of it, and a message is redriven once the reason is corrected."""
    errors = {"defect": AnyError("no such thing"), "outage": StoreUnavailable("the table is away")}

    def handle(record: Any) -> None:
        if record.json_body in errors:
            raise errors[record.json_body]

    answer = for_each_record(event("well", "defect", "outage"), handle)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["1", "2"]
    defect, outage = caplog.records
    assert (defect.levelname, vars(defect)["sqs_message"]) == ("ERROR", "1")
    assert defect.exc_info is not None
    assert defect.exc_info[1] is errors["defect"]
    assert (outage.levelname, vars(outage)["sqs_message"]) == ("WARNING", "2")
    assert vars(outage)["cause"] == "StoreUnavailable('the table is away')"
    assert outage.exc_info is None, "an outage fails thousands of messages, and their traces are all the same"
