"""Where links lead: which URLs are tracked, what merge values may change in them, and how a click URL carries them.

In a rendered link each merge value stands between marks (`as_value`), to tell it from what the author wrote. URLs are
read as browsers do: https://url.spec.whatwg.org/#concept-basic-url-parser
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote_plus

from chalicelib.content.compiled import UTM_KEYS

# HTTP APIs refuse requests above 10,240 bytes in all; the rest is headers (API Gateway quotas).
MAX_CLICK_URL: Final = 8_000
DELIVERY_ID_LENGTH: Final = 48  # at most

NO_LINK: Final = ("", '""')
"""The href of a link that leads nowhere, quoted and unquoted: without quotes, the next attribute would be its value."""

_SPACES = " \t\n\f\r"
_LINE_BREAKS = re.compile("[\t\n\r]")
_HTTP = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CONTROLS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

VALUE: Final = "\ufdd2"
"""Stands before and after each value in a rendered link; by itself, for any value. A noncharacter: no text holds it."""

# The text before the first value fixes where the link leads.
_SETTLED = re.compile(rf"https?://[^\s/?#\\{VALUE}]+[/?#]|(?:mailto|tel|sms):|#", re.IGNORECASE)
# The first value is the whole address, possibly followed by a path or query.
_WHOLE = re.compile(rf"{VALUE}(?:\Z|[?#&{VALUE}]|/(?![/\\]))")
_SCHEME_AND_AUTHORITY = re.compile(r"([^:/?#\\]*+)://([^/?#\\]*+)")
_NO_WEB = re.compile(r"(?:mailto|tel|sms):", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[^\s/?#\\]+", re.IGNORECASE)
_WEB = ("http", "https")
_ENDS_AUTHORITY = re.compile(r"[/?#\\]")
_LABELS = re.compile(r"[\w.-]+", re.ASCII)


class Risk(StrEnum):
    """What a lead's values can do to a link with merge tags."""

    ADDRESS = "address"
    """A value is the whole address: the link is empty for leads whose value is not an address."""
    HOST = "host"
    """A value is part of the scheme or host that the author wrote, or follows directly, and could change it."""
    NOWHERE = "nowhere"
    """The link is always empty: no value can make it an allowed address."""


def tidy(url: str) -> str:
    """The URL that a browser reads from an href: without white space around it and without tabs and line breaks."""
    return _LINE_BREAKS.sub("", url.strip(_SPACES))


RELATIVE: Final = "it is relative, and there is no absolute <base href> to resolve it by"
NO_TRACK: Final = "it is marked data-no-track"
IS_UNSUBSCRIBE: Final = "it is the unsubscribe link"


def why_untracked(url: str) -> str | None:
    """Why this (tidy) URL is left as it is, or None when it can be tracked."""
    if not url:
        return "it has no destination"
    if url.startswith("#"):
        return "it leads to a place in the mail itself"
    if _HTTP.match(url):
        return "it holds characters that no address can hold" if _CONTROLS.search(url) else None
    scheme = _SCHEME.match(url)
    if scheme is None:
        return RELATIVE
    name = scheme[0][:-1].lower()
    return "its address is not well-formed" if name in ("http", "https") else f"{name}: links are not tracked"


def as_value(text: str) -> str:
    """A value as it stands in a rendered link."""
    return f"{VALUE}{text.replace(VALUE, '')}{VALUE}"


def is_settled(head: str) -> bool:
    """Whether a link that begins so leads to one host, mailbox, phone or place in the mail, whatever follows."""
    return _SETTLED.match(tidy(head)) is not None


def risk_of(neutral: str) -> Risk | None:
    """What values can do to a link in which `VALUE` stands for each of them; None when they only fill it."""
    neutral = tidy(neutral)
    if VALUE not in neutral or _SETTLED.match(neutral):
        return None
    if _WHOLE.match(neutral):
        return Risk.ADDRESS
    written = _SCHEME_AND_AUTHORITY.match(neutral)
    return Risk.HOST if written and (VALUE in written[1] or written[1].lower() in _WEB) else Risk.NOWHERE


def destination_of(rendered: str) -> str | None:
    """Where a rendered link leads; None when it may lead nowhere.

    A link with values may lead to the web, a mailbox or a phone. If the author wrote part of the host, values may only
    be whole labels before that part or begin the path after it, because the end of a host name decides who owns it.
    """
    pieces = _LINE_BREAKS.sub("", rendered).split(VALUE)
    url = tidy("".join(pieces))
    if len(pieces) == 1 or is_settled(pieces[0]) or _NO_WEB.match(url):
        return url
    if not _HTTP.match(url):
        return None
    values = [piece for piece in pieces[1::2] if piece]
    pieces[1::2] = [piece and VALUE for piece in pieces[1::2]]
    neutral = "".join(pieces).lstrip(_SPACES)
    if _WHOLE.match(neutral):
        return url if _is_origin(values[0].lstrip(_SPACES), url) else None
    written = _SCHEME_AND_AUTHORITY.match(neutral)
    return url if written and _keep(written[1], written[2], values) else None


def _is_origin(value: str, url: str) -> bool:
    """Whether the value, which this URL begins with, holds all of its scheme and authority."""
    origin = _ORIGIN.match(value)
    return origin is not None and url[origin.end() : origin.end() + 1] in ("", "/", "?", "#", "\\")


def _keep(scheme: str, authority: str, values: list[str]) -> bool:
    """Whether the values leave this scheme and authority what their author made them."""
    for value in values[: (in_scheme := scheme.count(VALUE))]:
        scheme = scheme.replace(VALUE, value, 1)
    if scheme.lower() not in _WEB:
        return False
    written = authority.rstrip(VALUE)
    within = values[in_scheme:][: written.count(VALUE)]
    behind = values[in_scheme:][len(within) : authority.count(VALUE)]
    if not written and behind and _ENDS_AUTHORITY.search(behind.pop(0)):
        return True  # the value is all of it
    return (not behind or behind[0][0] in "/?#") and all(
        _LABELS.fullmatch(value) and (not after or after[0] in ".@" or value[-1] == ".")
        for value, after in zip(within, written.split(VALUE)[1:], strict=True)
    )


def with_utm(url: str, utm: Mapping[str, str]) -> str:
    """The URL with the campaign's UTM tags before the fragment; what the author set stays, also with other values."""
    wanted = {f"utm_{key}": utm[key] for key in UTM_KEYS if utm.get(key)}
    if not wanted:
        return url
    address, hash_sign, fragment = url.partition("#")
    path, question_mark, query = address.partition("?")
    present = {unquote_plus(pair.partition("=")[0]).lower() for pair in re.split("[&;]", query)}
    added = "&".join(f"{key}={quote(value, safe='')}" for key, value in wanted.items() if key not in present)
    if not added:
        return url
    joint = "?" if not question_mark else "" if not query or query.endswith("&") else "&"
    return f"{path}{question_mark}{query}{joint}{added}{hash_sign}{fragment}"


def click_url_parts(base_url: str, link: str, destination: str, signature: str) -> tuple[str, str]:
    """The click URL before and after the delivery's id, not yet encoded for an attribute."""
    return f"{base_url}/t/c/", f"?l={link}&u={quote(destination, safe='')}&s={signature}"
