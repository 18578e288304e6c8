"""Advice on a campaign's numbers, each with the figure it is based on.

Failed is judged by the rate itself, which is exact. The other rates are judged by the bound of their confidence
interval, so that chance alone gives no advice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.analytics.funnel import has_feedback, tracked_of
from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.store.counters import Sums

SAMPLE = 30
"""The fewest deliveries whose rate is worth advice."""
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
    """Since the launch; None where it is not known."""
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


Rule = Callable[[Situation], Advice | None]


def advise(situation: Situation) -> tuple[Advice, ...]:
    """Advice for a campaign, the most urgent first; silent where the sample is too small."""
    if not situation.sent + situation.count("failed"):
        return ()
    order = {"warning": 0, "notice": 1, "info": 2}
    return tuple(sorted(_found(situation), key=lambda advice: order[advice.severity]))


def _found(situation: Situation) -> Iterator[Advice]:
    for rule in _RULES:
        advice = rule(situation)
        if advice is not None:
            yield advice


def _recount_due(now: Situation) -> Advice | None:
    times = now.count("recount_due")
    if not times:
        return None
    text = (
        "Some events arrived too late to tell whether they were already counted, so these numbers may be too low. "
        "Recount this campaign."
    )
    return Advice("recount_due", "warning", text, float(times))


def _failed(now: Situation) -> Advice | None:
    rate = now.rate("failed", now.sent + now.count("failed"))
    if rate is None or rate.value <= FAILED_NOTICE:
        return None
    reasons = ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in now.failures[:3])
    text = (
        f"{rate.value:.1%} of the emails could not be sent. More than 2 to 3% usually has a common cause. "
        f"Main reasons: {reasons}."
    )
    return Advice("failed_high", "warning" if rate.value > FAILED_WARNING else "notice", text, rate.value)


def _bounced(now: Situation) -> Advice | None:
    rate = now.rate("bounced")
    severity = _above(rate, BOUNCED_HIGH)
    if rate is None or severity is None:
        return None
    text = (
        f"{rate.value:.1%} bounced ({now.count('bounced')} of {now.sent}). Mail services act against senders with more "
        "than 4 to 5%. Check where these addresses come from and when you last wrote to them."
    )
    return Advice("bounced_high", severity, text, rate.value)


def _complained(now: Situation) -> Advice | None:
    rate = now.rate("complained")
    severity = _above(rate, COMPLAINED_HIGH)
    # One complaint of fewer than a thousand leads is above the line by itself and says nothing.
    if rate is None or severity is None or now.count("complained") < 2:
        return None
    text = (
        f"{rate.value:.2%} marked this email as spam ({now.count('complained')} of {now.sent}). Mailbox providers "
        "reject senders with more than 0.1%. Write only to people who asked for it, and make it easy to unsubscribe."
    )
    return Advice("complained_high", severity, text, rate.value)


def _empty_links(now: Situation) -> Advice | None:
    count = now.count("empty_links")
    if not count:
        return None
    text = (
        f"{count} links were sent empty, because the lead's value was missing, was not a full address (https://..., "
        "mailto:...), or would have changed the link's host. The pre-send check lists these links."
    )
    return Advice("links_empty", "warning", text, float(count))


def _unsubscribed(now: Situation) -> Advice | None:
    rate = now.rate("unsubscribed")
    if rate is None or rate.low <= UNSUBSCRIBED_HIGH:
        return None
    text = (
        f"{rate.value:.1%} unsubscribed from this email; 0.2 to 0.5% is usual. Check whether it is what these leads "
        "signed up for, and when they last heard from you."
    )
    return Advice("unsubscribed_high", "notice", text, rate.value)


def _opened(now: Situation) -> Advice | None:
    rate = now.rate("opened", now.tracked)
    if rate is None or rate.value <= OPENED_SUSPICIOUS:
        return None
    opened, machines = now.count("opened"), now.count("opened_machine_only")
    text = (
        f"{rate.value:.0%} opened, which is more than people reach: mail privacy services load the tracking pixel "
        f"automatically ({machines} of {opened} opens, {machines / opened:.0%}, are known to be by machines only). "
        "Rely on the click rate."
    )
    return Advice("opened_suspicious", "notice", text, rate.value)


def _nobody_opened(now: Situation) -> Advice | None:
    possible = wilson(0, now.tracked)
    if now.count("opened") or now.count("clicked") or not now.is_older_than(EARLY_HOURS):
        return None
    if possible is None or possible.high > NOBODY:
        return None
    text = (
        f"None of {now.tracked} leads opened or clicked within {EARLY_HOURS} hours. Check whether the email went to "
        "spam folders, and whether its tracking pixel and links can be reached from the Internet."
    )
    return Advice("nobody_opened", "warning", text, float(now.tracked))


def _images_blocked(now: Situation) -> Advice | None:
    without = now.count("clicked_without_open")
    share = now.rate("clicked_without_open", now.count("clicked"))
    if share is None or share.low <= IMAGES_BLOCKED:
        return None
    text = (
        f"{share.value:.0%} of those who clicked did not load the tracking pixel, because their mail app blocks "
        f"images. At least {without} more leads read this email than Opened shows."
    )
    return Advice("images_blocked", "notice", text, share.value)


def _clipped(now: Situation) -> Advice | None:
    if now.html_bytes is None or now.html_bytes <= CLIPS_AT:
        return None
    text = (
        f"The email's HTML is about {now.html_bytes / 1024:.0f} KB. Gmail shows the first 102 KB and hides the rest, "
        "including the tracking pixel, so opens in Gmail are missing from Opened."
    )
    return Advice("clipped", "warning", text, float(now.html_bytes))


def _scanned(now: Situation) -> Advice | None:
    rate = now.rate("clicked_machine_only", now.tracked)
    if rate is None or rate.low <= SCANNED:
        return None
    text = (
        f"For {rate.value:.0%} of the leads, only machines followed the links: security scanners that check emails "
        "before people read them. They are not included in Clicked."
    )
    return Advice("scanned", "info", text, rate.value)


def _untracked(now: Situation) -> Advice | None:
    count = now.count("untracked")
    if not count:
        return None
    text = (
        f"{count} recipients were not tracked, by the campaign's choice or their own. Opened, Clicked and their rates "
        f"are based on the other {now.tracked}."
    )
    return Advice("untracked", "info", text, float(count))


def _no_feedback(now: Situation) -> Advice | None:
    if not now.sent or has_feedback(now.sums):
        return None
    overdue = now.is_older_than(FEEDBACK_HOURS) and now.sent >= SAMPLE
    text = (
        f"The mail service has not reported on these {now.sent} emails yet, so Delivered, Bounced and Complained are "
        "unknown, not zero."
    )
    if overdue:
        text += (
            " Reports usually arrive within minutes, unless delivery reports are switched off. Check whether the mail"
            " service's events reach this stack."
        )
    return Advice("no_feedback", "notice" if overdue else "info", text, float(now.sent))


def _too_early(now: Situation) -> Advice | None:
    if not now.sent or now.age_hours is None or now.age_hours >= EARLY_HOURS:
        return None
    since = f"{now.age_hours:.0f} hours" if now.age_hours >= 1.5 else f"{now.age_hours * 60:.0f} minutes"
    text = f"It is {since} since sending. Most opens come within a day, so the rates will still rise."
    return Advice("too_early", "info", text, round(now.age_hours, 2))


def _sent_is_not_delivered(now: Situation) -> Advice | None:
    if not now.sent:
        return None
    text = f"Sent means that the mail service accepted {now.sent} emails. They may still bounce."
    return Advice("sent_is_not_delivered", "info", text, float(now.sent))


def _small_sample(now: Situation) -> Advice | None:
    if not 0 < now.sent < SAMPLE:
        return None
    text = f"{now.sent} emails are too few for reliable rates. Look at the ranges."
    return Advice("small_sample", "info", text, float(now.sent))


def _clicks_are_honest(now: Situation) -> Advice | None:
    rate = now.rate("clicked", now.tracked)
    if rate is None or not rate.value:
        return None
    text = (
        f"The click rate, {rate.value:.1%}, is the most reliable one: people click, while opens may come from machines."
    )
    return Advice("clicks_are_honest", "info", text, rate.value)


def _above(rate: Rate | None, limit: float) -> Severity | None:
    """A warning where the rate is certainly above the limit, a notice where it is, but chance may have done it."""
    if rate is None or rate.value <= limit:
        return None
    return "warning" if rate.low > limit else "notice"


_RULES: tuple[Rule, ...] = (
    _recount_due,
    _failed,
    _bounced,
    _complained,
    _nobody_opened,
    _empty_links,
    _clipped,
    _opened,
    _unsubscribed,
    _images_blocked,
    _no_feedback,
    _too_early,
    _untracked,
    _sent_is_not_delivered,
    _small_sample,
    _clicks_are_honest,
    _scanned,
)
