"""Whether a campaign may send right now, asked before every mail: this alone makes pausing and cancelling effective.

"Yes" is remembered for a second, "no" never. So a message is dropped only while the campaign is in fact paused, and
resuming, which enqueues after it has changed the status, brings its leads back (plan.py). Messages of a paused campaign
neither circulate nor use up their queue's redrive count.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.model.campaign import CampaignStatus
from chalicelib.model.ids import CampaignId
from chalicelib.model.lifecycle import GOING
from chalicelib.store.campaigns import Campaigns

BELIEVED_SECONDS = 1.0
"""How long mails may still leave after a pause, in each worker process."""

_MAY_SEND = (*GOING, CampaignStatus.SENT)
"""Also when it is sent: messages that come then are repetitions, unless it counts as sent too early by mistake."""


@dataclass(frozen=True, slots=True)
class SendPermission:
    """One per process."""

    _campaigns: Campaigns
    _clock: Callable[[], float] = time.time
    _looked_at: dict[CampaignId, float] = field(default_factory=dict)

    def is_going(self, campaign_id: CampaignId) -> bool:
        """At most one read (1 read unit) a second and campaign."""
        now = self._clock()
        if 0 <= now - self._looked_at.get(campaign_id, float("-inf")) < BELIEVED_SECONDS:
            return True
        self._looked_at.pop(campaign_id, None)
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status not in _MAY_SEND:
            return False
        self._looked_at[campaign_id] = now
        return True

    def pause(self, campaign_id: CampaignId, words: str) -> None:
        """Let no more mails of a campaign leave: the mail service refuses them all, in these words."""
        self._looked_at.pop(campaign_id, None)
        from chalicelib.campaigns.lifecycle import pause_refused  # only what is refused needs it

        pause_refused(self._campaigns, campaign_id, words)
