"""A launched campaign's content: compiled and stored once, and rendered by every worker.

A campaign keeps the signing key that it was launched with, because its links' signatures were made with it.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.content.compiled import BothForms, CompiledContent, ContentSource, Link
from chalicelib.content.render import Rendered, Renderer, html_size
from chalicelib.crm.leads import merge_fields
from chalicelib.model.campaign import Body, Campaign, LaunchedLink, LaunchedMail, ProofResult
from chalicelib.model.delivery import Tracking
from chalicelib.model.errors import Conflicting
from chalicelib.model.ids import CampaignId, new_trace_id
from chalicelib.model.lead import Lead
from chalicelib.model.workspace import Workspace
from chalicelib.store.campaigns import Campaigns
from chalicelib.tracking.delivery_ids import CampaignTracking
from chalicelib.tracking.key_ring import KeyRingSource


class ContentNotReady(Conflicting):
    """The campaign was not launched yet, or its signing key is no longer in the key ring."""


@dataclass(frozen=True, slots=True)
class LaunchedContent:
    campaign: Campaign
    renderer: Renderer
    tracking: CampaignTracking
    untracked: Renderer
    """The same content with links as written and without a pixel."""
    noted: Tracking
    """What the campaign tracks; nothing if a mail of plain text has no place for it."""

    def require_key(self, keys: KeyRingSource) -> None:
        """Raises ContentNotReady when its signing key was withdrawn since: links in further mails would not work."""
        tracking_of(keys, self.tracking.base_url, self.campaign.campaign_id, self.tracking.key_number)

    def tracking_for(self, lead: Lead | None) -> Tracking:
        """What may be recorded of this lead's opens and clicks: the lead's opt-out overrides the campaign's setting."""
        return Tracking.NONE if lead is not None and lead.tracking_opt_out else self.noted

    def render(self, lead: Lead) -> Rendered:
        """The mail to this lead. Raises RenderFailed.

        If tracking is anonymous, pixel and links carry a trace: a new random id that is stored nowhere else. The
        unsubscribe link is not tracking, and always names the delivery.
        """
        delivery_id = self.tracking.delivery_id(lead.lead_id)
        wanted = self.tracking_for(lead)
        renderer = self.untracked if wanted is Tracking.NONE else self.renderer
        hit_id = self.tracking.delivery_id(new_trace_id()) if wanted is Tracking.ANONYMOUS else delivery_id
        unsubscribe_url = self.tracking.unsubscribe_url(delivery_id)
        return renderer.render(merge_fields(lead), campaign_values(self.campaign), hit_id, unsubscribe_url)


def source_of(campaign: Campaign, body: Body, workspace: Workspace) -> ContentSource:
    """What the content engine reads of a campaign, in this workspace's theme and language. Raises ContentInvalid."""
    from chalicelib.content.made_html import made_of  # not needed by what sends mails

    made = made_of(body, workspace)
    return ContentSource(
        subject=campaign.subject,
        html=made.html if made else body.html,
        text=body.text,
        from_email=campaign.from_email,
        from_name=campaign.from_name,
        reply_to=campaign.reply_to,
        utm=campaign.utm,
        preview_text=body.preview_text,
        source_map=made,
        language=workspace.language,
    )


def campaign_values(campaign: Campaign) -> dict[str, str]:
    """What merge tags can show of the campaign."""
    return {"campaign_id": campaign.campaign_id, "title": campaign.title}


def tracking_of(keys: KeyRingSource, base_url: str, campaign_id: CampaignId, key_number: int) -> CampaignTracking:
    """The campaign's delivery ids and signatures. Raises ContentNotReady when the key ring no longer holds its key."""
    key = keys.key(key_number)
    if key is None:
        raise ContentNotReady(f"{campaign_id} was signed with key {key_number}, which the key ring does not hold")
    return CampaignTracking(base_url, campaign_id, key_number, key)


def save(
    campaigns: Campaigns, campaign: Campaign, mail: BothForms, proof: ProofResult | None, workspace: Workspace
) -> None:
    """Store what the senders render from, and what the reports show of it."""
    html_bytes = html_size(mail.tracked, mail.tracking)
    links = links_of(mail.source, (link for link in mail.tracked.links if link.tracked))
    campaigns.save_launched(campaign, LaunchedMail(links, html_bytes, proof, workspace))
    campaigns.save_blob(campaign, "untracked", zlib.compress(mail.untracked.to_bytes()))
    # The last one: it says that all are stored.
    campaigns.save_blob(campaign, "compiled", zlib.compress(mail.tracked.to_bytes()))


def links_of(source: ContentSource, links: Iterable[Link]) -> tuple[LaunchedLink, ...]:
    """These links, each with its place in what the author wrote."""
    placed = ((link, source.place("html", link.line, link.column)) for link in links)
    return tuple(
        LaunchedLink(link.link, link.url, link.text, line or 1, column or 1) for link, (_, line, column) in placed
    )


def load(campaigns: Campaigns, keys: KeyRingSource, base_url: str, campaign_id: CampaignId) -> LaunchedContent:
    """The stored content, ready to render. Raises ContentNotReady."""
    campaign = campaigns.find(campaign_id)
    if campaign is None or campaign.key_number is None:
        raise ContentNotReady(f"{campaign_id} has no signing key")
    stored, untracked = (campaigns.find_blob(campaign, name) for name in ("compiled", "untracked"))
    if stored is None or untracked is None:
        raise ContentNotReady(f"version {campaign.version} of {campaign_id} has no compiled content")
    tracking = tracking_of(keys, base_url, campaign_id, campaign.key_number)
    compiled, plain = (CompiledContent.from_bytes(zlib.decompress(each)) for each in (stored, untracked))
    noted = campaign.tracking if compiled.tracked else Tracking.NONE
    return LaunchedContent(campaign, Renderer(compiled, tracking), tracking, Renderer(plain, None), noted)
