"""The sending account's budget, shared by all workers: positions taken, and what is left of the 24-hour quota.

One row holds what the account may send and how much of it was taken; one row for each second, about, holds how many
positions of that second's groups are taken. A worker takes several positions with one write.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Self

from chalicelib.store import keys
from chalicelib.store.client import Item, Readers, from_item, noun_of
from chalicelib.store.statements import Update, above, at_least, at_most, below, missing
from chalicelib.store.table import TableStore

HISTORY_SECONDS = 1800
"""What was taken is kept by the half hour, for 25 hours."""
_HISTORY_KEPT = 50
_ROW_LIVES_SECONDS = 3600
UNLIMITED = 10**12


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What the mail service said of the account."""

    max_rate: float
    """Mails a second."""
    max_24_hours: int | None
    """None: no quota."""
    sent_24_hours: int


@dataclass(frozen=True, slots=True)
class AccountRow:
    max_rate: float
    left: int
    """Mails that may still be taken before the limits are asked for again."""
    taken: int
    """All mails ever taken."""
    taken_before: int
    """... when the limits were last asked for."""
    limits_at: datetime
    checked_at: int
    """Epoch seconds when a worker last claimed to ask for the limits."""
    blocked: str | None
    """Why nothing may leave for the moment: a word of WaitReason in model/reasons.py."""
    blocked_until: datetime
    history: Mapping[int, int]
    """Mails taken, by the start of the half hour in epoch seconds."""

    @classmethod
    def from_item(cls, item: Item) -> Self | None:
        """None while the row holds only a claim to ask for the limits."""
        values = from_item(item)
        if "max_rate" not in values:
            return None
        history = {
            int(name[1:]) * HISTORY_SECONDS: value
            for name, value in values.items()
            if name[0] == "h" and name[1:].isdigit()
        }
        return noun_of(cls, {"blocked_until": 0} | values, _READ, left=values["left_now"], history=history)


_TIME = partial(datetime.fromtimestamp, tz=UTC)
_READ: Readers = {"limits_at": _TIME, "blocked_until": _TIME}


class SendRate(TableStore):
    """The budget's rows, in the campaigns table. Every method may raise StoreUnavailable."""

    def take_positions(
        self, rate: float, row: int, chosen: Mapping[int, int], positions_a_group: int, now: datetime
    ) -> tuple[bool, dict[int, int]]:
        """Take all of `chosen` (how many of which group) or nothing; and how many of each group are taken now.

        `row`: number of the row that holds these groups. All groups of the row are told.
        """
        update = self._table.update(keys.rate_positions(rate, row))
        update.set(expires_at=int(now.timestamp()) + _ROW_LIVES_SECONDS)
        for group, count in chosen.items():
            has_room = missing(f"g{group}") | at_most(f"g{group}", positions_a_group - count)
            update.add({f"g{group}": count}).require(has_room)
        counts, taken = self._table.row_after(update)
        return taken, {int(name[1:]): int(value["N"]) for name, value in counts.items() if name[0] == "g"}

    def take_quota(self, count: int, now: datetime) -> tuple[bool, AccountRow | None]:
        """Take `count` mails of what is left of the quota, or nothing; and the row as it stands then."""
        half_hour = f"h{int(now.timestamp()) // HISTORY_SECONDS}"
        update = self._account().add({"left_now": -count, "taken": count, half_hour: count})
        row, taken = self._table.row_after(update.require(at_least("left_now", count)))
        return taken, AccountRow.from_item(row) if row else None

    def find_account(self) -> AccountRow | None:
        row = self._table.find(keys.sending_account())
        return None if row is None else AccountRow.from_item(row)

    def claim_look(self, now: datetime, interval_seconds: int) -> bool:
        """Take the right to ask the mail service for the limits; True for one caller in every interval."""
        checked_at, nonce = int(now.timestamp()), secrets.token_hex(6)
        is_due = missing("checked_at") | at_most("checked_at", checked_at - interval_seconds)
        refusal = self._table.refusal(self._account().set(checked_at=checked_at, checked_by=nonce).require(is_due))
        return refusal is None or refusal.get("checked_by") == {"S": nonce}  # ours, and the answer was lost

    def record_limits(self, limits: AccountLimits, before: AccountRow | None, now: datetime) -> AccountRow:
        """Write down what the service said after `before` was read; what was taken since then stays taken.

        Mails taken since the look before this one may be under way, so they count as not yet counted by the service:
        at the end of a quota too few mails leave for one interval, never too many.
        """
        left = UNLIMITED
        if limits.max_24_hours is not None:
            under_way = before.taken - before.taken_before if before else 0
            left = limits.max_24_hours - limits.sent_24_hours - under_way
        oldest = int(now.timestamp()) // HISTORY_SECONDS - _HISTORY_KEPT
        outdated = [f"h{start // HISTORY_SECONDS}" for start in (before.history if before else ())]
        outdated = [name for name in outdated if int(name[1:]) < oldest]
        update = self._account().remove(*outdated)
        update.set(max_rate=limits.max_rate, limits_at=int(now.timestamp()), taken_before=before.taken if before else 0)
        update.add(left_now=left - (before.left if before else 0), taken=0)
        # Added once: a repetition, or a look that was overtaken by the next one, would raise the quota.
        is_newer = missing("limits_at") | below("limits_at", int(now.timestamp()))
        item, _ = self._table.row_after(update.require(is_newer))
        row = AccountRow.from_item(item)
        assert row is not None  # noqa: S101 - it has limits, these or newer ones
        return row

    def record_blocked(self, reason: str, until: datetime) -> None:
        """Let nothing leave until then, and say why."""
        self._table.write(self._account().set(blocked=reason, blocked_until=int(until.timestamp())))

    def record_exhausted(self) -> None:
        """Nothing is left of the quota until the limits are looked at again."""
        self._table.write(self._account().set(left_now=0).require(above("left_now", 0)))

    def _account(self) -> Update:
        return self._table.update(keys.sending_account())
