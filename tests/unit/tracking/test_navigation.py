"""Browsers that are none, told from browsers by the headers of a click over TLS."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tracking.navigation import poses_as_browser
from tests.unit.tracking.navigations import CHROMIUM, FIREFOX, FIREFOX_WITHOUT_LANGUAGES, NAVIGATIONS, WEBKIT

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K"
CURRENT = [
    CHROMIUM["user-agent"],
    FIREFOX["user-agent"],
    WEBKIT["user-agent"],
    f"{WINDOWS}) {BLINK}/142.0.0.0 Safari/537.36",
    f"{WINDOWS}) {BLINK}/80.0.3987.87 Safari/537.36",
    f"{WINDOWS}) {BLINK}/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
    f"{ANDROID}) {BLINK}/131.0.0.0 Mobile Safari/537.36",
    f"{ANDROID}) {BLINK}/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0",
    f"{WINDOWS}; rv:90.0) Gecko/20100101 Firefox/90.0",
    f"{WINDOWS}; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0",
    f"{MAC} Version/16.4 Safari/605.1.15",
    f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    f"{IPHONE} Version/26.0.1 Mobile/15E148 Safari/604.1".replace("iPhone; CPU iPhone OS", "iPad; CPU OS"),
]
OLD = [
    f"{WINDOWS}) {BLINK}/79.0.3945.130 Safari/537.36",
    f"{WINDOWS}) {BLINK}/64.0.3282.140 Safari/537.36 Edge/18.17763",
    f"{WINDOWS}; rv:89.0) Gecko/20100101 Firefox/89.0",
    "Mozilla/5.0 (Windows NT 6.1; rv:52.0) Gecko/20100101 Firefox/52.0",
    f"{MAC} Version/16.3 Safari/605.1.15",
    f"{IPHONE} Version/12.1.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
]
OTHERS = [
    # on iOS, of WebKit: Chrome, Firefox, Edge, Google's app
    f"{IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
    f"{IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} Version/17.0 EdgiOS/126.0.2592.56 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} GSA/323.0 Mobile/15E148 Safari/604.1",
    # in apps: any on iOS, Facebook, any on Android, Instagram, Outlook
    f"{IPHONE} Mobile/15E148",
    f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/468.0.0.31.107;FBDV/iPhone14,2]",
    f"{ANDROID}; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36",
    f"{ANDROID}; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36 "
    "Instagram 336.0.0.35.90 Android",
    f"{WINDOWS}) {BLINK}/126.0.0.0 Safari/537.36 OneOutlook/1.2024.612.100",
    # other browsers of the same makes
    f"{ANDROID}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    f"{WINDOWS}) {BLINK}/126.0.0.0 Safari/537.36 OPR/112.0.0.0",
    f"{WINDOWS}; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    f"{WINDOWS}; rv:128.0) Gecko/20100101 Firefox/128.0 SeaMonkey/2.53.18",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
]

PROGRAMS = {
    "curl 7.88": {"accept": "*/*"},
    "wget 1.21": {"accept": "*/*", "accept-encoding": "identity"},
    "Python's urllib, urllib3": {"accept-encoding": "identity"},
    "Python's requests 2": {"accept": "*/*", "accept-encoding": "gzip, deflate"},
    "Playwright's requests without a page": {"accept": "*/*", "accept-encoding": "gzip,deflate,br"},
    "libwww-perl 6, Node's https": {},
    "Node's fetch": {
        "accept": "*/*",
        "accept-language": "*",
        "sec-fetch-mode": "cors",
        "accept-encoding": "br, gzip, deflate",
    },
    "axios 1": {"accept": "application/json, text/plain, */*", "accept-encoding": "gzip, compress, deflate, br"},
    "node-fetch 2": {"accept": "*/*", "accept-encoding": "gzip,deflate"},
    "got 14, superagent 10": {"accept-encoding": "gzip, deflate, br"},
    "Java's HttpURLConnection": {"accept": "text/html, image/gif, image/jpeg, */*; q=0.2"},
}
"""What HTTP libraries sent, with a browser's agent set and nothing else, measured with the browsers."""

COPIED = {"accept": "text/html,*/*;q=0.8", "accept-language": "en-US"}
"""What a program may set beside the agent."""
FETCHED = {"sec-fetch-mode": "navigate"}


def without(headers: dict[str, str], pattern: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not re.fullmatch(pattern, name)}


@pytest.mark.parametrize("headers", NAVIGATIONS)
def test_no_browser_poses_as_one(headers: dict[str, str]) -> None:
    assert not poses_as_browser(headers)


@pytest.mark.parametrize("agent", CURRENT)
@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "text/html,*/*;q=0.8"},
        {"accept": "*/*", "accept-language": "en"},
        {"accept": "application/json"} | FETCHED,
        {"accept": "*/*", "accept-language": "", "upgrade-insecure-requests": "1"},
    ],
)
def test_a_program_that_lacks_two_signals_poses_as_a_browser(agent: str, headers: dict[str, str]) -> None:
    assert poses_as_browser(headers | {"user-agent": agent})


@pytest.mark.parametrize("agent", CURRENT)
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_library_with_a_browsers_agent_is_found_out(agent: str, program: str) -> None:
    assert poses_as_browser(PROGRAMS[program] | {"user-agent": agent})


@pytest.mark.parametrize("agent", CURRENT)
@pytest.mark.parametrize("headers", [COPIED, FETCHED | {"accept": "text/html"}, FETCHED | {"accept-language": "en"}])
def test_one_missing_signal_is_no_evidence(agent: str, headers: dict[str, str]) -> None:
    assert not poses_as_browser(headers | {"user-agent": agent})


@pytest.mark.parametrize("name", ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-ch-ua"])
def test_any_sec_header_is_that_signal(name: str) -> None:
    assert not poses_as_browser({"user-agent": CURRENT[0], "accept": "text/html", name: "?"})


@given(st.sampled_from([each for each in NAVIGATIONS if "accept-language" in each]), st.data())
def test_a_proxy_that_strips_one_header_makes_nobody_a_machine(headers: dict[str, str], data: st.DataObject) -> None:
    assert not poses_as_browser(without(headers, data.draw(st.sampled_from(sorted(headers)))))


@pytest.mark.parametrize("headers", [each for each in NAVIGATIONS if "accept-language" in each])
@pytest.mark.parametrize("family", ["sec-.*", "sec-.*|upgrade-.*|priority|referer", "accept-.*"])
def test_a_proxy_that_strips_a_family_of_headers_makes_nobody_a_machine(headers: dict[str, str], family: str) -> None:
    """All that begin with `Sec-`, all that an old proxy does not know, or the finer negotiation of content."""
    assert not poses_as_browser(without(headers, family))


def test_a_firefox_without_languages_may_lose_any_single_header_but_accept() -> None:
    judged = [name for name in FIREFOX_WITHOUT_LANGUAGES if poses_as_browser(without(FIREFOX_WITHOUT_LANGUAGES, name))]
    assert judged == ["accept"]


SOME_HEADERS = st.dictionaries(
    st.sampled_from([*sorted(set(CHROMIUM) - {"user-agent"}), "via", "x-forwarded-for"]), st.text(max_size=20)
)


@given(st.sampled_from(OLD + OTHERS), SOME_HEADERS)
def test_old_and_other_browsers_are_never_judged(agent: str, headers: dict[str, str]) -> None:
    assert not poses_as_browser(headers | {"user-agent": agent})


@pytest.mark.parametrize("agent", OLD + OTHERS)
def test_old_and_other_browsers_may_lack_every_signal(agent: str) -> None:
    assert not poses_as_browser({"user-agent": agent})


# A browser of the same make adds a name of its own.
UNKNOWN = st.text().filter(lambda agent: not agent.startswith("Mozilla/5.0 (")) | st.builds(
    "{} {}".format, st.sampled_from(CURRENT), st.from_regex(r"[A-DF-Z][A-Za-z]+/[0-9]+", fullmatch=True)
)


@given(UNKNOWN, SOME_HEADERS)
def test_unknown_agents_are_never_judged(agent: str, headers: dict[str, str]) -> None:
    assert not poses_as_browser(headers | {"user-agent": agent})


@pytest.mark.parametrize("version", ["9" * 5000, "8" * 5])
def test_a_version_of_any_length_is_no_error(version: str) -> None:
    assert not poses_as_browser({"user-agent": CHROMIUM["user-agent"].replace("156", version)})


@pytest.mark.parametrize("agent", CURRENT)
def test_a_request_that_came_by_way_of_a_proxy_is_never_judged(agent: str) -> None:
    """CloudFront forwards neither `Accept` nor `Accept-Language` nor `Sec-*` unless it is told to."""
    assert not poses_as_browser({"user-agent": agent, "via": "2.0 0123456789abcdef.cloudfront.net (CloudFront)"})


def test_a_program_without_a_user_agent_does_not_pose_as_a_browser() -> None:
    assert not poses_as_browser({})
