"""Sessions of the web page: a browser's secret in place of an API token, for a working day at most.

A session's row says which token began it, by the token's hash, and nothing of what the token may do: that is read from
the token each time. So revoking a token ends its sessions at once.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from chalicelib.model.access import Session
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import to_item
from chalicelib.store.table import Table
from chalicelib.store.tokens import Tokens, hash_of

LASTS = timedelta(hours=12)


class Sessions:
    """The sessions, in the campaigns table, as hashes of their secrets. Methods may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._table = Table(client, table)
        self._tokens = Tokens(client, table)

    def begin(self, token_secret: str, now: datetime) -> tuple[Session, str] | None:
        """A new session of a token and its secret, 43 characters of base64url; None for an unknown token."""
        token = self._tokens.find(token_secret)
        if token is None:
            return None
        secret, ends_at = secrets.token_urlsafe(32), now + LASTS
        row = to_item({"token_hash": hash_of(token_secret), "ends_at": ends_at, "expires_at": int(ends_at.timestamp())})
        self._table.write(self._table.put(keys.session(hash_of(secret)) | row))
        return Session(token, ends_at), secret

    def find(self, secret: str, now: datetime) -> Session | None:
        """None when it has ended, or its token was revoked. Two strongly consistent reads."""
        row = self._table.find(keys.session(hash_of(secret)))
        # DynamoDB removes expired items within days, not at once.
        if row is None or time_from(row["ends_at"]["S"]) <= now:
            return None
        token = self._tokens.find_hashed(row["token_hash"]["S"])
        return None if token is None else Session(token, time_from(row["ends_at"]["S"]))

    def end(self, secret: str) -> None:
        """From now on the secret is refused; an unknown one is no error."""
        self._table.write(self._table.delete(keys.session(hash_of(secret))))
