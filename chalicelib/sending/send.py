"""Send: handle a batch of messages, and put back or drop the leads that have to wait (waiting.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.model.errors import StoreError
from chalicelib.model.ids import CampaignId
from chalicelib.model.messages import SendMessage
from chalicelib.model.reasons import WaitReason
from chalicelib.sending.budget import Budget
from chalicelib.sending.deliver import Deliver
from chalicelib.sending.message_leads import Rest
from chalicelib.sending.rate import Waiting
from chalicelib.sending.waiting import OwnQueue, Wakes, looks_again_at
from chalicelib.sqs import Failures, QueueUnavailable
from chalicelib.telemetry import logger

_SHORT_MS = 30_000
"""With less time left, no mail is begun: the mail service may take 20 s to answer, and its answer must be recorded."""
SHORT_SECONDS = 60
"""The longest wait for which the message goes back to its queue; for a longer one the campaign waits."""
MOST_SHORT_WAITS = 8
"""How often in a row a message goes back; then the campaign waits."""
_BLOCKED_FOR = timedelta(minutes=5)
"""How long all workers wait when short waits have not helped."""


@dataclass(frozen=True, slots=True)
class Send:
    _deliver: Deliver
    _find_content: Callable[[CampaignId], LaunchedContent]
    _budget: Budget
    _wakes: Wakes
    _own_queue: OwnQueue
    _clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def send(self, batch: Mapping[str, SendMessage], time_is_short: Callable[[], bool]) -> list[str]:
        """Handle messages by their SQS ids; the ids of those that failed, which SQS delivers again.

        Waiting messages have not failed, so they are never dead-lettered.
        """
        failed: list[str] = []
        back: list[tuple[str, SendMessage, float]] = []
        returned = max((message.returned for message in batch.values()), default=0)
        behind = sum(len(message.lead_ids) for message in batch.values())
        for message_id, message in batch.items():
            behind -= len(message.lead_ids)
            try:
                content = self._find_content(message.campaign_id)
                rests = self._deliver.deliver_all(
                    content, message.unit, message.lead_ids, time_is_short, message.put_off, behind
                )
            except Exception:
                logger().exception("not_delivered", extra={"sqs_message": message_id})
                failed.append(message_id)
                continue
            for rest in rests:
                if not self._waits_for_a_wake(message, rest):
                    waits = message.waits + 1 if rest.waiting else 0
                    again = replace(message, lead_ids=rest.lead_ids, put_off=rest.put_off, waits=waits)
                    back.append((message_id, again, rest.after_seconds))
        try:
            self._own_queue.put_back(((message, seconds) for _, message, seconds in back), returned)
        except QueueUnavailable:
            logger().exception("not_put_back")
            failed += [message_id for message_id, _, _ in back]
        return list(dict.fromkeys(failed))

    def _waits_for_a_wake(self, message: SendMessage, rest: Rest) -> bool:
        """Whether these leads may be dropped, because the campaign waits and will be woken."""
        waiting = rest.waiting
        if waiting is None:
            return False
        is_short = waiting.reason is not WaitReason.QUOTA and rest.after_seconds <= SHORT_SECONDS
        if is_short and message.waits < MOST_SHORT_WAITS:
            return False
        now = self._clock()
        try:
            if is_short:
                waiting = Waiting(waiting.reason, now + _BLOCKED_FOR)
                self._budget.block(waiting)
            return self._wakes.wait(message.campaign_id, looks_again_at(waiting, now), waiting.reason.value)
        except StoreError:
            logger().warning("cannot_wait", exc_info=True, extra={"campaign_id": message.campaign_id})
            return False


def send_deliveries(event: dict[str, Any], context: Any, send: Send) -> Failures:
    """Handles Lambda's SQS event of send messages as one batch. Unreadable messages end in the dead-letter queue."""

    def time_is_short() -> bool:
        return bool(context.get_remaining_time_in_millis() < _SHORT_MS)

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
