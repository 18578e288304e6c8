"""One program ready to be filled for a delivery, as text and as quoted-printable bytes."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .program import Program
from .quoted_printable import encode_piece, finish

# lead, campaign, delivery id, unsubscribe URL, what was computed beforehand, layout: a plain tuple, because building
# and reading a named one costs as much as filling a slot
Delivery = tuple[Mapping[str, object], Mapping[str, object], str, str, list[str], Any]
Fill = Callable[[Delivery], str]
# itemgetter over the fixed pieces followed by the values, of texts or of bytes alike
_Pick = Callable[[list[Any]], tuple[Any, ...]]


class Body:
    """Fixed pieces and the places of values between them. `text(delivery)` is the filled text."""

    __slots__ = ("_encoded", "_fills", "_pick", "_texts", "text")

    def __init__(self, program: Program, fills: Sequence[Fill | None]) -> None:
        """`fills` says for each slot of the program how to fill it; None is the delivery's id."""
        different: dict[Fill, int] = {}
        for fill in fills:
            if fill is not None:
                different.setdefault(fill, len(different) + 1)
        texts = list(program.texts)
        order: list[int] = []
        for position, fill in enumerate(fills):
            order += (position, len(texts) + (0 if fill is None else different[fill]))
        order.append(len(fills))
        self._texts = texts
        self._fills = list(different)
        self._encoded: list[bytes] | None = None
        self._pick: _Pick | None = itemgetter(*order) if fills else None
        self.text: Callable[[Delivery], str] = _filler(texts, self._fills, self._pick)

    def quoted_printable(self, delivery: Delivery) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(text) for text in self._texts]
        if self._pick is None:
            return finish(self._encoded[0])
        values = [encode_piece(delivery[2]), *[encode_piece(fill(delivery)) for fill in self._fills]]
        return finish(b"".join(self._pick(self._encoded + values)))


def _filler(texts: list[str], fills: list[Fill], pick: _Pick | None) -> Callable[[Delivery], str]:
    """The cheapest way to fill: all of them leave the joining to one or two calls into C."""
    if pick is None:
        fixed = texts[0]
        return lambda delivery: fixed
    if not fills:  # a mail mostly varies by its delivery's id alone
        return lambda delivery: delivery[2].join(texts)
    join = "".join
    return lambda delivery: join(pick([*texts, delivery[2], *[fill(delivery) for fill in fills]]))
