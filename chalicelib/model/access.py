"""Who may use the API: tokens, and sessions of the web page."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    FULL = "full"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token once it is issued: everything but its secret."""

    token_id: str
    """`tok_` and the start of the secret's hash: names the token in lists, does not give it away."""
    name: str
    scope: Scope
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    token: Token
    ends_at: datetime
    """For good, however much it is used."""
