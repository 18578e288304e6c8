"""Recipients as their mail clients play them: they read a mail from its bytes, load its pixel, follow its links."""

import email
import email.policy
import http.client
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

BROWSER = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)

NAVIGATION = {
    "User-Agent": BROWSER,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Sec-CH-UA": '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"macOS"',
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-User": "?1",
    "Upgrade-Insecure-Requests": "1",
}
"""What Chrome sends when somebody follows a link, over TLS or to this machine (docs/decisions/0075)."""

PRIVACY_PROXY = "Mozilla/5.0"
"""Apple's Mail Privacy Protection says no more."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail client sees in one mail."""

    to: str
    subject: str
    headers: Mapping[str, str]
    html: str
    text: str
    pixels: tuple[str, ...]
    """Addresses of the tracking pixel's images; those of other hosts are not loaded."""
    links: tuple[str, ...]
    """Addresses of the links that lead to a web page, the unsubscribe link apart."""
    unsubscribe_url: str

    @classmethod
    def read(cls, message: bytes) -> "Mail":
        """Parse a message's bytes, with the standard library as a mail client would with its own."""
        parsed = email.message_from_bytes(message, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - the default policy's class
        found = _Found()
        html, text = (_content(parsed, kind) for kind in ("html", "plain"))
        found.feed(html)
        unsubscribe_url = str(parsed["List-Unsubscribe"]).strip().strip("<>")
        return cls(
            to=parsed["To"].addresses[0].addr_spec,
            subject=str(parsed["Subject"]),
            headers={name: str(value) for name, value in parsed.items()},
            html=html,
            text=text,
            pixels=tuple(image for image in found.images if "/t/o/" in image),
            links=tuple(link for link in found.links if link != unsubscribe_url),
            unsubscribe_url=unsubscribe_url,
        )


def _content(message: EmailMessage, kind: str) -> str:
    """A part's decoded text with its line ends as sent; empty when the message has no such part."""
    part = message.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    return payload.decode(part.get_content_charset("utf-8")) if isinstance(payload, bytes) else ""


class _Found(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get({"img": "src", "a": "href"}.get(tag, "")) or ""
        if address.startswith(("http://", "https://")):
            (self.images if tag == "img" else self.links).append(address)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done with one mail, to be compared with the numbers."""

    opened: bool = False
    clicked: bool = False
    """By a person."""
    unsubscribed: bool = False
    by_machine: bool = False
    """A machine opened or clicked, too or alone."""


def reads_and_clicks(mail: Mail) -> Deed:
    load_images(mail)
    follow(mail.links[0])
    return Deed(opened=True, clicked=True)


def opens_five_times(mail: Mail) -> Deed:
    for _ in range(5):
        load_images(mail)
    return Deed(opened=True)


def clicks_without_images(mail: Mail) -> Deed:
    """Two links in two tabs."""
    follow(mail.links[0])
    follow(mail.links[-1])
    return Deed(clicked=True)


def does_nothing(mail: Mail) -> Deed:
    return Deed()


def has_a_privacy_proxy(mail: Mail) -> Deed:
    """The mail client's maker loads all images of all mails, whether anybody looks or not."""
    load_images(mail, PRIVACY_PROXY)
    return Deed(opened=True, by_machine=True)


def is_swept(mail: Mail) -> Deed:
    """A scanner that calls itself a browser follows every link at once, before the mail is let through."""
    with ThreadPoolExecutor(len(mail.links)) as threads:
        list(threads.map(follow, mail.links))
    return Deed(by_machine=True)


def clicks_behind_the_scanner(mail: Mail) -> Deed:
    """The very link that the scanner took first."""
    follow(mail.links[0])
    return Deed(clicked=True, by_machine=True)


def unsubscribes(mail: Mail) -> Deed:
    load_images(mail)
    status, _, _ = request("GET", mail.unsubscribe_url)
    confirmed, _, _ = request("POST", mail.unsubscribe_url, {"confirm": "yes"})
    if (status, confirmed) != (200, 200):
        raise WrongAnswer(f"Unsubscribing answered {status} and {confirmed} instead of 200")
    return Deed(opened=True, unsubscribed=True)


PARTS: dict[str, Callable[[Mail], Deed]] = {
    "reads and clicks": reads_and_clicks,
    "opens five times": opens_five_times,
    "clicks, images blocked": clicks_without_images,
    "does nothing": does_nothing,
    "has a privacy proxy": has_a_privacy_proxy,
    "is swept by a scanner": is_swept,
    "clicks behind the scanner": clicks_behind_the_scanner,
    "unsubscribes": unsubscribes,
}


class WrongAnswer(Exception):
    """A recipient got something else than the HTTP contract says."""


def load_images(mail: Mail, agent: str = BROWSER) -> None:
    for pixel in mail.pixels:
        status, headers, body = request("GET", pixel, headers={"User-Agent": agent, "Accept": "image/*,*/*;q=0.8"})
        if status != 200 or headers.get("content-type") != "image/gif" or not body.startswith(b"GIF89a"):
            raise WrongAnswer(f"The pixel answered {status}, {headers.get('content-type')}")


def follow(link: str) -> str:
    """Where the tracked link leads."""
    status, headers, _ = request("GET", link)
    if status != 302 or "location" not in headers:
        raise WrongAnswer(f"A link answered {status} instead of a redirect")
    return headers["location"]


def request(
    method: str, url: str, form: dict[str, str] | None = None, headers: Mapping[str, str] = NAVIGATION
) -> tuple[int, dict[str, str], bytes]:
    """One request as a browser makes it; redirects are reported, not followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=30)
    body = None
    if form is not None:
        body = urlencode(form)
        headers = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()
