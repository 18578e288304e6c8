"""Recognises programs that pose as a browser, by the headers of a click.

Every navigation of a current browser over TLS has three signals: a language in `Accept-Language`, `text/html` in
`Accept`, and `Sec-` headers (`Sec-Fetch-*`, and `Sec-CH-UA` of Chromium). They are independent: a proxy that removes
one of them leaves the others. All `Sec-` headers are one signal, since a proxy may remove them by their prefix. A
click that lacks two signals is a program's. Measurements and sources: docs/decisions/0075.
"""

import re
from collections.abc import Mapping

# The whole user agent, so that browsers in apps and others of the same make do not match: they may send other headers.
# A version has at most four digits: int() raises for thousands of them.
# Compiled when it is first needed, which people's clicks never do.
_BROWSER = (
    r"Mozilla/5\.0 (?:"
    r"\([^()]+\) AppleWebKit/537\.36 \(KHTML, like Gecko\) Chrome/(?P<chromium>\d{1,4})\.[\d.]+(?: Mobile)? "
    r"Safari/537\.36(?: EdgA?/[\d.]+)?|"
    r"\([^()]+\) Gecko/[\d.]+ Firefox/(?P<firefox>\d{1,4})\.[\d.]+|"
    r"\((?:Macintosh|iPhone|iPad)[^()]+\) AppleWebKit/605\.1\.15 \(KHTML, like Gecko\) "
    r"Version/(?P<safari>\d{1,4}\.\d{1,4})[\d.]*(?: Mobile/\w+)? Safari/[\d.]+)"
)

# The first versions that send Sec-Fetch-Site, -Mode and -Dest. Source: MDN browser-compat-data, http.headers.
_SINCE = {"chromium": (80,), "firefox": (90,), "safari": (16, 4)}

_SEC = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-ch-ua")


def poses_as_browser(headers: Mapping[str, str]) -> bool:
    """Whether a click over TLS claims to be a current Chrome, Edge, Firefox or Safari and lacks two of its signals.

    The headers' names are lower-case. False for a request with `Via`: it came by way of a proxy, which may have removed
    any header. Over plain HTTP browsers send no `Sec-` headers: the caller must not ask.
    """
    missing = (
        (headers.get("accept-language", "*") in ("", "*"))
        + ("text/html" not in headers.get("accept", ""))
        + (not any(name in headers for name in _SEC))
    )
    return missing >= 2 and "via" not in headers and _is_current(headers.get("user-agent", ""))


def _is_current(user_agent: str) -> bool:
    browser = re.fullmatch(_BROWSER, user_agent)
    if browser is None or browser.lastgroup is None:
        return False
    version = tuple(int(part) for part in browser[browser.lastgroup].split("."))
    return version >= _SINCE[browser.lastgroup]
