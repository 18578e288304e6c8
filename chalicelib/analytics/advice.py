"""What the numbers cannot say by themselves, said in words: each with the figure it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.store.counters import Sums

SAMPLE = 30
"""Below so many deliveries a rate says too little to advise on."""
FAILED_NOTICE = 0.02
FAILED_WARNING = 0.03
OPENED_SUSPICIOUS = 0.60


@dataclass(frozen=True, slots=True)
class Advice:
    code: str
    severity: Literal["info", "notice", "warning"]
    text: str
    figure: float | None
    """The rate or count that the advice rests on; None where it rests on none."""


def advise(sums: Sums, *, failures: Sequence[tuple[str, int]]) -> tuple[Advice, ...]:
    """Advice for a campaign, the most urgent first; silent where the sample is too small."""
    sent, failed = sums.get("sent", 0), sums.get("failed", 0)
    if not sent + failed:
        return ()
    found = [_failed(sent, failed, failures), _opened(sums, sent), *_always(sums, sent)]
    order = {"warning": 0, "notice": 1, "info": 2}
    return tuple(sorted((advice for advice in found if advice), key=lambda advice: order[advice.severity]))


def _failed(sent: int, failed: int, failures: Sequence[tuple[str, int]]) -> Advice | None:
    share = failed / (sent + failed)
    if sent + failed < SAMPLE or share <= FAILED_NOTICE:
        return None
    reasons = ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in failures[:3])
    text = f"{share:.1%} of the deliveries failed. Above 2 to 3 % something structural is wrong; look at {reasons}."
    return Advice("failed_high", "warning" if share > FAILED_WARNING else "notice", text, round(share, 4))


def _opened(sums: Sums, sent: int) -> Advice | None:
    opened = sums.get("opened", 0)
    if sent < SAMPLE or opened / sent <= OPENED_SUSPICIOUS:
        return None
    machines = sums.get("opened_machine_only", 0)
    text = (
        f"{opened / sent:.0%} opened is more than people do: mail privacy proxies load pixels by themselves "
        f"({machines} of {opened} opens are known to be machines' only). Trust the click rate."
    )
    return Advice("opened_suspicious", "notice", text, round(opened / sent, 4))


def _always(sums: Sums, sent: int) -> list[Advice]:
    if not sent:
        return []
    found = [
        Advice(
            "sent_is_not_delivered",
            "info",
            f"Sent means that the mail service accepted {sent} mails, not that they arrived: they may still bounce.",
            float(sent),
        )
    ]
    if not any(sums.get(name) for name in ("delivered", "bounced", "complained")):
        text = "No feedback on deliveries has come in: delivered, bounced and complained are not known, not zero."
        found.append(Advice("no_feedback", "info", text, None))
    if sent < SAMPLE:
        text = f"{sent} mails are too few for rates to mean much; mind the intervals."
        found.append(Advice("small_sample", "info", text, float(sent)))
    elif sums.get("clicked"):
        share = sums["clicked"] / sent
        text = (
            f"The click rate, {share:.1%}, is the honest one: a click is a person's deed, an open may be a machine's."
        )
        found.append(Advice("clicks_are_honest", "info", text, round(share, 4)))
    return found
