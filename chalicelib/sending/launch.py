"""Launch: freeze the content, count the planning units, and set each of them going. Every step may be repeated."""

from chalicelib.content.compiler import compile_content
from chalicelib.sending import content
from chalicelib.sending.queues import PlanMessage, Queue
from chalicelib.store.campaigns import Campaigns, CampaignStatus
from chalicelib.store.deliveries import Tracking
from chalicelib.store.ids import CampaignId
from chalicelib.store.keys import AUDIENCE_SHARDS
from chalicelib.store.plans import Plans
from chalicelib.telemetry import logger
from chalicelib.tracking.key_ring import KeyRingSource


class Launch:
    def __init__(
        self, campaigns: Campaigns, plans: Plans, plan_queue: Queue, keys: KeyRingSource, tracking_url: str
    ) -> None:
        self._campaigns = campaigns
        self._plans = plans
        self._plan_queue = plan_queue
        self._keys = keys
        self._tracking_url = tracking_url

    def launch(self, campaign_id: CampaignId) -> None:
        """Take a campaign in planning to its plan messages. Raises what makes SQS deliver the message again."""
        campaign = self._campaigns.find(campaign_id)
        if campaign is None or campaign.status is not CampaignStatus.PLANNING:
            logger().warning("launch_ignored", extra={"campaign_id": campaign_id})
            return
        key_number = self._campaigns.fix_key(campaign_id, self._keys.newest().current)
        tracking = content.tracking_of(self._keys, self._tracking_url, campaign_id, key_number)
        source = content.source_of(campaign, self._campaigns.body(campaign))
        untracked = compile_content(source, None)
        compiled = untracked if campaign.tracking is Tracking.NONE else compile_content(source, tracking)
        content.save(self._campaigns, campaign_id, compiled, untracked, tracking)
        stages = range(len(campaign.audience.stages))
        self._plans.begin(campaign_id, units=len(stages) * AUDIENCE_SHARDS)
        self._plan_queue.put(
            PlanMessage(campaign_id, stage, shard) for stage in stages for shard in range(AUDIENCE_SHARDS)
        )
        logger().info("launched", extra={"campaign_id": campaign_id, "units": len(stages) * AUDIENCE_SHARDS})
