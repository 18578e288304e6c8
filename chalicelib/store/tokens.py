"""API tokens: kept as SHA-256 hashes only. A token is 256 random bits, so a plain hash is as good as a slow one."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.model.errors import Missing
from chalicelib.model.times import time_from
from chalicelib.store import keys
from chalicelib.store.client import Item, call, from_item, to_item, transact

_KIND = "token"


class Scope(StrEnum):
    FULL = "full"
    READ = "read"


class TokenNotFound(Missing, problem="token-not-found", title="There is no such token"):
    """No living token has this id."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token once it is issued: everything but the token."""

    token_id: str
    """`tok_` and the start of the hash: names the token in lists, says nothing about it."""
    name: str
    scope: Scope
    created_at: datetime


class Tokens:
    """Tokens live in the campaigns table."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def issue(self, name: str, scope: Scope, now: datetime) -> tuple[Token, str]:
        """A new token and its secret, `lf_` and 43 characters of base64url: told once, never again."""
        secret = "lf_" + secrets.token_urlsafe(32)
        token = Token(f"tok_{hash_of(secret)[:24]}", name, scope, now)
        row = to_item(
            {"kind": _KIND, "token_id": token.token_id, "name": name, "scope": scope.value, "created_at": now}
        )
        item = {**keys.token(hash_of(secret)), **row}
        transact(self._client, [{"Put": {"TableName": self._table, "Item": item}}])
        return token, secret

    def find(self, secret: str) -> Token | None:
        """Who comes with this secret; one strongly consistent read, so that a revoked token is refused at once."""
        return self.find_hashed(hash_of(secret))

    def find_hashed(self, token_hash: str) -> Token | None:
        """As `find`, for who keeps `hash_of` a secret instead of the secret."""
        key = keys.token(token_hash)
        row = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if row is None else _token(row)

    def list_all(self) -> list[Token]:
        """Living tokens, oldest first. Eventually consistent (an index)."""
        return [_token(row) for row in self._rows()]

    def revoke(self, token_id: str) -> None:
        """From now on the token opens nothing. Raises TokenNotFound."""
        for row in self._rows():
            if row["token_id"]["S"] == token_id:
                call(self._client.delete_item, TableName=self._table, Key={"pk": row["pk"], "sk": row["sk"]})
                return
        raise TokenNotFound("There is no token with this id.")

    def _rows(self) -> list[Item]:
        # A handful per account: who has one for every script has dozens.
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": keys.LISTING_INDEX,
            "KeyConditionExpression": "kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": _KIND}},
        }
        rows: list[Item] = []
        while True:
            answer = call(self._client.query, **arguments)
            rows += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return rows
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Item) -> Token:
    values = from_item(row)
    created_at = time_from(values["created_at"])
    assert created_at is not None  # noqa: S101 - every row has it
    return Token(values["token_id"], values["name"], Scope(values["scope"]), created_at)
