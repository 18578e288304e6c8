"""What a link leads to: which URLs are tracked, how UTM tags join them, how they travel in a click URL."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_plus

from .source import UTM_KEYS

# HTTP APIs refuse requests above 10,240 bytes in all; the rest is headers (API Gateway quotas).
MAX_CLICK_URL: Final = 8_000

_SPACES = " \t\n\f\r"
_LINE_BREAKS = re.compile("[\t\n\r]")
_HTTP = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CONTROLS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def tidy(url: str) -> str:
    """The URL that a browser reads from an href: without white space around it and without tabs and line breaks."""
    return _LINE_BREAKS.sub("", url.strip(_SPACES))


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
        return "it is relative, and there is no absolute <base href> to resolve it by"
    name = scheme[0][:-1].lower()
    return "its address is not well-formed" if name in ("http", "https") else f"{name}: links are not tracked"


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
