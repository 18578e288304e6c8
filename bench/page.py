"""What the page loads for each view, and how long a change takes until the editor's preview shows it.

`python -m bench.page`, while `make run` runs in this folder; two minutes. Bytes are those of the bodies as API Gateway
sends them: compressed from 1,024 bytes on (`minimum_compression_size`), which the local engine does not do.
"""

import gzip
import shutil
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser, Page, Request, Response, sync_playwright

from local.client import RunningStack, running_stack
from local.command import run
from local.console import NotReady
from local.recipients import BROWSER

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VIEWS = {
    "sign-in": "",
    "campaigns": "#/campaigns",
    "editor": "#/campaigns/{draft}/edit",
    "stats": "#/campaigns/{sent}/stats",
    "leads": "#/leads",
    "lead": "#/leads/{lead}",
    "import": "#/leads/import",
    "automation": "#/automation",
    "settings": "#/settings",
    "senders": "#/settings/senders",
    "tokens": "#/settings/tokens",
    "suppressions": "#/settings/suppressions",
}
COMPRESSED_FROM = 1_024
PARAGRAPH = (
    "Our **garden flats** have [a view](https://acme-realty.example/view) of the river, and a price to talk about.\n\n"
)
MAIL = {"title": "Measured", "subject": "Hello", "markdown": "# Hello\n\n" + 28 * PARAGRAPH}
"""3 KB."""
KEYSTROKES = 24
SHOWN = """async (text) => {
    const area = document.querySelector(".code.words textarea");
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    const frame = document.querySelector("iframe.mail");
    const typed = performance.now();
    document.execCommand("insertText", false, text);
    while (!frame.contentDocument.body?.textContent.includes(text.trim())) await new Promise(requestAnimationFrame);
    const shown = performance.now();
    const asked = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/previews")).at(-1);
    performance.clearResourceTimings();
    return [asked.startTime - typed, asked.responseEnd - asked.startTime, shown - asked.responseEnd, shown - typed];
}"""
PARTS = ("until it is asked for", "until it is answered", "until it is shown", "in all")


def signed_in(browser: Browser, stack: RunningStack) -> Any:
    """The state of a browser that is signed in."""
    context = browser.new_context(user_agent=BROWSER)
    page = context.new_page()
    page.goto(stack.web_url)
    page.get_by_label("API token").fill(stack.token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Campaigns").wait_for()
    state = context.storage_state()
    context.close()
    return state


def window(browser: Browser, state: Any) -> Page:
    """A window whose cache is empty."""
    return browser.new_context(
        user_agent=BROWSER, viewport={"width": 1440, "height": 900}, storage_state=state
    ).new_page()


def loaded(page: Page, address: str) -> tuple[int, int]:
    """How many requests a view makes until it rests for a second, and the bytes of their answers' bodies."""
    asked, answers = list[Request](), list[Response]()
    page.on("request", lambda request: asked.append(request))
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address)
    seen = 0
    while seen < len(asked) or len(answers) < len(asked):
        seen = len(asked)
        page.wait_for_timeout(1_000)
    bodies = [answer.body() for answer in answers]
    return len(bodies), sum(len(gzip.compress(body)) if len(body) >= COMPRESSED_FROM else len(body) for body in bodies)


def keystrokes(page: Page) -> list[tuple[float, ...]]:
    """Milliseconds of each part, for some changes at the end of the text."""
    found = []
    for number in range(KEYSTROKES + 1):
        found.append(tuple(page.evaluate(SHOWN, f" word{number}.")))
        page.wait_for_timeout(300)
    return found[1:]  # the first meets functions that are starting


def main() -> None:
    stack = running_stack()
    chromium, api = shutil.which("chromium") or shutil.which("google-chrome"), stack.api
    leads, campaigns = api("GET", "/v1/leads?limit=1")["items"], api("GET", "/v1/campaigns?limit=200")["items"]
    if not leads or not campaigns:
        raise NotReady("The stack needs a lead and a campaign; `make demo` makes both.")
    audience = {"entity": leads[0]["entity"], "stages": [leads[0]["stage"]]}
    draft = api("POST", "/v1/campaigns", MAIL | {"audience": audience})["campaign_id"]
    sent = next((each for each in campaigns if each["status"] == "sent"), campaigns[0])["campaign_id"]
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            measure(browser, stack, {"draft": draft, "sent": sent, "lead": leads[0]["lead_id"]})
    finally:
        api("DELETE", f"/v1/campaigns/{draft}")


def measure(browser: Browser, stack: RunningStack, ids: dict[str, str]) -> None:
    state = signed_in(browser, stack)
    print(f"{'view':<14} requests  compressed KB")
    for view, fragment in VIEWS.items():
        page = window(browser, None if view == "sign-in" else state)
        requests, size = loaded(page, stack.web_url + fragment.format(**ids))
        print(f"{view:<14} {requests:>8} {size / 1000:>14.1f}", flush=True)
        page.context.close()
    page = window(browser, state)
    loaded(page, stack.web_url + VIEWS["editor"].format(**ids))
    page.frame_locator("iframe.mail").locator("h1").wait_for()
    for part, times in zip(PARTS, zip(*keystrokes(page), strict=True), strict=True):
        print(f"a change, {part:<22} {median(times):>5.0f} ms  (p90 {quantiles(times, n=10)[-1]:.0f})")


if __name__ == "__main__":
    run(main)
