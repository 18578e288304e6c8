"""The right to send, taken a few mails at a time from what all workers share (rate.py), or the reason to wait.

What the account may do is asked of the mail service once a minute by one worker for all of them.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent
from chalicelib.sending.rate import GROUPS_A_ROW, Grid, Waiting, waiting_of
from chalicelib.store.rate import UNLIMITED, AccountLimits, AccountRow, Rate
from chalicelib.telemetry import logger

LOOK_SECONDS = 60
"""How old the account's limits may be. The mail service answers one such question a second, for all workers."""
_TRIES = 5
_UNKNOWN_FOR = timedelta(seconds=30)
"""How long nobody is asked again who did not tell the limits at all."""
_FIRST_GUESS_SECONDS = 0.02
"""What taking moments takes, before any was taken."""


class MustWait(NotSent):
    """Nothing may leave before `waiting.until`."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(f"{waiting.reason} until {waiting.until.isoformat()}", waiting.reason)
        self.waiting = waiting


class Allowance(NamedTuple):
    """What may leave now, as far as is known."""

    mails: int | None
    """None: no limit."""
    seconds: float
    """How long that many take at the account's rate."""


class Budget(Protocol):
    def allowance(self) -> Allowance:
        """How many mails may leave, without taking any. Raises MustWait when none may."""
        ...

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        """Moments, in epoch seconds and in order, at each of which one mail may leave: `count` at most.

        None when others have taken all of the near future: ask again soon. `seconds_a_mail`: the worker's own pace.
        Raises MustWait.
        """
        ...

    def block(self, waiting: Waiting) -> None:
        """Let no worker send until then: the mail service said so."""
        ...


class SharedBudget:
    """The mail service's own limits, kept by all workers together."""

    def __init__(
        self,
        rate: Rate,
        ask_limits: Callable[[], AccountLimits],
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._ask_limits = ask_limits
        self._clock = clock
        self._pause = pause
        self._row: AccountRow | None = None
        self._groups: dict[int, int] = {}
        self._groups_rate = 0.0
        self._seconds_a_take = _FIRST_GUESS_SECONDS
        self._reserved = 0

    def allowance(self) -> Allowance:
        account = self._sending_account()
        mails = account.left + self._reserved
        return Allowance(None, 0) if mails > UNLIMITED // 2 else Allowance(mails, mails / account.max_rate)

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        account = self._sending_account()
        if not self._reserved:
            self._reserved = self._quota(count)  # for all that is wanted: moments are taken a second's worth at a time
        moments = self._moments(Grid(account.max_rate), min(count, self._reserved), seconds_a_mail)
        self._reserved -= len(moments)
        return moments

    def block(self, waiting: Waiting) -> None:
        self._reserved = 0
        if waiting.reason is WaitReason.QUOTA:
            self._rate.record_exhausted()
        else:
            self._rate.record_blocked(waiting.reason.value, waiting.until)
        self._row = None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _sending_account(self) -> AccountRow:
        """The account, which may send. Raises MustWait."""
        account = self._account()
        waiting = waiting_of(account, self._now())
        if waiting is not None and not (waiting.reason is WaitReason.QUOTA and self._reserved):
            raise MustWait(waiting)
        return account

    def _account(self) -> AccountRow:
        """The account as last seen, its limits at most a minute old unless the mail service does not tell them."""
        for _ in range(_TRIES):
            if self._row is None:
                self._row = self._rate.find_account()
            if self._row is None or (self._now() - self._row.limits_at).total_seconds() >= LOOK_SECONDS:
                # What was reserved is counted as under way until the look after the next one, and no longer.
                self._reserved = 0
                self._row = self._look() or self._rate.find_account()
            if self._row is not None:
                return self._row
            self._pause(0.2)  # somebody else is asking for the first time
        raise MustWait(Waiting(WaitReason.MAIL_SERVICE, self._now() + _UNKNOWN_FOR))

    def _look(self) -> AccountRow | None:
        """What the mail service says now; None when somebody else asks it, or it does not answer."""
        now = self._now()
        if not self._rate.claim_look(now, LOOK_SECONDS):
            return None
        before = self._rate.find_account()
        try:
            limits = self._ask_limits()
        except (BotoCoreError, ClientError) as error:
            logger().warning("limits_not_told", extra={"words": str(error)})
            return None
        return self._rate.record_limits(limits, before, now)

    def _moments(self, grid: Grid, count: int, seconds_a_mail: float) -> list[float]:
        if grid.rate != self._groups_rate:
            self._groups, self._groups_rate = {}, grid.rate
        for _ in range(_TRIES):
            now = self._clock()
            self._groups = {group: taken for group, taken in self._groups.items() if grid.moment(group + 1, 0) > now}
            chosen = grid.choose(now + self._seconds_a_take, count, seconds_a_mail, self._groups)
            if not chosen:
                return []
            row = next(iter(chosen)) // GROUPS_A_ROW
            taken, counts = self._rate.take_positions(grid.rate, row, chosen, grid.positions_a_group, self._now())
            self._seconds_a_take += (self._clock() - now - self._seconds_a_take) / 4
            self._groups.update(counts)
            if taken:
                return list(grid.moments(chosen, counts))
        return []

    def _quota(self, count: int) -> int:
        """How many of `count` mails the quota lets leave."""
        while count:
            taken, row = self._rate.take_quota(count, self._now())
            self._row = row
            if taken:
                return count
            count = min(count - 1, max(row.left, 0)) if row else 0
        return 0


class OwnServer:
    """A server of the customer's own, which says itself when it takes no more: mails leave as fast as it takes them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._blocked: Waiting | None = None

    def allowance(self) -> Allowance:
        if self._blocked is not None and self._blocked.until.timestamp() > self._clock():
            raise MustWait(self._blocked)
        return Allowance(None, 0)

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        self.allowance()
        return [self._clock()]

    def block(self, waiting: Waiting) -> None:
        """For this worker: every other one finds out by itself."""
        self._blocked = waiting


def ses_limits(client: Any) -> AccountLimits:
    """What SES's GetAccount says."""
    quota = client.get_account()["SendQuota"]
    most = int(quota["Max24HourSend"])
    return AccountLimits(
        max_rate=float(quota["MaxSendRate"]),
        max_24_hours=None if most < 0 else most,
        sent_24_hours=int(quota["SentLast24Hours"]),
    )
