"""The one definition of every statistic: what a single delivery contributes, as a pure function of the delivery.

Sums over a campaign's deliveries are its numbers; a change of a delivery changes them by `facts(new) - facts(old)`.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from chalicelib.analytics.timing import bucket_of
from chalicelib.model.delivery import Delivery, DeliveryStatus, Tracking
from chalicelib.model.verdicts import judged

_BY_STATUS = {
    DeliveryStatus.SENT: "sent",
    DeliveryStatus.FAILED: "failed",
    DeliveryStatus.SKIPPED: "skipped",
}


def facts(delivery: Delivery | None) -> Mapping[str, int]:
    """What this delivery adds to its campaign's sums, by name; empty for a delivery that is not there.

    `sent`, `failed`, `skipped`      how the sending ended
    `reason/<reason>`                why it failed
    `retry/<number>`                 the last request to send it again that it was part of
    `opened`                         the pixel was loaded at least once, by whomever
    `opened_machine_only`            ... but never by a person
    `clicked`                        a person clicked at least one link
    `clicked_machine_only`           only machines followed links
    `clicked_without_open`           a person clicked, the pixel was never loaded (images blocked)
    `unsubscribed`                   this mail's unsubscribe link was used
    `delivered`                      the recipient's server took it, and it did not come back for good
    `bounced`                        it came back for good
    `bounced_soft`                   it came back for a reason that may pass, and was not delivered (yet)
    `complained`                     the recipient called it spam
    `replanned`                      units that counted the lead once more, to be taken off Total
    `link/<link>/clicked`, `link/<link>/clicked_machine_only`
    `hour/<UTC hour>/opened`, `hour/<UTC hour>/clicked`    the lead's first
    `delay/<bucket>`                 from sending to a person's first open (timing.py)
    `empty_links`                    links in a sent mail that lead nowhere, for what the lead's values were
    `untracked`, `anonymous`         sent without links to be counted by, or with such as name nobody

    Who clicked is decided in retrospect (model/verdicts.py): a change may also take something back. A trace, which
    is hits without a lead's name, contributes what was done and nothing of the sending.
    """
    if delivery is None:
        return {}
    sums: Counter[str] = Counter()
    ended = None if delivery.is_trace else _BY_STATUS.get(delivery.status)
    if ended is not None:
        sums[ended] = 1
    if ended == "sent" and delivery.tracking is not Tracking.FULL:
        sums["untracked" if delivery.tracking is Tracking.NONE else "anonymous"] = 1
    if ended == "sent" and delivery.empty_links:
        sums["empty_links"] = delivery.empty_links
    if delivery.status is DeliveryStatus.FAILED:
        sums[f"reason/{delivery.reason}"] = 1
    if delivery.retry:
        sums[f"retry/{delivery.retry}"] = 1
    if delivery.opened_at is not None:
        sums["opened"] = 1
        sums[f"hour/{_hour(delivery.opened_at)}/opened"] = 1
        if delivery.opened_person_at is None:
            sums["opened_machine_only"] = 1
    if delivery.opened_person_at is not None and delivery.sent_at is not None:
        sums[f"delay/{bucket_of((delivery.opened_person_at - delivery.sent_at).total_seconds())}"] = 1
    verdicts = judged(delivery)
    if verdicts.clicked is not None:
        sums["clicked"] = 1
        sums[f"hour/{_hour(verdicts.clicked.at)}/clicked"] = 1
        if delivery.opened_at is None:
            sums["clicked_without_open"] = 1
    elif verdicts.machines_only:
        sums["clicked_machine_only"] = 1
    for link in verdicts.persons:
        sums[f"link/{link}/clicked"] = 1
    for link in verdicts.machines_only:
        sums[f"link/{link}/clicked_machine_only"] = 1
    if delivery.unsubscribed_at is not None and not delivery.is_trace:
        sums["unsubscribed"] = 1
    sums.update(_reported(delivery))
    if delivery.replanned:
        sums["replanned"] = len(delivery.replanned)
    return sums


def _reported(delivery: Delivery) -> list[str]:
    """What the mail service says became of it: delivered, bounced and softly bounced exclude each other."""
    names = ["complained"] if delivery.complained_at is not None else []
    if delivery.bounced_at is not None:
        return [*names, "bounced"]
    if delivery.delivered_at is not None:
        return [*names, "delivered"]
    return [*names, "bounced_soft"] if delivery.bounced_soft_at is not None else names


def difference(old: Delivery | None, new: Delivery | None) -> Mapping[str, int]:
    """By how much a change of a delivery changes the sums; names that do not change are absent."""
    change = Counter(facts(new))
    change.subtract(facts(old))
    return {name: number for name, number in change.items() if number}


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")
