"""What the installed Chromium sends when a link of a mail is followed: still what tells it from programs."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from chalicelib.tracking.navigation import poses_as_browser

MAIL = """<!doctype html><title>Mail</title>
<a href="http://127.0.0.1:{port}/tab" target="_blank">tab</a>
<a href="http://127.0.0.1:{port}/silent" target="_blank" rel="noreferrer">silent</a>
<a href="/redirect" target="_blank">redirect</a>"""


class Site:
    """A web mail at `localhost`, and the links' destinations at 127.0.0.1, which is another site.

    Browsers treat both like addresses with TLS: they send what they send there.
    """

    def __init__(self) -> None:
        self.clicks: dict[str, dict[str, str]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b""
                if self.path == "/mail":
                    body = MAIL.format(port=site.port).encode()
                elif self.path != "/redirect":
                    site.clicks[self.path] = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(302 if self.path == "/redirect" else 200)
                if self.path == "/redirect":
                    self.send_header("Location", f"http://127.0.0.1:{site.port}/redirected")
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def site() -> Iterator[Site]:
    started = Site()
    threading.Thread(target=started.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.mark.parametrize(("link", "path"), [("tab", "/tab"), ("silent", "/silent"), ("redirect", "/redirected")])
def test_a_click_in_chromium_has_all_signals(page: Page, site: Site, link: str, path: str) -> None:
    page.goto(f"http://localhost:{site.port}/mail")
    with page.expect_popup() as tab:
        page.get_by_text(link, exact=True).click()
    tab.value.wait_for_url(f"**{path}")
    sent = site.clicks[path]
    assert sent["accept-language"]
    assert "text/html" in sent["accept"]
    assert {"sec-ch-ua", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"} <= sent.keys()
    assert not poses_as_browser(sent)
    assert poses_as_browser({"user-agent": sent["user-agent"]})
