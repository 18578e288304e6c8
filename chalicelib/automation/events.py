"""Milestones of a delivery, and the event that the bus carries about each.

Milestones are a pure function of the delivery, as `facts` are; each is published once (docs/decisions/0065). An event
is built from the delivery and its campaign alone; its form is a contract: docs/events/ has a JSON schema for each. It
holds no e-mail address, since consumers may log it. `event_id` is the same whenever an event is published again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery
from chalicelib.model.times import time_text
from chalicelib.model.verdicts import judged


class MilestoneKind(StrEnum):
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


SOURCE = "leadflip.campaigns"
VERSION = 1
LONGEST_URL = 10_000
"""Characters. A longer one cannot have been requested: API Gateway takes 10,240 bytes of request line and headers."""
CAMPAIGN_FINISHED = "CampaignFinished"
DETAIL_TYPES = {
    MilestoneKind.OPENED: "CampaignEmailOpened",
    MilestoneKind.CLICKED: "CampaignLinkClicked",
    MilestoneKind.BOUNCED: "CampaignEmailBounced",
    MilestoneKind.COMPLAINED: "CampaignEmailComplained",
    MilestoneKind.UNSUBSCRIBED: "LeadUnsubscribed",
}


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that a delivery reaches once; a repetition is the same milestone. A machine's and a person's differ."""

    kind: MilestoneKind
    link: str | None = None
    """Of a click: the link's id."""
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """When a milestone was reached, and what is known of it."""

    at: datetime
    reason: str | None = None
    """Why a machine is assumed."""
    url: str | None = None
    """Of a click: the destination, where it differs per recipient."""


def milestones(delivery: Delivery | None) -> Mapping[Milestone, Occurrence]:
    """What this delivery has reached, as far as is known now; a later click may change who clicked.

    A person's clicks are those that `facts` counts as `link/<link>/clicked`. Nothing for a trace: it names no lead.
    """
    if delivery is None or delivery.is_trace:
        return {}
    found: dict[Milestone, Occurrence] = {}
    if delivery.opened_at is not None and delivery.opened_machine is not None:
        found[Milestone(MilestoneKind.OPENED, machine=True)] = Occurrence(delivery.opened_at, delivery.opened_machine)
    verdicts = judged(delivery)
    for link, click in verdicts.machines.items():
        found[Milestone(MilestoneKind.CLICKED, link, machine=True)] = Occurrence(click.at, click.machine, click.url)
    for link, click in verdicts.persons.items():
        found[Milestone(MilestoneKind.CLICKED, link)] = Occurrence(click.at, url=click.url)
    for kind, at in (
        (MilestoneKind.OPENED, delivery.opened_person_at),
        (MilestoneKind.BOUNCED, delivery.bounced_at),
        (MilestoneKind.COMPLAINED, delivery.complained_at),
        (MilestoneKind.UNSUBSCRIBED, delivery.unsubscribed_at),
    ):
        if at is not None:
            found[Milestone(kind)] = Occurrence(at)
    return found


@dataclass(frozen=True, slots=True)
class Event:
    detail_type: str
    occurred_at: datetime
    detail: Mapping[str, Any]


def event_of(
    delivery: Delivery, milestone: Milestone, occurrence: Occurrence, campaign: Campaign, urls: Mapping[str, str]
) -> Event:
    """`urls`: the campaign's links as written, by link id."""
    further: dict[str, Any] = {"lead_id": delivery.lead_id}
    if milestone.kind in (MilestoneKind.OPENED, MilestoneKind.CLICKED):
        further["machine"] = milestone.machine
    if occurrence.reason is not None:
        further["reason"] = occurrence.reason
    if milestone.link is not None:
        further |= {"link": milestone.link, "url": _url(delivery, occurrence, urls.get(milestone.link, ""))}
    identity = (delivery.lead_id, milestone.kind, milestone.link or "", str(milestone.machine))
    return _event(DETAIL_TYPES[milestone.kind], campaign, occurrence.at, identity, further)


def finished_event(campaign: Campaign, finished_at: str) -> Event:
    """`finished_at`: ISO 8601; a campaign may finish several times."""
    return _event(CAMPAIGN_FINISHED, campaign, datetime.fromisoformat(finished_at), ("finished", finished_at), {})


def _event(
    detail_type: str, campaign: Campaign, at: datetime, identity: Sequence[str], further: Mapping[str, Any]
) -> Event:
    hashed = hashlib.sha256("\n".join([campaign.campaign_id, *identity]).encode()).hexdigest()
    detail = {
        "version": VERSION,
        "event_id": f"evt_{hashed[:32]}",
        "occurred_at": time_text(at),
        "campaign_id": campaign.campaign_id,
        "campaign_title": campaign.title,
        "entity": campaign.audience.entity,
        **further,
    }
    return Event(detail_type, at, detail)


def _url(delivery: Delivery, occurrence: Occurrence, as_written: str) -> str:
    """The destination; as written, with its merge tags, if it would contain the recipient's address."""
    url = occurrence.url
    if url is None or (delivery.email is not None and _names(url, delivery.email)):
        url = as_written
    return url[:LONGEST_URL]


def _names(url: str, address: str) -> bool:
    """Whether the URL contains the address: plain, percent-encoded, or encoded twice."""
    once = unquote(url)
    return any(address.casefold() in form.casefold() for form in (url, once, unquote(once)))
