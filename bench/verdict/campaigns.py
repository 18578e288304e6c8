"""Audiences, and what happens to a mail that is sent to one of their leads, with the truth about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from bench.verdict.people import (
    HABITS,
    MAIL_CLIENTS,
    Hit,
    MailClient,
    arrival,
    browser_of,
    clicking,
    reading,
    reads_after,
)
from bench.verdict.scanners import SCANNERS, checking, scanning

T = TypeVar("T")
Shares = Mapping[str, float]

USUAL_SCANNERS: Shares = {
    "all links within a second, library with a browser's agent": 0.24,
    "all links within a second, library that copies more headers": 0.08,
    "all links within a second, headless browser": 0.20,
    "a link a second, library with a browser's agent": 0.05,
    "a link a second, headless browser": 0.03,
    "a link every 4 to 30 s, headless browser": 0.01,
    "one link, library with a browser's agent": 0.07,
    "one link, library that copies more headers": 0.03,
    "one link, headless browser": 0.05,
    "all links, says what it is": 0.08,
    "all links, says that it protects mailboxes": 0.03,
    "all links, has the name of a mail program": 0.01,
    "all links, HEAD only": 0.08,
    "all links, browser's prefetch": 0.04,
}
USUAL_LINKS: Mapping[int, float] = {1: 0.1, 2: 0.1, 3: 0.15, 5: 0.25, 9: 0.4}
"""How many links mails have, and how often."""

FORWARDED_AND_READ = 0.6
"""Share of forwarded mails that the second person reads."""


@dataclass(frozen=True, slots=True)
class Audience:
    name: str
    clients: Shares
    """Mail clients by their weight."""
    scanned: float
    """Share of leads whose mail a scanner fetches."""
    read: float = 0.35
    """Share of leads who read the mail."""
    clicked: float = 0.08
    """Share of readers who click."""
    shared: float = 0.02
    """Share of mailboxes that two to four people read."""
    forwarded: float = 0.015
    """Share of readers who pass the mail on to somebody with the same kind of mailbox."""
    scanners: Shares = field(default_factory=lambda: USUAL_SCANNERS)
    links: Mapping[int, float] = field(default_factory=lambda: USUAL_LINKS)


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead's requests and the truth: whether a person read the mail, and how often people clicked."""

    hits: tuple[Hit, ...]
    read: bool
    clicks: int
    """Of people."""


CONSUMERS = Audience(
    "consumers",
    {
        "Apple Mail with Privacy Protection": 0.53,
        "Apple Mail without it": 0.076,
        "Gmail (its image proxy)": 0.265,
        "Outlook for Windows and Mac": 0.041,
        "Yahoo and AOL (their image proxy)": 0.033,
        "mail apps on phones (Android, Samsung, Outlook, Yahoo, Naver)": 0.02,
        "Outlook on the web (Microsoft's image proxy)": 0.01,
        "webmail in a browser (GMX, Roundcube, ...)": 0.015,
        "other mail programs (Thunderbird, eM Client, Notes, The Bat!, ...)": 0.01,
    },
    scanned=0.012,
)
COMPANIES = Audience(
    "companies",
    {
        "Outlook for Windows and Mac": 0.38,
        "Outlook on the web (Microsoft's image proxy)": 0.15,
        "Apple Mail with Privacy Protection": 0.17,
        "Apple Mail without it": 0.03,
        "Gmail (its image proxy)": 0.15,
        "mail apps on phones (Android, Samsung, Outlook, Yahoo, Naver)": 0.04,
        "other mail programs (Thunderbird, eM Client, Notes, The Bat!, ...)": 0.05,
        "webmail in a browser (GMX, Roundcube, ...)": 0.01,
        "a company's image proxy": 0.02,
    },
    scanned=0.05,
    shared=0.05,
)
HALF_AND_HALF = Audience(
    "half and half",
    {
        name: (CONSUMERS.clients.get(name, 0) + COMPANIES.clients.get(name, 0)) / 2
        for name in (*CONSUMERS.clients, "a company's image proxy")
    },
    scanned=0.03,
    shared=0.035,
)


def leads(audience: Audience, number: int, seed: str) -> Iterator[Lead]:
    """`number` leads of an audience; the same seed gives the same leads."""
    rng = Random(f"{audience.name} {seed}")
    for _ in range(number):
        yield lead(rng, audience)


def lead(rng: Random, audience: Audience) -> Lead:
    links = _chosen(rng, audience.links)
    client = MAIL_CLIENTS[_chosen(rng, audience.clients)]
    scanner = SCANNERS[_chosen(rng, audience.scanners)] if rng.random() < audience.scanned else None
    arrived = arrival(rng, client)
    hits = [*arrived, *(scanning(rng, scanner, links) if scanner else [])]
    clicks: list[Hit] = []
    read = False
    for _ in range(rng.randint(2, 4) if rng.random() < audience.shared else 1):
        if rng.random() >= audience.read:
            continue
        read, at = True, reads_after(rng)
        hits += reading(rng, client, at, arrived)
        clicks += _clicks(rng, audience, client, at, links)
        if rng.random() < audience.forwarded:
            received = at + rng.uniform(60, 600)
            hits += _shifted(scanning(rng, scanner, links) if scanner else [], received)
            if rng.random() < FORWARDED_AND_READ:
                again = received + reads_after(rng)
                hits += reading(rng, client, again, [])
                clicks += _clicks(rng, audience, client, again, links)
    checks = checking(rng, scanner, clicks[0]) if scanner and clicks else []
    return Lead((*hits, *clicks, *checks), read, len(clicks))


def _clicks(rng: Random, audience: Audience, client: MailClient, at: float, links: int) -> list[Hit]:
    """What a reader follows, if anything."""
    if rng.random() >= audience.clicked:
        return []
    return clicking(rng, browser_of(rng, client), _chosen(rng, HABITS), at, links)


def _shifted(hits: list[Hit], seconds: float) -> list[Hit]:
    return [Hit(each.seconds + seconds, each.request, each.link) for each in hits]


def _chosen(rng: Random, shares: Mapping[T, float]) -> T:
    return rng.choices(list(shares), list(shares.values()))[0]
