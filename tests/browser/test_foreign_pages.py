"""Web pages of other origins can show tracking pixels, but read nothing from the local stack."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from local.ports import LOOPBACK
from local.stack import LocalStack

READ = "url => fetch(url).then(answer => answer.text(), () => 'refused')"
SIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20261126%2Feu-central-1%2Fsns%2Faws4_request"
    "&X-Amz-Date=20261126T120000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
)
"""The administrator's key is public, and ministack checks no signatures."""
SHOWN = """url => new Promise(done => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
})"""


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer((LOOPBACK, 0), EmptyPage)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_page_elsewhere_shows_pixels_and_reads_nothing(page: Page, stack: LocalStack, elsewhere: str) -> None:
    topics = f"{stack.engine.endpoint}/?Action=ListTopics&{SIGNED}"
    page.goto(stack.web_url)
    assert "ListTopicsResult" in page.evaluate(READ, topics)
    page.goto(elsewhere)
    assert page.evaluate(READ, topics) == "refused"
    assert page.evaluate(READ, f"{stack.inbox_url}/messages") == "refused"
    assert page.evaluate(SHOWN, f"{stack.tracking_url}/t/o/{'A' * 48}.gif")
