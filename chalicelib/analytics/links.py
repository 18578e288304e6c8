"""The links of a launched campaign, kept beside it for reports: rendering needs only the compiled content."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from chalicelib.store.campaigns import Campaigns
from chalicelib.store.counters import Sums
from chalicelib.store.ids import CampaignId


@dataclass(frozen=True, slots=True)
class ReportedLink:
    """One tracked link: its id, the address as written, and the text it stands behind."""

    link: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class LinkCount:
    link: str
    url: str
    text: str
    clicked: int
    clicked_machine_only: int


def save_links(campaigns: Campaigns, campaign_id: CampaignId, links: Sequence[ReportedLink]) -> None:
    text = json.dumps([asdict(link) for link in links])
    campaigns.save_blob(campaign_id, "links", zlib.compress(text.encode()))


def load_links(campaigns: Campaigns, campaign_id: CampaignId) -> list[ReportedLink]:
    """The links in document order; none before launch."""
    packed = campaigns.find_blob(campaign_id, "links")
    return [] if packed is None else [ReportedLink(**values) for values in json.loads(zlib.decompress(packed))]


def count_links(links: Sequence[ReportedLink], sums: Sums) -> list[LinkCount]:
    return [
        LinkCount(
            link=each.link,
            url=each.url,
            text=each.text,
            clicked=sums.get(f"link/{each.link}/clicked", 0),
            clicked_machine_only=sums.get(f"link/{each.link}/clicked_machine_only", 0),
        )
        for each in links
    ]
