"""Deliver: one campaign's mail to one lead, at most once, and not faster than all workers together may.

prepare ── reserve a moment ── claim ── wait for the moment ── hand over ── record
   │             │               │             │                  │          └── with the next lead's claim
   │             │               │             │                  ├── rejected: failed, with the service's words
   │             │               │             │                  ├── not sent: claim given back, comes again
   │             │               │             │                  ├── account refused: the same, campaign paused
   │             │               │             │                  └── outcome unknown: stays `sending`
   │             │               │             └── unsubscribed since its lead was read: skipped
   │             │               └── another worker has it: ended, or still `sending`: settled when it is old enough
   │             └── none (quota, throttled): this lead and all behind it come again later
   └── no mail: claimed as skipped or failed, and done

Before every lead the worker checks that the campaign is going (may_send.py). While it is paused or cancelled, no
delivery is begun; those that an earlier worker began are settled.

A worker that dies leaves at most two deliveries at `sending`: the one handed over, whose end was not recorded, and the
one claimed behind it. Neither is ever sent again by itself (docs/decisions/0036).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.model.addresses import without_address
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.reasons import FailureReason, SkipReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected, Transport
from chalicelib.sending.budget import Budget, MustWait, Pacing
from chalicelib.sending.message_leads import FreshLeads, Message, Rest
from chalicelib.sending.prepare import ended, prepare, unreachable
from chalicelib.sending.rate import LATENESS_SECONDS, Waiting
from chalicelib.store.claims import Claims
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import logger

OUTCOME_GRACE = timedelta(minutes=10)
"""How long a delivery may stand at `sending` before its outcome counts as unknown: far longer than any worker lives."""
_THROTTLED_PAUSES = (0.5, 1.0, 2.0)
_BLOCKED_SECONDS = {WaitReason.RATE: 10, WaitReason.QUOTA: 60}
"""How long all workers stop for a reason that concerns every mail."""
_OUT_OF_REACH_SECONDS = 30
"""How long this worker's leads wait for a reason that other workers may not meet."""
MOST_PUT_OFF = 19
"""A mail that was put off more often, for four hours, has failed: a campaign must come to its end."""


@dataclass(slots=True)
class Deliver:
    """One worker.

    `_is_going` says whether a campaign may send right now; `_stop` pauses one whose mails are refused, with the
    mail service's words; `pause` sleeps for seconds.
    """

    _leads: Leads
    _deliveries: Deliveries
    _claims: Claims
    _transport: Transport
    _budget: Budget
    _clock: Callable[[], datetime]
    _is_going: Callable[[CampaignId], bool]
    _stop: Callable[[CampaignId, str], None]
    pause: InitVar[Callable[[float], None]] = time.sleep
    _pacing: Pacing = field(init=False)

    def __post_init__(self, pause: Callable[[float], None]) -> None:
        self._pacing = Pacing(self._budget, self._seconds_now, pause)

    def deliver_all(
        self,
        content: LaunchedContent,
        unit: str,
        lead_ids: Sequence[LeadId],
        time_is_short: Callable[[], bool] = lambda: False,
        put_off: int = 0,
        behind: int = 0,
    ) -> list[Rest]:
        """End the named leads' deliveries, except for those in the answer.

        `put_off`: how often these leads' mails were put off before; `behind`: how many mails this worker has to send
        after these. If the campaign is not going, deliveries not begun are dropped: resuming enqueues them again.
        """
        campaign_id = content.campaign.campaign_id
        if self._is_going(campaign_id):
            try:
                self._budget.allowance()  # before any lead is read: most messages that have to wait end here
            except MustWait as must:
                return [self._rest(lead_ids, must, put_off)]
        recipients = FreshLeads(self._leads, lead_ids, self._seconds_now)
        with Message(content, unit, recipients, time_is_short, put_off, self._claims) as message:
            for number, lead_id in enumerate(lead_ids):
                left = lead_ids[number:]
                message.wanted = len(left) + behind
                if not self._is_going(campaign_id):
                    for begun in self._deliveries.find_many(campaign_id, left).values():
                        self._settle(begun, message)
                    break
                if time_is_short():
                    message.comes_again(Rest(tuple(left), 0, put_off))
                    break
                try:
                    self._deliver(lead_id, message)
                except MustWait as must:
                    message.comes_again(self._rest(left, must, put_off))
                    break
        return message.rests()

    def _rest(self, lead_ids: Sequence[LeadId], must: MustWait, put_off: int) -> Rest:
        seconds = max(0.0, (must.waiting.until - self._clock()).total_seconds())
        return Rest(tuple(lead_ids), seconds, put_off, must.waiting if seconds else None)

    def _deliver(self, lead_id: LeadId, message: Message) -> None:
        """One lead's delivery: each step goes on, or ends it for a stated reason. Raises MustWait if none may leave."""
        self._pacing.begin()
        prepared = prepare(message.content, message.unit, lead_id, message.recipients.find(lead_id), self._clock())
        if prepared.mail is None:
            self._claim(prepared.claim, message)  # as skipped or failed, and so it has ended
            return
        self._pacing.secure(message.wanted, message.time_is_short)
        claim = self._claim(prepared.claim, message)
        if claim is None:
            return
        self._send(claim, prepared.mail, message)
        self._pacing.end()

    def _claim(self, claim: Delivery, message: Message) -> Delivery | None:
        """The claim if it is ours; None when the delivery was claimed before and is not to be sent again."""
        with self._given_back_on_failure(claim):
            return claim if message.claim(claim) else self._claim_again(claim, message)

    def _claim_again(self, claim: Delivery, message: Message) -> Delivery | None:
        """As `_claim`, for a delivery that has a row already."""
        existing = self._deliveries.find(claim.campaign_id, claim.lead_id)
        if existing is None:  # given back between the claim and this look
            message.comes_again(Rest((claim.lead_id,), 0))
            return None
        if existing.nonce == claim.nonce:
            return claim  # our own: the claim was made, its answer lost, and its repetition refused
        if existing.status is DeliveryStatus.WAITING:  # for a retry that a marketer asked for (plan.py)
            again = replace(
                claim,
                claimed_at=existing.claimed_at,
                unit=existing.unit,
                retry=existing.retry,
                retried_at=self._clock(),
            )
            with self._given_back_on_failure(again):
                if self._deliveries.claim_again(again):
                    return again
        self._settle(existing, message)
        return None

    def _settle(self, existing: Delivery, message: Message) -> None:
        """End a delivery whose sender must have died; look at it again later while that is not certain."""
        if existing.status is DeliveryStatus.SENDING:
            remaining = existing.taken_at + OUTCOME_GRACE - self._clock()
            if remaining > timedelta(0):
                message.comes_again(Rest((existing.lead_id,), remaining.total_seconds() + 1))
                return
            self._deliveries.record_failed(
                existing,
                reason=FailureReason.OUTCOME_UNKNOWN.value,
                detail="the sender stopped between claiming this delivery and noting its end",
            )
        if existing.unit != message.unit and message.unit not in existing.replanned:
            self._deliveries.record_replanned(existing.campaign_id, existing.lead_id, message.unit)

    def _send(self, claim: Delivery, mail: OutgoingMail, message: Message) -> None:
        """Hand over a claimed delivery's mail at its moment. Raises MustWait if the mail service takes none now."""
        for pause in (0.0, *_THROTTLED_PAUSES):
            with self._given_back_on_failure(claim):
                if pause:
                    self._pacing.rest(pause)
                left_for = self._wait_for_moment(claim, message)
            if left_for is not None:
                end = ended(claim, left_for)
                message.record(claim, status=end.status.value, reason=end.reason)
                return
            try:
                message_id = self._transport.send(mail)
            except Rejected as error:
                message.record_failed(claim, error.reason, error)
            except OutcomeUnknown as error:
                words = without_address(str(error), mail.to_email)
                logger().warning("outcome_unknown", extra={"campaign_id": claim.campaign_id, "words": words})
                message.comes_again(Rest((claim.lead_id,), OUTCOME_GRACE.total_seconds() + 1))
            except NotSent as error:
                words = without_address(str(error), mail.to_email)
                logger().warning("not_sent", extra={"campaign_id": claim.campaign_id, "words": words})
                if error.waits_for is WaitReason.RATE and pause != _THROTTLED_PAUSES[-1]:
                    continue
                if error.waits_for is WaitReason.PUT_OFF and message.put_off >= MOST_PUT_OFF:
                    message.record_failed(claim, FailureReason.REJECTED, error)
                    return
                with self._given_back_on_failure(claim):  # a second time, if the first one fails
                    self._deliveries.release(claim)
                if isinstance(error, AccountRefused):
                    self._stop(claim.campaign_id, words)
                elif error.waits_for is WaitReason.PUT_OFF:
                    self._put_off(claim, message)
                else:
                    raise self._all_must_wait(error) from error
            else:
                message.record(claim, status="sent", sent_at=self._clock(), message_id=message_id)
            return

    def _wait_for_moment(self, claim: Delivery, message: Message) -> FailureReason | SkipReason | None:
        """Return when the mail may leave; or at once, with the reason, when its lead must not be mailed any more.

        If what is known of the lead will be too old at that moment, it is read again before, so that the read does not
        cost the moment.
        """
        recipients = message.recipients
        while True:
            moment = self._pacing.secure(message.wanted, message.time_is_short)
            if recipients.is_known_at(claim.lead_id, moment + LATENESS_SECONDS):
                self._pacing.wait(message.wanted, message.time_is_short)
                if recipients.is_known_at(claim.lead_id, self._seconds_now()):
                    return None
            else:
                self._pacing.rest(max(0.0, moment - recipients.read_ahead_seconds - self._seconds_now()))
                recipients.read_again(claim.lead_id)
                reason = unreachable(recipients.find(claim.lead_id))
                if reason is not None:
                    return reason

    def _put_off(self, claim: Delivery, message: Message) -> None:
        """The server takes this mail later: one minute, two, four, eight, then a quarter of an hour each time."""
        seconds = float(min(60 * 2**message.put_off, 900))
        message.comes_again(Rest((claim.lead_id,), seconds, message.put_off + 1))

    def _all_must_wait(self, error: NotSent) -> MustWait:
        seconds = _BLOCKED_SECONDS.get(error.waits_for, _OUT_OF_REACH_SECONDS)
        waiting = Waiting(error.waits_for, self._clock() + timedelta(seconds=seconds))
        if error.waits_for in _BLOCKED_SECONDS:
            self._budget.block(waiting)
        return MustWait(waiting)

    @contextmanager
    def _given_back_on_failure(self, claim: Delivery) -> Iterator[None]:
        """Give a claim back whose mail has certainly not left: only this worker knows that."""
        try:
            yield
        except Exception:  # an error of ours included: what stays claimed is never sent
            self._deliveries.release(claim)
            raise

    def _seconds_now(self) -> float:
        return self._clock().timestamp()
