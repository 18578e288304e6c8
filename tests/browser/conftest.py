"""Real Chromium (Debian's) on a running local stack. Skipped where there is no Chromium."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from local.recipients import BROWSER
from tests.prerequisites import skip_without
from tests.stack.conftest import stack, until

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        skip_without("chromium", "Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    # Chromium without a window calls itself HeadlessChrome, which is rightly taken for a machine.
    context = browser.new_context(user_agent=BROWSER)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    context.close()
