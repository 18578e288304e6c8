"""One text of a mail, filled for a delivery: as text, and as quoted-printable bytes.

Quoted-printable is made in pieces that can be joined: each starts at a line's start and ends with a soft line break. So
the fixed pieces are encoded once per campaign (RFC 2045, 6.7; lines of at most 76 characters).
"""

from binascii import b2a_qp
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final

from chalicelib.content.compiled import DELIVERY

DELIVERY_ID: Final = repr(DELIVERY)
"""The name of the one value that every delivery has."""
_SOFT_BREAK = b"=\r\n"


class MailText:
    """Fixed texts, and the names of the values between them: always one text more than names."""

    def __init__(self, texts: Sequence[str], names: Sequence[str]) -> None:
        self._texts = texts
        self._names = frozenset(names)
        self._separator = names[0] if names else DELIVERY_ID
        # One call into C for all values: half the time of a loop, and most of the time that filling takes.
        self._pick = itemgetter(*names) if len(self._names) > 1 else None
        self._pieces = [piece for text in texts for piece in (text, "")][:-1]
        self._encoded: list[bytes] | None = None

    def text(self, values: Mapping[str, str]) -> str:
        if self._pick is None:
            return values[self._separator].join(self._texts)
        pieces = self._pieces.copy()
        pieces[1::2] = self._pick(values)
        return "".join(pieces)

    def quoted_printable(self, values: Mapping[str, str]) -> bytes:
        """The filled text, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(piece) for piece in self._pieces]
        if self._pick is None:
            return finish(encode_piece(values[self._separator]).join(self._encoded[::2]))
        pieces = self._encoded.copy()
        pieces[1::2] = self._pick({name: encode_piece(values[name]) for name in self._names})
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
