"""Parked hits, applied as if they had just come: the other half of `hits.record`."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.settings import settings
from chalicelib.store.client import dynamodb
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.tracking.hits import Hit, apply


def replay_parked(event: dict[str, Any]) -> Any:
    """Lambda's SQS event of parked hits; those that fail again go back to the queue, one by one."""
    client = dynamodb()
    deliveries = Deliveries(client, settings().deliveries_table)
    leads = Leads(client, settings().leads_table)

    def replay(record: SQSRecord) -> None:
        apply(Hit.from_json(record.body), deliveries, leads)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=replay, processor=processor, context=None)
