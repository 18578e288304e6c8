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
        "a security scanner",
        "Several links of one email were followed faster than a person can click.",
    ),
    "privacy_proxy": MachineWords(
        "a privacy proxy",
        "It loads images whether or not anybody reads: Apple's of nearly every email, Gmail's of some.",
    ),
    "tool": MachineWords(
        "a program that says it is a scanner, crawler or other tool",
        "Its user agent names its purpose, or an address to contact its operator.",
    ),
    "not_a_browser": MachineWords(
        "a program that is no browser or mail app",
        "Its user agent does not begin like that of any browser, mail app or phone.",
    ),
    "no_user_agent": MachineWords(
        "a program that does not say what it is",
        "Every browser and mail app sends a user agent. This one sent none.",
    ),
    "not_a_navigation": MachineWords(
        "a program that poses as a browser",
        "It claimed to be a current browser, but lacked what such a browser sends with every click.",
    ),
}
"""By reason, as it is stored with a hit."""

_UNKNOWN = MachineWords("a machine", "It was recognized by a rule that this release does not know.")


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
    links: tuple[str, ...]
    """Ids of the links that were followed, in order; empty for an open."""
    text: str


def evidence_of(delivery: Delivery) -> tuple[Evidence, ...]:
    """What is known of a delivery's opens and clicks, in order of time.

    Of repeated loads and clicks only those are stored that could change a verdict, so others are missing here.
    """
    return tuple(sorted([*_opens(delivery), *_clicks(delivery)], key=lambda each: each.at))


def _opens(delivery: Delivery) -> Iterator[Evidence]:
    person_at, reason = delivery.opened_person_at, delivery.opened_machine
    if person_at is None:
        reason = reason or "unknown"
    if delivery.opened_at is not None and reason is not None:
        verdict = "Counted as a machine open" if person_at is None else "Not counted"
        text = f"{verdict}: loaded by {machine_words(reason).name}{_after(delivery, delivery.opened_at)}."
        yield Evidence("open", delivery.opened_at, reason, (), text)
    if person_at is not None:
        text = f"Counted: opened in a mail app or browser{_after(delivery, person_at)}."
        yield Evidence("open", person_at, None, (), text)


def _clicks(delivery: Delivery) -> Iterator[Evidence]:
    verdicts = judged(delivery)
    for link, click in verdicts.persons.items():
        text = f"Counted: clicked in a browser{_after(delivery, click.at)}."
        yield Evidence("click", click.at, None, (link,), text)
    for burst in verdicts.bursts:
        seconds = max(0.1, (burst[-1][1].at - burst[0][1].at).total_seconds())
        yield _kept_out(delivery, BURST, burst, f"within {seconds:.1f} s", f"; typical of {machine_words(BURST).name}")
    scans = sorted(delivery.scans.items(), key=lambda each: each[1].at)
    for reason in dict.fromkeys(click.machine for _, click in scans if click.machine is not None):
        followed = [(link, click) for link, click in scans if click.machine == reason]
        yield _kept_out(delivery, reason, followed, f"followed by {machine_words(reason).name}")


def _kept_out(
    delivery: Delivery, reason: str, clicks: Sequence[tuple[str, Click]], how: str, typical: str = ""
) -> Evidence:
    links, at = tuple(dict.fromkeys(link for link, _ in clicks)), clicks[0][1].at
    number = "1 link" if len(links) == 1 else f"{len(links)} links"
    return Evidence("click", at, reason, links, f"Not counted: {number} {how}{_after(delivery, at)}{typical}.")


def _after(delivery: Delivery, at: datetime) -> str:
    """How long after its arrival, as part of a sentence; empty if it is not known to have left."""
    if delivery.arrived_at is None:
        return ""
    seconds = (at - delivery.arrived_at).total_seconds()
    event = "sending" if delivery.delivered_at is None else "delivery"
    return f", {_duration(abs(seconds))} {'before' if seconds < 0 else 'after'} {event}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 36 * 3600 else f"{seconds / 86_400:.0f} days"
