"""Random sequences of moves on a real engine, each against what the table in model/lifecycle.py says of it."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.model import lifecycle
from chalicelib.model.campaign import Audience, Body, Campaign, CampaignStatus, Schedule, Wait
from chalicelib.model.ids import CampaignId, new_campaign_id
from chalicelib.model.lifecycle import GOING, MOVES, Holds, Move
from chalicelib.store.campaigns import Campaigns
from local.tables import TableNames

pytestmark = pytest.mark.usefixtures("few_shards")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def draft() -> Campaign:
    return Campaign(
        campaign_id=new_campaign_id(),
        title="Prices",
        subject="Prices",
        from_email="news@shop.example",
        audience=Audience("acme", ("New",)),
        status=CampaignStatus.DRAFT,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )


class Walk:
    """One campaign: as it is on the engine, as it was read at some time before, and as the table says it must be."""

    def __init__(self, campaigns: Campaigns, seed: int) -> None:
        self.chance = random.Random(seed)
        self.campaigns = campaigns
        self.expected = draft()
        self.harms: set[str] = set()
        campaigns.create(self.expected, Body(None, "Hello"))
        self.read = self.expected

    @property
    def campaign_id(self) -> CampaignId:
        return self.expected.campaign_id

    def holds(self, move: Move, kind: str) -> bool:
        now, read = self.expected, self.read
        answers = {
            Holds.SAME_STATUS: now.status is read.status,
            Holds.SAME_VERSION: now.version == read.version,
            Holds.SAME_SCHEDULE: now.schedule is not None and now.schedule == read.schedule,
            Holds.SAME_RETRY: now.retry == read.retry,
            Holds.FIRST_OF_ITS_KIND: kind not in self.harms,
        }
        return now.status in move.before and all(answers[each] for each in move.holds)

    def sets(self, move: Move) -> dict[str, Any]:
        match move:
            case lifecycle.SCHEDULE:
                schedule = Schedule(self.chance.randbytes(6).hex(), NOW, "2026-11-23T12:00", "UTC")
                return {"schedule": schedule, "proof_waived": self.chance.random() < 0.5}
            case lifecycle.UNSCHEDULE:
                return {"schedule": None, "proof_waived": False}
            case lifecycle.SEND:
                return {"launched_at": NOW, "proof_waived": self.chance.random() < 0.5}
            case lifecycle.FIRE:
                return {"launched_at": NOW}
            case lifecycle.FINISH:
                return {"completed_at": NOW}
            case lifecycle.RETRY:
                return {"retry": self.read.retry + 1, "completed_at": None}
            case _:
                return {}

    def step(self, moves: Sequence[Move]) -> bool:
        """Try one of these moves, preferably an allowed one; whether it was made."""
        if self.expected.status is CampaignStatus.DRAFT and self.chance.random() < 0.5:
            self.expected = self.campaigns.update_draft(self.expected, Body(None, "Hello again"), at=NOW)
            self.harms = set()  # it is another mail now
        if self.chance.random() < 0.6:
            self.read = self.expected
        allowed = [each for each in moves if self.expected.status in each.before]
        move = self.chance.choice(allowed if allowed and self.chance.random() < 0.7 else moves)
        if Holds.SAME_SCHEDULE in move.holds and self.read.schedule is None:
            return False  # nobody makes this move without a schedule
        to, reason = self.chance.choice(move.after), self.chance.choice([None, "Because."])
        kind, sets = self.chance.choice(["bounced", "complained"]), self.sets(move)
        may = self.holds(move, kind)
        made = self.campaigns.move(self.campaign_id, move, to=to, as_read=self.read, reason=reason, kind=kind, **sets)
        assert made == may, move.event
        if made:
            waiting = self.expected.waiting if to in GOING else None
            self.expected = replace(self.expected, status=to, status_reason=reason, waiting=waiting, **sets)
            self.harms |= {kind} if Holds.FIRST_OF_ITS_KIND in move.holds else set()
        if self.expected.status in GOING:
            wait = Wait(NOW, None)
            self.campaigns.record_waiting(self.campaign_id, wait)
            self.expected = replace(self.expected, waiting=wait)
        assert self.campaigns.find(self.campaign_id) == self.expected
        return made


@pytest.mark.parametrize("seed", range(5))
def test_moves_are_made_where_the_table_allows_them_and_nowhere_else(
    dynamodb: Any, tables: TableNames, seed: int
) -> None:
    walk = Walk(Campaigns(dynamodb, tables.campaigns), seed)
    going_on = [move for move in MOVES if move is not lifecycle.CANCEL]
    made = sum(walk.step(going_on) for _ in range(35)) + sum(walk.step(MOVES) for _ in range(10))
    assert 10 <= made <= 40, "both answers have to occur"
