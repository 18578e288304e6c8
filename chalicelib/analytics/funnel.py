"""From sent to clicked: how many leads came how far."""

from dataclasses import dataclass
from typing import Literal

from chalicelib.analytics.intervals import Rate, wilson
from chalicelib.store.counters import Sums

FEEDBACK = ("delivered", "bounced", "complained")
"""What the mail service reports after it has accepted a mail."""


@dataclass(frozen=True, slots=True)
class FunnelStep:
    step: Literal["sent", "delivered", "opened", "clicked"]
    count: int | None
    """None: not known, because the mail service has reported no delivery."""
    of_sent: Rate | None
    """Opened and clicked: of those sent with tracking, as all rates of opens and clicks are."""
    of_previous: Rate | None
    """Of the leads of the step before; for `opened` of those sent, where deliveries are not known of all of them."""


def has_feedback(sums: Sums) -> bool:
    return any(sums.get(name) for name in FEEDBACK)


def is_known(sums: Sums, name: str) -> bool:
    """Whether the mail service reports this: of deliveries it may be told not to, of all else it cannot."""
    return bool(sums.get(name)) if name == "delivered" else has_feedback(sums)


def tracked_of(sums: Sums) -> int:
    """Leads to whom the mail was sent so that opens and clicks can be seen, by name or not."""
    return max(0, sums.get("sent", 0) - sums.get("untracked", 0))


def funnel_of(sums: Sums) -> tuple[FunnelStep, ...]:
    """Sent, delivered, opened, clicked.

    A step is not always part of the one before: a lead may click without loading the pixel, and the report of a
    delivery may come after the lead has opened. `of_previous` is a share of those who did both, or None.
    """
    sent, opened, clicked = (sums.get(name, 0) for name in ("sent", "opened", "clicked"))
    delivered = sums["delivered"] if is_known(sums, "delivered") else None
    tracked = tracked_of(sums)
    # Which of the delivered mails were tracked is not known.
    reached = tracked if delivered is None or tracked < sent else delivered
    clicked_and_opened = clicked - sums.get("clicked_without_open", 0)
    return (
        FunnelStep("sent", sent, wilson(sent, sent), None),
        FunnelStep(
            "delivered",
            delivered,
            None if delivered is None else wilson(delivered, sent),
            None if delivered is None else wilson(delivered, sent),
        ),
        FunnelStep("opened", opened, wilson(opened, tracked), wilson(opened, reached) if opened <= reached else None),
        FunnelStep("clicked", clicked, wilson(clicked, tracked), wilson(clicked_and_opened, opened)),
    )
