"""Signing keys: known to warm processes in time, also while they cannot be read."""

from typing import Any

import pytest

from chalicelib.tracking.key_ring import KeyRing, KeyRingSource, KeyRingUnavailable

ONE = '{"current": 1, "1": "a"}'
TWO = '{"current": 2, "1": "a", "2": "b"}'
ONE_WITHDRAWN = '{"current": 2, "2": "b"}'


class Secret:
    """A secret in a vault that may be away, read on a clock of the test's."""

    def __init__(self, *rings: str) -> None:
        self.rings = list(rings)
        self.reads = 0
        self.is_down = False
        self.now = 1000.0
        self.keys = KeyRingSource(self.read, clock=lambda: self.now)

    def read(self) -> str:
        self.reads += 1
        if self.is_down:
            self.now += 0.9
            raise OSError("the vault is away")
        return self.rings.pop(0) if len(self.rings) > 1 else self.rings[0]


def test_a_new_key_is_known_five_seconds_later_at_the_latest() -> None:
    secret = Secret(ONE, TWO)
    assert secret.keys.key(1) == b"a"
    assert secret.keys.key(2) is None
    secret.now += 5
    assert secret.keys.key(2) == b"b"
    assert secret.reads == 2


def test_a_launch_signs_with_a_key_that_became_current_five_seconds_ago() -> None:
    secret = Secret(ONE, TWO)
    assert secret.keys.newest().current == 1
    secret.now += 5
    assert secret.keys.newest().current == 2


def test_strangers_numbers_cost_one_reading_in_five_seconds() -> None:
    secret = Secret(ONE)
    for _ in range(1000):
        assert secret.keys.key(9) is None
        secret.now += 0.01
    assert secret.reads <= 3


def test_a_withdrawn_key_is_forgotten_within_five_minutes() -> None:
    secret = Secret(TWO, ONE_WITHDRAWN)
    assert secret.keys.key(1) == b"a"
    secret.now += 299
    assert secret.keys.key(1) == b"a"
    secret.now += 1
    assert secret.keys.key(1) is None


def test_a_ring_that_cannot_be_read_again_stays_in_use() -> None:
    secret = Secret(ONE)
    assert secret.keys.ring().current == 1
    secret.is_down = True
    secret.now += 400
    assert [secret.keys.key(1) for _ in range(100)] == [b"a"] * 100
    assert secret.reads == 2


def test_a_ring_that_was_never_read_says_so_and_keeps_nobody_waiting_twice() -> None:
    secret = Secret(ONE)
    secret.is_down = True
    for _ in range(100):
        with pytest.raises(KeyRingUnavailable):
            secret.keys.key(1)
    assert secret.reads == 1
    secret.is_down = False
    secret.now += 1
    assert secret.keys.key(1) == b"a"


@pytest.mark.parametrize("text", ["", "{}", '{"current": 3, "1": "a"}', '{"current": 300, "300": "a"}', "[]"])
def test_a_ring_without_its_current_key_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, AttributeError)):
        KeyRing.parse(text)


def test_keys_are_never_shown() -> None:
    shown: Any = repr(KeyRing.parse('{"current": 1, "1": "hush"}'))
    assert "hush" not in shown
