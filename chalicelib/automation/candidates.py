"""Candidates: new milestones on the tables' streams, which may become events once their verdict has settled.

deliveries table's stream ─┬─ candidates ── CandidatesQueue (delay) ── publish ── event bus
campaigns table's stream  ─┘
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from chalicelib.automation.events import MilestoneKind, milestones
from chalicelib.model.delivery import BurstRule, Delivery
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.model.times import time_text
from chalicelib.sqs import Queue, groups
from chalicelib.store.stream_records import CampaignChange, Change, is_of_delivery
from chalicelib.telemetry import logger

CANDIDATES_PER_MESSAGE = 10
"""As many as one call to the bus takes."""
MARGIN_SECONDS = 13
"""Beyond the burst window: a click may be written a second late, and hits that were parked come some seconds later."""


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
        return cls(tuple(map(_read, json.loads(text)["candidates"])))


def _read(values: Mapping[str, Any]) -> Candidate | Finish:
    if "finished_at" in values:
        return Finish(**values)
    return Candidate(**{**values, "kind": MilestoneKind(values["kind"])})


def candidates(records: Sequence[Mapping[str, Any]], rule: BurstRule) -> Iterator[Candidate | Finish]:
    """The milestones that these stream records add; repeated records add the same again."""
    for record in records:
        if is_of_delivery(record):
            change = Change.from_record(record, rule)
            yield from candidates_between(change.old, change.new)
        else:
            yield from _of_campaign(CampaignChange.from_record(record))


def candidates_between(old: Delivery | None, new: Delivery | None) -> Iterator[Candidate]:
    """The milestones that a delivery has reached since it was `old`; all if that is None."""
    if new is not None:
        before = milestones(old)
        for each in milestones(new):
            if each not in before:
                yield Candidate(new.campaign_id, new.lead_id, each.kind, each.link, each.machine)


def _of_campaign(change: CampaignChange) -> Iterator[Finish]:
    before = None if change.old is None else change.old.completed_at
    if change.new is not None and change.new.completed_at not in (None, before):
        yield Finish(change.new.campaign_id, time_text(change.new.completed_at))


def enqueue_candidates(event: dict[str, Any], queue: Queue, rule: BurstRule) -> None:
    """Handles Lambda's stream event. Raises if the batch should be retried; enqueuing a candidate twice is harmless."""
    delay = rule.window.total_seconds() + MARGIN_SECONDS
    found = list(candidates(event["Records"], rule))
    messages = (CandidatesMessage(tuple(group)) for group in groups(found, CANDIDATES_PER_MESSAGE))
    queue.put_later((each, delay) for each in messages)
    if found:
        logger().info("candidates_enqueued", extra={"records": len(event["Records"]), "candidates": len(found)})
