"""The content of a launched campaign: compiled once, stored, and the same for every worker that sends it.

Stored form: one byte with the number of the signing key, then the compiled content, compressed. The key's number is
kept with the content because the signatures of the links in it were made with that key.
"""

import zlib
from dataclasses import dataclass

from chalicelib.analytics.links import ReportedLink, save_links
from chalicelib.content.compiled import CompiledContent
from chalicelib.content.render import Renderer
from chalicelib.content.source import ContentSource
from chalicelib.store.campaigns import Body, Campaign, Campaigns
from chalicelib.store.ids import CampaignId
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


def current_tracking(keys: KeyRingSource, base_url: str, campaign_id: CampaignId) -> CampaignTracking:
    """Tracking with the key ring's current key, for a campaign that is launched now."""
    ring = keys.ring()
    return CampaignTracking(base_url, campaign_id, ring.current, ring.keys[ring.current])


def save(campaigns: Campaigns, tracking: CampaignTracking, compiled: CompiledContent) -> None:
    stored = bytes([tracking.key_number]) + zlib.compress(compiled.to_bytes())
    campaigns.save_blob(tracking.campaign_id, "compiled", stored)
    save_links(
        campaigns,
        tracking.campaign_id,
        [ReportedLink(link.link, link.url, link.text) for link in compiled.links if link.tracked],
    )


def load(campaigns: Campaigns, keys: KeyRingSource, base_url: str, campaign_id: CampaignId) -> LaunchedContent:
    """The stored content, ready to render. Raises ContentNotReady."""
    campaign = campaigns.find(campaign_id)
    stored = campaigns.find_blob(campaign_id, "compiled")
    if campaign is None or stored is None:
        raise ContentNotReady(f"{campaign_id} has no compiled content")
    key = keys.key(stored[0])
    if key is None:
        raise ContentNotReady(f"{campaign_id} was signed with key {stored[0]}, which the key ring no longer holds")
    tracking = CampaignTracking(base_url, campaign_id, stored[0], key)
    return LaunchedContent(
        campaign, Renderer(CompiledContent.from_bytes(zlib.decompress(stored[1:])), tracking), tracking
    )
