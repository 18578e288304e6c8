"""Precision and recall over simulated leads, each with its interval, and what becomes of every kind taken alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from random import Random

from bench.verdict.campaigns import Audience, Lead, leads
from bench.verdict.people import BROWSERS, Browser, Hit, MailClient, arrival, clicking, reading
from bench.verdict.product import RULE, counted
from bench.verdict.scanners import Scanner, scanning
from chalicelib.analytics.sums import wilson
from chalicelib.model.delivery import BurstRule

RUNS = 10
"""Independent campaigns of an audience, each with a seed of its own."""
LEADS = 1500
"""Leads of a campaign."""
ALONE = 400
"""Leads of one kind, where a kind is taken alone."""


@dataclass(frozen=True, slots=True)
class Share:
    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else float("nan")

    def __add__(self, other: "Share") -> "Share":
        return Share(self.part + other.part, self.whole + other.whole)

    def __str__(self) -> str:
        """In percent, with its 95 % interval."""
        rate = wilson(self.part, self.whole)
        return "-" if rate is None else f"{100 * rate.value:.1f} ({100 * rate.low:.1f} to {100 * rate.high:.1f})"

    @property
    def text(self) -> str:
        return f"{100 * self.value:.1f} %"


@dataclass(slots=True)
class Score:
    """How a number of the product's compares with the truth."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, said: bool, true: bool) -> None:
        self.right += said and true
        self.wrong += said and not true
        self.missed += true and not said

    @property
    def precision(self) -> Share:
        """Of those whom the number contains: for how many it is true."""
        return Share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Share:
        """Of those for whom it is true: how many the number contains."""
        return Share(self.right, self.right + self.missed)

    @property
    def true(self) -> int:
        return self.right + self.missed

    @property
    def said(self) -> int:
        return self.right + self.wrong

    def __add__(self, other: "Score") -> "Score":
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)


@dataclass(slots=True)
class Measured:
    leads: int = 0
    requests: Share = Share(0, 0)
    """Machines' of all GETs for a link."""
    opened_by_anyone: int = 0
    clicked: Score = field(default_factory=Score)
    opened: Score = field(default_factory=Score)
    """Opened by persons."""
    every_click: Score = field(default_factory=Score)
    """Clicked, if every GET for a link were a click."""

    def add(self, each: Lead, rule: BurstRule) -> None:
        said = counted(each.hits, rule)
        clicked = each.clicks > 0
        followed = sum(hit.link is not None and hit.request.method == "GET" for hit in each.hits)
        self.leads += 1
        self.requests += Share(followed - each.clicks, followed)
        self.opened_by_anyone += said.opened
        self.clicked.add(said.clicked, clicked)
        self.opened.add(said.opened_by_person, each.read)
        self.every_click.add(followed > 0, clicked)

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.leads + other.leads,
            self.requests + other.requests,
            self.opened_by_anyone + other.opened_by_anyone,
            self.clicked + other.clicked,
            self.opened + other.opened,
            self.every_click + other.every_click,
        )


def measured(audience: Audience, *, runs: int = RUNS, number: int = LEADS, rule: BurstRule = RULE) -> Measured:
    """All campaigns of an audience together."""
    total = Measured()
    for run in range(runs):
        for each in leads(audience, number, str(run)):
            total.add(each, rule)
    return total


# -- Kinds taken alone; cached, since tables and tests ask for the same ------------------------------------------------


@cache
def readers(client: MailClient) -> Share:
    """Of people who read in this mail client: how many are counted in Opened by persons."""
    rng, found = Random(client.name), []
    for _ in range(ALONE):
        arrived = arrival(rng, client)
        found.append(counted([*arrived, *reading(rng, client, 9000, arrived)]).opened_by_person)
    return _of(found)


@cache
def unread(client: MailClient) -> Share:
    """Of people who have this mail client and do not read: how many are counted in Opened by persons."""
    rng = Random(client.name)
    return _of(counted(arrival(rng, client)).opened_by_person for _ in range(ALONE))


@cache
def clickers(browser: Browser) -> Share:
    """Of people who click with this browser: how many are counted in Clicked."""
    rng = Random(browser.name)
    return _of(counted(clicking(rng, browser, "one link", 9000, 5)).clicked for _ in range(ALONE))


@cache
def with_habit(habit: str) -> Share:
    """Of people who click in this manner, in a mail of nine links: how many are counted in Clicked."""
    rng, browser = Random(habit), BROWSERS["Chrome on a computer"]
    return _of(counted(clicking(rng, browser, habit, 9000, 9)).clicked for _ in range(ALONE))


@cache
def behind(scanner: Scanner, after: float) -> Share:
    """Of people who click this many seconds after a scanner's burst began: how many are counted in Clicked."""
    rng, browser = Random(scanner.name), BROWSERS["Chrome on a computer"]
    found = []
    for _ in range(ALONE):
        scans = scanning(rng, scanner, 9)
        began = min(each.seconds for each in scans if each.link is not None)
        click = Hit(began + after, rng.choice(browser.requests), "1")
        found.append(counted([*scans, click]).clicked)
    return _of(found)


@cache
def taken_for_clicks(scanner: Scanner, links: int) -> Share:
    """Of mails with `links` links that this scanner fetches and nobody clicks: how many are counted in Clicked."""
    rng = Random(scanner.name)
    return _of(counted(scanning(rng, scanner, links)).clicked for _ in range(ALONE))


@cache
def taken_for_opens(scanner: Scanner) -> Share:
    """Of mails that this scanner fetches and nobody reads: how many are counted in Opened by persons."""
    rng = Random(scanner.name)
    return _of(counted(scanning(rng, scanner, 5)).opened_by_person for _ in range(ALONE))


def _of(answers: Iterable[bool]) -> Share:
    given = list(answers)
    return Share(sum(given), len(given))
