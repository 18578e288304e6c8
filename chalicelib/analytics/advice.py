"""Advice on a campaign's numbers, each with the figure it rests on.

`failed` is judged by its rate, which is exact for this campaign. What a few leads more or less would tip is judged by
the bound of its confidence interval: advice that chance alone may have caused is worse than none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.analytics.rates import Rate, has_feedback, tracked_of, wilson
from chalicelib.store.counters import Sums

SAMPLE = 30
"""Below this many deliveries a rate says too little to advise on."""
FAILED_NOTICE = 0.02
FAILED_WARNING = 0.03
OPENED_SUSPICIOUS = 0.60
BOUNCED_HIGH = 0.04
"""SES reviews accounts above 5 % and may stop them above 10 %."""
COMPLAINED_HIGH = 0.001
"""SES reviews accounts above 0.1 % and may stop them above 0.5 %; Gmail asks bulk senders to stay below 0.1 %."""
UNSUBSCRIBED_HIGH = 0.005
IMAGES_BLOCKED = 0.10
SCANNED = 0.05
NOBODY = 0.05
CLIPS_AT = 102 * 1024
"""Bytes of HTML at which Gmail hides the rest of a mail, and the pixel at its end with it."""
EARLY_HOURS = 24
FEEDBACK_HOURS = 1

Severity = Literal["info", "notice", "warning"]


@dataclass(frozen=True, slots=True)
class Advice:
    code: str
    severity: Severity
    text: str
    figure: float
    """The rate (0 to 1), count, bytes or hours that the advice rests on."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What advice is based on."""

    sums: Sums
    failures: Sequence[tuple[str, int]] = ()
    """Reasons and their counts, the most frequent first."""
    age_hours: float | None = None
    """Since the launch; None if unknown."""
    html_bytes: int | None = None

    def count(self, name: str) -> int:
        return self.sums.get(name, 0)

    @property
    def sent(self) -> int:
        return self.count("sent")

    @property
    def tracked(self) -> int:
        return tracked_of(self.sums)

    def rate(self, name: str, of: int | None = None) -> Rate | None:
        """The rate of those sent (or of `of`); None where the sample is too small."""
        whole = self.sent if of is None else of
        return wilson(self.count(name), whole) if whole >= SAMPLE else None

    def is_older_than(self, hours: float) -> bool:
        return self.age_hours is not None and self.age_hours >= hours


def advise(situation: Situation) -> tuple[Advice, ...]:
    """Advice for a campaign, the most urgent first; nothing where the sample is too small."""
    if not situation.sent + situation.count("failed"):
        return ()
    found = [*_on_sending(situation), *_on_reactions(situation), *_on_reading_the_numbers(situation)]
    order = {"warning": 0, "notice": 1, "info": 2}
    return tuple(sorted(found, key=lambda advice: order[advice.severity]))


def _on_sending(now: Situation) -> Iterator[Advice]:
    if due := now.count("recount_due"):
        text = (
            "Some changes came too late to tell whether they were counted already. Recount this campaign: until then "
            "these numbers may be too low."
        )
        yield Advice("recount_due", "warning", text, float(due))
    failed = now.rate("failed", now.sent + now.count("failed"))
    if failed is not None and failed.value > FAILED_NOTICE:
        reasons = ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in now.failures[:3])
        text = (
            f"{failed.value:.1%} of the deliveries failed. Above 2 to 3 % something structural is wrong; look at "
            f"{reasons}."
        )
        yield Advice("failed_high", "warning" if failed.value > FAILED_WARNING else "notice", text, failed.value)
    bounced = now.rate("bounced")
    if bounced is not None and bounced.value > BOUNCED_HIGH:
        text = (
            f"{bounced.value:.1%} bounced ({now.count('bounced')} of {now.sent}). Above 4 to 5 % mail services take "
            "action against a sender: where do these addresses come from, and when were they last written to?"
        )
        yield Advice("bounced_high", _severity(bounced, BOUNCED_HIGH), text, bounced.value)
    complained = now.rate("complained")
    # One complaint of fewer than a thousand leads is above the limit by itself and says nothing.
    if complained is not None and complained.value > COMPLAINED_HIGH and now.count("complained") >= 2:
        text = (
            f"{complained.value:.2%} called this mail spam ({now.count('complained')} of {now.sent}). Above 0.1 % "
            "mailbox providers turn a sender's mail away: write only to those who asked for it, and make leaving easy."
        )
        yield Advice("complained_high", _severity(complained, COMPLAINED_HIGH), text, complained.value)


def _on_reactions(now: Situation) -> Iterator[Advice]:
    possible = wilson(0, now.tracked)
    nobody_did = not now.count("opened") and not now.count("clicked") and now.is_older_than(EARLY_HOURS)
    if nobody_did and possible is not None and possible.high <= NOBODY:
        text = (
            f"Nobody among {now.tracked} has opened or clicked within {EARLY_HOURS} hours. Did the mail go to spam "
            "folders, and can the addresses of its pixel and links be reached from outside?"
        )
        yield Advice("nobody_opened", "warning", text, float(now.tracked))
    if empty := now.count("empty_links"):
        text = (
            f"{empty} links in the mails sent lead nowhere: the lead's value for them was missing or no whole address "
            "(https://..., mailto:...), or would have changed the link's host. The check before sending names these "
            "links."
        )
        yield Advice("links_empty", "warning", text, float(empty))
    if now.html_bytes is not None and now.html_bytes > CLIPS_AT:
        text = (
            f"The mail's HTML is about {now.html_bytes / 1024:.0f} KB as sent. Gmail shows the first 102 KB and hides "
            "the rest with the tracking pixel in it: opens in Gmail are missing from Opened."
        )
        yield Advice("clipped", "warning", text, float(now.html_bytes))
    opened = now.rate("opened", now.tracked)
    if opened is not None and opened.value > OPENED_SUSPICIOUS:
        all_opens, machines = now.count("opened"), now.count("opened_machine_only")
        text = (
            f"{opened.value:.0%} opened is more than people do: mail privacy proxies load pixels by themselves "
            f"({machines} of {all_opens} opens, {machines / all_opens:.0%}, are known to be machines' only). "
            "Trust the click rate."
        )
        yield Advice("opened_suspicious", "notice", text, opened.value)
    unsubscribed = now.rate("unsubscribed")
    if unsubscribed is not None and unsubscribed.low > UNSUBSCRIBED_HIGH:
        text = (
            f"{unsubscribed.value:.1%} unsubscribed by this mail; some 0.2 to 0.5 % is usual. "
            "Was it what these leads were promised, and how long ago did they last hear from you?"
        )
        yield Advice("unsubscribed_high", "notice", text, unsubscribed.value)
    without_open = now.rate("clicked_without_open", now.count("clicked"))
    if without_open is not None and without_open.low > IMAGES_BLOCKED:
        text = (
            f"{without_open.value:.0%} of those who clicked never loaded the pixel: their mail client blocks images. "
            f"At least {now.count('clicked_without_open')} leads more have read this mail than Opened says."
        )
        yield Advice("images_blocked", "notice", text, without_open.value)


def _on_reading_the_numbers(now: Situation) -> Iterator[Advice]:
    if now.sent and not has_feedback(now.sums):
        overdue = now.is_older_than(FEEDBACK_HOURS) and now.sent >= SAMPLE
        text = (
            f"No feedback on {now.sent} sent mails has come in: delivered, bounced and complained are not known, not "
            "zero."
        )
        if overdue:
            text += (
                " The mail service reports within minutes, but for deliveries where they are switched off: look whether"
                " its events reach this stack."
            )
        yield Advice("no_feedback", "notice" if overdue else "info", text, float(now.sent))
    if now.sent and now.age_hours is not None and now.age_hours < EARLY_HOURS:
        since = f"{now.age_hours:.0f} hours" if now.age_hours >= 1.5 else f"{now.age_hours * 60:.0f} minutes"
        text = (
            f"Too early to tell: {since} since sending. Most of those who open do so within a day; rates will still "
            "rise."
        )
        yield Advice("too_early", "info", text, round(now.age_hours, 2))
    if untracked := now.count("untracked"):
        text = (
            f"{untracked} recipients were not tracked, by the campaign's choice or their own: Opened and Clicked say "
            f"nothing of them, and their rates are of the other {now.tracked}."
        )
        yield Advice("untracked", "info", text, float(untracked))
    if now.sent:
        text = (
            f"Sent means that the mail service accepted {now.sent} mails, not that they arrived: they may still bounce."
        )
        yield Advice("sent_is_not_delivered", "info", text, float(now.sent))
    if 0 < now.sent < SAMPLE:
        text = f"{now.sent} mails are too few for rates to mean much; mind the intervals."
        yield Advice("small_sample", "info", text, float(now.sent))
    clicked = now.rate("clicked", now.tracked)
    if clicked is not None and clicked.value:
        text = (
            f"The click rate, {clicked.value:.1%}, is the honest one: a click is a person's deed, an open may be a "
            "machine's."
        )
        yield Advice("clicks_are_honest", "info", text, clicked.value)
    scanned = now.rate("clicked_machine_only", now.tracked)
    if scanned is not None and scanned.low > SCANNED:
        text = (
            f"At {scanned.value:.0%} of the leads only machines followed the links: security scanners that check mails "
            "before people read them. They are not in Clicked."
        )
        yield Advice("scanned", "info", text, scanned.value)


def _severity(rate: Rate, limit: float) -> Severity:
    """A warning if the rate is certainly above the limit, a notice if chance may have caused it."""
    return "warning" if rate.low > limit else "notice"
