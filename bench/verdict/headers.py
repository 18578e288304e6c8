"""What browsers, mail clients, image proxies and programs send with a request, written by hand for this simulation.

None of these user agents is on the lists that the product's rules were measured on (a test compares them), but for
proxies whose agent is one fixed text. The sources are in docs/VERDICT.md.
"""

from dataclasses import dataclass, replace

Headers = tuple[tuple[str, str], ...]

_HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_LANGUAGES = "en-US,en;q=0.9"
_NAVIGATION: Headers = (
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a pixel or a link as it arrives; the names of its headers are in lower case."""

    headers: Headers
    method: str = "GET"
    tls: bool = True

    def without(self, *names: str) -> "Request":
        """The same behind a proxy that removes these headers; a name ending in `-` stands for all that begin so."""
        kept = tuple(
            (name, value)
            for name, value in self.headers
            if not any(name == each or (each.endswith("-") and name.startswith(each)) for each in names)
        )
        return replace(self, headers=kept)

    def having(self, *added: tuple[str, str]) -> "Request":
        return replace(self, headers=(*self.headers, *added))

    def without_tls(self) -> "Request":
        """The same to an address without TLS, where browsers send neither `Sec-Fetch-*` nor client hints (W3C)."""
        return replace(self.without("sec-"), tls=False)

    @property
    def agent(self) -> str:
        return dict(self.headers).get("user-agent", "")


def plain(agent: str, *headers: tuple[str, str]) -> Request:
    """A user agent and little else, as mail clients, proxies and programs send it."""
    return Request((("user-agent", agent), *headers))


def _chromium(agent: str, version: int, brand: str, platform: str, *, app: str = "") -> Request:
    """A navigation by a browser of the Chromium family; `app` is the Android app whose WebView it is."""
    brands = f'"Chromium";v="{version}", "{brand}";v="{version}", "Not=A?Brand";v="24"'
    hints = (
        ("sec-ch-ua", brands),
        ("sec-ch-ua-mobile", "?1" if platform == "Android" else "?0"),
        ("sec-ch-ua-platform", f'"{platform}"'),
        ("upgrade-insecure-requests", "1"),
    )
    request = plain(agent, *hints, ("accept", _HTML), *_NAVIGATION, ("accept-language", _LANGUAGES))
    return request.having(("x-requested-with", app)) if app else request


def _firefox(agent: str) -> Request:
    return plain(
        agent,
        ("accept", _HTML),
        ("accept-language", "de,en-US;q=0.7"),
        ("upgrade-insecure-requests", "1"),
        *_NAVIGATION,
    )


def _safari(agent: str) -> Request:
    """WebKit since 16.4; it has no `Sec-Fetch-User` and no client hints."""
    fetch = tuple(each for each in _NAVIGATION if each[0] != "sec-fetch-user")
    return plain(agent, *fetch, ("accept", _HTML), ("accept-language", "en-GB,en;q=0.9"))


def _old(agent: str) -> Request:
    """A browser older than `Sec-Fetch-*` and client hints."""
    return plain(agent, ("accept", _HTML), ("accept-language", "en-us"))


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"

CHROME = _chromium(f"{WINDOWS} Chrome/147.0.0.0 Safari/537.36", 147, "Google Chrome", "Windows")
CHROME_MAC = _chromium(
    f"{MAC}/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36", 148, "Google Chrome", "macOS"
)
CHROME_ANDROID = _chromium(f"{_ANDROID} Chrome/149.0.0.0 Mobile Safari/537.36", 149, "Google Chrome", "Android")
EDGE = _chromium(f"{WINDOWS} Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0", 147, "Microsoft Edge", "Windows")
VIVALDI = _chromium(f"{WINDOWS} Chrome/146.0.0.0 Safari/537.36 Vivaldi/7.9.3970.47", 146, "Vivaldi", "Windows")
OPERA = _chromium(f"{WINDOWS} Chrome/146.0.0.0 Safari/537.36 OPR/130.0.0.0", 146, "Opera", "Windows")
SAMSUNG = _chromium(
    f"{_ANDROID} SamsungBrowser/30.0 Chrome/143.0.0.0 Mobile Safari/537.36", 143, "Samsung Internet", "Android"
)
FIREFOX = _firefox("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:151.0) Gecko/20100101 Firefox/151.0")
FIREFOX_LINUX = _firefox("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
FIREFOX_ANDROID = _firefox("Mozilla/5.0 (Android 16; Mobile; rv:151.0) Gecko/151.0 Firefox/151.0")
SAFARI = _safari(f"{MAC}/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15")
SAFARI_IPHONE = _safari(f"{IPHONE} Version/26.1 Mobile/15E148 Safari/604.1")
CHROME_IPHONE = _safari(f"{IPHONE} CriOS/147.0.7727.47 Mobile/15E148 Safari/604.1")
WEBVIEW_FACEBOOK = _chromium(
    "Mozilla/5.0 (Linux; Android 15; SM-S926B Build/AP3A.240905.015; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/146.0.7680.119 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/541.0.0.51.76;]",
    146, "Android WebView", "Android", app="com.facebook.katana",
)  # fmt: skip
WEBVIEW_MAIL = _chromium(
    "Mozilla/5.0 (Linux; Android 14; Pixel 8a Build/UQ1A.240205.004; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/145.0.7632.79 Mobile Safari/537.36",
    145, "Android WebView", "Android", app="com.fsck.k9",
)  # fmt: skip
APP_INSTAGRAM = _safari(f"{IPHONE} Mobile/23B85 Instagram 408.0.0.35.67 (iPhone17,1; iOS 26_1; en_US; en; scale=3.00)")
APP_GOOGLE = _safari(f"{IPHONE} GSA/391.0.817 Mobile/15E148 Safari/604.1")
OLD_CHROME = _old(
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/68.0.3440.84 Safari/537.36"
)
OLD_ANDROID = _old(
    "Mozilla/5.0 (Linux; Android 6.0.1; SM-G900F Build/MMB29M) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/62.0.3202.73 Mobile Safari/537.36"
)
OLD_SAFARI = _old(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 15_8_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/15.6.7 Mobile/15E148 Safari/604.1"
)
OLD_FIREFOX = _old("Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:78.0) Gecko/20100101 Firefox/78.15")
INTERNET_EXPLORER = _old("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; Touch; .NET4.0E; rv:11.0) like Gecko")


def image(browser: Request) -> Request:
    """The request for a picture in a page, by the same browser: webmail shows mails in the browser."""
    kept = browser.without("sec-fetch-", "accept", "upgrade-insecure-requests")
    if dict(browser.headers).get("sec-fetch-mode") is None:
        return kept.having(("accept", "image/*,*/*;q=0.8"))
    fetch = (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image"))
    return kept.having(("accept", "image/avif,image/webp,*/*;q=0.8"), *fetch)


def posing(browser: Request) -> Request:
    """An HTTP library with a browser's user agent and its own other headers."""
    return plain(browser.agent, ("accept", "*/*"), ("accept-encoding", "gzip, deflate"))


def copying(browser: Request) -> Request:
    """An HTTP library that also copies what every browser has sent for decades."""
    return plain(browser.agent, ("accept", _HTML), ("accept-language", _LANGUAGES), ("accept-encoding", "gzip"))
