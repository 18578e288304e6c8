"""The grid of moments at which mails may leave, and why an account waits. Pure arithmetic (docs/decisions/0035).

    |0 1 2 3|4 5 6 7|8 9 . .|   positions, one step apart, in groups; a row of the store holds forty groups' counts

Every position of the grid belongs to one mail, which leaves at most `LATENESS_SECONDS` after it, or not on it. A step
is so much longer than the account's rate asks for that no second, wherever it begins, sees more than the rate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor

from chalicelib.model.reasons import WaitReason
from chalicelib.store.rate import HISTORY_SECONDS, AccountRow

LATENESS_SECONDS = 0.05
"""How long after its moment a mail may still leave."""
_MARGIN_SECONDS = LATENESS_SECONDS + 0.01
"""Lateness, and 10 ms for differing network latency. It costs this share of the rate: 5.7 %."""
HORIZON_SECONDS = 2.0
"""How far ahead moments are taken, and so how long a worker holds a claim."""
GROUPS_A_ROW = 40
_GROUP_SECONDS = 0.025
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Grid:
    """Moments since 1970 at which one mail each may leave, for a rate in mails a second."""

    rate: float

    @property
    def step_seconds(self) -> float:
        return (1 + _MARGIN_SECONDS) / self.rate

    @property
    def positions_a_group(self) -> int:
        return max(1, round(_GROUP_SECONDS / self.step_seconds))

    @property
    def group_seconds(self) -> float:
        return self.positions_a_group * self.step_seconds

    def moment(self, group: int, position: int) -> float:
        """Seconds since 1970."""
        return (group * self.positions_a_group + position) * self.step_seconds

    def choose(self, start: float, count: int, seconds_a_mail: float, taken: Mapping[int, int]) -> dict[int, int]:
        """How many positions to take of which groups, all of one row; none when all within the horizon are taken.

        At a worker's own pace: it can use one position after each `seconds_a_mail`, from `start` on. `taken`: what is
        known of the groups.
        """
        group = floor(start / self.group_seconds) + 1
        last = max(group + 2, floor((start + HORIZON_SECONDS) / self.group_seconds))
        begin = group * self.group_seconds
        chosen: dict[int, int] = {}
        number = 0
        while number < count:
            group = max(group, floor((begin + number * seconds_a_mail) / self.group_seconds))
            if group > last or (chosen and group // GROUPS_A_ROW != next(iter(chosen)) // GROUPS_A_ROW):
                break
            if taken.get(group, 0) + chosen.get(group, 0) < self.positions_a_group:
                chosen[group] = chosen.get(group, 0) + 1
                number += 1
            else:
                group += 1
                begin = max(begin, group * self.group_seconds - number * seconds_a_mail)
        return chosen

    def moments(self, chosen: Mapping[int, int], taken_after: Mapping[int, int]) -> Iterator[float]:
        """The moments that were taken, in order: the last `chosen` ones of each group's `taken_after`."""
        for group in sorted(chosen):
            end = taken_after[group]
            yield from (self.moment(group, position) for position in range(end - chosen[group], end))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why no mails leave now, and until about when."""

    reason: WaitReason
    until: datetime

    @property
    def text(self) -> str:
        """The reason in words, for the marketer. `until` is shown in the reader's own time zone."""
        return f"Waiting for {_WAITING_FOR[self.reason]}."


_WAITING_FOR = {
    WaitReason.QUOTA: "the sending quota",
    WaitReason.RATE: "the mail service, which takes no more emails at the moment",
    WaitReason.PUT_OFF: "the mail service",
    WaitReason.MAIL_SERVICE: "the mail service",
}


def waiting_of(row: AccountRow, now: datetime) -> Waiting | None:
    """Why the account waits, according to its row; None when it may send."""
    if row.blocked is not None and row.blocked_until > now:
        return Waiting(WaitReason(row.blocked), row.blocked_until)
    if row.left <= 0:
        return Waiting(WaitReason.QUOTA, quota_resumes_at(row, now))
    return None


def quota_resumes_at(row: AccountRow, now: datetime) -> datetime:
    """When the oldest mails of the last 24 hours begin to leave the quota's window, to half an hour.

    What others sent from the same account is not known: then the next look at the account is named.
    """
    for start in sorted(row.history):
        ends_at = datetime.fromtimestamp(start + HISTORY_SECONDS, UTC) + _DAY
        if ends_at > now and row.history[start] > 0:
            return max(ends_at - timedelta(seconds=HISTORY_SECONDS), now + timedelta(minutes=1))
    return now + timedelta(minutes=15)
