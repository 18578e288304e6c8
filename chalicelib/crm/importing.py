"""Imports leads: thousands of lines are decided in memory and only changes written, safe against other imports.

    read who owns the file's identities -> decide line by line -> write what changed, in transactions
          ^                                                               |
          +---- lines of a transaction whose conditions did not hold -----+

Each line is applied to the lead that it is about: an empty cell clears the field (an empty external id is ignored), an
absent column leaves it alone; unsubscription is never touched, and a new lead whose address has unsubscribed or is
suppressed is so from the start. Of several lines about a lead, the last wins.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from chalicelib.backoff import attempts
from chalicelib.crm.import_files import ImportFile, Line, LineError
from chalicelib.crm.lead_input import InvalidLead, LeadInput, checked
from chalicelib.crm.leads import changed, new_lead
from chalicelib.crm.suppression import with_marks
from chalicelib.model.errors import Fault, StoreUnavailable
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Identity, Lead, LeadChange, identities_of
from chalicelib.store.leads import Leads

_ROUNDS = 10


class RejectedLine(NamedTuple):
    line: int
    values: list[str]
    """Its cells, so that it can be corrected; none if they could not be told, or were too long for an answer."""


class NewGroup(NamedTuple):
    entity: str
    stage: str


@dataclass(slots=True)
class ImportReport:
    """The outcome: each lead is counted once; each line is one of a lead, or has at least one error."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    """Lines about leads that an earlier line of the file is about."""
    without_email: int = 0
    """Leads of the file that have no address then."""
    new_groups: list[NewGroup] = field(default_factory=list)
    """Where the created leads are, each once."""
    errors: list[LineError] = field(default_factory=list)
    custom_fields: list[str] = field(default_factory=list)
    """Columns of the file that are not a lead's own."""
    rejected: list[RejectedLine] = field(default_factory=list)
    """The lines that have errors."""


@dataclass(slots=True)
class _Plan:
    """What is to be written, and the lines that it is made of."""

    lines: dict[LeadId, list[Line]] = field(default_factory=lambda: defaultdict(list))
    """By the lead that they are about."""
    changes: dict[LeadId, LeadChange] = field(default_factory=dict)
    """What all of a lead's lines together change."""
    without_email: set[LeadId] = field(default_factory=set)
    errors: list[LineError] = field(default_factory=list)


def import_leads(leads: Leads, file: ImportFile, now: datetime, *, dry_run: bool = False) -> ImportReport:
    """Import the good lines of a file; the same file again changes nothing. `dry_run`: report that, and write nothing.

    Raises StoreUnavailable when the database does not answer, or other imports keep changing the same leads: part of
    the file may be written then, and sending it again completes it.
    """
    report = ImportReport(errors=list(file.errors), custom_fields=file.custom_fields)
    waiting: Sequence[Line] = file.lines
    for _ in attempts(_ROUNDS):
        plan = _decide(leads, waiting, file.defaults, now)
        refused = set() if dry_run else leads.write_many(list(plan.changes.values()))
        _count(plan, refused, report)
        if not refused:
            report.errors.sort(key=lambda error: error.line)
            report.new_groups = sorted(set(report.new_groups))
            numbers = dict.fromkeys(error.line for error in report.errors)
            report.rejected = [RejectedLine(number, file.cells.get(number, [])) for number in numbers]
            return report
        waiting = sorted((line for each in refused for line in plan.lines[each]), key=lambda line: line.number)
    raise StoreUnavailable("the leads of the file kept changing")


def _decide(leads: Leads, lines: Sequence[Line], defaults: LeadInput, now: datetime) -> _Plan:
    owners = leads.find_owners(identity for line in lines for identity in _identities(line.given, line.content))
    before = leads.find_many(owners.values(), consistent=True)
    known_leads = KnownLeads(before, owners)
    plan = _Plan()
    after: dict[LeadId, Lead] = {}
    for line in lines:
        try:
            known = known_leads.match(line.given, line.content)
            given = _completed(line.given, known, defaults)
            if known is None:
                lead = new_lead(given, now, line.content)
            elif line.content is not None:
                lead = known  # recognised by its whole content: there is nothing to change
            else:
                lead = changed(known, given, now)
        except InvalidLead as invalid:
            plan.errors += [LineError(line.number, why.field, why.reason) for why in invalid.faults]
            continue
        known_leads.put(lead)
        after[lead.lead_id] = lead
        plan.lines[lead.lead_id].append(line)
    plan.without_email = {lead_id for lead_id, lead in after.items() if lead.email is None}
    for lead in with_marks(leads, [(before.get(lead_id), lead) for lead_id, lead in after.items()]):
        was = before.get(lead.lead_id)
        if was is None or replace(lead, updated_at=was.updated_at) != was:
            plan.changes[lead.lead_id] = LeadChange(was, lead)
    return plan


def _completed(given: LeadInput, known: Lead | None, defaults: LeadInput) -> LeadInput:
    """With the defaults for what the line does not say. Raises InvalidLead if these are too many tags for the lead."""
    completed = given.copy()
    if known is None and "stage" in defaults:
        completed.setdefault("stage", defaults["stage"])
    if "tags" not in given and (tags := defaults.get("tags")):
        completed |= checked({"tags": [*(known.tags if known else ()), *tags]})
    return completed


def _count(plan: _Plan, refused: set[LeadId], report: ImportReport) -> None:
    report.errors += plan.errors
    for lead_id in plan.lines.keys() - refused:
        change = plan.changes.get(lead_id)
        if change is None:
            report.unchanged += 1
        elif change.before is None:
            report.created += 1
            report.new_groups.append(NewGroup(change.after.entity, change.after.stage))
        else:
            report.updated += 1
        report.repeated += len(plan.lines[lead_id]) - 1
        report.without_email += lead_id in plan.without_email


def _identities(given: LeadInput, content: str | None) -> list[Identity]:
    return identities_of(str(given["entity"]), given.get("external_id"), given.get("email"), content)


class KnownLeads:
    """Leads by identity, as they will be after the lines so far."""

    def __init__(self, leads: Mapping[LeadId, Lead], owners: Mapping[Identity, LeadId]) -> None:
        self._leads = dict(leads)
        # An owner whose lead is gone was removed between the two reads.
        self._owners = {identity: owner for identity, owner in owners.items() if owner in leads}

    def match(self, given: LeadInput, content: str | None) -> Lead | None:
        """The lead that this input is about; None for a new one.

        The external id decides; an address that then belongs to another lead raises InvalidLead. An address alone
        identifies a lead, but raises InvalidLead if input and lead have different external ids.
        """
        owners = [self._owners[known] for known in _identities(given, content) if known in self._owners]
        if not owners:
            return None
        lead = self._leads[owners[0]]
        if any(other != lead.lead_id for other in owners):
            raise InvalidLead([Fault("email", "belongs to another lead of this entity")])
        external_id = given.get("external_id")
        if external_id and lead.external_id and external_id != lead.external_id:
            raise InvalidLead([Fault("email", "belongs to a lead with another external id")])
        return lead

    def put(self, lead: Lead) -> None:
        """Add a lead, or replace it by its next state."""
        before = self._leads.get(lead.lead_id)
        for identity in before.identities - lead.identities if before else ():
            self._owners.pop(identity, None)  # may be absent: only addresses in the file were looked up
        self._owners.update(dict.fromkeys(lead.identities, lead.lead_id))
        self._leads[lead.lead_id] = lead
