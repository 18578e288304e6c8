"""The content of a launched campaign: compiled once, stored, and the same for every worker that sends it.

A campaign keeps the signing key that it was launched with: the signatures of the links in it were made with that key.
"""

import zlib
from dataclasses import dataclass

from chalicelib.analytics.launched import LaunchedLink, LaunchedMail, save_launched
from chalicelib.content.compiled import CompiledContent
from chalicelib.content.errors import RenderFailed
from chalicelib.content.render import Renderer
from chalicelib.content.source import ContentSource
from chalicelib.store.campaigns import Body, Campaign, Campaigns
from chalicelib.store.ids import CampaignId, LeadId
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.key_ring import KeyRingSource


class ContentNotReady(Exception):
    """The campaign was not launched yet, or its signing key is gone from the key ring."""


@dataclass(frozen=True, slots=True)
class LaunchedContent:
    campaign: Campaign
    renderer: Renderer
    tracking: CampaignTracking


def source_of(campaign: Campaign, body: Body) -> ContentSource:
    """What the content engine reads of a campaign."""
    return ContentSource(
        subject=campaign.subject,
        html=body.html,
        text=body.text,
        from_email=campaign.from_email,
        from_name=campaign.from_name,
        reply_to=campaign.reply_to,
        utm=campaign.utm,
    )


def campaign_values(campaign: Campaign) -> dict[str, str]:
    """What merge tags may say of the campaign."""
    return {"campaign_id": campaign.campaign_id, "title": campaign.title}


def tracking_of(keys: KeyRingSource, base_url: str, campaign_id: CampaignId, key_number: int) -> CampaignTracking:
    """The campaign's delivery ids and signatures. Raises ContentNotReady when the key ring no longer holds its key."""
    key = keys.key(key_number)
    if key is None:
        raise ContentNotReady(f"{campaign_id} was signed with key {key_number}, which the key ring does not hold")
    return CampaignTracking(base_url, campaign_id, key_number, key)


def save(campaigns: Campaigns, campaign_id: CampaignId, compiled: CompiledContent, tracking: CampaignTracking) -> None:
    """Keep what the senders render from, and what the reports say of it."""
    campaigns.save_blob(campaign_id, "compiled", zlib.compress(compiled.to_bytes()))
    links = tuple(
        LaunchedLink(link.link, link.url, link.text, link.line, link.column) for link in compiled.links if link.tracked
    )
    save_launched(campaigns, campaign_id, LaunchedMail(links, _html_bytes(compiled, tracking)))


def _html_bytes(compiled: CompiledContent, tracking: CampaignTracking) -> int | None:
    """Size of the HTML that a lead without any fields gets; None where there is none."""
    delivery_id = tracking.delivery_id(LeadId("lead_" + "0" * 24))
    try:
        html = Renderer(compiled, tracking).render({}, {}, delivery_id, tracking.unsubscribe_url(delivery_id)).html
    except RenderFailed:
        return None
    return None if html is None else len(html.encode("utf-8", "replace"))


def load(campaigns: Campaigns, keys: KeyRingSource, base_url: str, campaign_id: CampaignId) -> LaunchedContent:
    """The stored content, ready to render. Raises ContentNotReady."""
    campaign = campaigns.find(campaign_id)
    stored = campaigns.find_blob(campaign_id, "compiled")
    if campaign is None or campaign.key_number is None or stored is None:
        raise ContentNotReady(f"{campaign_id} has no compiled content")
    tracking = tracking_of(keys, base_url, campaign_id, campaign.key_number)
    compiled = CompiledContent.from_bytes(zlib.decompress(stored))
    return LaunchedContent(campaign, Renderer(compiled, tracking), tracking)
