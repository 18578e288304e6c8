"""What answers recipients: without the SDK, which takes a quarter of a second to load, and with short patience."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.aws import SQS, Patience, SignedCalls
from chalicelib.settings import Settings, aws_access, burst_rule, settings
from chalicelib.store.client import ItemClient, dynamodb_for_recipients
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.workspace import Workspaces
from chalicelib.tracking import hits
from chalicelib.tracking.hits import HitRecorder
from chalicelib.tracking.key_ring import KeyRingSource, deployed_key_ring
from chalicelib.tracking.workspace_source import WorkspaceSource

if TYPE_CHECKING:
    from chalicelib.store.campaigns import Campaigns


@cache
def recipients() -> "Recipients":
    return Recipients(settings(), dynamodb_for_recipients())


class Recipients:
    def __init__(self, settings: Settings, dynamodb: ItemClient) -> None:
        self.settings = settings
        self.links_use_tls = settings.tracking_url.startswith("https:")
        self.dynamodb = dynamodb
        self.deliveries = Deliveries(dynamodb, settings.deliveries_table, burst_rule())
        self.leads = Leads(dynamodb, settings.leads_table)
        self.workspace = WorkspaceSource(Workspaces(dynamodb, settings.campaigns_table).get)

    @cached_property
    def keys(self) -> KeyRingSource:
        return deployed_key_ring(self.settings.key_ring_secret)

    @cached_property
    def campaigns(self) -> "Campaigns":
        from chalicelib.store.campaigns import Campaigns

        return Campaigns(self.dynamodb, self.settings.campaigns_table)

    @cached_property
    def recorder(self) -> HitRecorder:
        queue = SignedCalls(SQS, aws_access(), Patience(total_seconds=0.7, attempt_seconds=0.5))

        def park(text: str) -> None:
            queue.call("SendMessage", {"QueueUrl": self.settings.hits_queue_url, "MessageBody": text})

        return HitRecorder(lambda hit: hits.apply(hit, self.deliveries, self.leads), park)
