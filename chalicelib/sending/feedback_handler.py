"""The function behind the queues of SES's reports, which their topics pass on unwrapped."""

from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.sending.feedback import Feedback, FeedbackOutcome
from chalicelib.sending.feedback_ses import read_event
from chalicelib.settings import burst_rule, settings
from chalicelib.store.client import dynamodb
from chalicelib.store.feedback import FeedbackRecords
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count, logger
from chalicelib.tracking.key_ring import deployed_key_ring


def apply_feedback(event: dict[str, Any]) -> Any:
    return apply_batch(_feedback(), event)


def apply_batch(feedback: Feedback, event: dict[str, Any]) -> Any:
    """What cannot be applied now goes back to its queue, what cannot be read ends in its dead letters.

    One line of the log says what became of a batch: there are as many reports as mails.
    """
    became: Counter[str] = Counter()

    def apply(record: SQSRecord) -> None:
        report = read_event(record.body)
        if report is None:
            return
        outcome = feedback.apply(report)
        if outcome is FeedbackOutcome.FORGED:
            logger().warning("feedback_forged", extra={"kind": report.kind.value, "sqs_message": record.message_id})
        became[f"{report.kind.value}_{outcome.value}"] += 1

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event=event, record_handler=apply, processor=processor)
    if became:
        count("feedback", {"Feedback": became.total()}, kind="batch", became=dict(became))
    return answer


@cache
def _feedback() -> Feedback:
    return Feedback(
        FeedbackRecords(dynamodb(), settings().deliveries_table, burst_rule()),
        Leads(dynamodb(), settings().leads_table),
        deployed_key_ring(settings().key_ring_secret),
    )
