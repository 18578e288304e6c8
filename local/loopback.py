"""This machine's own names, and which requests may reach what listens here."""

import re
from collections.abc import Mapping

from local.ports import LOOPBACK


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why a request must not be answered, or None; header names in lower case.

    Any web page can have a browser ask this machine. By this machine's own address the browser names the page's origin
    with everything whose answer the page could read, and with every POST. By a name of the page's own that has come to
    mean 127.0.0.1 (DNS rebinding) that name is in Host. Programs send no Origin.

    Sources: Fetch Standard, "`Origin` header" (a page with the referrer policy `no-referrer` sends `null`); Fetch
    Metadata Request Headers, `Sec-Fetch-Site` (sent to loopback addresses without TLS, too).
    """
    host = headers.get("host", LOOPBACK)
    if not is_loopback(host):
        return f"This machine's own names only, such as {LOOPBACK} and localhost, not {host}."
    origin = headers.get("origin", f"http://{host}")
    if origin == "null" and headers.get("sec-fetch-site") == "same-origin":
        return None
    if origin == "null" and headers.get("sec-fetch-dest") == "image":
        return None  # Chromium names an origin with the images of a sandboxed frame, such as a mail's in the inbox
    if origin != f"http://{host}":
        return f"No requests from pages of other origins, such as {origin}."
    return None


def is_loopback(host: str) -> bool:
    """Whether a Host header, with or without a port, names this machine."""
    name = re.sub(r":\d+$", "", host)
    return name in {LOOPBACK, "localhost"} or name.endswith(".localhost")
