"""Person or machine, on what mail clients, proxies and scanners really send."""

import pytest

from chalicelib.tracking.agents import is_speculative, machine_reason

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
CUBOT = "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/91.0 Mobile Safari/537.36"


@pytest.mark.parametrize("agent", [IPHONE, GMAIL, CUBOT, "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy"])
def test_people_and_their_image_proxies_are_persons(agent: str) -> None:
    assert machine_reason(agent) is None


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (None, "no_user_agent"),
        ("  ", "no_user_agent"),
        ("Mozilla/5.0", "privacy_proxy"),
        ("curl/8.5.0", "tool"),
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
