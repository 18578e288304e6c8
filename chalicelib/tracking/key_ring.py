"""The signing keys: one secret with numbered keys, the current one for new mails and the others for old mails."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from chalicelib.aws import SECRETS_MANAGER, Patience, SignedCalls
from chalicelib.model.errors import Unavailable
from chalicelib.settings import aws_access
from chalicelib.telemetry import logger
from chalicelib.tracking.circuit_breaker import CircuitBreaker

_FOR_RECIPIENTS = Patience(total_seconds=0.9, attempt_seconds=0.6)
HIGHEST_NUMBER = 255
"""A key's number is the first byte of the delivery ids that it signs."""


class KeyRingUnavailable(Unavailable):
    """The ring was never read, and cannot be read now."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Numbered keys (0 to 255). A key that is not in the ring signs nothing and verifies nothing."""

    current: int
    keys: Mapping[int, bytes] = field(repr=False)
    erasure: bytes | None = field(default=None, repr=False)
    """The key of `erasure_key` once it is written down, as it is with the first change of the ring."""

    @property
    def erasure_key(self) -> bytes:
        """The key that hashes the addresses of erased people, which must outlive all signing keys (0083).

        A ring that was never changed derives it from its oldest key.
        """
        if self.erasure is not None:
            return self.erasure
        return hmac.digest(self.keys[min(self.keys)], b"addresses of erased people", "sha256").hex().encode()

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read the secret's JSON: `{"current": 1, "1": "<key>", ..., "erasure": "<key>"}`, the last one optional.

        Raises ValueError without a current key.
        """
        values = json.loads(text)
        keys = {int(number): key.encode() for number, key in values.items() if number.isdecimal()}
        current = int(values["current"])
        if current not in keys or not all(0 <= number <= HIGHEST_NUMBER for number in keys):
            raise ValueError("the key ring's current key is missing, or a key's number is not within 0 to 255")
        erasure = values.get("erasure")
        return cls(current, keys, erasure.encode() if erasure else None)


class KeyRingSource:
    """Caches the ring, and reads it again when it is old or lacks a key.

    A new key is known to every process within five seconds, a withdrawn one is forgotten within five minutes, and
    forged ids with made-up key numbers cost one call in five seconds.
    """

    MAX_AGE_SECONDS = 300.0
    NEWS_SECONDS = 5.0

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        self._read = CircuitBreaker(read, clock)
        self._clock = clock
        self._ring: KeyRing | None = None
        self._asked_at = 0.0

    def ring(self) -> KeyRing:
        """The ring, at most five minutes old unless it could not be read again. Raises KeyRingUnavailable."""
        return self._ring_not_older_than(self.MAX_AGE_SECONDS)

    def newest(self) -> KeyRing:
        """The ring, at most five seconds old unless it could not be read again: a launch signs with the current key.

        Raises KeyRingUnavailable.
        """
        return self._ring_not_older_than(self.NEWS_SECONDS)

    def key(self, number: int) -> bytes | None:
        """One key by its number, None when the ring does not hold it. Raises KeyRingUnavailable."""
        found = self.ring().keys.get(number)
        return found if found is not None else self.newest().keys.get(number)

    def _ring_not_older_than(self, seconds: float) -> KeyRing:
        if self._ring is not None and self._clock() - self._asked_at < seconds:
            return self._ring
        self._asked_at = self._clock()
        try:
            self._ring = KeyRing.parse(self._read())
        except Exception as error:
            if self._ring is None:
                raise KeyRingUnavailable from error
            # An old ring verifies nearly all ids; it is read again when it next counts as too old.
            logger().warning("key_ring_not_refreshed", exc_info=True)
        return self._ring


@cache
def deployed_key_ring(secret_id: str) -> KeyRingSource:
    """The stack's own key ring, in Secrets Manager."""

    @cache
    def service() -> SignedCalls:
        return SignedCalls(SECRETS_MANAGER, aws_access(), _FOR_RECIPIENTS)

    return KeyRingSource(lambda: str(service().call("GetSecretValue", {"SecretId": secret_id})["SecretString"]))
