"""The signing keys: one secret, several numbered keys, the current one for new mails and the others for old mails."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from chalicelib.aws import SECRETS_MANAGER, Patience, SignedCalls
from chalicelib.model.errors import Conflicting, Missing, Unavailable
from chalicelib.settings import aws_access
from chalicelib.telemetry import logger
from chalicelib.tracking.circuit_breaker import CircuitBreaker

_FOR_RECIPIENTS = Patience(total_seconds=0.9, attempt_seconds=0.6)
_KEY_BYTES = 48
_HIGHEST_NUMBER = 255


class KeyRingUnavailable(Unavailable):
    """The ring was never read, and cannot be read now."""


class NoSuchKey(Missing):
    """The ring holds no key of this number."""


class KeyInUse(Conflicting):
    """The current key signs new mails; another one must be current before it can be withdrawn."""


class KeyRingFull(Conflicting):
    """All numbers that fit into a delivery id's first byte are taken; withdraw a key that no mail needs any more."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Numbered keys (0 to 255). A key that is not in the ring signs nothing and verifies nothing."""

    current: int
    keys: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read the secret's JSON: `{"current": 1, "1": "<key>", ...}`. Raises ValueError when it holds no such key."""
        values = json.loads(text)
        keys = {int(number): key.encode() for number, key in values.items() if number.isdecimal()}
        current = int(values["current"])
        if current not in keys or not all(0 <= number <= _HIGHEST_NUMBER for number in keys):
            raise ValueError("the key ring's current key is missing, or a key's number is not within 0 to 255")
        return cls(current=current, keys=keys)

    def to_json(self) -> str:
        return json.dumps({"current": self.current} | {str(number): key.decode() for number, key in self.keys.items()})

    def rotated(self) -> "KeyRing":
        """The ring with a new current key; all others stay. Raises KeyRingFull.

        A number is not used twice as long as there are others: an old mail's id would name a key that did not sign it.
        """
        after = (number % (_HIGHEST_NUMBER + 1) for number in range(max(self.keys) + 1, max(self.keys) + 257))
        free = next((number for number in after if number not in self.keys), None)
        if free is None:
            raise KeyRingFull(KeyRingFull.__doc__)
        return KeyRing(free, {**self.keys, free: secrets.token_urlsafe(_KEY_BYTES).encode()})

    def without(self, number: int) -> "KeyRing":
        """The ring without one key, whose mails' ids are then refused. Raises NoSuchKey or KeyInUse."""
        if number not in self.keys:
            raise NoSuchKey(f"The key ring holds no key {number}, only {sorted(self.keys)}.")
        if number == self.current:
            raise KeyInUse(f"Key {number} is the current one; rotate first, then withdraw it.")
        return KeyRing(self.current, {each: key for each, key in self.keys.items() if each != number})


class KeyRingSource:
    """The ring as last read, and read again as it grows old or is asked for a key that it does not hold.

    So a rotated key is known to every process within seconds of its first mail, a withdrawn one is forgotten within
    five minutes, and a stranger's made-up ids cost one call in five seconds.
    """

    MAX_AGE_SECONDS = 300.0
    NEWS_SECONDS = 5.0

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.time) -> None:
        # The time of day: a process that Lambda has frozen must know how long it slept.
        self._read = CircuitBreaker(read, clock)
        self._clock = clock
        self._ring: KeyRing | None = None
        self._asked_at = 0.0

    def ring(self) -> KeyRing:
        """The ring, at most five minutes old unless it could not be read again. Raises KeyRingUnavailable."""
        return self._ring_not_older_than(self.MAX_AGE_SECONDS)

    def newest(self) -> KeyRing:
        """The ring, at most five seconds old: for a launch, which is to sign with the key that is current now."""
        return self._ring_not_older_than(self.NEWS_SECONDS)

    def key(self, number: int) -> bytes | None:
        """One key by its number, None when the ring does not hold it. Raises KeyRingUnavailable."""
        found = self.ring().keys.get(number)
        return found if found is not None else self.newest().keys.get(number)

    def _ring_not_older_than(self, seconds: float) -> KeyRing:
        if self._ring is None or self._clock() - self._asked_at >= seconds:
            return self._refreshed()
        return self._ring

    def _refreshed(self) -> KeyRing:
        self._asked_at = self._clock()
        try:
            self._ring = KeyRing.parse(self._read())
        except Exception as error:
            if self._ring is None:
                raise KeyRingUnavailable from error
            # An old ring is right about nearly everything; the next reading is tried in five minutes.
            logger().warning("key_ring_not_refreshed", exc_info=True)
        return self._ring


@cache
def deployed_key_ring(secret_id: str) -> KeyRingSource:
    """The stack's own key ring, in Secrets Manager."""

    @cache
    def service() -> SignedCalls:
        return SignedCalls(SECRETS_MANAGER, aws_access(), _FOR_RECIPIENTS)

    return KeyRingSource(lambda: str(service().call("GetSecretValue", {"SecretId": secret_id})["SecretString"]))
