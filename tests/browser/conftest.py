"""Real Chromium (Debian's) on a running local stack. Skipped where there is no Chromium."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from local.recipients import BROWSER
from local.stack import LocalStack
from tests.browser.steps import sign_in, watch
from tests.prerequisites import skip_without
from tests.stack.conftest import stack, until
from tests.stack.marketer import Marketer

__all__ = ["stack", "until"]

# Chromium as root has no sandbox; the rest keeps it from calling home, which a closed network would refuse noisily.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
"""How long a test waits for what it expects: the first call of a function takes seconds on a busy machine."""
SIZE: ViewportSize = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        skip_without("chromium", "Chromium is not installed (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


def open_window(browser: Browser) -> BrowserContext:
    """A window with its own cookies, storage and cache."""
    # Chromium without a window calls itself HeadlessChrome, which is rightly taken for a machine.
    context = browser.new_context(user_agent=BROWSER, viewport=SIZE)
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", watch)
    return context


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a window that knows nothing yet."""
    context = open_window(browser)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def marketer(stack: LocalStack) -> Marketer:
    return Marketer(stack)


@pytest.fixture(scope="session")
def signed_in(browser: Browser, stack: LocalStack) -> Iterator[Page]:
    """The first tab of the marketer's window, on a view that asks the API for nothing."""
    context = open_window(browser)
    first = context.new_page()
    first.goto(f"{stack.web_url}#/help")
    sign_in(first, stack.token)
    expect(first.get_by_role("heading", name="Help")).to_be_visible()
    yield first
    context.close()


@pytest.fixture
def window(signed_in: Page) -> Iterator[BrowserContext]:
    """The marketer's window. Tests share its session and its cache; their tabs and what they store end with them."""
    before = signed_in.context.pages
    yield signed_in.context
    for tab in signed_in.context.pages:
        if tab not in before:
            tab.close()
    signed_in.evaluate("localStorage.clear()")


@pytest.fixture
def desk(window: BrowserContext) -> Page:
    """A new tab of the marketer's window."""
    return window.new_page()
