"""Advice on a campaign's numbers, each with the figure it rests on.

`failed` is judged by its rate, which is exact for this campaign. What a few leads more or less would tip is judged by
the bound of its confidence interval: advice that chance alone may have caused is worse than none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.analytics.sums import Rate, has_feedback, percent, tracked_of, wilson
from chalicelib.model.campaign import GMAIL_CLIPS_AT
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
            "Some events arrived too late to tell whether they were already counted, so these numbers may be too low. "
            "Recount this campaign."
        )
        yield Advice("recount_due", "warning", text, float(due))
    failed = now.rate("failed", now.sent + now.count("failed"))
    if failed is not None and failed.value > FAILED_NOTICE:
        reasons = ", ".join(f"{reason.replace('_', ' ')}: {count:,}" for reason, count in now.failures[:3])
        text = (
            f"{percent(failed.value)} of the emails could not be sent. More than 2 to 3% usually has a common cause. "
            f"Main reasons: {reasons}."
        )
        yield Advice("failed_high", "warning" if failed.value > FAILED_WARNING else "notice", text, failed.value)
    bounced = now.rate("bounced")
    if bounced is not None and bounced.value > BOUNCED_HIGH:
        text = (
            f"{percent(bounced.value)} bounced ({now.count('bounced'):,} of {now.sent:,}). Mail services act against "
            "senders with more than 4 to 5%. Check where these addresses come from and when you last wrote to them."
        )
        yield Advice("bounced_high", _severity(bounced, BOUNCED_HIGH), text, bounced.value)
    complained = now.rate("complained")
    # One complaint of fewer than a thousand leads is above the limit by itself and says nothing.
    if complained is not None and complained.value > COMPLAINED_HIGH and now.count("complained") >= 2:
        text = (
            f"{percent(complained.value, 2)} marked this email as spam ({now.count('complained'):,} of {now.sent:,}). "
            "Mailbox providers reject senders with more than 0.1%. Write only to people who asked for it, and make it "
            "easy to unsubscribe."
        )
        yield Advice("complained_high", _severity(complained, COMPLAINED_HIGH), text, complained.value)


def _on_reactions(now: Situation) -> Iterator[Advice]:
    possible = wilson(0, now.tracked)
    nobody_did = not now.count("opened") and not now.count("clicked") and now.is_older_than(EARLY_HOURS)
    if nobody_did and possible is not None and possible.high <= NOBODY:
        text = (
            f"None of {now.tracked:,} leads opened or clicked within {EARLY_HOURS} hours. Check whether the email went "
            "to spam folders, and whether its tracking pixel and links can be reached from the Internet."
        )
        yield Advice("nobody_opened", "warning", text, float(now.tracked))
    if empty := now.count("empty_links"):
        text = (
            f"{_counted(empty, 'link')} went out empty, because the lead's value was missing, was not a full address "
            "(https://..., mailto:...), or would have changed the link's host. The pre-send check lists such links."
        )
        yield Advice("links_empty", "warning", text, float(empty))
    if now.html_bytes is not None and now.html_bytes > GMAIL_CLIPS_AT:
        text = (
            f"The email's HTML is about {now.html_bytes / 1024:.0f} KB. Gmail shows the first 102 KB and hides the "
            "rest, including the tracking pixel, so opens in Gmail are missing from Opened."
        )
        yield Advice("clipped", "warning", text, float(now.html_bytes))
    opened = now.rate("opened", now.tracked)
    if opened is not None and opened.value > OPENED_SUSPICIOUS:
        all_opens, machines = now.count("opened"), now.count("opened_machine_only")
        text = (
            f"{percent(opened.value, 0)} opened, which is more than people reach: mail privacy services load the "
            f"tracking pixel automatically ({machines:,} of {all_opens:,} opens, {percent(machines / all_opens, 0)}, "
            "are known to be by machines only). The click rate is more reliable."
        )
        yield Advice("opened_suspicious", "notice", text, opened.value)
    unsubscribed = now.rate("unsubscribed")
    if unsubscribed is not None and unsubscribed.low > UNSUBSCRIBED_HIGH:
        text = (
            f"{percent(unsubscribed.value)} unsubscribed from this email; 0.2 to 0.5% is usual. "
            "Check whether it is what these leads signed up for, and when they last heard from you."
        )
        yield Advice("unsubscribed_high", "notice", text, unsubscribed.value)
    without_open = now.rate("clicked_without_open", now.count("clicked"))
    if without_open is not None and without_open.low > IMAGES_BLOCKED:
        text = (
            f"{percent(without_open.value, 0)} of those who clicked "
            f"({_counted(now.count('clicked_without_open'), 'lead')}) did not load the tracking pixel, "
            "usually because their mail app blocks images. Opened misses such readers."
        )
        yield Advice("images_blocked", "notice", text, without_open.value)


def _on_reading_the_numbers(now: Situation) -> Iterator[Advice]:
    if now.sent and not has_feedback(now.sums):
        overdue = now.is_older_than(FEEDBACK_HOURS) and now.sent >= SAMPLE
        text = (
            f"No reports on {_counted(now.sent, 'email')} have come from the mail service yet, so Delivered, Bounced "
            "and Complained are unknown, not zero."
        )
        if overdue:
            text += (
                " Reports usually arrive within minutes, unless delivery reports are switched off. Check whether the"
                " mail service's events reach this stack."
            )
        yield Advice("no_feedback", "notice" if overdue else "info", text, float(now.sent))
    if now.sent and now.age_hours is not None and now.age_hours < EARLY_HOURS:
        text = f"It is {_age(now.age_hours)} since sending. Most opens come within a day, so the rates will still rise."
        yield Advice("too_early", "info", text, round(now.age_hours, 2))
    if untracked := now.count("untracked"):
        text = (
            f"Tracking was off for {_counted(untracked, 'recipient')}, by the campaign's choice or their own. Opened, "
            f"Clicked and their rates are based on the other {now.tracked:,}."
        )
        yield Advice("untracked", "info", text, float(untracked))
    if now.sent:
        text = f"Sent means that the mail service accepted {_counted(now.sent, 'email')}. Bounces may still follow."
        yield Advice("sent_is_not_delivered", "info", text, float(now.sent))
    if 0 < now.sent < SAMPLE:
        text = f"{_counted(now.sent, 'email')} cannot give reliable rates. Look at the ranges."
        yield Advice("small_sample", "info", text, float(now.sent))
    clicked = now.rate("clicked", now.tracked)
    if clicked is not None and clicked.value:
        text = (
            f"The click rate, {percent(clicked.value)}, is more reliable than the open rate: mail privacy services "
            "load the tracking pixel of every email, but follow no links."
        )
        yield Advice("clicks_are_honest", "info", text, clicked.value)
    scanned = now.rate("clicked_machine_only", now.tracked)
    if scanned is not None and scanned.low > SCANNED:
        text = (
            f"For {percent(scanned.value, 0)} of the leads, only machines followed the links: security scanners that "
            "check emails before people read them. They are not included in Clicked."
        )
        yield Advice("scanned", "info", text, scanned.value)


def _severity(rate: Rate, limit: float) -> Severity:
    """A warning if the rate is certainly above the limit, a notice if chance may have caused it."""
    return "warning" if rate.low > limit else "notice"


def _counted(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _age(hours: float) -> str:
    minutes = round(hours * 60)
    if minutes == 0:
        return "less than a minute"
    return f"{hours:.0f} hours" if minutes >= 90 else _counted(minutes, "minute")
