"""Who must not be mailed: suppresses addresses and allows them again, and marks the leads who have them.

    hard bounce, complaint      the address, for every entity, whichever lead has it now or later
    put on the list             the same, by somebody who says why
    unsubscribing               the lead, and its address within the lead's entity

Marks outlive leads: who is deleted and imported again is not mailed again.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from chalicelib.model.addresses import address_key
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, Resubscription, SuppressedAddress
from chalicelib.store.leads import Leads
from chalicelib.store.resubscriptions import Resubscriptions
from chalicelib.threads import for_all


def suppress_address(leads: Leads, address: str, mark: Mark, *, lead_id: LeadId | None = None) -> bool:
    """Keep an address from all mail, and mark every lead who has it; may be repeated after a crash.

    `lead_id`: the lead whose mail it was about, marked even if the index does not show it yet. False when the address
    was allowed again after `mark.at`.
    """
    if not leads.suppressions.suppress(address, mark):
        return False
    _mark_owners(leads, address, mark, lead_id)
    return True


def suppress_many(leads: Leads, addresses: Iterable[str], mark: Mark) -> tuple[int, int]:
    """Put addresses on the suppression list; how many are new there, and how many were known. May be repeated."""
    wanted = {address_key(address): address for address in addresses}
    before = leads.suppressions.find_many(wanted)
    for_all(wanted.values(), lambda address: suppress_address(leads, address, mark))
    known = sum(mark.reason in each.reasons for each in before.values())
    return len(wanted) - known, known


def allow_address(leads: Leads, resubscriptions: Resubscriptions, address: str, allowed: Resubscription) -> bool:
    """Take an address off the suppression list, for every entity and lead; False when it is not on it.

    Each of its leads is resubscribed, with the reason on its timeline. May be repeated after a crash.
    """
    known = leads.suppressions.find_many([address]).get(address_key(address))
    if known is None or not known.reasons:
        return False
    for lead in _owners(leads, address, None):
        resubscribe(leads, resubscriptions, lead.lead_id, allowed)
    leads.suppressions.lift(known.address, known.unsubscribed, allowed)
    return True


def resubscribe(leads: Leads, resubscriptions: Resubscriptions, lead_id: LeadId, allowed: Resubscription) -> Lead:
    """Allow mail to a lead again after it unsubscribed, complained or bounced; the lead after the change.

    Who allowed it and why is recorded; for a lead that may be mailed, nothing is. Bounces and complaints belong to the
    address, so all leads who have it may be mailed again, unless they unsubscribed from another entity. May be repeated
    after a crash. Raises LeadNotFound.
    """
    lead = leads.get(lead_id)
    if not (lead.unsubscribed or lead.suppressed or list_marks(leads, lead_id)):
        return lead
    if lead.email is not None:
        leads.suppressions.lift(lead.email, [lead.entity], allowed)
        for owner in _owners(leads, lead.email, lead_id):
            if owner.lead_id != lead_id:
                leads.suppressions.unmark(owner)
    # The lead itself last, in one write with the record: until then a repetition finds it still marked.
    record = resubscriptions.recording(lead_id, replace(allowed, ended=lead.unsubscription))
    leads.suppressions.resubscribe_lead(lead_id, allowed.at, record)
    for since in leads.suppressions.find_many([lead.email] if lead.email else []).values():
        for mark in since.everywhere[:1]:  # it came meanwhile, and found the leads marked
            _mark_owners(leads, since.address, mark, lead_id)
    return leads.get(lead_id)


class LeadSuppressions(NamedTuple):
    marks: list[Mark]
    """Why a lead must not be mailed, oldest first; empty if it may be."""
    elsewhere: dict[str, Mark]
    """By entity, the unsubscriptions of its address from others, which do not keep its own from mailing it."""


def suppressions_of(leads: Leads, lead_id: LeadId) -> LeadSuppressions:
    """Raises LeadNotFound."""
    lead = leads.get(lead_id)
    marks = [lead.unsubscription] if lead.unsubscription else []
    elsewhere: dict[str, Mark] = {}
    if lead.email is not None:
        for address in leads.suppressions.find_many([lead.email]).values():
            marks += address.everywhere
            elsewhere = {entity: mark for entity, mark in address.unsubscribed.items() if entity != lead.entity}
    return LeadSuppressions(sorted(marks, key=lambda mark: mark.at), elsewhere)


def list_marks(leads: Leads, lead_id: LeadId) -> list[Mark]:
    """Why a lead must not be mailed, oldest first; empty if it may be. Raises LeadNotFound."""
    return suppressions_of(leads, lead_id).marks


def with_marks(leads: Leads, changes: Iterable[tuple[Lead | None, Lead]]) -> list[Lead]:
    """Leads as they will be written, marked as their address is if it is new to them.

    `changes`: each lead before (None: there was none) and after.
    """
    pairs = list(changes)
    new = [after for before, after in pairs if before is None or before.owned_address != after.owned_address]
    if not new:
        return [after for _, after in pairs]
    known = leads.suppressions.find_many(lead.email for lead in new if lead.email)
    marked = {lead.lead_id: _marked(lead, known.get(address_key(lead.email)) if lead.email else None) for lead in new}
    return [marked.get(after.lead_id, after) for _, after in pairs]


def _marked(lead: Lead, address: SuppressedAddress | None) -> Lead:
    if address is None:
        return replace(lead, suppressed=None)
    left = lead.unsubscription or address.unsubscribed.get(lead.entity)
    return replace(lead, suppressed=next(iter(address.everywhere), None), unsubscription=left)


def _mark_owners(leads: Leads, address: str, mark: Mark, also: LeadId | None) -> None:
    for lead in _owners(leads, address, also):
        leads.suppressions.mark(lead, mark)


def _owners(leads: Leads, address: str, also: LeadId | None) -> list[Lead]:
    """The leads who have the address, as they are now."""
    owners = {*leads.suppressions.list_owners(address), *([also] if also else [])}
    found = leads.find_many(owners, consistent=True)
    known_by = address_key(address)
    return [lead for lead in found.values() if lead.email is not None and address_key(lead.email) == known_by]
