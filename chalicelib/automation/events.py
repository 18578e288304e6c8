"""Events as the bus carries them; their form is a contract: docs/events/ has a JSON schema for each.

An event is built from the delivery and its campaign alone, and holds no e-mail address: who consumes events may log
them. `event_id` is the same whenever an event is published again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from chalicelib.automation.happenings import Happening, HappeningKind, Occurrence
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import Delivery
from chalicelib.model.times import time_text

SOURCE = "leadflip.campaigns"
VERSION = 1
LONGEST_URL = 10_000
"""Characters. A longer one cannot have been requested: API Gateway takes 10,240 bytes of request line and headers."""
CAMPAIGN_FINISHED = "CampaignFinished"
DETAIL_TYPES = {
    HappeningKind.OPENED: "CampaignEmailOpened",
    HappeningKind.CLICKED: "CampaignLinkClicked",
    HappeningKind.BOUNCED: "CampaignEmailBounced",
    HappeningKind.COMPLAINED: "CampaignEmailComplained",
    HappeningKind.UNSUBSCRIBED: "LeadUnsubscribed",
}


@dataclass(frozen=True, slots=True)
class Event:
    detail_type: str
    occurred_at: datetime
    detail: Mapping[str, Any]


def event_of(
    delivery: Delivery, happening: Happening, occurrence: Occurrence, campaign: Campaign, urls: Mapping[str, str]
) -> Event:
    """`urls`: the campaign's links as written, by link id."""
    detail = _detail(
        campaign,
        occurrence.at,
        _event_id(campaign.campaign_id, delivery.lead_id, happening.kind, happening.link or "", str(happening.machine)),
    )
    detail["lead_id"] = delivery.lead_id
    if happening.kind in (HappeningKind.OPENED, HappeningKind.CLICKED):
        detail["machine"] = happening.machine
    if occurrence.reason is not None:
        detail["reason"] = occurrence.reason
    if happening.link is not None:
        detail |= {"link": happening.link, "url": _url(delivery, occurrence, urls.get(happening.link, ""))}
    return Event(DETAIL_TYPES[happening.kind], occurrence.at, detail)


def finished_event(campaign: Campaign, finished_at: str) -> Event:
    """`finished_at`: ISO 8601; a campaign may finish several times."""
    at = datetime.fromisoformat(finished_at)
    return Event(CAMPAIGN_FINISHED, at, _detail(campaign, at, _event_id(campaign.campaign_id, "finished", finished_at)))


def _detail(campaign: Campaign, occurred_at: datetime, event_id: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "event_id": event_id,
        "occurred_at": time_text(occurred_at),
        "campaign_id": campaign.campaign_id,
        "campaign_title": campaign.title,
        "entity": campaign.audience.entity,
    }


def _event_id(*parts: str) -> str:
    return "evt_" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _url(delivery: Delivery, occurrence: Occurrence, as_written: str) -> str:
    """The destination; as its author wrote it, merge tags and all, where it would name the recipient's address."""
    url = occurrence.url
    if url is None or (delivery.email is not None and _names(url, delivery.email)):
        url = as_written
    return url[:LONGEST_URL]


def _names(url: str, address: str) -> bool:
    """Whether the address stands in the URL: as it is, percent-encoded, or encoded twice."""
    once = unquote(url)
    return any(address.casefold() in form.casefold() for form in (url, once, unquote(once)))
