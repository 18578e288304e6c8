"""The key ring in its secret: changed as decided, or left alone with the reason said."""

import json

import pytest

from chalicelib.tracking.key_ring import KeyRing
from local.console import NotReady
from local.rotate_key import change


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
    assert change(secrets, "ring", KeyRing.rotated).current == 2
    written = json.loads(secrets.text)
    assert (written["current"], written["1"], sorted(written)) == (2, "old", ["1", "2", "current"])


def test_the_current_key_is_not_withdrawn() -> None:
    secrets = Secrets('{"current": 2, "1": "old", "2": "new"}')
    with pytest.raises(NotReady, match="rotate first"):
        change(secrets, "ring", lambda ring: ring.without(2))
    with pytest.raises(NotReady, match="holds no key 7"):
        change(secrets, "ring", lambda ring: ring.without(7))
    assert json.loads(secrets.text)["current"] == 2
    change(secrets, "ring", lambda ring: ring.without(1))
    assert sorted(json.loads(secrets.text)) == ["2", "current"]
