"""The function behind the feedback queue: SES's events, as its topic passes them on unwrapped, one by one."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.sending.feedback import Feedback, FeedbackOutcome
from chalicelib.sending.feedback_ses import read_event
from chalicelib.settings import settings
from chalicelib.store.client import dynamodb
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count, logger
from chalicelib.tracking.key_ring import deployed_key_ring


def apply_feedback(event: dict[str, Any]) -> Any:
    """What cannot be applied now goes back to the queue, what cannot be read ends in its dead letters."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_apply, processor=processor)


def _apply(record: SQSRecord) -> None:
    event = read_event(record.body)
    if event is None:
        return
    outcome = _feedback().apply(event)
    if outcome is FeedbackOutcome.FORGED:
        logger().warning("feedback_forged", extra={"kind": event.kind.value, "sqs_message": record.message_id})
    count("feedback", {"Feedback": 1}, kind=event.kind.value, outcome=outcome.value)


@cache
def _feedback() -> Feedback:
    return Feedback(
        FeedbackRecords(dynamodb(), settings().deliveries_table),
        Leads(dynamodb(), settings().leads_table),
        deployed_key_ring(settings().key_ring_secret),
    )
