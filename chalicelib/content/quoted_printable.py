"""Quoted-printable in pieces that can be joined: each starts at a line's start and ends with a soft line break.

So the fixed pieces of a mail are encoded once per campaign (RFC 2045, 6.7; lines of at most 76 characters).
"""

from binascii import b2a_qp

_SOFT_BREAK = b"=\r\n"


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
