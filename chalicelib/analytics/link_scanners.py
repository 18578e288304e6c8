"""Advice on link scanners that look like people: they follow a mail's one or two links, each mail's once.

One delivery cannot show them, so its verdict stays. Many of one domain can: people take minutes to days, a scanner
follows its link as the mail arrives. Whether a domain is a company's or a free mail service's needs no list: a large
sample of unrelated people has few such clicks.

Reads the clicked deliveries, up to a limit, so this is computed when somebody asks and not with the other numbers.
Source of the timing: published field data by which scanners come at a median of 43 s after sending, two thirds of them
after 20 to 60 s, and a person's median time to click is hours (docs/decisions/0076).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.analytics.advice import Advice
from chalicelib.analytics.sums import Rate, tracked_of, wilson
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery, Tracking
from chalicelib.model.verdicts import judged
from chalicelib.store.counters import Sums
from chalicelib.store.deliveries import Deliveries, DeliveryFilter

SOON = timedelta(seconds=60)
"""Also before the delivery: scanners may follow links before the recipient's server accepts the mail."""
FEWEST = 10
"""Recipients of a domain who clicked, that it is judged by. Those who did not click say nothing about timing."""
SUSPICIOUS = 0.5
"""A domain is suspected if the whole 95 % interval of its share of soon clicks lies above: from 9 of 10, 15 of 20 or
18 of 25. How rarely people do that by chance: docs/decisions/0076."""
SHOWN = 10
"""Domains that get a sentence of their own."""

PAGE = 10_000
PAGES = 20
"""Some 200,000 deliveries are read at most, 80 MB. In the order of their buckets, which is random."""


@dataclass(frozen=True, slots=True)
class SuspectedDomain:
    domain: str
    clicked: int
    """Leads of this domain who clicked."""
    soon: int
    """... those whose every click came within 60 seconds of delivery."""
    share: Rate


@dataclass(frozen=True, slots=True)
class WithoutScanners:
    """Clicked and its rate without the soon clicks of all suspected domains; an estimate unless all were looked at."""

    clicked: int
    rate: Rate


@dataclass(frozen=True, slots=True)
class LinkScanners:
    looked_at: int
    """Leads who clicked, as far as they were looked at."""
    clicked: int
    """Leads who clicked."""
    is_complete: bool
    domains: tuple[SuspectedDomain, ...]
    """Those with the most soon clicks first."""
    without: WithoutScanners | None
    """None where no domain is suspected."""
    advice: tuple[Advice, ...]


def look_for_link_scanners(campaign: Campaign, sums: Sums, deliveries: Deliveries) -> LinkScanners:
    """Judge the domains of those who clicked. Reads some `PAGE` * `PAGES` deliveries; none of anonymous mails."""
    clicked = sums.get("clicked", 0)
    if campaign.tracking is not Tracking.FULL:
        return LinkScanners(0, clicked, False, (), None, tuple(_on_anonymous(clicked)))
    tally, position = Tally(), None
    for _ in range(PAGES):
        page, position = deliveries.list_page(
            campaign.campaign_id, DeliveryFilter(clicked=True), limit=PAGE, position=position
        )
        tally.add(page)
        if position is None:
            break
    domains, looked_at = tally.suspected(), tally.looked_at
    # The sums may be a few seconds behind what was read just now.
    of = looked_at if position is None else max(clicked, looked_at)
    without = _without(looked_at, of, domains, tracked_of(sums)) if domains else None
    advice = () if without is None else tuple(_advise(domains, without, looked_at, of))
    return LinkScanners(looked_at, clicked, position is None, domains, without, advice)


class Tally:
    """Counts the leads who clicked, and those who clicked soon, by domain."""

    def __init__(self) -> None:
        self.looked_at = 0
        self._clicked: Counter[str] = Counter()
        self._soon: Counter[str] = Counter()

    def add(self, clickers: Iterable[Delivery]) -> None:
        """Add deliveries that a person clicked, as far as one can see."""
        for delivery in clickers:
            self.looked_at += 1
            arrived_at = delivery.arrived_at
            if delivery.email is None or arrived_at is None:
                continue
            domain = delivery.email.rpartition("@")[2].lower()
            self._clicked[domain] += 1
            self._soon[domain] += all(abs(click.at - arrived_at) <= SOON for click in judged(delivery).persons.values())

    def suspected(self) -> tuple[SuspectedDomain, ...]:
        """Domains where most clicks come too soon for people, beyond chance; those with the most such clicks first."""
        judged_domains = ((domain, count) for domain, count in self._clicked.items() if count >= FEWEST)
        shares = ((domain, count, wilson(self._soon[domain], count)) for domain, count in judged_domains)
        found = [
            SuspectedDomain(domain, count, self._soon[domain], share)
            for domain, count, share in shares
            if share is not None and share.low > SUSPICIOUS
        ]
        return tuple(sorted(found, key=lambda each: (-each.soon, each.domain)))


def _without(looked_at: int, clicked: int, domains: Iterable[SuspectedDomain], tracked: int) -> WithoutScanners | None:
    part, others = looked_at / clicked, looked_at - sum(each.soon for each in domains)
    rate = wilson(others, round(tracked * part))
    return None if rate is None else WithoutScanners(round(others / part), rate)


def _advise(
    domains: tuple[SuspectedDomain, ...], without: WithoutScanners, looked_at: int, clicked: int
) -> Iterator[Advice]:
    for each in domains[:SHOWN]:
        text = (
            f"{each.soon} of {each.clicked} clicks from {each.domain} came within 60 s of delivery "
            f"({each.share.value:.0%}, {_range(each.share)}). That is typical of a link scanner, which opens the link "
            "before people read the email."
        )
        yield Advice("link_scanner", "notice", text, each.share.value)
    soon = sum(each.soon for each in domains)
    more = " and those from other domains" if len(domains) > SHOWN else ""
    about = "" if looked_at == clicked else "about "
    text = (
        f"Without these clicks{more}, {soon} in all, Clicked is {about}{without.clicked} and the click rate "
        f"{without.rate.value:.1%} ({_range(without.rate)}). Clicked still counts them: a single delivery cannot show "
        "who clicked, and some of these leads may have followed the link again themselves."
    )
    if looked_at < clicked:
        text += f" Based on {looked_at} of the {clicked} leads who clicked, in random order."
    yield Advice("without_link_scanners", "info", text, without.rate.value)


def _on_anonymous(clicked: int) -> Iterator[Advice]:
    if clicked >= FEWEST:
        text = (
            f"{clicked} clicks are anonymous. Whether a link scanner is among them cannot be checked, because their "
            "addresses are not known."
        )
        yield Advice("link_scanners_unknown", "info", text, float(clicked))


def _range(rate: Rate) -> str:
    return f"range {100 * rate.low:.1f} to {rate.high:.1%}"
