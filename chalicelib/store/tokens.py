"""API tokens: kept as SHA-256 hashes only. A token is 256 random bits, so a plain hash is as good as a slow one."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chalicelib.model.access import Scope, Token
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, StoreError, from_item, to_item
from chalicelib.store.statements import Query, equals
from chalicelib.store.table import Table

_KIND = "token"


class TokenNotFound(StoreError):
    """No token that is valid has this id."""


class Tokens:
    """The tokens, in the campaigns table. Every method may raise StoreUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._table = Table(client, table)

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


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Item) -> Token:
    values = from_item(row)
    return Token(values["token_id"], values["name"], Scope(values["scope"]), time_from(values["created_at"]))
