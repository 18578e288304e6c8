"""Person or machine, on what mail clients, proxies and scanners really send."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from importlib.resources import files

import pytest
import yaml  # type: ignore[import-untyped]
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from chalicelib.tracking import agents
from chalicelib.tracking.agents import is_speculative, machine_reason
from tests.corpus import CORPUS, NO_CORPUS
from tests.prerequisites import skip_without

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
OUTLOOK_MAC = "MacOutlook/16.90.24101387 (Intelx64 Mac OS X Version 14.7)"
APPLE_MAIL = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0"
CUBOT = "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/91.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        IPHONE,
        GMAIL,
        CUBOT,
        OUTLOOK,
        OUTLOOK_MAC,
        APPLE_MAIL,
        THUNDERBIRD,
        "YahooMailProxy; https://help.yahoo.com/kb/x",
    ],
)
def test_people_and_their_image_proxies_are_persons(agent: str) -> None:
    assert machine_reason(agent) is None


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (None, "no_user_agent"),
        ("  ", "no_user_agent"),
        ("Mozilla/5.0", "privacy_proxy"),
        ("curl/8.5.0", "not_a_browser"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36", "tool"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "tool"),
        ("Barracuda Sentinel (EE)", "not_a_browser"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "tool"),
    ],
)
def test_machines_are_told_with_their_reason(agent: str | None, reason: str) -> None:
    assert machine_reason(agent) == reason


@pytest.mark.parametrize(
    ("method", "headers"),
    [("HEAD", {}), ("GET", {"sec-purpose": "prefetch;prerender"}), ("GET", {"x-moz": "prefetch"})],
)
def test_what_nobody_looked_at_is_speculative(method: str, headers: dict[str, str]) -> None:
    assert is_speculative(method, headers)


def test_an_ordinary_request_is_not_speculative() -> None:
    assert not is_speculative("GET", {"user-agent": IPHONE, "accept": "image/*"})


def published_crawlers() -> list[str]:
    """What crawlers call themselves, from the package crawler-user-agents."""
    return [agent for each in CRAWLER_USER_AGENTS_DATA for agent in each["instances"]]


def published_browsers() -> list[str]:
    """What browsers on the web sent, from the package fake-useragent."""
    lines = (files("fake_useragent") / "data" / "browsers.jsonl").read_text("utf-8").splitlines()
    return sorted({json.loads(line)["useragent"] for line in lines})


def in_the_corpus(name: str) -> list[str]:
    file = CORPUS / "user-agents" / f"{name}.yml"
    if not file.exists():
        skip_without("corpus", NO_CORPUS)
    return [str(agent) for listed in yaml.safe_load(file.read_text()).values() for agent in listed]


@pytest.mark.parametrize("listed", [published_crawlers, partial(in_the_corpus, "crawlers")], ids=["package", "corpus"])
def test_nearly_all_of_a_public_lists_crawlers_are_caught(listed: Callable[[], list[str]]) -> None:
    crawlers = listed()
    missed = [agent for agent in crawlers if machine_reason(agent) is None]
    assert len(crawlers) > 600
    assert len(missed) <= 0.03 * len(crawlers), missed


@pytest.mark.parametrize("listed", [published_browsers, partial(in_the_corpus, "browsers")], ids=["package", "corpus"])
def test_hardly_any_of_a_public_lists_browsers_is_taken_for_a_machine(listed: Callable[[], list[str]]) -> None:
    browsers = listed()
    suspected = [agent for agent in browsers if machine_reason(agent) is not None]
    assert len(browsers) > 500
    assert len(suspected) <= 0.002 * len(browsers), suspected


def test_the_patterns_compile_ten_times_faster_than_a_list_of_names() -> None:
    """They are compiled at every cold start of the tracking function, while somebody waits."""
    patterns = [value.pattern for value in vars(agents).values() if isinstance(value, re.Pattern)]
    names = ["|".join(crawler["pattern"] for crawler in CRAWLER_USER_AGENTS_DATA)]

    def compile_all(wanted: list[str]) -> float:
        re.purge()
        started = time.perf_counter()
        for pattern in wanted:
            re.compile(pattern)
        return time.perf_counter() - started

    # The best of ten, taken in turns: what the patterns take, and not what else the machine is doing.
    ours, theirs = zip(*((compile_all(patterns), compile_all(names)) for _ in range(10)), strict=True)
    assert min(ours) * 10 < min(theirs)
