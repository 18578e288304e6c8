"""How far the planning of a campaign is. An audience is planned in units: one per stage and shard."""

from dataclasses import dataclass

from chalicelib.model.ids import LeadId

PARTS_OF_A_UNIT = 2**16


@dataclass(frozen=True, slots=True)
class PlanUnit:
    """One (stage, shard) of an audience, as far as it is planned."""

    page: int
    """Number of the last page written down; 0 before the first."""
    after: LeadId | None
    """The last lead looked at, behind which the next page begins; None when that page was the last."""
    done: bool
    enqueued: int = 0
    """Number of the last page that was certainly enqueued; so are all before it."""
    finished: int = 0
    """Number of the last page up to which all deliveries were found ended. A retry may make one pending again."""


@dataclass(frozen=True, slots=True)
class PlanProgress:
    units: int
    units_done: int
    planned: int
    """Leads planned so far, a lead counted once per unit that brought it."""
    parts_seen: int = 0
    """How many parts of the range of ids were looked at, over all units. Each unit has `PARTS_OF_A_UNIT` parts."""

    @property
    def complete(self) -> bool:
        return self.units_done == self.units

    @property
    def share(self) -> float:
        """How much of the audience was looked at, from 0 to 1: ids are random, so their range is a fair measure."""
        return 1.0 if self.complete else min(self.parts_seen / (self.units * PARTS_OF_A_UNIT), 0.99)
