"""How people read and click: their mail clients, browsers and habits."""

from dataclasses import dataclass
from math import log
from random import Random

from bench.verdict import headers
from bench.verdict.headers import Request, image, plain

READ_AFTER = 4.5 * 3600, 2.0
"""Median and spread (of the logarithm) of the seconds between sending and reading."""
WAITING_FOR_IT = 0.02
"""Of those who read: how many do so within a minute."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A request for the pixel (no link) or for a link, in seconds after sending."""

    seconds: float
    request: Request
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Browser:
    """A kind of browser by the navigations that it sends."""

    name: str
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class MailClient:
    name: str
    pixels: tuple[Request, ...]
    """How it or its service's proxy asks for pictures when somebody reads."""
    browsers: tuple[tuple[str, float], ...]
    """Names in BROWSERS and their weights: what opens when somebody clicks."""
    shows_images: float = 1.0
    """Share of readers who see pictures."""
    prefetches: float = 0.0
    """Share of mails whose pictures are fetched on arrival, whether anybody reads or not."""
    prefetch: Request | None = None
    loads_on_reading: bool = True
    """Whether reading a mail that was prefetched asks for the pictures again."""


_BEHIND_A_PROXY = (headers.CHROME, headers.EDGE)

BROWSERS = {
    each.name: each
    for each in (
        Browser("Chrome on a computer", (headers.CHROME, headers.CHROME_MAC)),
        Browser("Edge", (headers.EDGE,)),
        Browser("Opera, Vivaldi", (headers.OPERA, headers.VIVALDI)),
        Browser("Firefox", (headers.FIREFOX, headers.FIREFOX_LINUX, headers.FIREFOX_ANDROID)),
        Browser("Safari on a Mac", (headers.SAFARI,)),
        Browser("Safari or Chrome on an iPhone", (headers.SAFARI_IPHONE, headers.SAFARI_IPHONE, headers.CHROME_IPHONE)),
        Browser("Chrome on Android", (headers.CHROME_ANDROID,)),
        Browser("Samsung Internet", (headers.SAMSUNG,)),
        Browser("an app's own browser, Android", (headers.WEBVIEW_FACEBOOK, headers.WEBVIEW_MAIL)),
        Browser("an app's own browser, iPhone", (headers.APP_INSTAGRAM, headers.APP_GOOGLE)),
        Browser(
            "an old browser (Chrome 62 and 68, Firefox 78, Safari 15, IE 11)",
            (
                headers.INTERNET_EXPLORER,
                headers.OLD_CHROME,
                headers.OLD_ANDROID,
                headers.OLD_FIREFOX,
                headers.OLD_SAFARI,
            ),
        ),
        Browser(
            "a company's proxy that removes one header",
            tuple(
                each.without(name)
                for each in _BEHIND_A_PROXY
                for name in ("accept-language", "sec-ch-ua", "sec-fetch-user", "accept")
            ),
        ),
        Browser("a proxy that removes all `Sec-*`", tuple(each.without("sec-") for each in _BEHIND_A_PROXY)),
        Browser(
            "a proxy that removes `Accept-Language` and all `Sec-*`",
            tuple(each.without("sec-", "accept-language") for each in _BEHIND_A_PROXY),
        ),
        Browser(
            "any of them, to an address without TLS",
            tuple(each.without_tls() for each in (*_BEHIND_A_PROXY, headers.FIREFOX, headers.SAFARI)),
        ),
    )
}

_IPHONE = (
    ("Safari or Chrome on an iPhone", 0.93),
    ("an app's own browser, iPhone", 0.04),
    ("an old browser (Chrome 62 and 68, Firefox 78, Safari 15, IE 11)", 0.03),
)
_APPLE = (*_IPHONE, ("Safari on a Mac", 0.25), ("Chrome on a computer", 0.07))
_PHONE = (
    ("Chrome on Android", 0.75),
    ("Samsung Internet", 0.12),
    ("an app's own browser, Android", 0.1),
    ("Firefox", 0.03),
)
_COMPUTER = (
    ("Chrome on a computer", 0.65),
    ("Edge", 0.15),
    ("Firefox", 0.1),
    ("Opera, Vivaldi", 0.05),
    ("an old browser (Chrome 62 and 68, Firefox 78, Safari 15, IE 11)", 0.05),
)
_OFFICE = (
    ("Edge", 0.48),
    ("Chrome on a computer", 0.4),
    ("Firefox", 0.06),
    ("a company's proxy that removes one header", 0.05),
    ("a proxy that removes all `Sec-*`", 0.004),
    ("a proxy that removes `Accept-Language` and all `Sec-*`", 0.001),
    ("an old browser (Chrome 62 and 68, Firefox 78, Safari 15, IE 11)", 0.005),
)
_ANYWHERE = (*((name, 0.4 * weight) for name, weight in _PHONE), *((name, 0.35 * weight) for name, weight in _COMPUTER),
             *((name, 0.25 * weight) for name, weight in _IPHONE))  # fmt: skip

_APPLE_MAIL = (
    plain(f"{headers.IPHONE} Mobile/15E148"),
    plain("Mozilla/5.0 (iPad; CPU OS 18_7_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"),
    plain(f"{headers.MAC}/605.1.15 (KHTML, like Gecko)"),
)
_PRIVACY_PROTECTION = plain("Mozilla/5.0")

MAIL_CLIENTS = {
    each.name: each
    for each in (
        MailClient(
            "Apple Mail with Privacy Protection",
            (_PRIVACY_PROTECTION,),
            _APPLE,
            prefetches=0.95,
            prefetch=_PRIVACY_PROTECTION,
            loads_on_reading=False,
        ),
        MailClient("Apple Mail without it", _APPLE_MAIL, _APPLE),
        MailClient(
            "Gmail (its image proxy)",
            (
                plain("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
                plain(
                    "Mozilla/5.0 (Windows; U; Windows NT 5.1; de; rv:1.9.0.7) Gecko/2009021910 Firefox/3.0.7 "
                    "(via ggpht.com GoogleImageProxy)"
                ),
            ),
            _ANYWHERE,
            prefetches=0.01,
            prefetch=plain(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
            ),
        ),
        MailClient(
            "Yahoo and AOL (their image proxy)",
            (plain("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),),
            _ANYWHERE,
        ),
        MailClient(
            "Outlook for Windows and Mac",
            (
                plain(
                    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; .NET4.0E; "
                    "Microsoft Outlook 16.0.19127; ms-office; MSOffice 16)"
                ),
                plain("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.19231; Pro)"),
                plain("MacOutlook/16.104.25121423 (Apple Silicon Mac OS X Version 26.1 (Build 25B78))"),
            ),
            _OFFICE,
            shows_images=0.5,
        ),
        MailClient(
            "Outlook on the web (Microsoft's image proxy)",
            (_APPLE_MAIL[2], image(headers.EDGE), image(headers.CHROME)),
            _OFFICE,
        ),
        MailClient(
            "mail apps on phones (Android, Samsung, Outlook, Yahoo, Naver)",
            (
                plain("Dalvik/2.1.0 (Linux; U; Android 15; SM-A556B Build/AP3A.240905.015.A2)"),
                plain("Android-Mail/2026.03.08.881234567.Release"),
                image(headers.WEBVIEW_MAIL),
                plain("Outlook-iOS/742.2551.4027.prod.iphone (5.2610.0)"),
                plain("Yahoo%20Mail/70512 CFNetwork/3860.200.71 Darwin/25.1.0"),
                plain("NaverMailApp/2.6.11 (Android 15; SM-S936N)"),
            ),
            _PHONE,
        ),
        MailClient(
            "other mail programs (Thunderbird, eM Client, Notes, The Bat!, ...)",
            (
                plain("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"),
                plain("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:68.0) Gecko/20100101 Postbox/7.0.64"),
                plain("eMClient/10.3.2619.0"),
                plain(f"{headers.WINDOWS} Chrome/122.0.6261.95 Safari/537.36 eM Client/10.3.2619.0"),
                plain("Mozilla/4.0 (compatible; Lotus-Notes/6.5; Windows-NT)"),
                plain("The Bat! 11.4.1"),
                plain("Airmail 5.7.4 rv:803 (Macintosh; Mac OS X 15.6; en_GB)"),
                plain("WindowsMail/17.5.9879.20400"),
                plain("Outlook-Express/7.0 (MSIE 7.0; Windows NT 6.1; WOW64; Trident/7.0; .NET4.0E; TmstmpExt)"),
                plain(f"{headers.WINDOWS} Mailspring/1.16.1 Chrome/138.0.7204.100 Electron/37.2.3 Safari/537.36"),
                plain(f"{headers.WINDOWS} Chrome/124.0.6367.243 Safari/537.36 Mailbird/3.0.42.0/"),
            ),
            _COMPUTER,
            shows_images=0.6,
        ),
        MailClient(
            "webmail in a browser (GMX, Roundcube, ...)",
            tuple(map(image, (headers.CHROME, headers.FIREFOX, headers.EDGE, headers.SAFARI, headers.CHROME_ANDROID))),
            _COMPUTER,
        ),
        MailClient(
            "a company's image proxy",
            (
                image(headers.CHROME).having(("via", "1.1 proxy.corp.example (squid)")),
                plain("AcmePictures/2.3"),
            ),
            _OFFICE,
            shows_images=0.7,
        ),
    )
}

HABITS = {
    "one link": 0.70,
    "one link, clicked two or three times at once": 0.05,
    "two links, one after the other": 0.12,
    "three links or more, reading in between": 0.06,
    "two tabs at once": 0.03,
    "three to five tabs at once": 0.018,
    "six to nine tabs at once": 0.002,
    "one link, again on another day": 0.02,
}
"""What those do who click, and how often."""


def reads_after(rng: Random) -> float:
    """Seconds between sending and reading."""
    if rng.random() < WAITING_FOR_IT:
        return rng.uniform(8, 60)
    median, spread = READ_AFTER
    return max(60.0, rng.lognormvariate(log(median), spread))


def arrival(rng: Random, client: MailClient) -> list[Hit]:
    """What is fetched because a mail came, not because somebody reads."""
    if client.prefetch is None or rng.random() >= client.prefetches:
        return []
    return [Hit(rng.lognormvariate(log(300), 1.5), client.prefetch)]


def reading(rng: Random, client: MailClient, at: float, arrived: list[Hit]) -> list[Hit]:
    """What a mail client fetches when somebody reads."""
    if (arrived and not client.loads_on_reading) or rng.random() >= client.shows_images:
        return []
    return [Hit(at, rng.choice(client.pixels))]


def browser_of(rng: Random, client: MailClient) -> Browser:
    names, weights = zip(*client.browsers, strict=True)
    return BROWSERS[rng.choices(names, weights)[0]]


def clicking(rng: Random, browser: Browser, habit: str, at: float, links: int) -> list[Hit]:
    """The clicks of somebody who reads since `at`, in a mail with this number of links."""
    request = rng.choice(browser.requests)
    first = at + rng.uniform(2, 40)
    chosen = [str(number) for number in rng.sample(range(1, links + 1), k=min(links, _links_of(rng, habit)))]
    times = [first]
    for _ in chosen[1:]:
        times.append(times[-1] + _pause(rng, habit))
    hits = [Hit(time, request, link) for time, link in zip(times, chosen, strict=True)]
    if habit == "one link, clicked two or three times at once":
        hits += [Hit(first + 0.3 * number, request, chosen[0]) for number in range(1, rng.randint(2, 3))]
    if habit == "one link, again on another day":
        hits.append(Hit(first + rng.uniform(6, 72) * 3600, request, chosen[0]))
    return hits


def _links_of(rng: Random, habit: str) -> int:
    if habit.startswith("two"):
        return 2
    if habit.startswith("six"):
        return rng.randint(6, 9)
    return rng.randint(3, 5) if habit.startswith("three") else 1


def _pause(rng: Random, habit: str) -> float:
    """Seconds to the next link: at once, a tab takes half a second to a second and a half; else a page is read."""
    return rng.uniform(0.5, 1.5) if habit.endswith("at once") else 4 + rng.expovariate(1 / 40)
