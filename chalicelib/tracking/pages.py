"""The pages that recipients see: plain HTML without scripts, with no data of a mail or lead but a masked address.

In the workspace's language, with its logo and accent colour.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from chalice import Response

from chalicelib.model.workspace import Language, Workspace

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.0625rem/1.55 system-ui, sans-serif; margin: 0; padding: 12vh 1rem 2rem; background: light-dark(#f5f6f8, #0f1217); color: light-dark(#1a202b, #e8ebf0); overflow-wrap: anywhere; }}
main {{ max-width: 27rem; margin: 0 auto; padding: 1rem 2rem 2rem; border: 1px solid light-dark(#e2e5ea, #2a303a); border-radius: .9rem; background: light-dark(#fff, #171b22); }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }}
a {{ color: inherit; display: inline-block; padding: .6rem 0; }}
img {{ max-width: 100%; max-height: 4rem; }}
button {{ font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; background: {accent}; color: #fff; cursor: pointer; }}
button:focus-visible {{ outline: 3px solid currentColor; outline-offset: 2px; }}
@media (prefers-color-scheme: dark) {{ img {{ padding: .5rem .75rem; border-radius: .5rem; background: #fff; }} }}
</style>
</head>
<body>
<main>
{logo}<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""  # noqa: E501 - CSS reads better with a rule a line


@dataclass(frozen=True, slots=True)
class _Texts:
    """In one language, by itself English; what is in braces is filled in."""

    ask: str = "Unsubscribe?"
    who_leaves: str = "{address} will no longer receive marketing emails like this one from {sender}."
    you_leave: str = "You will no longer receive marketing emails like this one from {sender}."
    this_sender: str = "this sender"
    unsubscribe: str = "Unsubscribe"
    done: str = "You are unsubscribed"
    done_detail: str = "You can close this page."
    is_test: str = "This is a test email. Its link unsubscribes nobody."
    test_done: str = "Nobody was unsubscribed"
    check_link: str = "Check this link"
    leads_to: str = "The link in the email leads to:"
    not_verified: str = "We cannot verify this link right now. Continue only if you trust this site."
    go_on: str = "Continue to {host}"


_TEXTS: Mapping[Language, _Texts] = {
    Language.EN: _Texts(),
    Language.DE: _Texts(
        ask="Möchten Sie sich abmelden?",
        who_leaves="{address} erhält künftig keine Werbe-E-Mails wie diese mehr von {sender}.",
        you_leave="Sie erhalten künftig keine Werbe-E-Mails wie diese mehr von {sender}.",
        this_sender="diesem Absender",
        unsubscribe="Abmelden",
        done="Sie sind abgemeldet",
        done_detail="Sie können diese Seite jetzt schließen.",
        is_test="Dies ist eine Test-E-Mail. Der Link darin meldet niemanden ab.",
        test_done="Niemand wurde abgemeldet",
        check_link="Bitte prüfen Sie diesen Link",
        leads_to="Der Link in der E-Mail führt zu:",
        not_verified="Wir können diesen Link gerade nicht überprüfen. Fahren Sie nur fort, wenn Sie dieser Website "
        "vertrauen.",
        go_on="Weiter zu {host}",
    ),
}


def _page(workspace: Workspace, title: str, content: str, status_code: int = 200) -> Response:
    logo_url, image_sources = workspace.theme.logo_url, ""
    logo = ""
    if logo_url is not None:
        image_sources = f"; img-src https://{urlsplit(logo_url).netloc}"
        logo = f'<p><img src="{escape(logo_url)}" alt="{escape(workspace.name)}"></p>\n'
    body = _PAGE.format(
        language=workspace.language, title=title, content=content, logo=logo, accent=workspace.theme.accent
    )
    headers: dict[str, str | list[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
        + image_sources,
        "Referrer-Policy": "no-referrer",
    }
    return Response(body=body, status_code=status_code, headers=headers)


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


def ask_before_leaving(destination: str, workspace: Workspace) -> Response:
    """A page that names the host of an unverified link and lets the recipient decide; not found if it has no host.

    The host alone is shown, since the other parts of a URL can mislead.
    """
    host = host_of(destination)
    if host is None:
        return not_found()
    texts = _TEXTS[workspace.language]
    return _page(
        workspace,
        texts.check_link,
        f"<p>{texts.leads_to}</p>\n"
        f"<p><strong>{escape(host)}</strong></p>\n"
        f"<p>{texts.not_verified}</p>\n"
        f'<p><a href="{escape(destination)}" rel="noreferrer nofollow">{texts.go_on.format(host=escape(host))}</a></p>',
    )


def masked(address: str) -> str:
    """An address that only its owner recognises: `ada@shop.example` as `a***@shop.example`.

    Others may open the page from a forwarded mail or a log.
    """
    local, _, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 2 else ''}***@{domain}"


def confirm_unsubscribing(address: str | None, workspace: Workspace, *, is_test: bool = False) -> Response:
    """The confirmation page; `address` is the mail's recipient, None if unknown."""
    texts = _TEXTS[workspace.language]
    note = f"<p>{texts.is_test}</p>\n" if is_test else ""
    form = f'<button type="submit" name="confirm" value="yes">{texts.unsubscribe}</button>'
    content = f'<p>{_promise(texts, workspace, address)}</p>\n{note}<form method="post">{form}</form>'
    return _page(workspace, texts.ask, content)


def unsubscribed(workspace: Workspace, *, is_test: bool = False) -> Response:
    """The page after unsubscribing."""
    texts = _TEXTS[workspace.language]
    if is_test:
        return _page(workspace, texts.test_done, f"<p>{texts.is_test}</p>")
    return _page(workspace, texts.done, f"<p>{_promise(texts, workspace)} {texts.done_detail}</p>")


def _promise(texts: _Texts, workspace: Workspace, address: str | None = None) -> str:
    """What unsubscribing does: mails of this business line end, others may come from the same sender."""
    shown = f"<strong>{escape(masked(address))}</strong>" if address else ""
    text = texts.who_leaves if address else texts.you_leave
    return text.format(address=shown, sender=escape(workspace.name) or texts.this_sender)


def not_found() -> Response:
    """Always plain and in English: for a forged link no table is read."""
    detail = "<p>It may be incomplete. Please use the link in the email.</p>"
    return _page(Workspace(), "This link is not valid", detail, status_code=404)
