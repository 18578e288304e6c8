"""The page's session as HTTP carries it: a cookie that scripts and other sites cannot use.

The cookie names no path: by default it is valid for the folder of the address that set it, `{stage}/session`, the
stage's root, whatever the gateway in front calls it (RFC 6265, 5.1.4). Against requests that other sites make a
browser send there are SameSite=Strict and, as the local stack shares its host with the inbox and others, a look at
where the request came from (Fetch Metadata; Origin for browsers that lack it).
"""

import re
from collections.abc import Mapping
from datetime import timedelta

NAME = "leadflip_session"
_COOKIE = re.compile(rf"(?:^|;) *{NAME}=([A-Za-z0-9_-]{{43}}) *(?:;|$)")
_LOOKING = frozenset({"GET", "HEAD"})


def session_secret(headers: Mapping[str, str]) -> str | None:
    """The session's secret that a request came with, if any. `headers`: by lower-case names, or any case."""
    match = _COOKIE.search(headers.get("cookie") or "")
    return match[1] if match else None


def is_from_our_page(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser sent this for our own page or its user. GET and HEAD from others than browsers pass, too."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin" or (site == "none" and method in _LOOKING)
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] == headers.get("host")
    return method in _LOOKING


def started(secret: str, lasts: timedelta, headers: Mapping[str, str]) -> str:
    """The Set-Cookie header that starts a session."""
    return f"{NAME}={secret}; Max-Age={int(lasts.total_seconds())}; {_attributes(headers)}"


def ended(headers: Mapping[str, str]) -> str:
    """The Set-Cookie header that makes the browser forget the session."""
    return f"{NAME}=; Max-Age=0; {_attributes(headers)}"


def _attributes(headers: Mapping[str, str]) -> str:
    # API Gateway only speaks https and says so; the local stack's plain http is this machine's own.
    secure = "; Secure" if headers.get("x-forwarded-proto") == "https" else ""
    return f"HttpOnly; SameSite=Strict{secure}"
