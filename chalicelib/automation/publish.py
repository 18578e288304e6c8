"""Publish: candidates, looked at again when their verdicts have settled, as events on the project's bus.

A click's verdict is settled when the burst window behind it has passed: until then the next clicks may make it a
scanner's (store/verdicts.py). A candidate that no longer holds is dropped: what it turned out to be has a candidate of
its own, from the change that turned it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.analytics.launched import load_launched
from chalicelib.automation.candidates import Candidate, Finish, read_candidate
from chalicelib.automation.events import SOURCE, Event, event_of, finished_event
from chalicelib.automation.happenings import Happening, HappeningKind, happenings
from chalicelib.settings import burst_rule, settings
from chalicelib.store.campaigns import Campaign, Campaigns
from chalicelib.store.client import dynamodb
from chalicelib.store.deliveries import Deliveries, Delivery
from chalicelib.store.ids import CampaignId
from chalicelib.telemetry import count, logger

LATE_SECONDS = 3
"""How long after a click the next one may be written: two attempts of a write, and clocks that differ."""
_CAMPAIGNS_KEPT = 100


class NotSettled(Exception):
    """A further click may still change the verdict; the candidate comes again when its visibility timeout ends."""


class Bus:
    """The project's event bus, for writing."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, events: Sequence[Event]) -> list[bool]:
        """Whether each of at most ten events was taken: ten a call are AWS's limit, with 256 KB together, which ten
        events with the longest destinations (events.py) do not reach."""
        entries = [
            {
                "EventBusName": self._name,
                "Source": SOURCE,
                "DetailType": event.detail_type,
                "Time": event.occurred_at,
                "Detail": json.dumps(event.detail, ensure_ascii=False),
            }
            for event in events
        ]
        try:
            answer = self._client.put_events(Entries=entries)
        except (BotoCoreError, ClientError):
            logger().exception("events_not_put")
            return [False] * len(events)
        for failed in (each for each in answer["Entries"] if "ErrorCode" in each):
            logger().error("event_refused", extra={"code": failed["ErrorCode"], "detail": failed.get("ErrorMessage")})
        return ["ErrorCode" not in each for each in answer["Entries"]]


class _Known(NamedTuple):
    """What events say of a launched campaign; it does not change any more."""

    campaign: Campaign
    urls: Mapping[str, str]


class Publisher:
    """Publishes candidates by what their deliveries say now."""

    def __init__(self, deliveries: Deliveries, campaigns: Campaigns, bus: Bus) -> None:
        self._deliveries = deliveries
        self._campaigns = campaigns
        self._bus = bus
        self._known: dict[CampaignId, _Known] = {}

    def publish(self, wanted: Sequence[Candidate | Finish], now: datetime) -> list[bool]:
        """Whether each candidate is done with: published, or dropped since it does not hold; at most ten.

        One that is not, comes again. Raises StoreUnavailable.
        """
        names = [(each.campaign_id, each.lead_id) for each in wanted if isinstance(each, Candidate)]
        found = self._deliveries.find_each(names)
        done = [True] * len(wanted)
        events: dict[int, Event] = {}
        for place, each in enumerate(wanted):
            if isinstance(each, Finish):
                events[place] = finished_event(self._campaign(each.campaign_id).campaign, each.finished_at)
                continue
            try:
                event = self._event(each, found.get((each.campaign_id, each.lead_id)), now)
            except NotSettled:
                done[place] = False
            else:
                if event is not None:
                    events[place] = event
        taken = self._bus.put(list(events.values())) if events else []
        for place, was_taken in zip(events, taken, strict=True):
            done[place] = was_taken
        published = sum(taken)
        dropped = sum(done) - published
        count("events_published", {"EventsPublished": published, "EventsDropped": dropped}, kind="event")
        return done

    def _event(self, candidate: Candidate, delivery: Delivery | None, now: datetime) -> Event | None:
        """The event of a candidate, None if it no longer holds. Raises NotSettled."""
        happening = Happening(candidate.kind, candidate.link, candidate.machine)
        occurrence = happenings(delivery).get(happening)
        if delivery is None or occurrence is None:
            return None
        if happening.kind is HappeningKind.CLICKED and not happening.machine:
            settles_at = occurrence.at + burst_rule().window + timedelta(seconds=LATE_SECONDS)
            if now < settles_at:
                raise NotSettled
        known = self._campaign(candidate.campaign_id)
        return event_of(delivery, happening, occurrence, known.campaign, known.urls)

    def _campaign(self, campaign_id: CampaignId) -> _Known:
        if campaign_id not in self._known:
            campaign = self._campaigns.find(campaign_id)
            if campaign is None:
                raise LookupError(f"{campaign_id} has deliveries, and is not there")
            if len(self._known) == _CAMPAIGNS_KEPT:
                self._known.clear()
            urls = {link.link: link.url for link in load_launched(self._campaigns, campaign_id).links}
            self._known[campaign_id] = _Known(campaign, urls)
        return self._known[campaign_id]


def publish_candidates(event: dict[str, Any]) -> dict[str, Any]:
    """Lambda's SQS event; what could not be published comes again, and ends in the dead letters after some times."""
    wanted: dict[str, Candidate | Finish] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            wanted[record["messageId"]] = read_candidate(record["body"])
        except (ValueError, KeyError, TypeError):
            logger().exception("candidate_unreadable", extra={"sqs_message": record["messageId"]})
            failed.append(record["messageId"])
    done = _publisher().publish(list(wanted.values()), datetime.now(UTC))
    failed += [message_id for message_id, is_done in zip(wanted, done, strict=True) if not is_done]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


@cache
def _publisher() -> Publisher:
    campaigns = Campaigns(dynamodb(), settings().campaigns_table)
    bus = Bus(boto3.client("events"), settings().event_bus)
    return Publisher(Deliveries(dynamodb(), settings().deliveries_table), campaigns, bus)
