"""One text of a mail: fixed pieces with values between them, as text and as quoted-printable bytes."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from .quoted_printable import encode_piece, finish


class Body:
    """`texts` are the fixed pieces; `places` says which of a delivery's values stands behind each but the last."""

    __slots__ = ("_encoded", "_pick", "_pieces", "_places", "_texts", "_varies")

    def __init__(self, texts: Sequence[str], places: Sequence[int]) -> None:
        self._texts = texts
        self._varies = any(places)
        self._places = frozenset(places)
        self._pick = _picker(places)
        self._pieces = [piece for text in texts for piece in (text, "")][:-1]
        self._encoded: list[bytes] | None = None

    def text(self, values: list[str]) -> str:
        if not self._varies:  # the delivery's id, the first value, is mostly all there is
            return values[0].join(self._texts)
        pieces = self._pieces.copy()
        pieces[1::2] = self._pick(values)
        return "".join(pieces)

    def quoted_printable(self, values: list[str]) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(piece) for piece in self._pieces]
        pieces = self._encoded.copy()
        pieces[1::2] = self._pick(
            [encode_piece(value) if place in self._places else b"" for place, value in enumerate(values)]
        )
        return finish(b"".join(pieces))


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """What stands at these places of a list, with one call into C for many."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]
