"""Sessions of the web page: a browser's secret in place of an API token, for a working day at most.

A session's row says which token began it, by the token's hash, and nothing of what the token may do: that is read from
the token each time. So a token that is revoked has no sessions any more, at once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import call, to_item
from chalicelib.store.tokens import Token, Tokens, hash_of

LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    token: Token
    ends_at: datetime
    """For good, however much it is used."""


class Sessions:
    """Sessions live in the campaigns table, as hashes of their secrets. Methods may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._tokens = Tokens(client, table)

    def begin(self, token_secret: str, now: datetime) -> tuple[Session, str] | None:
        """A new session of a token and its secret, 43 characters of base64url; None for an unknown token."""
        token = self._tokens.find(token_secret)
        if token is None:
            return None
        secret, ends_at = secrets.token_urlsafe(32), now + LASTS
        row = to_item({"token_hash": hash_of(token_secret), "ends_at": ends_at, "expires_at": int(ends_at.timestamp())})
        call(self._client.put_item, TableName=self._table, Item={**keys.session(_hash(secret)), **row})
        return Session(token, ends_at), secret

    def find(self, secret: str, now: datetime) -> Session | None:
        """None when it has ended, or its token was revoked. Two strongly consistent reads."""
        key = keys.session(_hash(secret))
        row = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        ends_at = None if row is None else time_from(row["ends_at"]["S"])
        # DynamoDB removes expired items within days, not at once.
        if row is None or ends_at is None or ends_at <= now:
            return None
        token = self._tokens.find_hashed(row["token_hash"]["S"])
        return None if token is None else Session(token, ends_at)

    def end(self, secret: str) -> None:
        """From now on the secret opens nothing; one that never did is all right too."""
        call(self._client.delete_item, TableName=self._table, Key=keys.session(_hash(secret)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
