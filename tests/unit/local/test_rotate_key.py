"""The key ring in its secret: changed as decided, or left alone with the reason said."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tracking.key_ring import KeyRing
from local.console import NotReady
from local.rotate_key import change, rotated, to_json, without

rings = st.dictionaries(st.integers(0, 255), st.text("abc123", min_size=1).map(str.encode), min_size=1).flatmap(
    lambda keys: st.sampled_from(sorted(keys)).map(lambda current: KeyRing(current, keys))
)


class Secrets:
    """One secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's spelling
        return {"SecretString": self.text}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803
        self.text = SecretString


def test_a_rotated_ring_is_written_with_its_old_keys() -> None:
    secrets = Secrets('{"current": 1, "1": "old"}')
    assert change(secrets, "ring", rotated).current == 2
    written = json.loads(secrets.text)
    assert (written["current"], written["1"], sorted(written)) == (2, "old", ["1", "2", "current", "erasure"])


def test_the_current_key_is_not_withdrawn() -> None:
    secrets = Secrets('{"current": 2, "1": "old", "2": "new"}')
    with pytest.raises(NotReady, match="rotate first"):
        change(secrets, "ring", lambda ring: without(ring, 2))
    with pytest.raises(NotReady, match="holds no key 7"):
        change(secrets, "ring", lambda ring: without(ring, 7))
    assert json.loads(secrets.text)["current"] == 2
    change(secrets, "ring", lambda ring: without(ring, 1))
    assert sorted(json.loads(secrets.text)) == ["2", "current", "erasure"]


@given(rings)
def test_a_ring_is_read_back_as_it_was_written(ring: KeyRing) -> None:
    assert KeyRing.parse(to_json(ring)) == replace(ring, erasure=ring.erasure_key)


@given(rings)
def test_rotating_keeps_every_key_and_signs_with_a_new_one(ring: KeyRing) -> None:
    if len(ring.keys) == 256:
        return
    newer = rotated(ring)
    assert newer.current not in ring.keys
    assert {**newer.keys, **ring.keys} == newer.keys
    assert len(newer.keys[newer.current]) >= 32
    withdrawn = without(newer, ring.current)
    # What was hashed before is found as long as the ring lives, whatever is rotated and withdrawn.
    assert {each.erasure_key for each in (ring, newer, withdrawn, KeyRing.parse(to_json(withdrawn)))} == {
        ring.erasure_key
    }
    assert ring.current not in withdrawn.keys
    assert withdrawn.current == newer.current


def test_a_withdrawn_number_is_not_given_again() -> None:
    ring = without(rotated(without(rotated(KeyRing(1, {1: b"a"})), 1)), 2)
    assert (ring.current, sorted(rotated(ring).keys)) == (3, [3, 4])


def test_a_full_ring_and_wrong_withdrawals_are_refused() -> None:
    with pytest.raises(NotReady, match="all 256 keys"):
        rotated(KeyRing(0, dict.fromkeys(range(256), b"key")))
    ring = KeyRing(2, {1: b"a", 2: b"b"})
    with pytest.raises(NotReady, match="current one"):
        without(ring, 2)
    with pytest.raises(NotReady, match="no key 7"):
        without(ring, 7)
