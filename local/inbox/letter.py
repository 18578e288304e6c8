"""A message taken apart for showing: its text, its HTML, the names of its attachments."""

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import compat32

from local.inbox.headers import Letter, decoded, decoded_text

_DOCTYPE = re.compile(r"\s*(?:<!--(?:(?!-->).)*-->\s*)*<!doctype[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Parts:
    """What a mail client would show; None where the message has no such part."""

    text: str | None = None
    html: str | None = None
    attachments: list[str] = field(default_factory=list)


def take_apart(content: bytes) -> Parts:
    """The first text part, the first HTML part, and every other leaf by name; never raises."""
    parts = Parts()
    try:
        for part in message_from_bytes(content, policy=compat32).walk():
            if not part.is_multipart():
                _sort(part, parts)
    except RecursionError:  # hundreds of multiparts in each other: its source can still be read
        parts.text = "This message is nested too deeply to be shown."
    return parts


def framed(html: str) -> str:
    """The HTML as it is shown in the frame: every link opens in a new tab.

    The `<base>` goes behind the doctype: there it is always parsed as the head's first element, wherever the author's
    own `<head>` is, and the first `<base target>` wins. The document stays in the author's rendering mode.
    """
    html = html.removeprefix("\ufeff")
    doctype = _DOCTYPE.match(html)
    end = doctype.end() if doctype else 0
    return f'{html[:end]}<base target="_blank">{html[end:]}'


def _sort(part: Letter, parts: Parts) -> None:
    kind = part.get_content_type()
    shown = part.get_content_disposition() != "attachment"
    if shown and kind == "text/plain" and parts.text is None:
        parts.text = _text_of(part)
    elif shown and kind == "text/html" and parts.html is None:
        parts.html = _text_of(part)
    else:
        parts.attachments.append(decoded(part.get_filename()) or kind)


def _text_of(part: Letter) -> str:
    """The part's text after its transfer encoding (quoted-printable, base64) and charset."""
    payload = part.get_payload(decode=True)
    return decoded_text(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""
