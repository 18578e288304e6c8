"""What requests and workers share: stores, queues, the services' clients, and how mails leave."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib import sdk
from chalicelib.crm.audience import Audiences
from chalicelib.model.suppression import hash_of_address
from chalicelib.scheduler import Schedules
from chalicelib.sdk import quick_client
from chalicelib.sending.budget import Budget, OwnServer, SharedBudget, ses_limits
from chalicelib.settings import Settings, burst_rule
from chalicelib.sqs import Queue
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.client import Client, ItemClient, dynamodb_for_sending
from chalicelib.store.counters import Counters
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans, Retries
from chalicelib.store.rate import SendRate
from chalicelib.store.recounts import Recounts
from chalicelib.store.rules import Acts, Rules
from chalicelib.store.workspace import Workspaces
from chalicelib.tracking.key_ring import KeyRingSource, deployed_key_ring

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sqs import SQSClient

    from chalicelib.campaigns.account import SendingAccount
    from chalicelib.crm.erasure import Eraser
    from chalicelib.model.transport import Transport
    from chalicelib.senders.lookups import Dns


def _milliseconds_now() -> datetime:
    """The time in whole milliseconds, as times are stored: what is answered at once equals what is read later."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Stores:
    """`dynamodb` is the client of all stores."""

    def __init__(self, settings: Settings, dynamodb: Client) -> None:
        self.settings = settings
        self.dynamodb = dynamodb
        self.now: Callable[[], datetime] = _milliseconds_now
        self.burst_rule = burst_rule()
        self.leads = Leads(dynamodb, settings.leads_table, self._hash_of)
        self.deliveries = Deliveries(dynamodb, settings.deliveries_table, self.burst_rule)
        self.audiences = Audiences(self.leads, self.deliveries)
        self.acts = Acts(dynamodb, settings.campaigns_table, settings.leads_table)
        self.campaigns = Campaigns(dynamodb, settings.campaigns_table)
        self.counters = Counters(dynamodb, settings.campaigns_table)
        self.plans = Plans(dynamodb, settings.campaigns_table)
        self.recounts = Recounts(dynamodb, settings.campaigns_table)
        self.retries = Retries(dynamodb, settings.campaigns_table)
        self.rules = Rules(dynamodb, settings.campaigns_table)
        self.workspaces = Workspaces(dynamodb, settings.campaigns_table)

    @cached_property
    def dynamodb_for_sending(self) -> ItemClient:
        """For what every mail needs: a quarter of the SDK's processor time."""
        return dynamodb_for_sending()

    @cached_property
    def sqs(self) -> "SQSClient":
        client: SQSClient = quick_client("sqs")
        return client

    @cached_property
    def ses(self) -> "SESV2Client":
        """For questions about the account; mails leave by a client that repeats nothing."""
        client: SESV2Client = quick_client("sesv2")
        return client

    @cached_property
    def keys(self) -> KeyRingSource:
        """The signing keys."""
        return deployed_key_ring(self.settings.key_ring_secret)

    @cached_property
    def launch_queue(self) -> Queue:
        return Queue(self.sqs, self.settings.launch_queue_url)

    @cached_property
    def plan_queue(self) -> Queue:
        return Queue(self.sqs, self.settings.plan_queue_url)

    @cached_property
    def eraser(self) -> "Eraser":
        from chalicelib.crm.erasure import Eraser
        from chalicelib.store.erasures import Erasures

        erasures = Erasures(self.dynamodb, self.settings.campaigns_table, self.settings.deliveries_table)
        return Eraser(self.leads, self.deliveries, erasures, self.plan_queue, self._hash_of)

    def _hash_of(self, address: str) -> str:
        """What is kept of an erased person's address. Raises KeyRingUnavailable."""
        return hash_of_address(self.keys.ring().erasure_key, address)

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(
            lambda: quick_client("scheduler"),
            group=self.settings.schedule_group,
            role_arn=self.settings.schedule_role,
            launch_queue_arn=self.settings.launch_queue_arn,
        )

    @cached_property
    def transport(self) -> "Transport":
        """Amazon SES, or the server that `SmtpSecret` describes, to which it keeps its connection."""
        if self.settings.smtp_secret is not None:
            from chalicelib.sending.transports.smtp import SmtpTransport
            from chalicelib.sending.transports.smtp_server import deployed_server

            return SmtpTransport(deployed_server(self.settings.smtp_secret))
        from chalicelib.sending.transports.ses import SesTransport

        # Without the SDK's own retries: it repeats after time-outs too, which would send a mail twice.
        return SesTransport(sdk.client("sesv2", connect=3, read=20, attempts=1), self.settings.configuration_set)

    @cached_property
    def budget(self) -> Budget:
        return self.make_budget()

    def make_budget(self) -> Budget:
        """What all workers share of the transport's limits."""
        if self.settings.smtp_secret is not None:
            return OwnServer()
        rate = SendRate(self.dynamodb_for_sending, self.settings.campaigns_table)
        return SharedBudget(rate, lambda: ses_limits(self.ses))

    @cached_property
    def sending_account(self) -> "SendingAccount":
        """What the mail service lets this stack send, and from whom."""
        from chalicelib.campaigns.account import SendingAccount, SesAccount  # not needed by what sends mails

        return SesAccount(self.ses, self.dns) if self.settings.smtp_secret is None else SendingAccount()

    @cached_property
    def dns(self) -> "Dns":
        from chalicelib.senders.lookups import Dns

        return Dns(self.settings.dns_server)
