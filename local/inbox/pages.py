"""The web pages: the list of mails, and one mail with its HTML in a frame where nothing of it can run.

Two policies keep a hostile mail in its place. The inbox's own pages load nothing but their style sheet. The mail's
HTML is served as a document of its own with a `sandbox` policy, so that its scripts and forms are dead even when it
is opened outside the frame; its images are loaded, so that opening a mail here is an open.
"""

from pathlib import Path
from urllib.parse import quote, urlencode

from local.inbox import markup
from local.inbox.http_server import Request, Response
from local.inbox.letter import Parts, framed, take_apart
from local.inbox.mailbox import KeptMessage, Mailbox
from local.inbox.routing import Router

PAGE_SIZE = 50
FRAME_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = (
    f"sandbox {FRAME_SANDBOX}; default-src 'none'; img-src * data:; media-src *; font-src * data:; "
    "style-src * 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'"
)
_STYLE = Path(__file__).with_name("page.css").read_bytes()


class Pages:
    """`/`, `/messages/{id}`, the frame's `/messages/{id}/html`, the button that empties the mailbox, `/website`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def add_routes(self, router: Router) -> None:
        router.add("GET", "/", self.list_page)
        router.add("GET", r"/messages/([0-9a-f-]+)", self.message_page)
        router.add("GET", r"/messages/([0-9a-f-]+)/html", self.mail_html)
        router.add("POST", "/empty", self.empty)
        router.add("GET", "/page.css", self.style)
        router.add("GET", r"/website(|/.*)", self.website)

    async def list_page(self, request: Request) -> Response:
        """Newest first, `?page=` from 1, `?q=` what a recipient, the sender or the subject contains."""
        wanted = request.query.get("q", "").strip()
        messages = [message for message in reversed(self._mailbox.listed()) if _contains(message, wanted.lower())]
        pages = max(1, -(-len(messages) // PAGE_SIZE))
        number = request.query.get("page", "1")
        page = min(max(int(number), 1), pages) if number.isdecimal() and len(number) < 9 else 1
        shown = messages[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return html_page(markup.list_of_messages(shown, total=len(messages), page=page, pages=pages, wanted=wanted))

    async def message_page(self, request: Request, message_id: str) -> Response:
        """One mail; `?view=` html, text or source, the first that it has when nothing is said."""
        message = self._mailbox.find(message_id)
        if message is None:
            return html_page(markup.missing_message(), status=404)
        content = self._mailbox.content_of(message)
        parts = take_apart(content)
        view = request.query.get("view", "")
        if view not in _views_of(parts):
            view = _views_of(parts)[0]
        frame = f"/messages/{quote(message_id)}/html"
        body = {
            "html": lambda: markup.framed_html(frame, FRAME_SANDBOX),
            "text": lambda: markup.preformatted(parts.text or ""),
            "source": lambda: markup.preformatted(content.decode("utf-8", "replace")),
        }[view]()
        return html_page(markup.message(message, content, parts, views=_views_of(parts), view=view, body=body))

    async def mail_html(self, _request: Request, message_id: str) -> Response:
        message = self._mailbox.find(message_id)
        html = take_apart(self._mailbox.content_of(message)).html if message else None
        if html is None:
            return Response(404, b"This email has no HTML part.\n")
        headers = {"Content-Security-Policy": _MAIL_POLICY, **_CAUTION}
        return Response(200, framed(html).encode("utf-8", "replace"), "text/html; charset=utf-8", headers)

    async def empty(self, request: Request) -> Response:
        # A mail's link opens a page that could post a form here; only the inbox's own button may empty it.
        if request.headers.get("sec-fetch-site") != "same-origin":
            return Response(403, b"Use the button on the inbox page, or DELETE /messages.\n")
        self._mailbox.empty()
        return Response(303, headers={"Location": "/"})

    async def website(self, request: Request, path: str) -> Response:
        """Where the links of the example mails lead, as nobody has the websites that they name."""
        query = urlencode(request.query)
        return html_page(markup.website(f"{path or '/'}?{query}" if query else path or "/"))

    async def style(self, _request: Request) -> Response:
        return Response(200, _STYLE, "text/css; charset=utf-8", {"X-Content-Type-Options": "nosniff"})


_CAUTION = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def html_page(html: str, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": _PAGE_POLICY, **_CAUTION}
    return Response(status, html.encode("utf-8", "replace"), "text/html; charset=utf-8", headers)


def _views_of(parts: Parts) -> list[str]:
    views = [name for name, content in (("html", parts.html), ("text", parts.text)) if content is not None]
    return [*views, "source"]


def _contains(message: KeptMessage, wanted: str) -> bool:
    places = (*message.envelope.recipients, message.from_header, message.subject)
    return any(wanted in place.lower() for place in places)
