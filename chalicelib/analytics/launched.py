"""What a launch leaves for the reports: the tracked links in their places, and how large the mail is.

Kept beside the campaign, apart from the compiled content, which is larger and needed by those who render alone.
"""

import json
import zlib
from dataclasses import asdict, dataclass

from chalicelib.model.ids import CampaignId
from chalicelib.store.campaigns import Campaigns

_BLOB = "launched"


@dataclass(frozen=True, slots=True)
class LaunchedLink:
    """One tracked link: its id, the address as written, the text it stands behind, its place in the author's HTML."""

    link: str
    url: str
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class LaunchedMail:
    links: tuple[LaunchedLink, ...] = ()
    """In document order."""
    html_bytes: int | None = None
    """Size of the HTML part as sent, merge fields left empty; None for plain text."""


def save_launched(campaigns: Campaigns, campaign_id: CampaignId, mail: LaunchedMail) -> None:
    """The first one saved stays: a launch that is repeated writes the same."""
    campaigns.save_blob(campaign_id, _BLOB, zlib.compress(json.dumps(asdict(mail)).encode()))


def load_launched(campaigns: Campaigns, campaign_id: CampaignId) -> LaunchedMail:
    """What was launched; no links and no size before launch."""
    packed = campaigns.find_blob(campaign_id, _BLOB)
    if packed is None:
        return LaunchedMail()
    values = json.loads(zlib.decompress(packed))
    return LaunchedMail(tuple(LaunchedLink(**link) for link in values["links"]), values["html_bytes"])
