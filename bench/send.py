"""What sending one mail costs the worker, everything included, beside one bare boto3 `send_email` of the same size.

A hundred leads in ten queue messages, as SQS hands them over, against a local engine and the inbox: rounds of the
worker and of bare calls in turn, so that what else the machine does meets both. It is processor time of this process.
"""

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.campaigns.account import SendingAccount
from chalicelib.campaigns.drafts import Drafts, Written
from chalicelib.crm.audience import Audiences
from chalicelib.crm.leads import create_lead
from chalicelib.model.campaign import Audience
from chalicelib.model.delivery import BurstRule
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.lifecycle import SEND
from chalicelib.model.messages import LEADS_PER_MESSAGE, LaunchMessage, SendMessage
from chalicelib.sending.budget import OwnServer
from chalicelib.sending.launch import Launch
from chalicelib.sqs import groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.leads import Leads
from chalicelib.store.plans import Plans, Retries
from chalicelib.tracking.key_ring import KeyRingSource
from local import ports
from local.stack import Options, start_inbox
from local.tables import TableNames

from .hit import KEY, engine
from .rows import Row, beside

MAILS = 100
ROUNDS = 8
QUICK_MAILS = 10
QUICK_ROUNDS = 1
PARAGRAPH = '<p>Some words about a thing to buy. <a href="https://shop.example/p?id={}&amp;c=2">See it</a></p>\n'


class Nowhere:
    """Takes what launching enqueues."""

    def put(self, messages: object) -> None:
        pass


class Lambda:
    """Time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def measure(quick: bool) -> list[Row]:
    mails, rounds = (QUICK_MAILS, QUICK_ROUNDS) if quick else (MAILS, ROUNDS)
    port, *inbox_ports = ports.free_ports(3)
    with (
        inbox(port, *inbox_ports) as inbox_url,
        engine(port, "dynamodb,secretsmanager,sqs", ROUTES="none", AWS_ENDPOINT_URL_SESV2=inbox_url) as made,
    ):
        dynamodb, tables = made
        import boto3

        import app

        campaign_id, leads = launched(dynamodb, tables, (rounds + 1) * mails)
        ses = boto3.client("sesv2")
        message = b""
        bare: list[float] = []
        ours: list[float] = []
        for number in range(rounds + 1):
            event = sqs_event(campaign_id, leads[number * mails : (number + 1) * mails])
            started = time.thread_time()
            answer = app.send(event, Lambda())
            spent = time.thread_time() - started
            assert answer == {"batchItemFailures": []}, answer
            message = message or a_message(inbox_url)
            started = time.thread_time()
            for _ in range(mails):
                ses.send_email(
                    FromEmailAddress="news@shop.example",
                    Destination={"ToAddresses": ["bare@mail.example"]},
                    Content={"Raw": {"Data": message}},
                    EmailTags=[{"Name": "delivery_id", "Value": "A" * 48}],
                )
            if number:  # the first round loads and connects
                ours.append(spent / mails * 1e6)
                bare.append((time.thread_time() - started) / mails * 1e6)
        return [
            beside("send: one mail, everything included", ours, "boto3 send_email", bare, "us", 2.5),
            Row("send: size of the mail", len(message), "bytes"),
        ]


def launched(dynamodb: Any, tables: TableNames, count: int) -> tuple[CampaignId, list[LeadId]]:
    """A campaign ready to send, and its leads."""
    now = datetime.now(UTC)
    leads, campaigns = Leads(dynamodb, tables.leads), Campaigns(dynamodb, tables.campaigns)
    made = [
        create_lead(
            leads,
            {"entity": "acme", "stage": "New", "email": f"lead{number}@mail.example", "first_name": f"Lead {number}"},
            now,
        ).lead_id
        for number in range(count)
    ]
    html = "".join(PARAGRAPH.format(number) for number in range(60))
    written = Written(
        title="Offers",
        subject="Offers for {{ lead.first_name }}",
        from_email="news@shop.example",
        audience=Audience("acme", ("New",)),
        html=f'<p>Hello {{{{ lead.first_name | default("there") }}}}</p>{html}',
    )
    draft = Drafts(campaigns, Nowhere()).create(written, now)  # type: ignore[arg-type]
    campaign_id = draft.campaign.campaign_id
    campaigns.move(campaign_id, SEND, as_read=draft.campaign)
    keys = KeyRingSource(lambda: f'{{"current": 1, "1": "{KEY}"}}')
    launch = Launch(
        campaigns,
        Audiences(leads, Deliveries(dynamodb, tables.deliveries, BurstRule())),
        SendingAccount(),
        Plans(dynamodb, tables.campaigns),
        Retries(dynamodb, tables.campaigns),
        Nowhere(),  # type: ignore[arg-type]
        keys,
        "https://t.mail.example",
        OwnServer(),
        Nowhere(),  # type: ignore[arg-type]
    )
    launch.handle(LaunchMessage(campaign_id), now)
    return campaign_id, made


def sqs_event(campaign_id: CampaignId, leads: list[LeadId]) -> dict[str, Any]:
    """As SQS hands it to the function."""
    messages = [SendMessage(campaign_id, "0.0", tuple(group)) for group in groups(leads, LEADS_PER_MESSAGE)]
    return {
        "Records": [
            {"messageId": str(number), "body": json.dumps(asdict(message)), "eventSource": "aws:sqs"}
            for number, message in enumerate(messages)
        ]
    }


def a_message(inbox_url: str) -> bytes:
    """One of the mails that the worker sent."""
    with urllib.request.urlopen(f"{inbox_url}/messages") as response:
        name = json.load(response)[0]["id"]
    with urllib.request.urlopen(f"{inbox_url}/messages/{name}.eml") as response:
        content: bytes = response.read()
        return content


@contextmanager
def inbox(port: int, inbox_port: int, smtp_port: int) -> Iterator[str]:
    """An inbox whose rate is lifted, beside an engine on this port; its address."""
    inbox_url = f"http://127.0.0.1:{inbox_port}"
    with tempfile.TemporaryDirectory() as folder:
        running = start_inbox(Options(Path(folder), port=port, inbox_port=inbox_port, smtp_port=smtp_port), inbox_url)
        try:
            lifted = urllib.request.Request(
                f"{inbox_url}/account", b'{"max_send_rate": 100000}', {"Content-Type": "application/json"}, method="PUT"
            )
            urllib.request.urlopen(lifted).close()
            yield inbox_url
        finally:
            running.stop()
