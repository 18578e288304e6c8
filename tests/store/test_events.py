"""Candidates and publishing on a real engine: what the bus gets, whenever and however often candidates come."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.automation.events import MilestoneKind
from chalicelib.automation.publish import Bus, Candidate, CandidatesMessage, Finish, Publisher, candidates
from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus, LaunchedLink, LaunchedMail
from chalicelib.model.delivery import BurstRule, Click, Delivery, DeliveryStatus
from chalicelib.model.ids import CampaignId, LeadId, new_campaign_id, new_lead_id
from chalicelib.store import keys
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from local.tables import TableNames
from tests.claiming import record_claim
from tests.moves import bring_to
from tests.stand_in import StandIn

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


class RecordingBus(StandIn):
    """What EventBridge is asked to take; refuses or breaks when told to."""

    def __init__(self) -> None:
        self.details: list[dict[str, Any]] = []
        self.refuses: set[str] = set()
        """Links whose events are refused."""
        self.is_down = False

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Entries) <= 10
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://events.example")
        answers = []
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            if detail.get("link") in self.refuses:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
            else:
                self.details.append({"type": entry["DetailType"], **detail})
                answers.append({"EventId": "1"})
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}


class Sent:
    """A campaign with three links, sent to one lead, and everything between its hits and the bus."""

    def __init__(self, client: Any, tables: TableNames) -> None:
        self._client, self._tables = client, tables
        self.deliveries = Deliveries(client, tables.deliveries, BurstRule())
        self.campaigns = Campaigns(client, tables.campaigns)
        self.bus = RecordingBus()
        self.publisher = Publisher(self.deliveries, self.campaigns, Bus(self.bus, "bus"))
        self.campaign = campaign(new_campaign_id())
        self.campaigns.create(self.campaign, Body("<p>", None))
        links = tuple(LaunchedLink(link, f"https://acme.example/{link}", "", 1, 1) for link in ("1", "2", "3"))
        self.campaigns.save_launched(self.campaign, LaunchedMail(links))
        self.lead_id = new_lead_id()
        self.ids = (self.campaign.campaign_id, self.lead_id)
        record_claim(self.deliveries, Delivery(*self.ids, DeliveryStatus.SENDING, NOW, "0.0", email="ann@example.com"))

    def row(self) -> dict[str, Any]:
        key = keys.delivery(*self.ids)
        row: dict[str, Any] = self._client.get_item(TableName=self._tables.deliveries, Key=key, ConsistentRead=True)[
            "Item"
        ]
        return row

    def click(self, link: str, seconds: float = 0, machine: str | None = None) -> list[Candidate | Finish]:
        """The candidates that the change makes."""
        before = self.row()
        at = NOW + timedelta(seconds=seconds)
        self.deliveries.record_click(*self.ids, link, Click(at, None, machine))
        images: dict[str, Any] = {"Keys": keys.delivery(*self.ids), "OldImage": before, "NewImage": self.row()}
        images |= {"SequenceNumber": "1", "ApproximateCreationDateTime": NOW.timestamp()}
        return list(candidates([{"dynamodb": images}], BurstRule()))

    def published(self) -> list[tuple[str, str, bool]]:
        return [(each["type"], each["link"], each["machine"]) for each in self.bus.details]


def campaign(campaign_id: CampaignId) -> Campaign:
    return Campaign(
        campaign_id=campaign_id,
        title="Pricing",
        subject="s",
        from_email="me@acme.example",
        from_name=None,
        reply_to=None,
        audience=Audience("acme", ("New",)),
        status=CampaignStatus.SENDING,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.fixture
def sent(dynamodb: Any, tables: TableNames) -> Sent:
    return Sent(dynamodb, tables)


def clicked(ids: tuple[CampaignId, LeadId], link: str, machine: bool = False) -> Candidate:
    return Candidate(*ids, MilestoneKind.CLICKED, link, machine)


def test_a_first_click_is_a_candidate_and_a_second_one_is_none(sent: Sent) -> None:
    assert sent.click("1") == [clicked(sent.ids, "1")]
    assert sent.click("1", seconds=60) == []
    assert sent.click("2", seconds=120) == [clicked(sent.ids, "2")]


def test_candidates_survive_the_queue(sent: Sent) -> None:
    finish = Finish(sent.ids[0], "2026-11-26T09:00:00.000Z")
    message = CandidatesMessage((*sent.click("1"), finish))
    assert CandidatesMessage.from_json(json.dumps(asdict(message))) == message


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"candidates": [{"campaign_id": "c", "lead_id": "l", "kind": "x"}]}']
)
def test_what_are_no_candidates_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        CandidatesMessage.from_json(text)


def test_a_persons_click_is_published_with_what_its_campaign_says(sent: Sent) -> None:
    assert sent.publisher.publish(sent.click("2"), LATER) == [True]
    (detail,) = sent.bus.details
    assert detail.pop("event_id").startswith("evt_")
    assert detail == {
        "type": "CampaignLinkClicked",
        "version": 1,
        "occurred_at": "2026-11-26T09:00:00.000Z",
        "campaign_id": sent.campaign.campaign_id,
        "campaign_title": "Pricing",
        "entity": "acme",
        "lead_id": sent.lead_id,
        "machine": False,
        "link": "2",
        "url": "https://acme.example/2",
    }


def test_a_scanners_sweep_publishes_no_persons_click(sent: Sent) -> None:
    found = [each for number, link in enumerate("123") for each in sent.click(link, seconds=number * 0.2)]
    assert found[:2] == [clicked(sent.ids, "1"), clicked(sent.ids, "2")]
    assert sent.publisher.publish(found, LATER) == [True] * len(found)
    assert sorted(sent.published()) == [("CampaignLinkClicked", link, True) for link in "123"]


def test_the_person_behind_a_scanner_is_published_too(sent: Sent) -> None:
    swept = [each for number, link in enumerate("123") for each in sent.click(link, seconds=number * 0.2)]
    sent.publisher.publish(swept, LATER)
    sent.publisher.publish(sent.click("2", seconds=600), NOW + timedelta(hours=1))
    assert [each for each in sent.published() if not each[2]] == [("CampaignLinkClicked", "2", False)]


def test_what_may_still_turn_out_a_scanners_comes_again(sent: Sent) -> None:
    found = sent.click("1")
    assert sent.publisher.publish(found, NOW + timedelta(seconds=4)) == [False]
    assert sent.bus.details == []
    assert sent.publisher.publish(found, NOW + timedelta(seconds=6)) == [True]
    assert len(sent.bus.details) == 1


def test_a_candidate_that_comes_again_has_the_same_event_id(sent: Sent) -> None:
    found = sent.click("1")
    for _ in range(2):
        sent.publisher.publish(found, LATER)
    first, second = sent.bus.details
    assert first == second


def test_what_the_bus_refuses_comes_again_alone(sent: Sent) -> None:
    found = [*sent.click("1"), *sent.click("2", seconds=600)]
    sent.bus.refuses = {"2"}
    assert sent.publisher.publish(found, NOW + timedelta(hours=1)) == [True, False]
    sent.bus.refuses = set()
    assert sent.publisher.publish(found[1:], NOW + timedelta(hours=1)) == [True]
    assert [link for _, link, _ in sent.published()] == ["1", "2"]


def test_nothing_is_done_with_while_the_bus_is_away(sent: Sent) -> None:
    sent.bus.is_down = True
    assert sent.publisher.publish(sent.click("1"), LATER) == [False]


def test_a_delivery_that_is_gone_has_no_events(sent: Sent) -> None:
    gone = Candidate(new_campaign_id(), new_lead_id(), MilestoneKind.OPENED, None, False)
    assert sent.publisher.publish([gone], LATER) == [True]
    assert sent.bus.details == []


def test_a_campaign_finishes_once_each_time_it_is_sent(sent: Sent, dynamodb: Any, tables: TableNames) -> None:
    key = {"TableName": tables.campaigns, "Key": keys.campaign(sent.campaign.campaign_id), "ConsistentRead": True}
    sending = dynamodb.get_item(**key)["Item"]
    bring_to(sent.campaigns, sent.campaign.campaign_id, CampaignStatus.SENT, completed_at=NOW)
    done = dynamodb.get_item(**key)["Item"]

    def change(old: dict[str, Any], new: dict[str, Any]) -> list[Candidate | Finish]:
        return list(candidates([{"dynamodb": {"Keys": key["Key"], "OldImage": old, "NewImage": new}}], BurstRule()))

    finished = Finish(sent.campaign.campaign_id, "2026-11-26T09:00:00.000Z")
    assert change(sending, done) == [finished]
    assert change(done, done) == []
    sent.publisher.publish([finished, replace(finished, finished_at="2026-11-26T10:00:00.000Z")], LATER)
    first, second = sent.bus.details
    assert first["type"] == "CampaignFinished"
    assert first["event_id"] != second["event_id"]
