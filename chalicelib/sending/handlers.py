"""The functions behind the three queues: made from the settings once per process, one record at a time."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.campaigns import launched_content as content
from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.campaigns.lifecycle import deployed_lifecycle
from chalicelib.crm.audience import Audiences
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import LaunchMessage, PlanMessage, RetryMessage, SendMessage
from chalicelib.scheduler import Schedules, scheduler
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.may_send import SendPermission
from chalicelib.sending.send import Send
from chalicelib.sending.waiting import OwnQueue, Wakes
from chalicelib.settings import burst_rule, settings
from chalicelib.sqs import Queue, sqs
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.claims import Claims
from chalicelib.store.client import dynamodb, dynamodb_for_sending
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans
from chalicelib.store.retries import Retries
from chalicelib.telemetry import logger
from chalicelib.tracking.key_ring import KeyRingSource, deployed_key_ring

_SHORT_MS = 15_000
"""Less time than this left, and planning hands over to a new message."""
_SENDING_SHORT_MS = 30_000
"""Less time than this left, and no mail is begun: the mail service may take 20 s to answer, and its end be noted."""
_CAMPAIGNS_KEPT = 8
"""Compiled contents kept in a worker's memory: a few megabytes."""


def launch_campaigns(event: dict[str, Any]) -> Any:
    from chalicelib.sending.launch import Launch  # the compiler is needed by this function alone
    from chalicelib.sending.transports.chosen import deployed_account, deployed_budget

    launch = Launch(
        _campaigns(),
        _audiences(),
        deployed_account(settings()),
        _plans(),
        _retries(),
        Queue(sqs(), settings().plan_queue_url),
        _keys(),
        settings().tracking_url,
        deployed_budget(settings()),
        _wakes(),
    )
    return _each(event, lambda body: launch.handle(LaunchMessage.of(body), datetime.now(UTC)))


def plan_pages(event: dict[str, Any], context: Any) -> Any:
    from chalicelib.analytics.recount import Recount, RecountMessage
    from chalicelib.sending.plan import Plan
    from chalicelib.sending.retry import MarkFailed

    deliveries = Deliveries(dynamodb(), settings().deliveries_table, burst_rule())
    plan_queue, send_queue = Queue(sqs(), settings().plan_queue_url), Queue(sqs(), settings().send_queue_url)
    own_queue = OwnQueue(plan_queue, settings().plan_queue_arn, _schedules())
    advance = deployed_lifecycle().advance
    plan = Plan(_campaigns(), _audiences(), deliveries, _plans(), own_queue, send_queue, advance, _wakes())
    mark_failed = MarkFailed(_campaigns(), _retries(), deliveries, send_queue, own_queue, advance)

    all_rows = Deliveries(dynamodb_for_sending(), settings().deliveries_table, burst_rule())
    recount = Recount(dynamodb(), settings().campaigns_table, all_rows, plan_queue, advance)

    def time_is_short() -> bool:
        return bool(context.get_remaining_time_in_millis() < _SHORT_MS)

    def handle(body: dict[str, Any]) -> None:
        if "recount" in body:
            recount.work(RecountMessage(**body))
        elif "retry_shard" in body:
            mark_failed.mark(RetryMessage(**body), time_is_short)
        else:
            plan.plan(PlanMessage(**body), time_is_short)

    return _each(event, handle)


def send_deliveries(event: dict[str, Any], context: Any) -> Any:
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
    failed += _send().send(batch, time_is_short)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _each(event: dict[str, Any], handle: Callable[[dict[str, Any]], None]) -> Any:
    """Every record by itself: those that raise go back to the queue, and to its dead-letter queue in the end."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    def record_handler(record: SQSRecord) -> None:
        handle(record.json_body)

    return process_partial_response(event=event, record_handler=record_handler, processor=processor)


_content_kept: OrderedDict[CampaignId, LaunchedContent] = OrderedDict()


def _launched(campaign_id: CampaignId) -> LaunchedContent:
    if campaign_id not in _content_kept:
        _content_kept[campaign_id] = content.load(_campaigns(), _keys(), settings().tracking_url, campaign_id)
        if len(_content_kept) > _CAMPAIGNS_KEPT:
            _content_kept.popitem(last=False)
    return _content_kept[campaign_id]


@cache
def _send() -> Send:
    from chalicelib.sending.transports.chosen import deployed_budget, deployed_transport

    permission, budget = SendPermission(_campaigns()), deployed_budget(settings())
    deliver = Deliver(
        Leads(dynamodb(), settings().leads_table),
        Deliveries(dynamodb(), settings().deliveries_table, burst_rule()),
        Claims(dynamodb_for_sending(), settings().deliveries_table),
        deployed_transport(settings()),
        budget,
        lambda: datetime.now(UTC),
        permission.is_going,
        permission.pause,
    )
    own_queue = OwnQueue(Queue(sqs(), settings().send_queue_url), settings().send_queue_arn, _schedules())
    return Send(deliver, _launched, budget, _wakes(), own_queue)


@cache
def _wakes() -> Wakes:
    return Wakes(_campaigns(), _schedules(), settings().launch_queue_arn)


@cache
def _schedules() -> Schedules:
    return Schedules(
        scheduler,
        group=settings().schedule_group,
        role_arn=settings().schedule_role,
        launch_queue_arn=settings().launch_queue_arn,
    )


def _campaigns() -> Campaigns:
    return Campaigns(dynamodb(), settings().campaigns_table)


def _audiences() -> Audiences:
    return Audiences(
        Leads(dynamodb(), settings().leads_table), Deliveries(dynamodb(), settings().deliveries_table, burst_rule())
    )


def _plans() -> Plans:
    return Plans(dynamodb(), settings().campaigns_table)


def _retries() -> Retries:
    return Retries(dynamodb(), settings().campaigns_table)


def _keys() -> KeyRingSource:
    return deployed_key_ring(settings().key_ring_secret)
