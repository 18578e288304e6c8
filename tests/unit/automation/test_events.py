"""The form of events: docs/events/ is the contract, and no event tells an address."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.automation.events import (
    CAMPAIGN_FINISHED,
    DETAIL_TYPES,
    LONGEST_URL,
    Event,
    Milestone,
    MilestoneKind,
    Occurrence,
    event_of,
    finished_event,
    milestones,
)
from chalicelib.model.campaign import Audience, Campaign, CampaignStatus
from chalicelib.model.delivery import Delivery, DeliveryStatus
from tests.unit.analytics.any_delivery import CAMPAIGN, LEAD, NOON, deliveries

SCHEMAS = Path(__file__).parents[3] / "docs" / "events"
URLS = {"1": "https://acme.example/pricing", "3m": "https://acme.example/?who={{ lead.email }}"}
PRICING = Campaign(
    campaign_id=CAMPAIGN,
    title="Pricing, autumn",
    subject="s",
    from_email="me@acme.example",
    from_name=None,
    reply_to=None,
    audience=Audience("acme", ("New",)),
    status=CampaignStatus.SENT,
    version=1,
    created_at=NOON,
    updated_at=NOON,
)


def schema_of(detail_type: str) -> Draft202012Validator:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{detail_type}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


VALIDATORS = {each: schema_of(each) for each in [*DETAIL_TYPES.values(), CAMPAIGN_FINISHED]}


def events_of(delivery: Delivery) -> list[Event]:
    return [event_of(delivery, *each, PRICING, URLS) for each in milestones(delivery).items()]


def click_to(url: str | None, email: str | None = "ann@example.com") -> dict[str, Any]:
    delivery = Delivery(CAMPAIGN, LEAD, DeliveryStatus.SENT, NOON, "0.0", email=email)
    link = "1" if url is None else "3m"
    clicked = Milestone(MilestoneKind.CLICKED, link)
    return dict(event_of(delivery, clicked, Occurrence(NOON, url=url), PRICING, URLS).detail)


def test_every_type_is_described_and_nothing_else() -> None:
    described = {each.stem for each in SCHEMAS.glob("*.json")}
    assert described == set(VALIDATORS)
    readme = (SCHEMAS / "README.md").read_text()
    assert all(f"[`{each}`]({each}.json)" in readme for each in described)


def test_the_documented_example_is_valid() -> None:
    example = (SCHEMAS / "README.md").read_text().split("```json\n")[1].split("```")[0]
    VALIDATORS["CampaignLinkClicked"].validate(json.loads(example))


@given(deliveries)
def test_every_event_has_the_documented_form(delivery: Delivery) -> None:
    for event in events_of(delivery):
        VALIDATORS[event.detail_type].validate(json.loads(json.dumps(event.detail)))


@given(deliveries)
def test_every_milestone_has_an_id_of_its_own_which_stays(delivery: Delivery) -> None:
    ids = [event.detail["event_id"] for event in events_of(delivery)]
    assert len(set(ids)) == len(ids)
    assert ids == [event.detail["event_id"] for event in events_of(delivery)]


def test_a_campaign_finishes_anew_when_it_was_sent_again() -> None:
    first, again, second = (finished_event(PRICING, f"2026-11-26T0{hour}:00:00.000Z") for hour in (8, 8, 9))
    VALIDATORS[CAMPAIGN_FINISHED].validate(first.detail)
    assert first.occurred_at == datetime(2026, 11, 26, 8, tzinfo=UTC)
    assert first == again
    assert first.detail["event_id"] != second.detail["event_id"]


def test_a_link_without_merge_tags_goes_where_its_author_wrote() -> None:
    assert click_to(None)["url"] == "https://acme.example/pricing"


def test_a_link_of_ones_own_goes_where_it_went() -> None:
    assert click_to("https://acme.example/?who=17")["url"] == "https://acme.example/?who=17"


@pytest.mark.parametrize("shown", [str, quote, str.upper, lambda address: quote(quote(address))])
def test_no_event_tells_the_recipients_address(shown: Any) -> None:
    told = click_to(f"https://acme.example/?who={shown('ann@example.com')}")
    assert told["url"] == "https://acme.example/?who={{ lead.email }}"


@given(st.text(alphabet="ab%4@.c", min_size=1, max_size=12))
def test_whatever_the_address_it_is_in_no_event(email: str) -> None:
    told = click_to(f"https://acme.example/?who={quote(email, safe='')}", email)
    assert told["url"] == "https://acme.example/?who={{ lead.email }}"


def test_a_destination_that_nobody_can_have_asked_for_is_cut() -> None:
    assert len(click_to("https://acme.example/" + "a" * 50_000)["url"]) == LONGEST_URL
