"""Importing leads: thousands of lines decided in memory, only what changes written, safe against other imports.

    read who owns the file's identities -> decide line by line -> write what changed, in transactions
          ^                                                               |
          +---- lines of a transaction whose conditions did not hold -----+

What a line says is applied to the lead that it is about: an empty cell clears the field (an empty external id says
nothing), an absent column leaves it alone; unsubscription is never touched, and a new lead whose address has left or is
suppressed is so from the start. A later line about the same lead wins.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from chalicelib.crm.identity import Roster, identities_of
from chalicelib.crm.import_files import ImportFile, Line, LineError
from chalicelib.crm.leads import InvalidLead, changed, new_lead
from chalicelib.crm.suppression import as_known
from chalicelib.model.errors import StoreUnavailable
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead, LeadChange
from chalicelib.store.leads import Leads

_ROUNDS = 10


@dataclass(slots=True)
class ImportReport:
    """What became of the lines: each is counted once, or has at least one error."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[LineError] = field(default_factory=list)
    custom_fields: list[str] = field(default_factory=list)
    """Columns of the file that are not a lead's own."""


class _Step(NamedTuple):
    line: Line
    changes: bool


@dataclass(slots=True)
class _Plan:
    """The lines by the lead they are about, and that lead before and after all of them."""

    steps: dict[LeadId, list[_Step]]
    before: dict[LeadId, Lead]
    after: dict[LeadId, Lead]
    errors: list[LineError]

    def changes(self) -> list[LeadChange]:
        """Leads that end otherwise than they began."""
        ends = ((self.before.get(lead_id), after) for lead_id, after in self.after.items())
        return [LeadChange(before, after) for before, after in ends if before is None or not _same(before, after)]


def import_leads(leads: Leads, file: ImportFile, now: datetime) -> ImportReport:
    """Import the good lines of a file; the same file again changes nothing.

    Raises StoreUnavailable when the engine does not answer, or other imports keep changing the same leads: part of the
    file may be in by then, and sending it again completes it.
    """
    report = ImportReport(errors=list(file.errors), custom_fields=file.custom_fields)
    waiting: Sequence[Line] = file.lines
    for _ in range(_ROUNDS):
        plan = _decide(leads, waiting, now)
        changes = plan.changes()
        refused = leads.write_many(changes)
        _count(plan, {change.after.lead_id for change in changes}, refused, report)
        if not refused:
            report.errors.sort(key=lambda error: error.line)
            return report
        waiting = sorted(
            (step.line for lead_id in refused for step in plan.steps[lead_id]), key=lambda line: line.number
        )
    raise StoreUnavailable("the leads of the file kept changing")


def _decide(leads: Leads, lines: Sequence[Line], now: datetime) -> _Plan:
    owners = leads.find_owners(identity for line in lines for identity in identities_of(line.said, line.content))
    before = leads.find_many(owners.values(), consistent=True)
    roster = Roster(before, owners)
    plan = _Plan(defaultdict(list), before, {}, [])
    for line in lines:
        try:
            known = roster.whose(line.said, line.content)
            if known is None:
                lead = new_lead(line.said, now, line.content)
            elif line.content is not None:
                # Recognised by all that it says: there is nothing in it that the lead was not told before.
                lead = known
            else:
                lead = changed(known, line.said, now)
        except InvalidLead as invalid:
            plan.errors += [LineError(line.number, each.field, each.reason) for each in invalid.faults]
            continue
        roster.put(lead)
        plan.after[lead.lead_id] = lead
        plan.steps[lead.lead_id].append(_Step(line, changes=known is not lead))
    told = as_known(leads, [(before.get(lead_id), lead) for lead_id, lead in plan.after.items()])
    plan.after = {lead.lead_id: lead for lead in told}
    return plan


def _count(plan: _Plan, changing: set[LeadId], refused: set[LeadId], report: ImportReport) -> None:
    report.errors += plan.errors
    for lead_id, steps in plan.steps.items():
        if lead_id in refused:
            continue
        telling = sum(step.changes for step in steps) if lead_id in changing else 0
        created = int(lead_id not in plan.before)
        report.created += created
        report.updated += telling - created
        report.unchanged += len(steps) - telling


def _same(before: Lead, after: Lead) -> bool:
    return after is before or replace(after, updated_at=before.updated_at) == before
