"""Header fields: text and addresses that can hold anything a lead's data holds, and never a second header."""

import re
from base64 import b64encode
from functools import lru_cache
from typing import Final

from chalicelib.content.errors import AddressInvalid
from chalicelib.model.addresses import MalformedAddress, parse_address

MAX_LINE: Final = 76
_MAX_TEXT = 998  # characters of a rendered subject or name; templates can write millions

_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_Q_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")


def clean(text: str) -> str:
    """One line of text: control characters and line breaks of every kind become a space."""
    if not text.isprintable():
        text = _BREAKING.sub(" ", text)
    return text.strip()[:_MAX_TEXT]


def wire_address(header: str, address: str) -> str:
    """The address as it goes over the wire, its domain in ASCII. Raises AddressInvalid."""
    try:
        return parse_address(address)
    except MalformedAddress as error:
        raise AddressInvalid(header, str(error)) from None


def text_header(name: str, text: str) -> str:
    """`Name: text`, encoded (RFC 2047) and folded as needed, without the final line break."""
    text = clean(text)
    if text.isascii() and "=?" not in text:
        line = f"{name}: {text}"
        if len(line) <= MAX_LINE:
            return line
        folded = _fold(line)
        if folded is not None:
            return folded
    return f"{name}: {encoded_words(text, len(name) + 2)}"


def address_header(name: str, display_name: str | None, address: str) -> str:
    """`Name: Display <address>`. Raises AddressInvalid; the display name can be anything."""
    wire = wire_address(name, address)
    shown_name = clean(display_name) if display_name else ""
    if not shown_name:
        return f"{name}: {wire}"
    if shown_name.isascii() and "=?" not in shown_name and len(shown_name) < 60:
        escaped = shown_name.replace("\\", "\\\\").replace('"', '\\"')
        phrase = f'"{escaped}"'
    else:
        phrase = encoded_words(shown_name, len(name) + 2)
    joint = "\r\n " if len(name) + len(phrase.rpartition("\n")[2]) + len(wire) + 5 > MAX_LINE else " "
    return f"{name}: {phrase}{joint}<{wire}>"


@lru_cache(maxsize=256)
def encoded_words(text: str, used: int) -> str:
    """RFC 2047 encoded words of at most 75 characters; `used` is what the first line already holds."""
    data = text.encode("utf-8", "replace")
    use_q = sum(byte not in _Q_SAFE and byte != 0x20 for byte in data) * 6 <= len(data)
    words: list[str] = []
    room = MAX_LINE - used
    chunk = ""
    for character in text:
        if chunk and len(_word(chunk + character, use_q)) > room:
            words.append(_word(chunk, use_q))
            chunk, room = "", MAX_LINE - 1
        chunk += character
    words.append(_word(chunk, use_q))
    return "\r\n ".join(words)


def _word(text: str, use_q: bool) -> str:
    data = text.encode("utf-8", "replace")
    if not use_q:
        return f"=?utf-8?B?{b64encode(data).decode('ascii')}?="
    inside = "".join(chr(byte) if byte in _Q_SAFE else "_" if byte == 0x20 else f"={byte:02X}" for byte in data)
    return f"=?utf-8?Q?{inside}?="


def _fold(line: str) -> str | None:
    """The line broken at single spaces, or None when a word is too long or a break would change white space."""
    if "  " in line:
        return None
    lines: list[str] = []
    current = ""
    for word in line.split(" "):
        if len(word) > MAX_LINE - 2:
            return None
        if current and len(current) + 1 + len(word) > MAX_LINE:
            lines.append(current)
            current = " " + word
        else:
            current = f"{current} {word}" if current else word
    return "\r\n".join([*lines, current])
