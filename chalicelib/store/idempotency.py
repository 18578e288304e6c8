"""Idempotency keys: first answers are kept for a day, so that a repeated request is answered and not carried out again.

claim ── running ──┬── keep ──── answered, until expires_at
                   ├── release ─ as if never asked
                   └── (crash) ─ free again after RUNNING_SECONDS
"""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.ids import LeadId
from chalicelib.store import keys
from chalicelib.store.client import Item, to_item
from chalicelib.store.statements import Query, below, equals, missing
from chalicelib.store.table import TableStore

KEPT_SECONDS = 24 * 3600
RUNNING_SECONDS = 90
"""Longer than the function may run: the request has died by then."""
MAX_BYTES = 350_000
"""Compressed; an item holds 400 KB."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    status: int
    headers: dict[str, str]
    body: bytes
    """Empty when `secret`."""
    secret: bool = False
    """The answer held something that must not be kept."""
    about: LeadId | None = None
    """The lead that it tells of: the answer is forgotten with it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of an earlier request with the same key."""

    fingerprint: str
    answer: KeptAnswer | None
    """None: it is still running."""


class Idempotency(TableStore):
    """Lives in the campaigns table. `caller` keeps one client's keys apart from another's."""

    def claim(self, caller: str, key: str, fingerprint: str, now: datetime) -> Asked | None:
        """Take the right to answer (None), or learn of the request that came before."""
        row = keys.idempotency(caller, key)
        for _ in range(3):
            if self._put(row, fingerprint, now):
                return None
            known = self._table.find(row)
            if known is not None:
                return Asked(known["fingerprint"]["S"], _answer(known))
        raise StoreUnavailable("the idempotency key kept changing")

    def keep(self, caller: str, key: str, answer: KeptAnswer, now: datetime) -> bool:
        """Keep the answer for repetitions; False (and the key is free) when it is too large to be kept."""
        body = zlib.compress(answer.body, 6)
        if len(body) > MAX_BYTES:
            self.release(caller, key)
            return False
        update = self._table.update(keys.idempotency(caller, key))
        update.set(answer_status=answer.status, headers=json.dumps(answer.headers), body=body, secret=answer.secret)
        if answer.about is not None:
            update.set(kind=_kind(answer.about), created_at=now)
        self._table.write(update)
        return True

    def release(self, caller: str, key: str) -> None:
        """Forget that it was asked: nothing was done."""
        self._table.transact(self._table.delete(keys.idempotency(caller, key)))

    def _put(self, key: Item, fingerprint: str, now: datetime) -> bool:
        key_is_new = missing("pk")
        # DynamoDB removes expired items within days, not at once.
        answer_is_too_old = below("expires_at", _epoch(now))
        request_has_died = missing("answer_status") & below("running_until", _epoch(now))
        values = {
            "fingerprint": fingerprint,
            "running_until": _epoch(now + timedelta(seconds=RUNNING_SECONDS)),
            "expires_at": _epoch(now + timedelta(seconds=KEPT_SECONDS)),
        }
        put = self._table.put(key | to_item(values))
        return self._table.transact(put.require(key_is_new | answer_is_too_old | request_has_died))


def answers_about(lead_id: LeadId) -> Query:
    """The kept answers that tell of a lead. Eventually consistent (an index)."""
    return Query(index=keys.LISTING_INDEX, key=equals("kind", _kind(lead_id)))


def _kind(lead_id: LeadId) -> str:
    return f"answers#{lead_id}"


def _answer(row: Item) -> KeptAnswer | None:
    if "answer_status" not in row:
        return None
    body = zlib.decompress(row["body"]["B"])
    return KeptAnswer(int(row["answer_status"]["N"]), json.loads(row["headers"]["S"]), body, row["secret"]["BOOL"])


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
