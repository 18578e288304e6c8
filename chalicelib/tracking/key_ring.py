"""The signing keys: one secret, several numbered keys, the current one for new mails and the others for old mails."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any


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
        if current not in keys or not all(0 <= number <= 255 for number in keys):
            raise ValueError("the key ring's current key is missing, or a key's number is not within 0 to 255")
        return cls(current=current, keys=keys)


class KeyRingSource:
    """The ring as last read; read again for a key number it does not know, at most once a minute.

    So a rotated key is known everywhere within a minute, and a stranger's made-up ids cost no calls.
    """

    REFRESH_SECONDS = 60.0

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._ring: KeyRing | None = None
        self._read_at = 0.0

    def ring(self) -> KeyRing:
        """The ring, read at first use. Raises whatever the reader raises when it was never read."""
        if self._ring is None:
            self._ring = KeyRing.parse(self._read())
            self._read_at = self._clock()
        return self._ring

    def key(self, number: int) -> bytes | None:
        """One key by its number, None when the ring does not hold it."""
        found = self.ring().keys.get(number)
        if found is None and self._clock() - self._read_at >= self.REFRESH_SECONDS:
            self._ring = None
            found = self.ring().keys.get(number)
        return found


@cache
def deployed_key_ring(secret_id: str) -> KeyRingSource:
    """The stack's own key ring, in Secrets Manager; its client is made at first use, apart from the cold start."""

    def read() -> str:
        import boto3

        client: Any = boto3.client("secretsmanager")
        return str(client.get_secret_value(SecretId=secret_id)["SecretString"])

    return KeyRingSource(read)
