"""The same change to many leads, a piece at a time.

Every lead is changed as if alone, on the version that was read, and only if it is still one of those meant. So a piece
may be repeated, and stopping between two pieces leaves nothing half done.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.crm.lead_input import InvalidLead, LeadInput, checked
from chalicelib.crm.leads import delete_lead, revise_lead
from chalicelib.model.errors import LeadNotFound
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import EVERY_LEAD, Lead, LeadFilter
from chalicelib.store.leads import Leads
from chalicelib.threads import for_all

LEADS_A_PIECE = 500
_LEADS_A_PAGE = 100
_PIECE_SECONDS = 10.0
"""A piece ends after the page with which this is over: two thirds of a request's time are left for throttled writes."""


class BulkAction(StrEnum):
    CHANGE_STAGE = "change_stage"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    UNSUBSCRIBE = "unsubscribe"
    DELETE = "delete"


class BulkChange(NamedTuple):
    action: BulkAction
    stage: str = ""
    tags: Sequence[str] = ()
    by: str | None = None
    """The name of the API token that unsubscribes."""

    def checked(self) -> "BulkChange":
        """With stage and tags in normal form. Raises InvalidLead."""
        if self.action is BulkAction.CHANGE_STAGE:
            return self._replace(stage=checked({"stage": self.stage})["stage"] or "")
        return self._replace(tags=checked({"tags": self.tags})["tags"] or ())


class Failure(NamedTuple):
    lead_id: LeadId
    reason: str


@dataclass(slots=True)
class BulkReport:
    changed: int = 0
    unchanged: int = 0
    """It was so already, or the lead does not match the filter by now."""
    failed: list[Failure] = field(default_factory=list)


class BulkEditor:
    """`clock` gives seconds. Raises StoreUnavailable when the database does not answer: repeat then."""

    def __init__(self, leads: Leads, clock: Callable[[], float] = time.time) -> None:
        self._leads = leads
        self._clock = clock

    def change_some(self, lead_ids: Iterable[LeadId], change: BulkChange, now: datetime) -> BulkReport:
        """Change these leads. Raises InvalidLead if the change itself is not valid."""
        report = BulkReport()
        self._change(list(dict.fromkeys(lead_ids)), change.checked(), EVERY_LEAD, now, report)
        return report

    def change_matching(
        self, wanted: LeadFilter, change: BulkChange, now: datetime, position: str | None = None
    ) -> tuple[BulkReport, str | None]:
        """Change a piece of the leads that match, and where the next piece starts (None: there is none).

        Positions are places in the index, so leads that this change takes out of it, or moves, make no gap. Raises
        InvalidLead, InvalidPosition.
        """
        change, report = change.checked(), BulkReport()
        ends_at = self._clock() + _PIECE_SECONDS
        handled = 0
        while True:
            page, position = self._leads.list_page(wanted, limit=_LEADS_A_PAGE, cursor=position)
            # A lead that this change has moved to its new stage may come again there: it is not counted twice.
            wanted_now = [lead.lead_id for lead in page if lead.stage != change.stage]
            self._change(wanted_now, change, wanted, now, report)
            handled += len(page)
            if position is None or handled >= LEADS_A_PIECE or self._clock() >= ends_at:
                return report, position

    def _change(
        self, lead_ids: Sequence[LeadId], change: BulkChange, wanted: LeadFilter, now: datetime, report: BulkReport
    ) -> None:
        def outcome(lead_id: LeadId) -> bool | str:
            try:
                return self._change_one(lead_id, change, wanted, now)
            except InvalidLead as invalid:
                return str(invalid)
            except LeadNotFound:
                # So it is after a deletion whose answer was lost.
                return change.action is not BulkAction.DELETE and "There is no such lead any more."

        for lead_id, result in zip(lead_ids, for_all(lead_ids, outcome), strict=True):
            if isinstance(result, str):
                report.failed.append(Failure(lead_id, result))
            else:
                report.changed += result
                report.unchanged += not result

    def _change_one(self, lead_id: LeadId, change: BulkChange, wanted: LeadFilter, now: datetime) -> bool:
        if change.action is BulkAction.DELETE:
            return delete_lead(self._leads, lead_id, wanted)
        if change.action is BulkAction.UNSUBSCRIBE:
            is_wanted = wanted.matches(self._leads.get(lead_id))
            return is_wanted and self._leads.unsubscribe(lead_id, at=now, source="api", by=change.by)
        before, after = revise_lead(self._leads, lead_id, lambda lead: _input(lead, change, wanted), now)
        return after is not before


def _input(lead: Lead, change: BulkChange, wanted: LeadFilter) -> LeadInput:
    if not wanted.matches(lead):
        return {}
    if change.action is BulkAction.CHANGE_STAGE:
        return {"stage": change.stage}
    if change.action is BulkAction.REMOVE_TAG:
        return {"tags": [tag for tag in lead.tags if tag not in change.tags]}
    return checked({"tags": [*lead.tags, *change.tags]})
