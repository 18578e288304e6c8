"""What is noted of recipients: by name, without one, or nothing; and never where they sit or what they read with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.analytics.timeline import TimelineEvent, timeline_page
from chalicelib.campaigns import launched_content as content
from chalicelib.campaigns.account import SendingAccount
from chalicelib.campaigns.drafts import Drafts, Written
from chalicelib.crm.audience import Audiences
from chalicelib.crm.leads import create_lead, update_lead
from chalicelib.model.campaign import Audience, CampaignStatus
from chalicelib.model.delivery import BurstRule, Tracking
from chalicelib.model.ids import CampaignId, is_trace_id
from chalicelib.model.lead import Lead
from chalicelib.sending.budget import OwnServer
from chalicelib.sending.launch import Launch
from chalicelib.sending.prepare import prepare
from chalicelib.sending.waiting import Wakes
from chalicelib.sqs import Queue
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries, DeliveryFilter
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans, Retries
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.store.rules import Acts
from chalicelib.tracking.delivery_ids import read_delivery_id
from chalicelib.tracking.hits import Hit, HitKind, apply
from chalicelib.tracking.key_ring import KeyRingSource
from local.recipients import Mail
from local.tables import TableNames
from tests.claiming import record_claim, record_sent
from tests.moves import bring_to
from tests.recounting import Recounter
from tests.store.test_sending import KeptSchedules

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = KeyRingSource(lambda: '{"current": 1, "1": "a key"}')
BASE = "https://t.acme.example"
SITE = "https://acme.example/prices"
PERSONAL = "https://acme.example/for?who={{ lead.email }}"


class NoQueue(Any):
    """SQS that takes everything and passes nothing on."""

    def send_message_batch(self, **arguments: Any) -> dict[str, Any]:
        return {}


@dataclass
class Office:
    """A stack's tables, and mails prepared in it as the sender does."""

    client: Any
    tables: TableNames

    def __post_init__(self) -> None:
        self.leads = Leads(self.client, self.tables.leads)
        self.campaigns = Campaigns(self.client, self.tables.campaigns)
        self.deliveries = Deliveries(self.client, self.tables.deliveries, BurstRule())

    def lead(self, address: str, *, opt_out: bool = False) -> Lead:
        return create_lead(
            self.leads, {"entity": "acme", "stage": "New", "email": address, "tracking_opt_out": opt_out}, NOW
        )

    def launched(self, tracking: Tracking) -> CampaignId:
        written = Written(
            title="Prices",
            subject="Prices",
            from_email="news@acme.example",
            audience=Audience("acme", ("New",)),
            html=f'<p><a href="{SITE}">see</a> <a href="{PERSONAL}">yours</a></p>',
            tracking=tracking,
        )
        campaign_id = Drafts(self.campaigns, KeptSchedules()).create(written, NOW).campaign.campaign_id
        bring_to(self.campaigns, campaign_id, CampaignStatus.PLANNING)
        plans = Plans(self.client, self.tables.campaigns)
        retries = Retries(self.client, self.tables.campaigns)
        plan_queue = Queue(NoQueue(), "plan")
        audiences, wakes = Audiences(self.leads, self.deliveries), Wakes(self.campaigns, KeptSchedules(), "launch")
        account, budget = SendingAccount(), OwnServer()
        launch = Launch(self.campaigns, audiences, account, plans, retries, plan_queue, KEYS, BASE, budget, wakes)
        launch.launch(campaign_id, NOW)
        return campaign_id

    def sent(self, campaign_id: CampaignId, lead: Lead) -> Mail:
        launched = content.load(self.campaigns, KEYS, BASE, campaign_id)
        prepared = prepare(launched, "0.0", lead.lead_id, self.leads.get(lead.lead_id), NOW)
        assert prepared.mail is not None
        assert record_claim(self.deliveries, prepared.claim)
        record_sent(self.deliveries, campaign_id, lead.lead_id, at=NOW, message_id="m", subject="Prices")
        return Mail.read(prepared.mail.message)

    def opened_and_clicked(self, mail: Mail) -> None:
        """As the tracking function does it, from nothing but the addresses in the mail."""
        pixel = read_delivery_id(urlsplit(mail.pixels[0]).path[len("/t/o/") :].removesuffix(".gif"), KEYS)
        assert pixel is not None
        later = NOW + timedelta(minutes=5)
        apply(Hit(HitKind.OPEN, pixel.campaign_id, pixel.lead_id, later), self.deliveries, self.leads)
        for address in mail.links:
            link = urlsplit(address)
            name, query = read_delivery_id(link.path[len("/t/c/") :], KEYS), parse_qs(link.query)
            assert name is not None
            click = Hit(HitKind.CLICK, name.campaign_id, name.lead_id, later, link=query["l"][0], url=query["u"][0])
            apply(click, self.deliveries, self.leads)

    def timeline_event(self, lead: Lead) -> TimelineEvent:
        (event,), _ = timeline_page(
            self.deliveries,
            self.campaigns,
            Acts(self.client, self.tables.campaigns, self.tables.leads),
            Resubscriptions(self.client, self.tables.campaigns),
            lead,
            limit=5,
            position=None,
        )
        assert isinstance(event, TimelineEvent)
        return event

    def sums(self, campaign_id: CampaignId) -> dict[str, int]:
        sums = Recounter(self.client, self.tables.deliveries, self.tables.campaigns).sums(campaign_id)
        return {name: number for name, number in sums.items() if "/" not in name}


@pytest.fixture
def office(dynamodb: Any, tables: TableNames) -> Office:
    return Office(dynamodb, tables)


def test_a_tracked_mail_says_who_opened_and_clicked(office: Office) -> None:
    campaign_id, ann = office.launched(Tracking.FULL), office.lead("ann@example.com")
    office.opened_and_clicked(office.sent(campaign_id, ann))
    assert office.sums(campaign_id) == {"sent": 1, "opened": 1, "clicked": 1}
    event = office.timeline_event(ann)
    assert event.opened is not None
    assert len(event.links) == 2


def test_an_anonymous_mail_is_counted_once_and_for_nobody(office: Office) -> None:
    campaign_id, ann = office.launched(Tracking.ANONYMOUS), office.lead("ann@example.com")
    mail = office.sent(campaign_id, ann)
    for _ in range(3):
        office.opened_and_clicked(mail)
    assert office.sums(campaign_id) == {"sent": 1, "anonymous": 1, "opened": 1, "clicked": 1}
    event = office.timeline_event(ann)
    assert (event.delivery.status, event.opened, event.clicked, event.links) == ("sent", None, None, ())
    (listed,), _ = office.deliveries.list_page(campaign_id, DeliveryFilter(), limit=5, position=None)
    assert (listed.opened_at, dict(listed.clicks)) == (None, {})


def test_nothing_that_is_stored_leads_from_an_anonymous_hit_to_its_lead(office: Office) -> None:
    campaign_id, ann = office.launched(Tracking.ANONYMOUS), office.lead("ann@example.com")
    mail = office.sent(campaign_id, ann)
    office.opened_and_clicked(mail)
    rows = [row for table in (office.tables.deliveries, office.tables.leads) for row in scan(office.client, table)]
    traces = [row for row in rows if is_trace_id(row["lead_id"]["S"])]
    assert len(traces) == 1
    (trace,) = traces
    assert "ann" not in str(trace).replace("anon_", "")
    assert ann.lead_id not in str(trace)
    others = [row for row in rows if row is not trace]
    assert trace["lead_id"]["S"] not in str(others)
    assert trace["lead_id"]["S"][len("anon_") :] not in str(others)


def test_an_untracked_campaigns_mails_carry_links_as_written_and_can_be_unsubscribed_from(office: Office) -> None:
    campaign_id, ann = office.launched(Tracking.NONE), office.lead("ann@example.com")
    mail = office.sent(campaign_id, ann)
    assert mail.pixels == ()
    assert mail.links == (SITE, "https://acme.example/for?who=ann@example.com")
    assert mail.unsubscribe_url.startswith(f"{BASE}/t/u/")
    assert office.sums(campaign_id) == {"sent": 1, "untracked": 1}


@pytest.mark.parametrize("tracking", [Tracking.FULL, Tracking.ANONYMOUS])
def test_a_leads_opt_out_goes_before_the_campaign(office: Office, tracking: Tracking) -> None:
    campaign_id = office.launched(tracking)
    ann, ben = office.lead("ann@example.com", opt_out=True), office.lead("ben@example.com")
    assert office.sent(campaign_id, ann).pixels == ()
    assert len(office.sent(campaign_id, ben).pixels) == 1
    counted = office.sums(campaign_id)
    assert (counted["sent"], counted["untracked"]) == (2, 1)


def test_a_lead_may_opt_out_and_in_again(office: Office) -> None:
    ann = office.lead("ann@example.com")
    assert update_lead(office.leads, ann.lead_id, {"tracking_opt_out": True}, NOW).tracking_opt_out
    assert office.leads.get(ann.lead_id).tracking_opt_out
    update_lead(office.leads, ann.lead_id, {"tracking_opt_out": None}, NOW)
    assert not office.leads.get(ann.lead_id).tracking_opt_out


def scan(client: Any, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.scan(TableName=table)["Items"]
    return rows
