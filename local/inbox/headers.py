"""The headers of a message as people read them, from whatever bytes came in."""

from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import Header, decode_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from typing import TypeAlias

# `compat32` and not the newer policies: it never raises on a hostile header, and it is four times as fast.
Letter: TypeAlias = "Message[str, str]"


def head_of(content: bytes) -> Letter:
    """The headers of a message, without looking at its body; never raises."""
    ends = [end for end in (content.find(b"\r\n\r\n"), content.find(b"\n\n")) if end >= 0]
    return message_from_bytes(content[: min(ends)] if ends else content, policy=compat32)


def decoded(value: object) -> str:
    """A header's value in unicode: unfolded, encoded words (RFC 2047) resolved, undecodable bytes replaced."""
    text = " ".join(_text_of(value).split())
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text)
    except HeaderParseError:
        return text
    return " ".join("".join(_piece(piece, charset) for piece, charset in pieces).split())


def decoded_mailboxes(values: list[str]) -> list[str]:
    """The mailboxes of some address headers as `Name <address>`, names decoded after splitting, as RFC 2047 wants."""
    mailboxes = []
    for name, address in getaddresses(values):
        shown = decoded(name)
        if shown or address:
            mailboxes.append(f"{shown} <{address}>" if shown else address)
    return mailboxes


def header_values(letter: Letter, name: str) -> list[str]:
    """Every value of one header as text, in order."""
    return [_text_of(value) for value in letter.get_all(name, [])]


def _text_of(value: object) -> str:
    """A header's value before decoding; bytes beyond ASCII, which nobody should send, are taken for UTF-8."""
    if isinstance(value, Header):  # what `email` makes of such bytes
        return "".join(_piece(piece, charset) for piece, charset in decode_header(value))
    return str(value or "")


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    return decoded_text(piece, charset)


def decoded_text(content: bytes, charset: str | None) -> str:
    """Bytes in a declared charset as text; an unknown or wrong charset falls back to UTF-8 with replacements."""
    try:
        return content.decode(charset or "utf-8")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")
