"""What answers marketers: the JSON API and the page."""

from functools import cache, cached_property, partial

from chalicelib.automation.rule_editor import RuleEditor
from chalicelib.campaigns.control import Control
from chalicelib.campaigns.drafts import Drafts
from chalicelib.campaigns.proving import prove_draft
from chalicelib.campaigns.send_test import MailTester
from chalicelib.campaigns.sender_findings import require_sender
from chalicelib.crm.bulk import BulkEditor
from chalicelib.sdk import quick_client
from chalicelib.senders.identities import SendersUnknown, SesIdentities
from chalicelib.sending.budget import Pacing
from chalicelib.settings import Settings, settings
from chalicelib.store.access import Sessions, Tokens
from chalicelib.store.client import Client
from chalicelib.store.idempotency import Idempotency
from chalicelib.store.rate import SendRate
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.wiring.stores import Stores


@cache
def deployed_context() -> "Context":
    """With a client that answers or fails in less than the 29 seconds that a REST API gives a request."""
    return Context(settings(), quick_client("dynamodb"))


class Context(Stores):
    def __init__(self, settings: Settings, dynamodb: Client) -> None:
        super().__init__(settings, dynamodb)
        self.idempotency = Idempotency(dynamodb, settings.campaigns_table)
        self.rate = SendRate(dynamodb, settings.campaigns_table)
        self.resubscriptions = Resubscriptions(dynamodb, settings.campaigns_table)
        self.rule_editor = RuleEditor(
            self.rules, self.campaigns, self.leads, lambda campaign_id: self.drafts.links(campaign_id)
        )
        self.sessions = Sessions(dynamodb, settings.campaigns_table)
        self.tokens = Tokens(dynamodb, settings.campaigns_table)

    @cached_property
    def bulk_editor(self) -> BulkEditor:
        return BulkEditor(self.leads)

    @cached_property
    def drafts(self) -> Drafts:
        return Drafts(self.campaigns, self.schedules)

    @cached_property
    def control(self) -> Control:
        return Control(
            self.campaigns,
            self.plans,
            self.counters,
            self.retries,
            self.audiences,
            self.sending_account,
            self.launch_queue,
            self.schedules,
            partial(prove_draft, self.campaigns, self.keys, self.settings.tracking_url),
            partial(require_sender, self.audiences, self.sending_account, self.workspaces),
        )

    @cached_property
    def mail_tester(self) -> MailTester:
        pacing = Pacing(self.budget)
        return MailTester(self.transport, partial(pacing.wait, 1), self.keys, self.settings.tracking_url)

    @property
    def identities(self) -> SesIdentities:
        """Domains and addresses that may send. Raises SendersUnknown."""
        if self.settings.smtp_secret is not None:
            raise SendersUnknown("Emails leave by your own SMTP server, which decides who may send.")
        return SesIdentities(self.ses)
