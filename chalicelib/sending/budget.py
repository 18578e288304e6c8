"""When this worker may send its next mail: moments and quota, taken a few at a time from what all workers share.

One worker a minute asks the mail service for the account's limits, on behalf of all.

    Pacing, one per worker ── moments ── SharedBudget ─┬─ which moments: a grid (rate.py)
                                                       └─ what is taken: rows (store/rate.py)
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.model.reasons import WaitReason
from chalicelib.model.transport import NotSent
from chalicelib.sending.rate import GROUPS_A_ROW, HORIZON_SECONDS, LATENESS_SECONDS, Grid, Waiting, waiting_of
from chalicelib.store.rate import UNLIMITED, AccountLimits, AccountRow, SendRate
from chalicelib.telemetry import logger

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

LOOK_SECONDS = 60
"""How old the account's limits may be. SES answers one GetAccount a second per account."""
_TRIES = 5
_UNKNOWN_FOR = timedelta(seconds=30)
"""How long to wait if the mail service has never told its limits."""
_FIRST_GUESS_SECONDS = 0.02
"""The duration of a request for moments, until one was measured."""
_FIRST_PACE_SECONDS = 0.1
"""The duration of a mail, until one was measured."""


class MustWait(NotSent):
    """Nothing may leave before `waiting.until`."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.text, waiting.reason, waiting.until)
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

        Empty when others have taken all moments of the near future: ask again soon. `seconds_a_mail`: the worker's own
        pace. Raises MustWait.
        """
        ...

    def give_back(self, missed: Sequence[float]) -> None:
        """Moments that passed without a mail: what they took of the quota is free for this worker's next ones."""
        ...

    def block(self, waiting: Waiting) -> None:
        """Let no worker send until then: the mail service said so."""
        ...


@dataclass(slots=True)
class SharedBudget:
    """The limits of SES, which all workers together stay within."""

    _rate: SendRate
    _ask_limits: Callable[[], AccountLimits]
    _clock: Callable[[], float] = time.time
    _pause: Callable[[float], None] = time.sleep
    _row: AccountRow | None = None
    _groups: dict[int, int] = field(default_factory=dict)
    _groups_rate: float = 0.0
    _seconds_a_take: float = _FIRST_GUESS_SECONDS
    _reserved: int = 0

    def allowance(self) -> Allowance:
        account = self._sending_account()
        mails = account.left + self._reserved
        return Allowance(None, 0) if mails > UNLIMITED // 2 else Allowance(mails, mails / account.max_rate)

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        account = self._sending_account()
        if not self._reserved:
            # All that is wanted at once; moments are taken for about a second at a time.
            self._reserved = self._quota(count)
        moments = self._moments(Grid(account.max_rate), min(count, self._reserved), seconds_a_mail)
        self._reserved -= len(moments)
        return moments

    def give_back(self, missed: Sequence[float]) -> None:
        # Those before the last look have been counted as under way, and are free again for all.
        since = self._row.limits_at if self._row else self._now()
        self._reserved += sum(moment >= since.timestamp() for moment in missed)

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
        """The account's row, with limits at most a minute old unless the mail service does not answer."""
        for _ in range(_TRIES):
            if self._row is None:
                self._row = self._rate.find_account()
            if self._row is None or (self._now() - self._row.limits_at).total_seconds() >= LOOK_SECONDS:
                looked_at = self._row and self._row.limits_at
                self._row = self._look() or self._rate.find_account()
                if self._row is None or self._row.limits_at != looked_at:
                    # What was reserved is counted as under way until the look after the next one, and no longer.
                    self._reserved = 0
            if self._row is not None:
                return self._row
            self._pause(0.2)  # another worker is asking for the first time
        raise MustWait(Waiting(WaitReason.MAIL_SERVICE, self._now() + _UNKNOWN_FOR))

    def _look(self) -> AccountRow | None:
        """The limits as the mail service states them now; None if another worker is asking, or it does not answer."""
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


@dataclass(slots=True)
class OwnServer:
    """An SMTP server, which refuses mails itself when it can take no more: no limits are kept here."""

    _clock: Callable[[], float] = time.time
    _blocked: Waiting | None = None

    def allowance(self) -> Allowance:
        if self._blocked is not None and self._blocked.until.timestamp() > self._clock():
            raise MustWait(self._blocked)
        return Allowance(None, 0)

    def take(self, count: int, seconds_a_mail: float) -> Sequence[float]:
        self.allowance()
        return [self._clock()]

    def give_back(self, missed: Sequence[float]) -> None:
        """No quota is kept here."""

    def block(self, waiting: Waiting) -> None:
        """For this worker; others find out by themselves."""
        self._blocked = waiting


@dataclass(slots=True)
class Pacing:
    """Takes moments from the budget, waits for each, and drops missed ones.

    Not thread-safe. `clock` gives epoch seconds, `pause` sleeps for seconds.
    """

    _budget: Budget
    _clock: Callable[[], float] = time.time
    _pause: Callable[[float], None] = time.sleep
    _moments: deque[float] = field(default_factory=deque)
    _seconds_a_mail: float = _FIRST_PACE_SECONDS
    _busy_since: float = 0.0

    def secure(self, wanted: int, time_is_short: Callable[[], bool]) -> float:
        """The moment of the next mail, possibly just past; takes up to `wanted` moments if none is left.

        Raises MustWait, also when time is short and no moment is left.
        """
        while True:
            missed: list[float] = []
            while self._moments and self._moments[0] + LATENESS_SECONDS < self._clock():
                missed.append(self._moments.popleft())
            if missed:
                self._budget.give_back(missed)
            if self._moments:
                return self._moments[0]
            if time_is_short():
                raise MustWait(Waiting(WaitReason.RATE, datetime.fromtimestamp(self._clock(), UTC)))
            self._moments.extend(self._budget.take(wanted, self._seconds_a_mail))
            if not self._moments:
                # Random, so that workers do not ask at the same time.
                self.rest(HORIZON_SECONDS / 4 * random.uniform(0.5, 1.5))

    def wait(self, wanted: int, time_is_short: Callable[[], bool]) -> None:
        """Return at the next moment, and use it up. Raises MustWait."""
        while (ahead := self.secure(wanted, time_is_short) - self._clock()) > 0:
            self.rest(ahead)
        self._moments.popleft()

    def begin(self) -> None:
        """Start measuring how long a mail takes."""
        self._busy_since = self._clock()

    def rest(self, seconds: float) -> None:
        """Sleep, which does not count as part of a mail's duration."""
        self._pause(seconds)
        self._busy_since += seconds

    def end(self) -> None:
        """The mail has been handed over."""
        took = max(self._clock() - self._busy_since, 0.001)
        self._seconds_a_mail += (took - self._seconds_a_mail) / 4


def ses_limits(client: "SESV2Client") -> AccountLimits:
    """The limits in the answer to SES's GetAccount."""
    quota = client.get_account()["SendQuota"]
    most = int(quota["Max24HourSend"])
    return AccountLimits(
        max_rate=float(quota["MaxSendRate"]),
        max_24_hours=None if most < 0 else most,
        sent_24_hours=int(quota["SentLast24Hours"]),
    )
