"""Which clicks were a person's: decided in retrospect, from nothing but the times on the delivery.

A security scanner that poses as a browser gives itself away by speed: it follows several links of one mail at once. A
burst begins where `links` different links are followed within `window`, and lasts as long as each next click comes
within half of that. All clicks of a burst are a machine's; all others are a person's. The thresholds and their sources:
BurstRule and docs/decisions/0021.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.model.delivery import BurstRule, Click, Delivery

BURST = "burst"
"""The reason of a verdict made in retrospect."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Who followed which links: by link id, the first such click. A link may be in both."""

    persons: Mapping[str, Click]
    machines: Mapping[str, Click]
    """Each with its reason."""
    bursts: Sequence[Sequence[tuple[str, Click]]] = ()
    """Every burst's clicks with their links, in order of time: more than the first on each link."""

    @property
    def machines_only(self) -> Mapping[str, Click]:
        """Links that no person has followed."""
        return {link: click for link, click in self.machines.items() if link not in self.persons}

    @property
    def clicked(self) -> Click | None:
        """A person's first click."""
        return min(self.persons.values(), key=lambda click: click.at, default=None)


def judged(delivery: Delivery) -> Verdicts:
    """The verdicts on a delivery's clicks as they stand now; a later click may change them."""
    rule = delivery.rule
    seen = [*delivery.clicks.items(), *((link, click) for link, several in delivery.later.items() for click in several)]
    if len(seen) < rule.links and not delivery.scans:
        return Verdicts(_firsts(seen), {})
    seen.sort(key=lambda each: each[1].at)
    ranges = _bursts(seen, rule)
    in_bursts = {index for burst in ranges for index in burst}
    persons = [each for index, each in enumerate(seen) if index not in in_bursts]
    swept = [(link, replace(click, machine=BURST)) for link, click in (seen[index] for index in sorted(in_bursts))]
    machines = _firsts([*delivery.scans.items(), *swept])
    return Verdicts(_firsts(persons), machines, [seen[burst.start : burst.stop] for burst in ranges])


def says_something_new(delivery: Delivery, link: str, click: Click) -> bool:
    """Whether another click on a link that was followed before would change who clicked what, or when first."""
    known = delivery.later.get(link, ())
    if len(known) >= delivery.rule.later_clicks:
        return False
    with_it = replace(delivery, later={**delivery.later, link: (*known, click)})
    return judged(delivery).persons != judged(with_it).persons


def _bursts(seen: Sequence[tuple[str, Click]], rule: BurstRule) -> list[range]:
    """Which of these clicks, given in order of time, are bursts: their indexes."""
    found = []
    times = [click.at for _, click in seen]
    start = 0
    while start < len(seen):
        end = start
        while end + 1 < len(seen) and times[end + 1] - times[start] <= rule.window:
            end += 1
        if len({link for link, _ in seen[start : end + 1]}) < rule.links:
            start += 1
            continue
        while end + 1 < len(seen) and times[end + 1] - times[end] <= rule.window / 2:
            end += 1
        found.append(range(start, end + 1))
        start = end + 1
    return found


def _firsts(seen: Sequence[tuple[str, Click]]) -> dict[str, Click]:
    firsts: dict[str, Click] = {}
    for link, click in sorted(seen, key=lambda each: each[1].at):
        firsts.setdefault(link, click)
    return firsts
