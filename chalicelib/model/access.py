"""Who may use the API: tokens, and sessions of the web page."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    FULL = "full"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token once it is issued: everything but its secret."""

    token_id: str
    """`tok_` and random digits; earlier releases took them from the secret's hash."""
    name: str
    scope: Scope
    created_at: datetime
    used_at: datetime | None = field(default=None, compare=False)
    """When it was last used, at most an hour too early."""


@dataclass(frozen=True, slots=True)
class Session:
    token: Token
    ends_at: datetime
    """For good, however much it is used."""
