"""How security scanners fetch a mail's links and pictures, by kind."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from random import Random

from bench.verdict import headers
from bench.verdict.headers import Request, copying, image, plain, posing
from bench.verdict.people import Hit

STARTS = ((0.005, 1, 10), (0.022, 10, 20), (0.664, 20, 60), (0.283, 60, 300), (0.019, 300, 1800), (0.007, 3600, 86_400))
"""When a scanner's burst begins: share of bursts, from and to in seconds after sending; the median is 43 s."""
PIXEL_AFTER = ((0.61, 2, 10), (0.23, 10, 20), (0.16, 20, 60))
"""The same for its load of the pixel."""

Fetch = Callable[[Random, Request, list[str], float], list[Hit]]
"""What a scanner asks for, from its request, the mail's links and the time at which it starts."""


@dataclass(frozen=True, slots=True)
class Scanner:
    name: str
    requests: tuple[Request, ...]
    fetch: Fetch
    loads_pixel: float
    """Share of mails whose pixel it loads, too."""
    checks_when_clicked: bool = False
    """Whether it may fetch a link once more when a person clicks it."""


def _sweep(rng: Random, request: Request, links: list[str], start: float) -> list[Hit]:
    """All links in less than a second."""
    duration = rng.uniform(0.05, 0.95)
    return _paced(request, rng.sample(links, len(links)), start, lambda: duration / len(links))


def _sweep_by_the_second(rng: Random, request: Request, links: list[str], start: float) -> list[Hit]:
    return _paced(request, links, start, lambda: rng.uniform(0.7, 1.4))


def _stroll(rng: Random, request: Request, links: list[str], start: float) -> list[Hit]:
    """One link after the other with pauses longer than any rule about bursts can see."""
    return _paced(request, links, start, lambda: rng.uniform(4, 30))


def _sample(rng: Random, request: Request, links: list[str], start: float) -> list[Hit]:
    return [Hit(start, request, rng.choice(links))]


def _paced(request: Request, links: list[str], start: float, pause: Callable[[], float]) -> list[Hit]:
    hits, at = [], start
    for link in links:
        hits.append(Hit(at, request, link))
        at += pause()
    return hits


_POSING = (
    posing(headers.CHROME),
    posing(headers.CHROME_MAC),
    posing(headers.FIREFOX),
    posing(headers.SAFARI),
    # Gateways were seen to claim such versions years after their time.
    *(posing(plain(f"{headers.WINDOWS} Chrome/{each} Safari/537.36")) for each in ("79.0.3945.136", "96.0.4664.111")),
)
_COPYING = tuple(map(copying, (headers.CHROME, headers.EDGE, headers.SAFARI)))
_FULL = (headers.CHROME, headers.CHROME_MAC, headers.EDGE)
"""Headless Chromium told to send a desktop's user agent: every header is a browser's own."""
_HONEST = (
    plain("python-httpx/0.28.2", ("accept", "*/*")),
    plain("Go-http-client/3.0"),
    plain("Apache-HttpClient/5.5.1 (Java/21.0.9)"),
    plain("okhttp/5.3.2"),
    plain("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/147.0 Safari/537.36"),
    plain("Mozilla/5.0 (compatible; MailGate LinkCheck/4.2; +https://gateway.example/link-check)"),
)  # fmt: skip
_MAIL_SECURITY = (
    plain("Barracuda Sentinel (EE)"),
    plain("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Proofpoint URL Defense", ("accept", "*/*")),
    plain("Mimecast-Link-Protection/2.4", ("accept", "*/*")),
    plain("Mozilla/5.0 SafeLinks (Microsoft ATP)", ("accept", "*/*")),
)
_MAIL_PRODUCTS = (plain("FortiMail/7.6.2"), plain("Trustwave MailMarshal/10.3"), plain("CiscoSecureEmail/16.0"))
_HEAD = tuple(Request(each.headers, "HEAD") for each in _POSING)
_PREFETCH = tuple(each.having(("sec-purpose", "prefetch;prerender")) for each in _FULL)

SCANNERS = {
    each.name: each
    for each in (
        Scanner("all links within a second, library with a browser's agent", _POSING, _sweep, 0.6, True),
        Scanner("all links within a second, library that copies more headers", _COPYING, _sweep, 0.6, True),
        Scanner("all links within a second, headless browser", _FULL, _sweep, 0.9, True),
        Scanner("a link a second, library with a browser's agent", _POSING, _sweep_by_the_second, 0.6),
        Scanner("a link a second, headless browser", _FULL, _sweep_by_the_second, 0.9),
        Scanner("a link every 4 to 30 s, headless browser", _FULL, _stroll, 0.9),
        Scanner("one link, library with a browser's agent", _POSING, _sample, 0.4, True),
        Scanner("one link, library that copies more headers", _COPYING, _sample, 0.4, True),
        Scanner("one link, headless browser", _FULL, _sample, 0.9, True),
        Scanner("all links, says what it is", _HONEST, _sweep, 0.5),
        Scanner("all links, says that it protects mailboxes", _MAIL_SECURITY, _sweep, 0.5, True),
        Scanner("all links, has the name of a mail program", _MAIL_PRODUCTS, _sweep, 0.5, True),
        Scanner("all links, HEAD only", _HEAD, _sweep, 0.0),
        Scanner("all links, browser's prefetch", _PREFETCH, _sweep, 0.3),
    )
}


def scanning(rng: Random, scanner: Scanner, links: int) -> list[Hit]:
    """All that a scanner asks for when a mail arrives."""
    request = rng.choice(scanner.requests)
    start = _moment(rng, STARTS)
    hits = scanner.fetch(rng, request, [str(number) for number in range(1, links + 1)], start)
    if rng.random() < scanner.loads_pixel:
        hits.append(Hit(min(_moment(rng, PIXEL_AFTER), start), _pixel(request)))
    return hits


def checking(rng: Random, scanner: Scanner, click: Hit) -> list[Hit]:
    """What a scanner fetches because a person has clicked."""
    if not scanner.checks_when_clicked or rng.random() >= 0.3:
        return []
    return [Hit(click.seconds + rng.uniform(1, 15), rng.choice(scanner.requests), click.link)]


def _pixel(request: Request) -> Request:
    """How the same program asks for a picture."""
    return image(request) if dict(request.headers).get("sec-fetch-mode") else request


def _moment(rng: Random, shares: tuple[tuple[float, float, float], ...]) -> float:
    weights = [share for share, _, _ in shares]
    _, earliest, latest = rng.choices(shares, weights)[0]
    return exp(rng.uniform(log(earliest), log(latest)))
