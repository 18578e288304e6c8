"""Whether a campaign may send right now, asked before every mail: pausing and cancelling take effect by this alone.

A campaign that sends is believed to go on for a second without another look; a pause is never believed from memory. So
a message that is dropped was received while the campaign stood still, and resuming, which enqueues after it has set
the campaign going, brings its leads back (plan.py). Messages of a paused campaign thus neither circulate nor use up
their queue's redrive count.
"""

import time
from collections.abc import Callable

from chalicelib.campaigns.statuses import GOING
from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.store.campaigns import Campaigns

BELIEVED_SECONDS = 1.0
"""How long a mail may still leave after a pause, in each worker process."""

_GOING = frozenset({CampaignStatus.PLANNING, CampaignStatus.SENDING, CampaignStatus.SENT})
"""One that is sent, too: what still comes of it is a repetition that finds its delivery ended."""


class SendPermission:
    """One per process."""

    def __init__(self, campaigns: Campaigns, clock: Callable[[], float] = time.monotonic) -> None:
        self._campaigns = campaigns
        self._clock = clock
        self._looked_at: dict[CampaignId, float] = {}

    def is_going(self, campaign_id: CampaignId) -> bool:
        """At most one read (1 read unit) a second and campaign."""
        now = self._clock()
        if now - self._looked_at.get(campaign_id, float("-inf")) < BELIEVED_SECONDS:
            return True
        self._looked_at.pop(campaign_id, None)
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in _GOING:
            return False
        self._looked_at[campaign_id] = now
        return True

    def pause(self, campaign_id: CampaignId, reason: str) -> bool:
        """Let nothing more leave of a campaign; `reason` is told to the marketer. False when it was not going."""
        self._looked_at.pop(campaign_id, None)
        return self._campaigns.change_status(campaign_id, GOING, CampaignStatus.PAUSED, reason=reason)
