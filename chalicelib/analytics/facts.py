"""The one definition of every statistic: what a delivery contributes to its campaign's sums, as a pure function.

A change of a delivery changes the sums by `facts(new) - facts(old)`.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from chalicelib.analytics.timing import HOUR, bucket_of
from chalicelib.model.delivery import Delivery, DeliveryStatus, Tracking
from chalicelib.model.verdicts import judged

_ENDED = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)


def facts(delivery: Delivery | None) -> Mapping[str, int]:
    """What this delivery adds to its campaign's sums, by name; nothing for None.

    `sent`, `failed`, `skipped`      how the sending ended
    `reason/<reason>`                why it failed
    `retry/<number>`                 the last request to send it again that it was part of
    `opened`                         the pixel was loaded at least once, by a person or a machine
    `opened_machine_only`            ... but never by a person
    `clicked`                        a person clicked at least one link
    `clicked_machine_only`           only machines followed links
    `clicked_without_open`           a person clicked, the pixel was never loaded (images blocked)
    `unsubscribed`                   this mail's unsubscribe link was used
    `delivered`                      the recipient's server accepted it, and it did not bounce permanently later
    `bounced`                        it bounced permanently
    `bounced_soft`                   it bounced for a temporary reason, and was not delivered (yet)
    `complained`                     the recipient reported it as spam
    `replanned`                      units that counted the lead again, to be subtracted from Total
    `link/<link>/clicked`, `link/<link>/clicked_machine_only`
    `kept_out/<reason>`              the links that only machines followed, by why the first click is a machine's
    `hour/<UTC hour>/opened`, `hour/<UTC hour>/clicked`    the lead's first
    `delay/<bucket>`                 from sending to a person's first open (timing.py)
    `empty_links`                    links in a sent mail that lead nowhere because of the lead's values
    `untracked`, `anonymous`         sent without pixel and tracked links, or with ones that name no lead

    Who clicked is decided in retrospect (model/verdicts.py): a change may also subtract. A trace, the hits of an
    anonymous mail, contributes opens and clicks and nothing of the sending.
    """
    if delivery is None:
        return {}
    sums: Counter[str] = Counter()
    if not delivery.is_trace and delivery.status in _ENDED:
        sums[delivery.status.value] = 1
    if sums["sent"] and delivery.tracking is not Tracking.FULL:
        sums["untracked" if delivery.tracking is Tracking.NONE else "anonymous"] = 1
    if sums["sent"] and delivery.empty_links:
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
    for link, click in verdicts.machines_only.items():
        sums[f"link/{link}/clicked_machine_only"] = 1
        sums[f"kept_out/{click.machine}"] += 1
    if delivery.unsubscribed_at is not None and not delivery.is_trace:
        sums["unsubscribed"] = 1
    sums.update(_reported(delivery))
    if delivery.replanned:
        sums["replanned"] = len(delivery.replanned)
    return sums


def _reported(delivery: Delivery) -> list[str]:
    """What the mail service reported: delivered, bounced and softly bounced exclude each other."""
    names = ["complained"] if delivery.complained_at is not None else []
    if delivery.bounced_at is not None:
        return [*names, "bounced"]
    if delivery.delivered_at is not None:
        return [*names, "delivered"]
    return [*names, "bounced_soft"] if delivery.bounced_soft_at is not None else names


def difference(old: Delivery | None, new: Delivery | None) -> Mapping[str, int]:
    """How a change of a delivery changes the sums; names that do not change are absent."""
    change = Counter(facts(new))
    change.subtract(facts(old))
    return {name: number for name, number in change.items() if number}


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(HOUR)
