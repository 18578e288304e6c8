"""The pages that recipients see: plain HTML without scripts, with no data of a mail or lead but a masked address."""

import re
from html import escape

from chalice import Response

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto 0; padding: 0 1.25rem; }}
button {{ font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; background: #1d4ed8; color: #fff; }}
button:focus-visible {{ outline: 3px solid currentColor; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""

_HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


def _page(title: str, content: str, status_code: int = 200) -> Response:
    return Response(body=_PAGE.format(title=title, content=content), status_code=status_code, headers=_HEADERS)


# Without user info and backslashes, in which URL parsers disagree about the host.
_WEB_ADDRESS = re.compile(r"https?://([\w.-]+)(?::\d+)?(?:[/?#][^\s\\]*)?", re.IGNORECASE)


def host_of(destination: str) -> str | None:
    """The host that a browser would open, in ASCII form; None if there is any doubt."""
    address = _WEB_ADDRESS.fullmatch(destination)
    if address is None:
        return None
    try:
        return address[1].encode("idna").decode()
    except UnicodeError:
        return None


def ask_before_leaving(destination: str) -> Response:
    """A page that names the host of an unverified link and lets the recipient decide; not found if it has no host.

    The host alone is shown, since the other parts of a URL can mislead.
    """
    host = host_of(destination)
    if host is None:
        return not_found()
    return _page(
        "Check this link",
        f"<p>The link in the email leads to:</p>\n<p><strong>{escape(host)}</strong></p>\n"
        "<p>We cannot verify this link right now. Continue only if you trust this site.</p>\n"
        f'<p><a href="{escape(destination)}" rel="noreferrer nofollow">Continue to {escape(host)}</a></p>',
    )


def masked(address: str) -> str:
    """An address that only its owner recognises: `ada@shop.example` as `a***@shop.example`.

    Others may open the page from a forwarded mail or a log.
    """
    local, _, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 2 else ''}***@{domain}"


def confirm_unsubscribing(address: str | None) -> Response:
    """The confirmation page; `address` is the mail's recipient, None if unknown."""
    who = f"<strong>{escape(masked(address))}</strong>" if address else "You"
    return _page(
        "Unsubscribe?",
        f"<p>{who} will no longer receive campaign emails from this sender.</p>\n"
        '<form method="post"><button type="submit" name="confirm" value="yes">Unsubscribe</button></form>',
    )


def unsubscribed() -> Response:
    return _page(
        "You are unsubscribed",
        "<p>You will no longer receive these emails. You can close this page.</p>",
    )


def not_found() -> Response:
    return _page(
        "This link is not valid",
        "<p>It may be incomplete. Please use the link in the email.</p>",
        status_code=404,
    )
