"""One text of a mail, filled for a delivery: as text, and as quoted-printable bytes.

Quoted-printable is made in pieces that can be joined: each starts at a line's start and ends with a soft line break. So
the fixed pieces are encoded once per campaign (RFC 2045, 6.7; lines of at most 76 characters).
"""

from binascii import b2a_qp
from collections.abc import Mapping, Sequence

_SOFT_BREAK = b"=\r\n"


class Body:
    """Fixed texts, and the names of the values between them: always one text more than names."""

    __slots__ = ("_distinct", "_encoded", "_names", "_pieces", "_texts")

    def __init__(self, texts: Sequence[str], names: Sequence[str]) -> None:
        self._texts = texts
        self._names = names
        self._distinct = frozenset(names)
        self._pieces = [piece for text in texts for piece in (text, "")][:-1]
        self._encoded: list[bytes] | None = None

    def text(self, values: Mapping[str, str]) -> str:
        if not self._names:
            return self._texts[0]
        if len(self._distinct) == 1:  # mostly the delivery's id
            return values[self._names[0]].join(self._texts)
        pieces = self._pieces.copy()
        pieces[1::2] = map(values.__getitem__, self._names)
        return "".join(pieces)

    def quoted_printable(self, values: Mapping[str, str]) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(piece) for piece in self._pieces]
        encoded = {name: encode_piece(values[name]) for name in self._distinct}
        pieces = self._encoded.copy()
        pieces[1::2] = map(encoded.__getitem__, self._names)
        return finish(b"".join(pieces))


def encode_piece(text: str) -> bytes:
    """One piece of a body, in UTF-8; line breaks (LF, CRLF) become CRLF, a lone CR stays one character."""
    if not text:
        return b""
    try:
        data = text.encode("utf-8", "surrogateescape")  # the author's bytes, also those that are no UTF-8
    except UnicodeEncodeError:
        data = text.encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
        if b"\r" in data:
            return (b"=0D" + _SOFT_BREAK).join(_encode(part) for part in data.split(b"\r"))
    return _encode(data)


def finish(body: bytes) -> bytes:
    """A joined body without the soft break at its end (which would reach into whatever follows)."""
    return body[:-3] if body.endswith(_SOFT_BREAK) and body[-4:-3] not in (b" ", b"\t") else body


def _encode(data: bytes) -> bytes:
    if not data:
        return b""
    # A stand-in for what follows keeps room for the soft break and white space at the end unencoded.
    encoded = b2a_qp(data + b"X")[:-1].replace(b"\n", b"\r\n")
    return encoded if encoded.endswith(b"\n") else encoded + _SOFT_BREAK
