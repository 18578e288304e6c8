"""Evidence: what happened to a delivery and why it counted as a person's or a machine's, in words for a marketer.

The words for machines are here and nowhere else: the API hands them to the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from chalicelib.model.delivery import Click, Delivery
from chalicelib.model.verdicts import BURST, judged


@dataclass(frozen=True, slots=True)
class MachineWords:
    """What a reason for a machine's verdict means."""

    name: str
    """Who it was, as it stands in a sentence after "by"."""
    meaning: str
    """What such a machine does, in a sentence."""


MACHINES: Mapping[str, MachineWords] = {
    BURST: MachineWords(
        "a security scanner", "Several links of one email were followed faster than a person can click."
    ),
    "privacy_proxy": MachineWords(
        "a privacy proxy",
        "It loads images whether or not anybody reads: Apple's of nearly every email, Gmail's of some.",
    ),
    "tool": MachineWords(
        "a scanner or tool",
        "Its user agent names its purpose, a programming library, or an address to contact its operator.",
    ),
    "not_a_browser": MachineWords("an unknown program", "Its user agent names no browser, mail app or device."),
    "no_user_agent": MachineWords("an unnamed program", "It sent no user agent, as every browser and mail app does."),
    "not_a_navigation": MachineWords(
        "a program posing as a browser",
        "It claimed to be a current browser, but lacked what such a browser sends with every click.",
    ),
}
"""By reason, as it is stored with a hit."""

_UNKNOWN = MachineWords("a machine", "It was recognised by a rule that this release does not know.")


def machine_words(reason: str) -> MachineWords:
    """The words for a reason, also for one of another release."""
    return MACHINES.get(reason, _UNKNOWN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """An open, or clicks that were judged together, and why they counted or not."""

    kind: Literal["open", "click"]
    at: datetime
    """The first, if it is several clicks."""
    reason: str | None
    """Why it is a machine's; None for a person's."""
    links: Mapping[str, str]
    """URLs of the links that were followed, by link id, in order; empty for an open. An unknown URL is empty."""
    text: str


def evidence_of(delivery: Delivery, urls: Mapping[str, str]) -> tuple[Evidence, ...]:
    """What is known of a delivery's opens and clicks, in order of time. `urls`: the links as written, by id.

    Of repeated loads and clicks only those are stored that could change a verdict, so others are missing here.
    """
    return tuple(sorted([*_opens(delivery), *_clicks(delivery, urls)], key=lambda each: each.at))


def _opens(delivery: Delivery) -> Iterator[Evidence]:
    person_at, reason = delivery.opened_person_at, delivery.opened_machine
    if person_at is None:
        reason = reason or "unknown"
    if delivery.opened_at is not None and reason is not None:
        verdict = "Counted as a machine open" if person_at is None else "Not counted"
        text = f"{verdict}: loaded by {machine_words(reason).name}{_after(delivery, delivery.opened_at)}."
        yield Evidence("open", delivery.opened_at, reason, {}, text)
    if person_at is not None:
        yield Evidence("open", person_at, None, {}, f"Counted: opened by a person{_after(delivery, person_at)}.")


def _clicks(delivery: Delivery, urls: Mapping[str, str]) -> Iterator[Evidence]:
    verdicts = judged(delivery)
    for link, click in verdicts.persons.items():
        text = f"Counted: clicked by a person{_after(delivery, click.at)}."
        yield Evidence("click", click.at, None, _links([(link, click)], urls), text)
    for burst in verdicts.bursts:
        first_at, last_at = burst[0][1].at, burst[-1][1].at
        span = f"within {max(0.1, (last_at - first_at).total_seconds()):.1f} s{_after(delivery, first_at)}"
        yield _not_counted(BURST, burst, f"{span}; typical of {machine_words(BURST).name}", urls)
    scans = sorted(delivery.scans.items(), key=lambda each: each[1].at)
    for reason in dict.fromkeys(click.machine for _, click in scans if click.machine is not None):
        followed = [(link, click) for link, click in scans if click.machine == reason]
        who = f"followed by {machine_words(reason).name}{_after(delivery, followed[0][1].at)}"
        yield _not_counted(reason, followed, who, urls)


def _not_counted(reason: str, clicks: Sequence[tuple[str, Click]], how: str, urls: Mapping[str, str]) -> Evidence:
    links = _links(clicks, urls)
    number = "1 link" if len(links) == 1 else f"{len(links)} links"
    return Evidence("click", clicks[0][1].at, reason, links, f"Not counted: {number} {how}.")


def _links(clicks: Sequence[tuple[str, Click]], urls: Mapping[str, str]) -> dict[str, str]:
    return {link: click.url or urls.get(link, "") for link, click in clicks}


def _after(delivery: Delivery, at: datetime) -> str:
    """How long after its arrival, as part of a sentence; empty if it is not known to have left."""
    if delivery.arrived_at is None:
        return ""
    seconds = (at - delivery.arrived_at).total_seconds()
    event = "sending" if delivery.delivered_at is None else "delivery"
    return f", {_duration(abs(seconds))} {'before' if seconds < 0 else 'after'} {event}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 120 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 48 * 3600 else f"{seconds / 86_400:.0f} days"
