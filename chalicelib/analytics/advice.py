"""What the numbers cannot say by themselves, said in words: each with the figure it rests on.

Rules look at a rate itself where it is the whole truth about this campaign (failed), and at the bound of its interval
where a few leads more or less would tip it: advice that chance alone may have caused is worse than none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.analytics.funnel import has_feedback, tracked_of
from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.store.counters import Sums

SAMPLE = 30
"""Below so many deliveries a rate says too little to advise on."""
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
    """All that advice is drawn from."""

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
        "Some changes came too late to tell whether they were counted already. Recount this campaign: until then these "
        "numbers may be too low."
    )
    return Advice("recount_due", "warning", text, float(times))


def _failed(now: Situation) -> Advice | None:
    rate = now.rate("failed", now.sent + now.count("failed"))
    if rate is None or rate.value <= FAILED_NOTICE:
        return None
    reasons = ", ".join(f"{reason.replace('_', ' ')}: {count}" for reason, count in now.failures[:3])
    text = (
        f"{rate.value:.1%} of the deliveries failed. Above 2 to 3 % something structural is wrong; look at {reasons}."
    )
    return Advice("failed_high", "warning" if rate.value > FAILED_WARNING else "notice", text, rate.value)


def _bounced(now: Situation) -> Advice | None:
    rate = now.rate("bounced")
    severity = _above(rate, BOUNCED_HIGH)
    if rate is None or severity is None:
        return None
    text = (
        f"{rate.value:.1%} bounced ({now.count('bounced')} of {now.sent}). Above 4 to 5 % mail services take action "
        "against a sender: where do these addresses come from, and when were they last written to?"
    )
    return Advice("bounced_high", severity, text, rate.value)


def _complained(now: Situation) -> Advice | None:
    rate = now.rate("complained")
    severity = _above(rate, COMPLAINED_HIGH)
    # One complaint of fewer than a thousand leads is above the line by itself and says nothing.
    if rate is None or severity is None or now.count("complained") < 2:
        return None
    text = (
        f"{rate.value:.2%} called this mail spam ({now.count('complained')} of {now.sent}). Above 0.1 % mailbox "
        "providers turn a sender's mail away: write only to those who asked for it, and make leaving easy."
    )
    return Advice("complained_high", severity, text, rate.value)


def _empty_links(now: Situation) -> Advice | None:
    count = now.count("empty_links")
    if not count:
        return None
    text = (
        f"{count} links in the mails sent lead nowhere: the lead's value for them was missing or no whole address "
        "(https://..., mailto:...), or would have changed the link's host. The check before sending names these links."
    )
    return Advice("links_empty", "warning", text, float(count))


def _unsubscribed(now: Situation) -> Advice | None:
    rate = now.rate("unsubscribed")
    if rate is None or rate.low <= UNSUBSCRIBED_HIGH:
        return None
    text = (
        f"{rate.value:.1%} unsubscribed by this mail; some 0.2 to 0.5 % is usual. "
        "Was it what these leads were promised, and how long ago did they last hear from you?"
    )
    return Advice("unsubscribed_high", "notice", text, rate.value)


def _opened(now: Situation) -> Advice | None:
    rate = now.rate("opened", now.tracked)
    if rate is None or rate.value <= OPENED_SUSPICIOUS:
        return None
    opened, machines = now.count("opened"), now.count("opened_machine_only")
    text = (
        f"{rate.value:.0%} opened is more than people do: mail privacy proxies load pixels by themselves "
        f"({machines} of {opened} opens, {machines / opened:.0%}, are known to be machines' only). "
        "Trust the click rate."
    )
    return Advice("opened_suspicious", "notice", text, rate.value)


def _nobody_opened(now: Situation) -> Advice | None:
    possible = wilson(0, now.tracked)
    if now.count("opened") or now.count("clicked") or not now.is_older_than(EARLY_HOURS):
        return None
    if possible is None or possible.high > NOBODY:
        return None
    text = (
        f"Nobody among {now.tracked} has opened or clicked within {EARLY_HOURS} hours. Did the mail go to spam "
        "folders, and can the addresses of its pixel and links be reached from outside?"
    )
    return Advice("nobody_opened", "warning", text, float(now.tracked))


def _images_blocked(now: Situation) -> Advice | None:
    without = now.count("clicked_without_open")
    share = now.rate("clicked_without_open", now.count("clicked"))
    if share is None or share.low <= IMAGES_BLOCKED:
        return None
    text = (
        f"{share.value:.0%} of those who clicked never loaded the pixel: their mail client blocks images. "
        f"At least {without} leads more have read this mail than Opened says."
    )
    return Advice("images_blocked", "notice", text, share.value)


def _clipped(now: Situation) -> Advice | None:
    if now.html_bytes is None or now.html_bytes <= CLIPS_AT:
        return None
    text = (
        f"The mail's HTML is about {now.html_bytes / 1024:.0f} KB as sent. Gmail shows the first 102 KB and hides "
        "the rest with the tracking pixel in it: opens in Gmail are missing from Opened."
    )
    return Advice("clipped", "warning", text, float(now.html_bytes))


def _scanned(now: Situation) -> Advice | None:
    rate = now.rate("clicked_machine_only", now.tracked)
    if rate is None or rate.low <= SCANNED:
        return None
    text = (
        f"At {rate.value:.0%} of the leads only machines followed the links: security scanners that check mails before "
        "people read them. They are not in Clicked."
    )
    return Advice("scanned", "info", text, rate.value)


def _untracked(now: Situation) -> Advice | None:
    count = now.count("untracked")
    if not count:
        return None
    text = (
        f"{count} recipients were not tracked, by the campaign's choice or their own: Opened and Clicked say nothing "
        f"of them, and their rates are of the other {now.tracked}."
    )
    return Advice("untracked", "info", text, float(count))


def _no_feedback(now: Situation) -> Advice | None:
    if not now.sent or has_feedback(now.sums):
        return None
    overdue = now.is_older_than(FEEDBACK_HOURS) and now.sent >= SAMPLE
    text = (
        f"No feedback on {now.sent} sent mails has come in: delivered, bounced and complained are not known, not zero."
    )
    if overdue:
        text += (
            " The mail service reports within minutes, but for deliveries where they are switched off: look whether its"
            " events reach this stack."
        )
    return Advice("no_feedback", "notice" if overdue else "info", text, float(now.sent))


def _too_early(now: Situation) -> Advice | None:
    if not now.sent or now.age_hours is None or now.age_hours >= EARLY_HOURS:
        return None
    since = f"{now.age_hours:.0f} hours" if now.age_hours >= 1.5 else f"{now.age_hours * 60:.0f} minutes"
    text = (
        f"Too early to tell: {since} since sending. Most of those who open do so within a day; rates will still rise."
    )
    return Advice("too_early", "info", text, round(now.age_hours, 2))


def _sent_is_not_delivered(now: Situation) -> Advice | None:
    if not now.sent:
        return None
    text = f"Sent means that the mail service accepted {now.sent} mails, not that they arrived: they may still bounce."
    return Advice("sent_is_not_delivered", "info", text, float(now.sent))


def _small_sample(now: Situation) -> Advice | None:
    if not 0 < now.sent < SAMPLE:
        return None
    text = f"{now.sent} mails are too few for rates to mean much; mind the intervals."
    return Advice("small_sample", "info", text, float(now.sent))


def _clicks_are_honest(now: Situation) -> Advice | None:
    rate = now.rate("clicked", now.tracked)
    if rate is None or not rate.value:
        return None
    text = (
        f"The click rate, {rate.value:.1%}, is the honest one: a click is a person's deed, an open may be a machine's."
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
