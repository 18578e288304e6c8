"""One program ready to be filled for a delivery, as text and as quoted-printable bytes."""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter, mul
from typing import Any, Final

from .fields import Delivery, Fill, value_writer
from .program import FieldSlot, Program
from .quoted_printable import encode_piece, finish

MAX_OUTPUT: Final = 4_000_000  # characters that all values of one delivery may write together

# itemgetter over the fixed pieces followed by the values, of texts or of bytes alike
_Pick = Callable[[list[Any]], tuple[Any, ...]]


class Body:
    """Fixed pieces and the places of values between them. `text(delivery)` is the filled text."""

    __slots__ = ("_encoded", "_pick", "_texts", "_times", "_values", "slots", "text")

    def __init__(self, program: Program, slots: Sequence[FieldSlot | Fill | None], *, html: bool) -> None:
        """`slots` says for each slot of the program how to fill it; None is the delivery's id."""
        places: dict[FieldSlot | Fill | None, int] = {None: 0}
        texts = list(program.texts)
        order: list[int] = []
        for position, slot in enumerate(slots):
            order += (position, len(texts) + places.setdefault(slot, len(places)))
        order.append(len(slots))
        self.slots = len(slots)
        times = Counter(map(places.__getitem__, slots))
        self._times = [times[place] for place in places.values()]
        self._texts = texts
        self._encoded: list[bytes] | None = None
        self._pick: _Pick | None = itemgetter(*order) if slots else None
        self._values: Callable[[Delivery], list[str]] = lambda delivery: [delivery[2]]
        if len(places) > 1:
            self._values = value_writer([slot for slot in places if slot is not None], html=html)
        self.text: Callable[[Delivery], str] = self._filler(varies=len(places) > 1)

    def written(self, delivery: Delivery) -> int:
        """How many characters of the filled text are values."""
        return sum(map(mul, self._times, map(len, self._values(delivery))))

    def quoted_printable(self, delivery: Delivery) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(text) for text in self._texts]
        if self._pick is None:
            return finish(self._encoded[0])
        values = [encode_piece(value) for value in self._values(delivery)]
        return finish(b"".join(self._pick(self._encoded + values)))

    def _filler(self, *, varies: bool) -> Callable[[Delivery], str]:
        """The cheapest way to fill: all of them leave the joining to one or two calls into C."""
        texts, pick, values, join = self._texts, self._pick, self._values, "".join
        if pick is None:
            fixed = texts[0]
            return lambda delivery: fixed
        if not varies:  # a mail mostly varies by its delivery's id alone
            return lambda delivery: delivery[2].join(texts)
        return lambda delivery: join(pick(texts + values(delivery)))
