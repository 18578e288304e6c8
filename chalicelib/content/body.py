"""One program ready to be filled with a delivery's values, as text and as quoted-printable bytes."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from .program import Program
from .quoted_printable import encode_piece, finish

# itemgetter over the fixed pieces followed by the values, of texts or of bytes alike
Pick = Callable[[list[Any]], tuple[Any, ...]]


class Body:
    """Fixed pieces and the places of values between them. `text(values)` is the filled text."""

    __slots__ = ("_encoded", "_pick", "_texts", "_used", "text")

    def __init__(self, program: Program, indexes: list[int]) -> None:
        """`indexes[n]` says which of a delivery's values stands in the program's n-th slot."""
        texts = list(program.texts)
        order: list[int] = []
        for position, index in enumerate(indexes):
            order += (position, len(texts) + index)
        order.append(len(indexes))
        self._texts = texts
        self._used = sorted(set(indexes))
        self._encoded: list[bytes] | None = None
        self._pick: Pick | None = itemgetter(*order) if indexes else None
        self.text: Callable[[list[str]], str] = _filler(texts, self._used, self._pick)

    def quoted_printable(self, values: list[str]) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(text) for text in self._texts]
        if self._pick is None:
            return finish(self._encoded[0])
        filled = [b""] * len(values)
        for index in self._used:
            filled[index] = encode_piece(values[index])
        return finish(b"".join(self._pick(self._encoded + filled)))


def _filler(texts: list[str], used: list[int], pick: Pick | None) -> Callable[[list[str]], str]:
    """The cheapest way to fill: all of them leave the work to one or two calls into C."""
    if pick is None:
        fixed = texts[0]
        return lambda values: fixed
    if len(used) == 1:  # a mail mostly varies by its delivery's id alone
        only = used[0]
        return lambda values: values[only].join(texts)
    join = "".join
    return lambda values: join(pick(texts + values))
