"""What Lambda calls for the launch, plan and send queues: each message is read and given to whom it concerns."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.analytics.recount import Recount, RecountMessage
from chalicelib.model.messages import LaunchMessage, PlanMessage, RetryMessage, SendMessage
from chalicelib.sqs import for_each_record
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from chalicelib.sending.launch import Launch
    from chalicelib.sending.plan import Plan
    from chalicelib.sending.retry import MarkFailed
    from chalicelib.sending.send import Send

_SHORT_MS = 15_000
"""With less time left, planning hands over to a new message."""
_SENDING_SHORT_MS = 30_000
"""With less time left, no mail is begun: the mail service may take 20 s to answer, and its answer must be recorded."""


def launch_campaigns(event: dict[str, Any], launch: "Launch") -> Any:
    def handle(record: "SQSRecord") -> None:
        launch.handle(LaunchMessage.of(record.json_body), datetime.now(UTC))

    return for_each_record(event, handle)


def plan_pages(event: dict[str, Any], context: Any, plan: "Plan", mark_failed: "MarkFailed", recount: Recount) -> Any:
    def time_is_short() -> bool:
        return bool(context.get_remaining_time_in_millis() < _SHORT_MS)

    def handle(record: "SQSRecord") -> None:
        body = record.json_body
        if "recount" in body:
            recount.work(RecountMessage(**body))
        elif "retry_shard" in body:
            mark_failed.mark(RetryMessage(**body), time_is_short)
        else:
            plan.plan(PlanMessage(**body), time_is_short)

    return for_each_record(event, handle)


def send_deliveries(event: dict[str, Any], context: Any, send: "Send") -> Any:
    """Handles a batch as one: its messages share the budget. A message that cannot be read goes to the dead letters."""

    def time_is_short() -> bool:
        return bool(context.get_remaining_time_in_millis() < _SENDING_SHORT_MS)

    failed: list[str] = []
    batch: dict[str, SendMessage] = {}
    for record in event["Records"]:
        try:
            batch[record["messageId"]] = SendMessage.from_json(record["body"])
        except (KeyError, TypeError, ValueError):
            logger().exception("not_a_send_message", extra={"sqs_message": record["messageId"]})
            failed.append(record["messageId"])
    failed += send.send(batch, time_is_short)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
