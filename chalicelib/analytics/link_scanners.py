"""Advice on link scanners that look like people: they follow a mail's one or two links, each mail's once.

One delivery cannot show them, so its verdict stays. Many of one domain can: people take minutes to days, a scanner
follows its link as the mail arrives. Free mail services need no list: a large sample of unrelated people has few such
clicks.

Reads the clicked deliveries, up to a limit, so this is computed when somebody asks and not with the other numbers.
Source of the timing, and how rarely people are suspected by chance: docs/decisions/0076.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.analytics.advice import Advice
from chalicelib.analytics.sums import Rate, percent, tracked_of, wilson
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery, Tracking
from chalicelib.model.ids import CampaignId
from chalicelib.model.verdicts import judged
from chalicelib.store.counters import Sums
from chalicelib.store.deliveries import Deliveries, DeliveryFilter

SOON = timedelta(seconds=60)
"""Also before the delivery: scanners may follow links before the recipient's server accepts the mail."""
SETTLED = timedelta(minutes=10)
"""Age of a mail from which its clicks are looked at: of a younger one, only the soon clicks are known yet."""
FEWEST = 10
"""Leads of a domain who clicked, from which it is judged. Those who did not click say nothing about timing."""
SUSPICIOUS = 0.5
"""A domain is suspected if the whole 95 % interval of its share of soon clicks lies above: from 9 of 10, 15 of 20 or
18 of 25."""
SHOWN = 10
"""Domains that get a sentence of their own."""

MOST = 10_000
"""Deliveries with a click that are judged at most."""
PAGES = 10
"""Each reads some 10,000 deliveries (store/deliveries.py), bucket by bucket, which is a random order."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain where a link scanner is likely."""

    name: str
    soon: int
    """Leads whose every click came within 60 seconds of delivery."""
    share: Rate
    """... of its leads who clicked."""


def link_scanner_advice(campaign: Campaign, sums: Sums, deliveries: Deliveries, now: datetime) -> tuple[Advice, ...]:
    """Name the domains where a link scanner is likely, with the figures without it; nothing for anonymous campaigns."""
    if campaign.tracking is not Tracking.FULL:
        return ()
    clicked = _clicked(campaign.campaign_id, deliveries)
    settled = [each for each in clicked if each.arrived_at is None or now - each.arrived_at >= SETTLED]
    if len(settled) < FEWEST <= len(clicked):
        return (_too_early(len(clicked) - len(settled), len(clicked)),)
    suspected = suspected_domains(settled)
    return tuple(_advise(suspected, len(settled), sums)) if suspected else ()


def _clicked(campaign_id: CampaignId, deliveries: Deliveries) -> list[Delivery]:
    shown, position = DeliveryFilter(clicked=True), None
    found: list[Delivery] = []
    for _ in range(PAGES):
        page, position = deliveries.list_page(campaign_id, shown, limit=MOST - len(found), position=position)
        found += page
        if position is None or len(found) == MOST:
            break
    return found


def _too_early(young: int, clicked: int) -> Advice:
    text = (
        f"Too early to look for link scanners: {young:,} of the {clicked:,} leads who clicked got this email less than "
        f"{SETTLED.total_seconds() / 60:.0f} minutes ago."
    )
    return Advice("link_scanners_too_early", "info", text, young)


def suspected_domains(clicked: Iterable[Delivery]) -> list[Domain]:
    """Judge domains by the deliveries that a person clicked; those with the most soon clicks come first."""
    counts: Counter[str] = Counter()
    soon: Counter[str] = Counter()
    for delivery in clicked:
        domain = (delivery.email or "").rpartition("@")[2].lower()
        counts[domain] += 1
        soon[domain] += _is_soon(delivery)
    # Where the address is not known, the name is empty.
    shares = {name: wilson(soon[name], count) for name, count in counts.items() if name and count >= FEWEST}
    found = [Domain(name, soon[name], share) for name, share in shares.items() if share and share.low > SUSPICIOUS]
    return sorted(found, key=lambda each: (-each.soon, each.name))


def _is_soon(delivery: Delivery) -> bool:
    at = delivery.arrived_at
    return at is not None and all(abs(click.at - at) <= SOON for click in judged(delivery).persons.values())


def _advise(suspected: Sequence[Domain], looked_at: int, sums: Sums) -> Iterator[Advice]:
    """`looked_at`: how many of the leads who clicked."""
    for each in suspected[:SHOWN]:
        text = (
            f"{each.soon:,} of {each.share.of:,} clicks from {each.name} came within {SOON.total_seconds():.0f} s of "
            f"delivery ({percent(each.share.value, 0)}, {_range(each.share)}). That is typical of a link scanner, "
            "which opens the link before people read the email."
        )
        yield Advice("link_scanner", "notice", text, each.share.value)
    soon = sum(each.soon for each in suspected)
    clicked = sums.get("clicked", 0)
    without = round(clicked * (looked_at - soon) / looked_at)
    rate = wilson(without, tracked_of(sums))
    if rate is None:
        return
    more = " and those from other domains" if len(suspected) > SHOWN else ""
    text = (
        f"Without these clicks{more}, {soon:,} in all, Clicked is {without:,} and the click rate {percent(rate.value)} "
        f"({_range(rate)}). Clicked still counts them, since some of these leads may also have clicked themselves."
    )
    if looked_at < clicked:
        text += f" Estimated from {looked_at:,} of the {clicked:,} leads who clicked."
    yield Advice("without_link_scanners", "info", text, rate.value)


def _range(rate: Rate) -> str:
    return f"range {percent(rate.low).removesuffix('%')} to {percent(rate.high)}"
