"""Who may use the API: tokens, and the sessions of the web page that stand for them.

Of secrets only SHA-256 hashes are kept: a secret is 256 random bits, so a plain hash is as good as a slow one. A
session's row says which token began it, and nothing of what the token may do: that is read from the token each time. So
revoking a token ends its sessions at once.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.model.access import Scope, Session, Token
from chalicelib.model.errors import Missing
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, to_item
from chalicelib.store.statements import Query, equals
from chalicelib.store.table import Table, TableStore

LASTS = timedelta(hours=12)
"""A session: a working day at most."""
_KIND = "token"


class TokenNotFound(Missing, problem="token-not-found", title="There is no such token"):
    """No token that is valid has this id."""


class Tokens(TableStore):
    """The tokens, in the campaigns table. Every method may raise StoreUnavailable."""

    def issue(self, name: str, scope: Scope, now: datetime) -> tuple[Token, str]:
        """A new token and its secret, `lf_` and 43 characters of base64url: told once, never again."""
        secret = "lf_" + secrets.token_urlsafe(32)
        token = Token(f"tok_{hash_of(secret)[:24]}", name, scope, now)
        values = {"kind": _KIND, "token_id": token.token_id, "name": name, "scope": scope, "created_at": now}
        self._table.transact(self._table.put(keys.token(hash_of(secret)) | to_item(values)))
        return token, secret

    def find(self, secret: str) -> Token | None:
        """The token of this secret; one strongly consistent read, so that a revoked token is refused at once."""
        return self.find_hashed(hash_of(secret))

    def find_hashed(self, token_hash: str) -> Token | None:
        """As `find`, for callers that keep `hash_of` a secret instead of the secret."""
        row = self._table.find(keys.token(token_hash))
        return None if row is None else _token(row)

    def list_all(self) -> list[Token]:
        """Valid tokens, oldest first. Eventually consistent (an index)."""
        return list(map(_token, self._rows()))

    def revoke(self, token_id: str) -> None:
        """From now on the token is refused. Raises TokenNotFound."""
        for row in self._rows():
            if row["token_id"]["S"] == token_id:
                self._table.write(self._table.delete({"pk": row["pk"], "sk": row["sk"]}))
                return
        raise TokenNotFound("There is no token with this id.")

    def _rows(self) -> Iterator[Item]:
        return self._table.query(Query(index=keys.LISTING_INDEX, key=equals("kind", _KIND)))


class Sessions:
    """The sessions, in the campaigns table, by their secrets. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str) -> None:
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


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Item) -> Token:
    values = from_item(row)
    return Token(values["token_id"], values["name"], Scope(values["scope"]), time_from(values["created_at"]))
