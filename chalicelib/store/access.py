"""Who may use the API: tokens, and the web page's sessions, begun with a token or by a sign-in link made with one.

Of secrets only SHA-256 hashes are kept: a secret is 256 random bits, so a plain hash is as good as a slow one. The rows
of sessions and links say which token they belong to, and nothing of what it may do: that is read from the token each
time. So revoking a token ends its sessions and links at once.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from chalicelib.model.access import Scope, Session, Token
from chalicelib.model.errors import Conflicting, Missing, StoreUnavailable
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Client, Item, from_item, noun_of, to_item
from chalicelib.store.statements import Query, equals, exists
from chalicelib.store.table import Table, TableStore
from chalicelib.telemetry import logger

SESSION_LIFETIME = timedelta(hours=12)
"""A session: a working day at most."""
LINK_LIFETIME = timedelta(minutes=15)
_USE_RECORDED_AFTER = timedelta(hours=1)
_KIND = "token"


class TokenNotFound(Missing, problem="token-not-found", title="There is no such token"):
    """No token that is valid has this id."""


class LastFullToken(Conflicting, problem="last-full-token", title="Nobody could change anything any more"):
    """No other token of scope full is left."""


class Tokens(TableStore):
    """The tokens, in the campaigns table. Every method may raise StoreUnavailable."""

    def issue(self, name: str, scope: Scope, now: datetime) -> tuple[Token, str]:
        """A new token and its secret, `lf_` and 43 characters of base64url: told once, never again."""
        secret = "lf_" + secrets.token_urlsafe(32)
        token = Token(f"tok_{secrets.token_hex(12)}", name, scope, now)
        self._table.transact(self._table.put(keys.token(hash_of(secret)) | to_item(asdict(token) | {"kind": _KIND})))
        return token, secret

    def use(self, secret: str, now: datetime) -> Token | None:
        """The token of this secret; its use is recorded once an hour.

        One strongly consistent read, so that a revoked token is refused at once.
        """
        return self.use_hashed(hash_of(secret), now)

    def use_hashed(self, token_hash: str, now: datetime) -> Token | None:
        """As `use`, for callers that keep `hash_of` a secret instead of the secret."""
        row = self._table.find(keys.token(token_hash))
        if row is None:
            return None
        token = _token(row)
        if token.used_at is None or now - token.used_at >= _USE_RECORDED_AFTER:
            not_revoked = exists("token_id")
            try:
                self._table.write(self._table.update(keys.token(token_hash)).set(used_at=now).require(not_revoked))
            except StoreUnavailable:
                logger().warning("token_use_not_recorded", exc_info=True)
        return token

    def list_all(self) -> list[Token]:
        """Valid tokens, oldest first. Eventually consistent (an index)."""
        return list(map(_token, self._rows()))

    def revoke(self, token_id: str) -> None:
        """From now on the token is refused. Raises TokenNotFound, LastFullToken."""
        rows = {row["token_id"]["S"]: row for row in self._rows()}
        revoked = rows.pop(token_id, None)
        if revoked is None:
            raise TokenNotFound("There is no token with this id.")
        delete = self._table.delete(keys.of_row(revoked))
        if revoked["scope"]["S"] != Scope.FULL:
            self._table.write(delete)
            return
        # Together with the proof that another one is left, which is not being revoked at the same time.
        for row in rows.values():
            still_there = self._table.update(keys.of_row(row)).set(kind=_KIND).require(exists("token_id"))
            if row["scope"]["S"] == Scope.FULL and self._table.transact(delete, still_there):
                return
        raise LastFullToken("This is the last token that may change anything. Create another one first.")

    def _rows(self) -> Iterator[Item]:
        return self._table.query(Query(index=keys.LISTING_INDEX, key=equals("kind", _KIND)))


class Sessions:
    """The sessions, in the campaigns table, by their secrets. Every method may raise StoreUnavailable."""

    def __init__(self, client: Client, table: str) -> None:
        self._table = Table(client, table)
        self._tokens = Tokens(client, table)

    def begin(self, token_secret: str, now: datetime) -> tuple[Session, str] | None:
        """A new session of a token and its secret, 43 characters of base64url; None for an unknown token."""
        return self._begin(hash_of(token_secret), now)

    def make_link(self, token_secret: str, now: datetime) -> str:
        """The code of a sign-in link, 43 characters of base64url: it begins one session within LINK_LIFETIME."""
        code = secrets.token_urlsafe(32)
        self._table.write(
            self._table.put(keys.sign_in_link(hash_of(code)) | _row(hash_of(token_secret), now + LINK_LIFETIME))
        )
        return code

    def begin_with_link(self, code: str, now: datetime) -> tuple[Session, str] | None:
        """As `begin`; None for a code that was used, has expired or was never made, and for a revoked token."""
        key = keys.sign_in_link(hash_of(code))
        row, not_used = self._table.find(key), exists("pk")
        # A transaction, so that a repetition after a lost answer is not taken for a second use.
        if row is None or _has_ended(row, now) or not self._table.transact(self._table.delete(key).require(not_used)):
            return None
        return self._begin(row["token_hash"]["S"], now)

    def find(self, secret: str, now: datetime) -> Session | None:
        """None when it has ended, or its token was revoked. Two strongly consistent reads."""
        row = self._table.find(keys.session(hash_of(secret)))
        if row is None or _has_ended(row, now):
            return None
        token = self._tokens.use_hashed(row["token_hash"]["S"], now)
        return None if token is None else Session(token, time_from(row["ends_at"]["S"]))

    def end(self, secret: str) -> None:
        """From now on the secret is refused; an unknown one is no error."""
        self._table.write(self._table.delete(keys.session(hash_of(secret))))

    def _begin(self, token_hash: str, now: datetime) -> tuple[Session, str] | None:
        token = self._tokens.use_hashed(token_hash, now)
        if token is None:
            return None
        secret, ends_at = secrets.token_urlsafe(32), now + SESSION_LIFETIME
        self._table.write(self._table.put(keys.session(hash_of(secret)) | _row(token_hash, ends_at)))
        return Session(token, ends_at), secret


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _row(token_hash: str, ends_at: datetime) -> Item:
    return to_item({"token_hash": token_hash, "ends_at": ends_at, "expires_at": int(ends_at.timestamp())})


def _has_ended(row: Item, now: datetime) -> bool:
    # DynamoDB removes expired items within days, not at once.
    return time_from(row["ends_at"]["S"]) <= now


def _token(row: Item) -> Token:
    return noun_of(Token, from_item(row))
