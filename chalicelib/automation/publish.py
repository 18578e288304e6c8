"""Publishes milestones as events on the project's bus, once their verdicts have settled.

deliveries table's stream ─┬─ candidates ── CandidatesQueue (delay) ── publish ── event bus
campaigns table's stream  ─┘

A candidate is a new milestone on the stream. A click's verdict is settled when the burst window after it has passed:
until then further clicks may make it a scanner's (model/verdicts.py). A candidate that no longer holds is dropped: the
change that made it a machine's click has a candidate of its own.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.automation.events import (
    SOURCE,
    Event,
    Milestone,
    MilestoneKind,
    Occurrence,
    event_of,
    finished_event,
    milestones,
)
from chalicelib.model.campaign import Campaign
from chalicelib.model.delivery import BurstRule, Delivery
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.times import time_text
from chalicelib.sqs import Queue, groups
from chalicelib.store.campaigns import Campaigns
from chalicelib.store.deliveries import Deliveries
from chalicelib.store.stream_records import Change, campaign_before_and_after, is_of_delivery
from chalicelib.telemetry import count, logger

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MARGIN_SECONDS = 13
"""Beyond the burst window: a click may be written a second late, and hits that were parked come some seconds later."""
ENTRIES_PER_CALL = 10
"""PutEvents takes at most ten, so as many candidates share a message."""
LATE_SECONDS = 3
"""How long after a click the next one may be written: two attempts of a write, and clocks that differ."""
_CAMPAIGNS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A milestone of one delivery, to be checked again before it is published."""

    campaign_id: CampaignId
    lead_id: LeadId
    kind: MilestoneKind
    link: str | None
    machine: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """A campaign that has been sent to the end."""

    campaign_id: CampaignId
    finished_at: str
    """ISO 8601. A campaign whose failed deliveries are retried finishes once more."""


@dataclass(frozen=True, slots=True)
class CandidatesMessage:
    """Several candidates: SQS is paid by the message."""

    candidates: tuple[Candidate | Finish, ...]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, KeyError or TypeError if the text is no such message."""
        read = (
            Finish(**each) if "finished_at" in each else Candidate(**each | {"kind": MilestoneKind(each["kind"])})
            for each in json.loads(text)["candidates"]
        )
        return cls(tuple(read))


def candidates(records: Sequence[Mapping[str, Any]], rule: BurstRule) -> Iterator[Candidate | Finish]:
    """The milestones that these stream records add; repeated records add the same again."""
    for record in records:
        if is_of_delivery(record):
            change = Change.from_record(record, rule)
            yield from candidates_between(change.old, change.new)
        else:
            before, after = campaign_before_and_after(record)
            if after is not None and after.completed_at not in (None, before and before.completed_at):
                yield Finish(after.campaign_id, time_text(after.completed_at))


def candidates_between(old: Delivery | None, new: Delivery | None) -> Iterator[Candidate]:
    """The milestones that a delivery has reached since it was `old`; all if that is None."""
    if new is not None:
        before = milestones(old)
        for each in milestones(new):
            if each not in before:
                yield Candidate(new.campaign_id, new.lead_id, each.kind, each.link, each.machine)


def enqueue_candidates(event: dict[str, Any], queue: Queue, rule: BurstRule) -> None:
    """Handles Lambda's stream event. Raises if the batch should be retried; enqueuing a candidate twice is harmless."""
    delay = rule.window.total_seconds() + MARGIN_SECONDS
    found = list(candidates(event["Records"], rule))
    messages = (CandidatesMessage(tuple(group)) for group in groups(found, ENTRIES_PER_CALL))
    queue.put_later((each, delay) for each in messages)
    if found:
        logger().info("candidates_enqueued", extra={"records": len(event["Records"]), "candidates": len(found)})


class Bus:
    """The project's event bus, for writing."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, events: Sequence[Event]) -> list[bool]:
        """Whether each of at most ten events was taken.

        AWS's limits: ten a call, and 256 KB together, which ten events with the longest destinations (events.py) do not
        reach (docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
        """
        entries: list[PutEventsRequestEntryTypeDef] = [
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
            logger().warning("events_not_put", exc_info=True)
            return [False] * len(events)
        for failed in (each for each in answer["Entries"] if "ErrorCode" in each):
            logger().error("event_refused", extra={"code": failed["ErrorCode"], "detail": failed.get("ErrorMessage")})
        return ["ErrorCode" not in each for each in answer["Entries"]]


class Publisher:
    """Publishes candidates that still hold for their deliveries."""

    def __init__(self, deliveries: Deliveries, campaigns: Campaigns, bus: Bus) -> None:
        self._deliveries = deliveries
        self._campaigns = campaigns
        self._bus = bus
        self._campaign = lru_cache(maxsize=_CAMPAIGNS_KEPT)(self._find_campaign)

    def publish(self, wanted: Sequence[Candidate | Finish], now: datetime) -> list[bool]:
        """Whether each candidate is done: published, or dropped because it no longer holds. Raises StoreUnavailable."""
        names = [(each.campaign_id, each.lead_id) for each in wanted if isinstance(each, Candidate)]
        deliveries = self._deliveries.find_each(names)
        done = [True] * len(wanted)
        events: dict[int, Event] = {}
        for place, each in enumerate(wanted):
            known = self._campaign(each.campaign_id)
            if known is None:
                continue
            campaign, urls = known
            if isinstance(each, Finish):
                events[place] = finished_event(campaign, each.finished_at)
                continue
            delivery = deliveries.get((each.campaign_id, each.lead_id))
            milestone = Milestone(each.kind, each.link, each.machine)
            occurrence = milestones(delivery).get(milestone)
            if delivery is None or occurrence is None:
                continue
            if _may_change(milestone, occurrence, delivery.rule, now):
                done[place] = False
            else:
                events[place] = event_of(delivery, milestone, occurrence, campaign, urls)
        taken = [was_taken for group in groups(events.values(), ENTRIES_PER_CALL) for was_taken in self._bus.put(group)]
        for place, was_taken in zip(events, taken, strict=True):
            done[place] = was_taken
        published = sum(taken)
        dropped = sum(done) - published
        count("events_published", {"EventsPublished": published, "EventsDropped": dropped}, kind="event")
        return done

    def _find_campaign(self, campaign_id: CampaignId) -> tuple[Campaign, Mapping[str, str]] | None:
        """A launched campaign and its links as written, by link id: what events say of it does not change any more."""
        campaign = self._campaigns.find(campaign_id)
        if campaign is None:
            return None
        return campaign, {link.link: link.url for link in self._campaigns.find_launched(campaign).links}


def _may_change(milestone: Milestone, occurrence: Occurrence, rule: BurstRule, now: datetime) -> bool:
    """Whether a further click may still turn this person's click into a machine's."""
    if milestone.kind is not MilestoneKind.CLICKED or milestone.machine:
        return False
    return now < occurrence.at + rule.window + timedelta(seconds=LATE_SECONDS)


def publish_candidates(event: dict[str, Any], publisher: Publisher) -> dict[str, Any]:
    """Handles Lambda's SQS event. A message is retried as a whole if any of its candidates could not be published."""
    wanted: list[tuple[str, Candidate | Finish]] = []
    failed: set[str] = set()
    for record in event["Records"]:
        message_id = record["messageId"]
        try:
            wanted += [(message_id, each) for each in CandidatesMessage.from_json(record["body"]).candidates]
        except (ValueError, KeyError, TypeError):
            logger().exception("candidates_unreadable", extra={"sqs_message": message_id})
            failed.add(message_id)
    done = publisher.publish([each for _, each in wanted], datetime.now(UTC))
    failed |= {message_id for (message_id, _), is_done in zip(wanted, done, strict=True) if not is_done}
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}
