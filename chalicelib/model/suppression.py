"""Suppression: why an address must not be mailed, since when, and how that became known; and how it was lifted.

Of an erased person's address only a keyed hash is kept (docs/decisions/0083). It takes the address's place in the keys
of suppressions.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.model.addresses import address_key

_ERASED = "~"
"""Hashes begin with it: they sort behind the addresses, and without an @ they cannot be taken for one."""


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    """The address does not exist, or takes no mail for good."""
    COMPLAINT = "complaint"
    """Its owner reported our mail as spam."""
    UNSUBSCRIBED = "unsubscribed"
    """Its owner has left an entity's mail."""
    MANUAL = "manual"
    """Somebody put it on the list."""


@dataclass(frozen=True, slots=True)
class Mark:
    reason: SuppressionReason
    at: datetime
    source: str
    """How it became known: `link`, `one_click`, `api`, `complaint`, `bounce` or `import`."""
    campaign_id: str | None = None
    """Whose mail it was about."""
    by: str | None = None
    """The name of the API token, where somebody unsubscribed the lead, or put the address on the list."""
    note: str | None = None
    """... and why."""


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """All that is kept of one address."""

    address: str
    """In lower case; or the keyed hash of an erased person's."""
    everywhere: tuple[Mark, ...]
    """Reasons that hold for every entity, the first one first."""
    unsubscribed: Mapping[str, Mark]
    """By entity."""
    lifted: "Resubscription | None" = None
    """How mail to it was last allowed again."""

    @property
    def is_erased(self) -> bool:
        return self.address.startswith(_ERASED) and "@" not in self.address

    @property
    def reasons(self) -> frozenset[SuppressionReason]:
        return frozenset(mark.reason for mark in (*self.everywhere, *self.unsubscribed.values()))

    def merged(self, other: "SuppressedAddress | None") -> "SuppressedAddress":
        """What both say of the same address; the first mark of each reason counts."""
        if other is None:
            return self
        first: dict[SuppressionReason, Mark] = {}
        for mark in sorted(self.everywhere + other.everywhere, key=lambda mark: mark.at):
            first.setdefault(mark.reason, mark)
        unsubscribed = {**self.unsubscribed, **other.unsubscribed}
        return SuppressedAddress(self.address, tuple(first.values()), unsubscribed, self.lifted or other.lifted)


@dataclass(frozen=True, slots=True)
class Resubscription:
    """Mail to a lead was allowed again."""

    at: datetime
    by: str
    """The name of the API token that asked for it."""
    reason: str
    ended: Mark | None = None
    """The lead's unsubscription that it took back."""


def hash_of_address(key: bytes, address: str) -> str:
    """What is kept of an erased person's address: a hash that tells it only to those who have the key and guess it."""
    return _ERASED + hmac.digest(key, address_key(address).encode(), "sha256").hex()
