"""A shop with past campaigns, for pictures of the page.

Only the times are made up. The deliveries are written as the product writes them, and every number on the page comes
from them through the stream, the fold and the API.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.model.campaign import CampaignStatus, LaunchedLink, LaunchedMail, ProofResult
from chalicelib.model.delivery import Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.client import to_item
from chalicelib.store.delivery_rows import click_values, encode
from chalicelib.store.plans import Plans
from tests.moves import bring_to
from tests.stack.marketer import Marketer

ENTITY = "acme-realty"
FIRST = ["Ann", "Jonas", "Mira", "Oluwaseun", "Sofia", "Tomás", "Wei", "Zofia", "Lena", "Karim", "Ida", "Per"]
LAST = ["Berg", "Okafor", "Silva", "Novak", "Dubois", "Haddad", "Lindqvist", "Marino", "Kaya", "Petrov"]
SENDER = {"from_email": "news@acme-realty.example", "from_name": "Acme Realty"}
HTML = Path(__file__).with_name("showcase.html").read_text("utf-8")
LINKS = (
    LaunchedLink("1", "https://www.acme-realty.example/pricing", "See the new prices", 8, 28),
    LaunchedLink("2", "https://www.acme-realty.example/homes?sort=new&view=map", "what came in this week", 9, 39),
    LaunchedLink("3", "https://www.acme-realty.example/visit", "come and see us", 10, 4),
)


class Showcase:
    def __init__(self, marketer: Marketer, now: datetime) -> None:
        self.marketer = marketer
        self.now = now
        self.random = random.Random(7)
        outputs = marketer.stack.outputs
        self.client: Any = marketer.stack.engine.client("dynamodb")
        self.campaigns = Campaigns(self.client, outputs["CampaignsTable"])
        self.plans = Plans(self.client, outputs["CampaignsTable"])
        self.deliveries_table = outputs["DeliveriesTable"]

    def leads(self, count: int) -> list[LeadId]:
        """Import so many leads; their ids."""
        lines = ["external_id,entity,stage,email,first_name,last_name,tags,city"]
        for number in range(count):
            first, last = self.random.choice(FIRST), self.random.choice(LAST)
            stage = self.random.choice(["New", "New", "Contacted", "Qualified", "Hot Lead"])
            tags = self.random.choice(["newsletter", "newsletter;garden", "garden", ""])
            email = f"{first}.{last}{number}@mail.example".lower() if number % 40 else ""
            lines.append(f"R-{number:05d},{ENTITY},{stage},{email},{first},{last},{tags},Lisbon")
        self.marketer("POST", "/v1/leads/import", "\n".join(lines) + "\n", "text/csv")
        found: list[LeadId] = []
        cursor = ""
        while True:
            page = self.marketer("GET", f"/v1/leads?entity={ENTITY}&limit=200{cursor}")
            found += [LeadId(lead["lead_id"]) for lead in page["items"]]
            if not page["cursor"]:
                return found
            cursor = f"&cursor={page['cursor']}"

    def past(
        self,
        title: str,
        leads: Sequence[LeadId],
        days: float,
        *,
        opens: float,
        clicks: float,
        scanned: Sequence[LeadId] = (),
    ) -> CampaignId:
        """A campaign sent `days` ago; the chances that a lead opens, and that one who opened clicks.

        `scanned`: leads of a company whose scanner follows links before they read.
        """
        written = {
            "title": title,
            "subject": "{{ lead.first_name | default('Hello') }}, what came in this week",
            "html": HTML,
            "audience": {"entity": ENTITY, "stages": ["New", "Contacted", "Qualified", "Hot Lead"]},
            **SENDER,
        }
        campaign_id = CampaignId(self.marketer("POST", "/v1/campaigns", written)["campaign_id"])
        launched = (self.now - timedelta(days=days)).replace(minute=2, second=0, microsecond=0)
        self.campaigns.fix_key(campaign_id, 1)
        campaign = self.campaigns.find(campaign_id)
        assert campaign is not None
        self.campaigns.save_launched(campaign, LaunchedMail(LINKS, 2_400, ProofResult(len(LINKS), 1)))
        self.plans.begin(campaign_id, 1)
        self.plans.record_page(campaign_id, "0.0", 1, [*leads, *scanned], None)
        self.plans.record_unit_done(campaign_id, "0.0")
        ended = launched + timedelta(minutes=6)
        bring_to(self.campaigns, campaign_id, CampaignStatus.SENT, launched_at=launched, completed_at=ended)
        rows = [self._row(campaign_id, lead, launched, opens, clicks) for lead in leads]
        self._write(rows)
        self.scan(campaign_id, scanned, launched)
        return campaign_id

    def scan(self, campaign_id: CampaignId, leads: Sequence[LeadId], launched: datetime) -> None:
        """The deliveries of leads of a company whose scanner follows links."""
        self._write([self._scanned(campaign_id, lead, launched, number) for number, lead in enumerate(leads)])

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(rows), 25):
            puts = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
            self.client.batch_write_item(RequestItems={self.deliveries_table: puts})

    def _row(
        self, campaign_id: CampaignId, lead_id: LeadId, launched: datetime, opens: float, clicks: float
    ) -> dict[str, Any]:
        chance = self.random.random
        sent_at = launched + timedelta(seconds=self.random.uniform(5, 300))
        claimed = Delivery(
            campaign_id, lead_id, DeliveryStatus.SENT, sent_at, "0.0", email=f"{lead_id[-8:]}@mail.example"
        )
        if chance() < 0.028:
            reason = self.random.choice(["missing_address", "missing_address", "invalid_address", "rejected"])
            return encode(replace(claimed, status=DeliveryStatus.FAILED, reason=reason))
        row = encode(claimed) | to_item({"sent_at": sent_at, "subject": "What came in this week"})
        if chance() < 0.985:
            row |= to_item({"delivered_at": sent_at + timedelta(seconds=self.random.uniform(1, 20))})
        if chance() < 0.12:
            at = sent_at + timedelta(seconds=self.random.uniform(2, 90))
            return row | to_item({"opened_at": at, "opened_machine": "privacy_proxy"})
        at = sent_at + timedelta(minutes=self.random.lognormvariate(4.6, 1.5))
        if chance() >= opens or at > self.now:
            return row
        row |= to_item({"opened_at": at, "opened_person_at": at})
        clicked_at = at + timedelta(minutes=self.random.uniform(1, 20))
        if chance() < clicks and clicked_at < self.now:
            link = self.random.choices(["1", "2", "3"], [6, 3, 1])[0]
            row |= to_item({"clicks": {link: click_values(Click(clicked_at, None))}})
            if chance() < 0.04:
                row |= to_item({"unsubscribed_at": clicked_at})
        return row

    def _scanned(self, campaign_id: CampaignId, lead_id: LeadId, launched: datetime, number: int) -> dict[str, Any]:
        """Its mail's first link is followed within a minute; every fifth mail's links all at once, or by a tool."""
        sent_at = launched + timedelta(seconds=10)
        address = f"{lead_id[-8:]}@corp.example"
        claimed = Delivery(campaign_id, lead_id, DeliveryStatus.SENT, sent_at, "0.0", email=address)
        row = encode(claimed) | to_item({"sent_at": sent_at, "subject": "What came in this week"})
        at = sent_at + timedelta(seconds=self.random.uniform(20, 60))
        followed = ["1", "2", "3"] if number % 5 == 0 else ["1"]
        machine = "tool" if number % 5 == 1 else None
        clicks = {
            link: click_values(Click(at + timedelta(milliseconds=150 * index), None, machine))
            for index, link in enumerate(followed)
        }
        return row | to_item({"scans" if machine else "clicks": clicks})


def build(marketer: Marketer) -> str:
    """Three months of a small shop; the id of its newest campaign."""
    showcase = Showcase(marketer, datetime.now(UTC))
    leads = showcase.leads(640)
    for title, days, opens, clicks in (
        ("Winter viewings", 93, 0.26, 0.22),
        ("New year, new keys", 61, 0.30, 0.18),
        ("Open house in Alfama", 37, 0.24, 0.25),
        ("Garden homes", 16, 0.28, 0.2),
    ):
        showcase.past(title, leads[:420], days, opens=opens, clicks=clicks)
    return showcase.past("Spring pricing", leads[35:], 1.6, opens=0.36, clicks=0.34, scanned=leads[:35])
