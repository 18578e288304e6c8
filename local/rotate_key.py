"""`make rotate-key` and `make withdraw-key NUMBER=...`: the keys that sign tracking links.

Rotating adds a key, which signs every campaign launched from now on; mails that are out keep working with theirs.
Withdrawing removes one: within five minutes no process knows it any more, and the ids in its mails are refused. The key
that hashes the addresses of erased people stays the same through both.
"""

import argparse
import json
import secrets as randomness
from collections.abc import Callable
from typing import Any

from chalicelib.tracking.key_ring import HIGHEST_NUMBER, KeyRing
from local.client import client_and_name
from local.command import run
from local.console import NotReady, say

_KEY_BYTES = 48


def rotated(ring: KeyRing) -> KeyRing:
    """The ring with a new current key; all others stay. Raises NotReady if all numbers are taken.

    A number is not used twice as long as there are others: an old mail's id would name a key that did not sign it.
    """
    newest = max(ring.keys)
    after = (number % (HIGHEST_NUMBER + 1) for number in range(newest + 1, newest + HIGHEST_NUMBER + 2))
    free = next((number for number in after if number not in ring.keys), None)
    if free is None:
        raise NotReady(f"The key ring holds all {HIGHEST_NUMBER + 1} keys. Withdraw one that no mail needs any more.")
    keys = {**ring.keys, free: randomness.token_urlsafe(_KEY_BYTES).encode()}
    return KeyRing(free, keys, ring.erasure_key)


def without(ring: KeyRing, number: int) -> KeyRing:
    """The ring without one key, whose mails' ids are then refused. Raises NotReady for the current one."""
    if number not in ring.keys:
        raise NotReady(f"The key ring holds no key {number}, only {sorted(ring.keys)}.")
    if number == ring.current:
        raise NotReady(f"Key {number} is the current one; rotate first, then withdraw it.")
    return KeyRing(ring.current, {each: key for each, key in ring.keys.items() if each != number}, ring.erasure_key)


def to_json(ring: KeyRing) -> str:
    keys = {str(number): key.decode() for number, key in ring.keys.items()}
    return json.dumps({"current": ring.current} | keys | {"erasure": ring.erasure_key.decode()})


def change(secrets: Any, secret_id: str, decide: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Write the ring as decided on what it is now; the ring as written. Raises what `decide` raises."""
    ring = decide(KeyRing.parse(secrets.get_secret_value(SecretId=secret_id)["SecretString"]))
    secrets.put_secret_value(SecretId=secret_id, SecretString=to_json(ring))
    return ring


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.rotate_key", description="Change the signing keys.")
    parser.add_argument("--secret", help="name or ARN of a key ring on AWS; without it the running local stack's")
    parser.add_argument("--withdraw", type=int, metavar="NUMBER", help="remove this key instead of adding one")
    given = parser.parse_args()
    key_ring = client_and_name("secretsmanager", given.secret, "KeyRingSecret")
    if given.withdraw is None:
        ring = change(*key_ring, rotated)
        say(f"Key {ring.current} signs from now on. Also valid: {others(ring)}.")
    else:
        ring = change(*key_ring, lambda ring: without(ring, given.withdraw))
        say(f"Key {given.withdraw} is withdrawn; the ids in its mails are refused within five minutes.")
        say(f"Key {ring.current} is the current one. Also valid: {others(ring)}.")


def others(ring: KeyRing) -> str:
    return ", ".join(str(number) for number in sorted(ring.keys) if number != ring.current) or "none"


if __name__ == "__main__":
    run(main)
