"""Steps that several browser tests take on the marketers' page."""

import time
from collections import defaultdict
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect

from tests.stack.marketer import Marketer

DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Until the page is drawn as it is now, with what its own observers of sizes bring about."""

_under_way: defaultdict[Page, set[Request]] = defaultdict(set)


def watch(tab: Page) -> None:
    """Keep account of a tab's requests, for `wait_for_requests`."""
    requests = _under_way[tab]
    tab.on("request", lambda request: requests.add(request))
    for ending in ("requestfinished", "requestfailed"):
        tab.on(ending, lambda request: requests.discard(request))


def wait_for_requests(tab: Page) -> None:
    """Until the page asks its server for nothing more.

    Playwright's `networkidle` waits half a second more, and never ends once a frame's document was written.
    """
    site, deadline, quiet = tab.url.partition("#")[0], time.monotonic() + 60, 0
    while quiet < 3:
        # The page's own timer: on a busy machine it is late with what an answer brings about, and with this.
        tab.evaluate("new Promise((done) => setTimeout(done, 40))")
        waiting = [each.url for each in _under_way[tab] if each.url.startswith(site)]
        assert time.monotonic() < deadline, waiting
        quiet = 0 if waiting else quiet + 1


def wait_for_list(tab: Page) -> None:
    """Until a list is drawn, or is known to be empty: an empty one has the buttons that were above it before."""
    expect(tab.locator(".pages")).to_be_attached()


def look_again(tab: Page) -> None:
    """Have the page ask for what it shows, as it does every few seconds, and when its window comes to the front."""
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def field(page: Page, name: str) -> Locator:
    return page.get_by_label(name, exact=True)


def figure(page: Page, name: str) -> Locator:
    return page.locator(f"[data-figure={name}]")


def write(marketer: Marketer, entity: str, **said: Any) -> str:
    """Write a campaign to the new leads of a business line; its id."""
    campaign = {
        "title": f"For {entity}",
        "subject": "Hello",
        "from_email": "news@shop.example",
        "html": "<p>Hello</p>",
        "audience": {"entity": entity, "stages": ["New"]},
    }
    return str(marketer("POST", "/v1/campaigns", campaign | said)["campaign_id"])
