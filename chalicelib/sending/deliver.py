"""Deliver: one campaign's mail to one lead, at most once, and not faster than all workers together may.

prepare ──── take a turn ──── claim ──── wait for the turn ──── hand over ── record
   │             │                  │             │                  │          └── with the next lead's claim
   │             │                  │             │                  ├── rejected: failed, with the service's words
   │             │                  │             │                  ├── not sent: claim given back, comes again
   │             │                  │             │                  ├── account refused: the same, campaign paused
   │             │                  │             │                  └── outcome unknown: stays `sending`
   │             │                  │             └── has left since its lead was read: skipped (recipients.py)
   │             │                  └── somebody has it: ended, or still `sending`: settled when it is old enough
   │             └── none (quota, throttled): this lead and all behind it come again later
   └── no mail: claimed as skipped or failed, and done

Before every lead it is asked whether the campaign is going (may_send.py). While it is paused or cancelled nothing is
begun; what an earlier worker has begun is settled all the same.

A worker that dies leaves at most two deliveries at `sending`: the one handed over, whose end was not noted, and the one
claimed behind it. Neither is ever sent again by itself (docs/decisions/0036).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.campaigns.launched_content import LaunchedContent
from chalicelib.model.delivery import Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.reasons import FailureReason, SkipReason, WaitReason
from chalicelib.model.transport import AccountRefused, NotSent, OutcomeUnknown, OutgoingMail, Rejected, Transport
from chalicelib.sending.budget import Budget, MustWait
from chalicelib.sending.pacing import Pacing
from chalicelib.sending.prepare import MOST_DETAIL, ended, prepare, unreachable
from chalicelib.sending.rate import LATENESS_SECONDS, Waiting
from chalicelib.sending.recipients import Recipients
from chalicelib.store.claims import Claims, Ending
from chalicelib.store.client import StoreError
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.telemetry import count, logger

OUTCOME_GRACE = timedelta(minutes=10)
"""How long a delivery may stand at `sending` before its outcome counts as unknown: far longer than any worker lives."""
_THROTTLED_PAUSES = (0.5, 1.0, 2.0)
_BLOCKED_SECONDS = {WaitReason.RATE: 10, WaitReason.QUOTA: 60}
"""What concerns all mails: so long nobody tries."""
_OUT_OF_REACH_SECONDS = 30
"""What other workers may not meet: so long this one's leads wait."""
MOST_PUT_OFF = 19
"""A mail that was put off more often, for four hours, has failed: a campaign must come to its end."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Leads whose delivery has not come to an end, and when to try again."""

    lead_ids: tuple[LeadId, ...]
    after_seconds: float
    put_off: int = 0
    """How often their mails were put off."""
    waiting: Waiting | None = None
    """What all mails wait for, where that is why."""


class Deliver:
    """One worker. `is_going` says whether a campaign may send right now, `stop` pauses it; `pause` sleeps seconds."""

    def __init__(
        self,
        leads: Leads,
        deliveries: Deliveries,
        claims: Claims,
        transport: Transport,
        budget: Budget,
        clock: Callable[[], datetime],
        is_going: Callable[[CampaignId], bool],
        stop: Callable[[CampaignId, str], bool],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._leads = leads
        self._deliveries = deliveries
        self._claims = claims
        self._transport = transport
        self._budget = budget
        self._clock = clock
        self._is_going = is_going
        self._stop = stop
        self._pacing = Pacing(budget, self._seconds_now, pause)

    def deliver_all(
        self,
        content: LaunchedContent,
        unit: str,
        lead_ids: Sequence[LeadId],
        time_is_short: Callable[[], bool] = lambda: False,
        put_off: int = 0,
        behind: int = 0,
    ) -> list[Rest]:
        """Bring the named leads' deliveries to an end, but for those that the answer names.

        `put_off`: how often these leads' mails were put off before; `behind`: how many mails this worker has to send
        after these.

        When the campaign does not go, or no longer, what was not begun is done with: resuming enqueues it anew.
        """
        campaign_id = content.campaign.campaign_id
        if self._is_going(campaign_id):
            try:
                self._budget.allowance()  # asked before any lead is read: most of what waits ends here
            except MustWait as must:
                return [self._rest(lead_ids, must, put_off)]
        recipients = Recipients(self._leads, lead_ids, self._seconds_now)
        rests: list[Rest] = []
        ending: Ending | None = None
        try:
            for number, lead_id in enumerate(lead_ids):
                if not self._is_going(campaign_id):
                    begun = self._deliveries.find_many(campaign_id, lead_ids[number:])
                    rests += [rest for each in begun.values() if (rest := self._settle(each, unit))]
                    break
                if time_is_short():
                    rests.append(Rest(tuple(lead_ids[number:]), 0, put_off))
                    break
                wanted = len(lead_ids) - number + behind
                self._pacing.begin()
                prepared = prepare(content, unit, lead_id, recipients.find(lead_id), self._clock())
                try:
                    if prepared.mail is not None:
                        self._pacing.secure(wanted, time_is_short)
                    if ending is not None and ending.concerns(prepared.claim):
                        self._record(ending)
                        ending = None
                    claim, rest = self._take(prepared.claim, ending)
                    ending = None
                    rests += [rest] if rest else []
                    if claim is not None and prepared.mail is not None:
                        turn = partial(self._wait_for_turn, claim, recipients, wanted, time_is_short)
                        came_to = self._hand_over(claim, prepared.mail, turn, put_off)
                        if isinstance(came_to, Ending):
                            ending = came_to
                        elif came_to is not None:
                            rests.append(came_to)
                        self._pacing.end()
                except MustWait as must:
                    rests.append(self._rest(lead_ids[number:], must, put_off))
                    break
        except Exception:
            if ending is not None:
                self._record(ending)
            raise
        if ending is not None:
            self._record(ending)
        return _together(rests)

    def _rest(self, lead_ids: Sequence[LeadId], must: MustWait, put_off: int) -> Rest:
        seconds = max(0.0, (must.waiting.until - self._clock()).total_seconds())
        return Rest(tuple(lead_ids), seconds, put_off, must.waiting if seconds else None)

    def _take(self, claim: Delivery, ending: Ending | None) -> tuple[Delivery | None, Rest | None]:
        """Claim a delivery, and record another's end: the claim if it is ours; else what is left to do."""
        with self._given_back_unless_answered(claim):
            (claimed,), _ = self._claims.claim_and_record([claim], [ending] if ending else [])
            return (claim, None) if claimed else self._look_at_other(claim)

    def _record(self, ending: Ending) -> None:
        self._claims.claim_and_record([], [ending])

    def _wait_for_turn(
        self, claim: Delivery, recipients: Recipients, wanted: int, time_is_short: Callable[[], bool]
    ) -> FailureReason | SkipReason | None:
        """Return when the mail may leave; or at once, and why, when its lead must not be mailed any more.

        A lead of whom too little will be known then is read again before, so that the read costs no turn.
        """
        while True:
            moment = self._pacing.secure(wanted, time_is_short)
            if recipients.is_known_at(claim.lead_id, moment + LATENESS_SECONDS):
                self._pacing.wait(wanted, time_is_short)
                if recipients.is_known_at(claim.lead_id, self._seconds_now()):
                    return None
            else:
                self._pacing.rest(max(0.0, moment - recipients.read_ahead_seconds - self._seconds_now()))
                recipients.read_again(claim.lead_id)
                reason = unreachable(recipients.find(claim.lead_id))
                if reason is not None:
                    return reason

    def _hand_over(
        self, claim: Delivery, mail: OutgoingMail, turn: Callable[[], FailureReason | SkipReason | None], put_off: int
    ) -> Ending | Rest | None:
        """How a claimed delivery ended, or when to look at it again; None when its campaign was paused instead.

        Raises MustWait, with the claim given back.

        `turn` is `_wait_for_turn`.
        """
        pauses = list(_THROTTLED_PAUSES)
        while True:
            try:
                with self._given_back_unless_answered(claim):
                    reason = turn()
                if reason is not None:
                    end = ended(claim, reason)
                    return Ending(claim, {"status": end.status.value, "reason": end.reason})
                message_id = self._transport.send(mail)
            except Rejected as error:
                return _failed(claim, error.reason, error)
            except OutcomeUnknown as error:
                logger().warning("outcome_unknown", extra={"campaign_id": claim.campaign_id, "words": str(error)})
                return Rest((claim.lead_id,), OUTCOME_GRACE.total_seconds() + 1)
            except MustWait:
                self._release(claim)
                raise
            except AccountRefused as error:
                self._release(claim)
                if self._stop(claim.campaign_id, f"Paused by itself: {error} Then resume it."):
                    count(
                        "campaign_paused",
                        {"CampaignsPaused": 1},
                        kind="mail_service",
                        level="WARNING",
                        campaign_id=claim.campaign_id,
                        reason=str(error),
                    )
                return None
            except NotSent as error:
                logger().warning("not_sent", extra={"campaign_id": claim.campaign_id, "words": str(error)})
                if error.waits_for is WaitReason.RATE and pauses:
                    self._pacing.rest(pauses.pop(0))
                    continue
                if error.waits_for is WaitReason.PUT_OFF and put_off >= MOST_PUT_OFF:
                    return _failed(claim, FailureReason.REJECTED, error)
                self._release(claim)
                if error.waits_for is WaitReason.PUT_OFF:
                    return Rest((claim.lead_id,), _put_off_seconds(put_off), put_off + 1)
                seconds = _BLOCKED_SECONDS.get(error.waits_for, _OUT_OF_REACH_SECONDS)
                waiting = Waiting(error.waits_for, self._clock() + timedelta(seconds=seconds))
                if error.waits_for in _BLOCKED_SECONDS:
                    self._budget.block(waiting)
                raise MustWait(waiting) from error
            sent: dict[str, object] = {"status": "sent", "sent_at": self._clock(), "message_id": message_id}
            return Ending(claim, sent)

    def _seconds_now(self) -> float:
        return self._clock().timestamp()

    def _release(self, claim: Delivery) -> None:
        self._deliveries.release(claim)

    @contextmanager
    def _given_back_unless_answered(self, claim: Delivery) -> Iterator[None]:
        """Around what the store must answer before the mail: nobody but this worker knows that nothing has left."""
        try:
            yield
        except StoreError:
            self._release(claim)
            raise

    def _look_at_other(self, claim: Delivery) -> tuple[Delivery | None, Rest | None]:
        """Look at a delivery that was claimed before: the claim, if it is to be sent again; else what is left to do."""
        existing = self._deliveries.find(claim.campaign_id, claim.lead_id)
        if existing is None:
            return None, Rest((claim.lead_id,), 0)  # given back between the claim and this look
        if existing.nonce == claim.nonce:
            return claim, None  # our own: the claim was made, its answer lost, and its repetition refused
        if existing.status is DeliveryStatus.WAITING:  # a marketer has asked for it (retry.py)
            again = replace(
                claim,
                claimed_at=existing.claimed_at,
                unit=existing.unit,
                retry=existing.retry,
                retried_at=self._clock(),
            )
            with self._given_back_unless_answered(again):
                claimed = self._deliveries.claim_again(again)
            if claimed:
                return again, None
        return None, self._settle(existing, claim.unit)

    def _settle(self, existing: Delivery, unit: str) -> Rest | None:
        """End a delivery whose sender must have died; None when it has ended, now or before."""
        if existing.status is DeliveryStatus.SENDING:
            remaining = existing.taken_at + OUTCOME_GRACE - self._clock()
            if remaining > timedelta(0):
                return Rest((existing.lead_id,), remaining.total_seconds() + 1)
            self._deliveries.record_failed(
                existing,
                reason=FailureReason.OUTCOME_UNKNOWN.value,
                detail="the sender stopped between claiming this delivery and noting its end",
            )
        if existing.unit != unit and unit not in existing.replanned:
            self._deliveries.record_replanned(existing.campaign_id, existing.lead_id, unit)
        return None


def _failed(claim: Delivery, reason: FailureReason, error: Exception) -> Ending:
    values = {"status": "failed", "reason": reason.value, "detail": str(error)[:MOST_DETAIL]}
    return Ending(claim, values)


def _put_off_seconds(put_off: int) -> float:
    """One minute, two, four, eight, then a quarter of an hour each time: greylisting takes some minutes."""
    return float(min(60 * 2**put_off, 900))


def _together(rests: Sequence[Rest]) -> list[Rest]:
    """Rests that wait equally as one: each is a message of its own."""
    leads: dict[tuple[float, int, Waiting | None], tuple[LeadId, ...]] = {}
    for rest in rests:
        waits = (rest.after_seconds, rest.put_off, rest.waiting)
        leads[waits] = leads.get(waits, ()) + rest.lead_ids
    return [Rest(lead_ids, *waits) for waits, lead_ids in leads.items()]
