"""`make rotate-key` and `make withdraw-key NUMBER=...`: the keys that sign tracking links.

Rotating adds a key, which signs every campaign launched from now on; mails that are out keep working with theirs.
Withdrawing removes one: within five minutes no process knows it any more, and the ids in its mails are refused.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import boto3

from chalicelib.tracking.key_ring import KeyInUse, KeyRing, KeyRingFull, NoSuchKey
from local.client import running_stack
from local.console import NotReady, say


def change(secrets: Any, secret_id: str, decide: Callable[[KeyRing], KeyRing]) -> KeyRing:
    """Write the ring as decided on what it is now; the ring as written. Raises NotReady with what stands against it."""
    try:
        ring = decide(KeyRing.parse(secrets.get_secret_value(SecretId=secret_id)["SecretString"]))
    except (NoSuchKey, KeyInUse, KeyRingFull) as refusal:
        raise NotReady(str(refusal)) from None
    secrets.put_secret_value(SecretId=secret_id, SecretString=ring.to_json())
    return ring


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.rotate_key", description="Change the signing keys.")
    parser.add_argument("--secret", help="name or ARN of a key ring on AWS; without it the running local stack's")
    parser.add_argument("--withdraw", type=int, metavar="NUMBER", help="remove this key instead of adding one")
    given = parser.parse_args()
    if given.secret:
        secrets, secret_id = boto3.client("secretsmanager"), given.secret
    else:
        stack = running_stack()
        secrets, secret_id = stack.client("secretsmanager"), stack.outputs()["KeyRingSecret"]
    if given.withdraw is None:
        ring = change(secrets, secret_id, KeyRing.rotated)
        say(f"Key {ring.current} signs from now on. Also valid: {others(ring)}.")
    else:
        ring = change(secrets, secret_id, lambda ring: ring.without(given.withdraw))
        say(f"Key {given.withdraw} is withdrawn; the ids in its mails are refused within five minutes.")
        say(f"Key {ring.current} is the current one. Also valid: {others(ring)}.")


def others(ring: KeyRing) -> str:
    return ", ".join(str(number) for number in sorted(ring.keys) if number != ring.current) or "none"


if __name__ == "__main__":
    try:
        main()
    except NotReady as problem:
        sys.exit(str(problem))
