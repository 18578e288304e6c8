"""What has happened to a delivery that the outside is told: a pure function of the delivery, as `facts` is.

Each happening is published once (docs/decisions/0065). A person's and a machine's are told apart: a scanner that swept
a mail and the person who follows are two happenings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.model.delivery import Delivery
from chalicelib.model.verdicts import judged


class HappeningKind(StrEnum):
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened first; a repetition is the same happening."""

    kind: HappeningKind
    link: str | None = None
    """Of a click: the link's id."""
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """When a happening occurred, and what is known of it."""

    at: datetime
    reason: str | None = None
    """Why a machine is assumed."""
    url: str | None = None
    """Of a click: the destination, where it differs per recipient."""


def happenings(delivery: Delivery | None) -> Mapping[Happening, Occurrence]:
    """All that has happened to this delivery, as far as it is known now; a later click may change who clicked.

    A person's clicks are those that `facts` counts as `link/<link>/clicked`. Nothing for a trace: it names no lead.
    """
    if delivery is None or delivery.is_trace:
        return {}
    found: dict[Happening, Occurrence] = {}
    if delivery.opened_at is not None and delivery.opened_machine is not None:
        found[Happening(HappeningKind.OPENED, machine=True)] = Occurrence(delivery.opened_at, delivery.opened_machine)
    verdicts = judged(delivery)
    for link, click in verdicts.machines.items():
        found[Happening(HappeningKind.CLICKED, link, machine=True)] = Occurrence(click.at, click.machine, click.url)
    for link, click in verdicts.persons.items():
        found[Happening(HappeningKind.CLICKED, link)] = Occurrence(click.at, url=click.url)
    for kind, at in (
        (HappeningKind.OPENED, delivery.opened_person_at),
        (HappeningKind.BOUNCED, delivery.bounced_at),
        (HappeningKind.COMPLAINED, delivery.complained_at),
        (HappeningKind.UNSUBSCRIBED, delivery.unsubscribed_at),
    ):
        if at is not None:
            found[Happening(kind)] = Occurrence(at)
    return found
