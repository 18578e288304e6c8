"""A lead's timeline: each delivery with its badges, each act of a rule, and what people did to the lead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.analytics.evidence import Evidence, evidence_of
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery
from chalicelib.model.lead import Lead
from chalicelib.model.rule import Act
from chalicelib.model.suppression import Mark, Resubscription
from chalicelib.model.verdicts import judged
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.store.rules import Acts


@dataclass(frozen=True, slots=True)
class OpenedBadge:
    at: datetime
    machine: bool
    """Only a machine has loaded the pixel so far."""
    machine_reason: str | None


@dataclass(frozen=True, slots=True)
class ClickedLink:
    link: str
    url: str
    at: datetime
    machine: bool
    machine_reason: str | None


@dataclass(frozen=True, slots=True)
class BouncedBadge:
    at: datetime
    hard: bool
    """Permanently, so that the address is not mailed again; else for a temporary reason."""
    detail: str | None
    """The mail server's words."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """A delivery, and what is shown of it beside its own fields."""

    delivery: Delivery
    title: str
    at: datetime
    """When sending began."""
    opened: OpenedBadge | None
    clicked: ClickedLink | None
    """A person's first click."""
    links: tuple[ClickedLink, ...]
    evidence: tuple[Evidence, ...]
    bounced: BouncedBadge | None


Event = TimelineEvent | Act | Resubscription | Mark


def timeline_page(
    deliveries: Deliveries,
    campaigns: Campaigns,
    acts: Acts,
    resubscriptions: Resubscriptions,
    lead: Lead,
    *,
    limit: int,
    position: str | None,
) -> tuple[list[Event], str | None]:
    """The lead's events, newest first, and the next position (None at the end).

    At most `limit` deliveries, and all other events since the oldest of them. A Mark: it was unsubscribed, but not by a
    campaign's mail, whose event says it.
    """
    found, more = deliveries.list_of_lead(lead.lead_id, limit=limit, position=position)
    until = None if position is None else deliveries.time_of(position)
    since = None if more is None else deliveries.time_of(more)
    returned = resubscriptions.list_of_lead(lead.lead_id)
    left = (*(each.ended for each in returned), lead.unsubscription)
    others: list[Event] = [*acts.list_of_lead(lead.lead_id), *returned]
    others += [mark for mark in left if mark is not None and mark.campaign_id is None]
    meanwhile = [
        event for event in others if (until is None or event.at < until) and (since is None or since <= event.at)
    ]
    return sorted([*_delivery_events(campaigns, found), *meanwhile], key=lambda event: event.at, reverse=True), more


def _delivery_events(campaigns: Campaigns, found: Sequence[Delivery]) -> list[TimelineEvent]:
    written = campaigns.find_many({delivery.campaign_id for delivery in found})
    clicked = {delivery.campaign_id for delivery in found if delivery.clicks or delivery.scans}
    urls = {
        each: {link.link: link.url for link in campaigns.find_launched(written[each]).links}
        for each in clicked & written.keys()
    }
    return [
        event_of(delivery, written[delivery.campaign_id], urls.get(delivery.campaign_id, {}))
        for delivery in found
        if delivery.campaign_id in written
    ]


def event_of(delivery: Delivery, campaign: Campaign, urls: dict[str, str]) -> TimelineEvent:
    """A delivery's event. `urls`: the campaign's links as written, by link id."""
    verdicts = judged(delivery)
    links = sorted(
        (
            ClickedLink(link, click.url or urls.get(link, ""), click.at, click.machine is not None, click.machine)
            for link, click in [*verdicts.machines.items(), *verdicts.persons.items()]
        ),
        key=lambda each: each.at,
    )
    first = next((link for link in links if not link.machine), None)
    opened_at = delivery.opened_person_at or delivery.opened_at
    by_machine = None if delivery.opened_person_at else delivery.opened_machine
    return TimelineEvent(
        delivery,
        title=f"Campaign: {campaign.title}",
        at=delivery.claimed_at,
        opened=OpenedBadge(opened_at, delivery.opened_person_at is None, by_machine) if opened_at else None,
        clicked=first,
        links=tuple(links),
        evidence=evidence_of(delivery, urls),
        bounced=_bounced(delivery),
    )


def _bounced(delivery: Delivery) -> BouncedBadge | None:
    if delivery.bounced_at is not None:
        return BouncedBadge(delivery.bounced_at, True, delivery.bounce_detail)
    if delivery.bounced_soft_at is not None:
        return BouncedBadge(delivery.bounced_soft_at, False, delivery.bounce_soft_detail)
    return None
