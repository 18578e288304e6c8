"""First answers, kept for a day by the caller's key, so that a repeated request is answered and not done again.

claim ── running ──┬── keep ──── answered, until expires_at
                   ├── release ─ as if never asked
                   └── (crash) ─ free again after RUNNING_SECONDS
"""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.model.errors import StoreUnavailable
from chalicelib.store import keys
from chalicelib.store.client import call, transact

KEPT_SECONDS = 24 * 3600
RUNNING_SECONDS = 90
"""Longer than the function may run: after that nobody is answering any more."""
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of an earlier request with the same key."""

    fingerprint: str
    answer: KeptAnswer | None
    """None: it is still running."""


class Idempotency:
    """Lives in the campaigns table. `caller` keeps one client's keys apart from another's."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, caller: str, key: str, fingerprint: str, now: datetime) -> Asked | None:
        """Take the right to answer (None), or learn of the request that came before."""
        row = keys.idempotency(caller, key)
        for _ in range(3):
            if self._put(row, fingerprint, now):
                return None
            known = call(self._client.get_item, TableName=self._table, Key=row, ConsistentRead=True).get("Item")
            if known is not None:
                return Asked(known["fingerprint"]["S"], _answer(known))
        raise StoreUnavailable("the idempotency key kept changing")

    def keep(self, caller: str, key: str, answer: KeptAnswer) -> bool:
        """Keep the answer for whoever asks again; False (and the key is free) when it is too large to be kept."""
        body = zlib.compress(answer.body, 6)
        if len(body) > MAX_BYTES:
            self.release(caller, key)
            return False
        values = {
            ":status": {"N": str(answer.status)},
            ":headers": {"S": json.dumps(answer.headers)},
            ":body": {"B": body},
            ":secret": {"BOOL": answer.secret},
        }
        call(
            self._client.update_item,
            TableName=self._table,
            Key=keys.idempotency(caller, key),
            UpdateExpression="SET answer_status = :status, headers = :headers, body = :body, secret = :secret",
            ExpressionAttributeValues=values,
        )
        return True

    def release(self, caller: str, key: str) -> None:
        """Forget that it was asked: nothing was done."""
        transact(self._client, [{"Delete": {"TableName": self._table, "Key": keys.idempotency(caller, key)}}])

    def _put(self, row: dict[str, Any], fingerprint: str, now: datetime) -> bool:
        key_is_new = "attribute_not_exists(pk)"
        # DynamoDB removes expired items within days, not at once.
        answer_is_too_old = "expires_at < :now"
        nobody_answers_any_more = "(attribute_not_exists(answer_status) AND running_until < :now)"
        item = {
            **row,
            "fingerprint": {"S": fingerprint},
            "running_until": {"N": _epoch(now + timedelta(seconds=RUNNING_SECONDS))},
            "expires_at": {"N": _epoch(now + timedelta(seconds=KEPT_SECONDS))},
        }
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": f"{key_is_new} OR {answer_is_too_old} OR {nobody_answers_any_more}",
            "ExpressionAttributeValues": {":now": {"N": _epoch(now)}},
        }
        return transact(self._client, [{"Put": put}])


def _answer(row: dict[str, Any]) -> KeptAnswer | None:
    if "answer_status" not in row:
        return None
    body = zlib.decompress(row["body"]["B"])
    return KeptAnswer(int(row["answer_status"]["N"]), json.loads(row["headers"]["S"]), body, row["secret"]["BOOL"])


def _epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))
