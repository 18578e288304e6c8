"""Who must not be mailed: addresses are suppressed and allowed again, and leads told what is known of their address.

    hard bounce, complaint      the address, for every entity, whichever lead has it now or later
    unsubscribing               the lead, and its address within the lead's entity

What is known of an address outlives its leads: who is deleted and imported again is not mailed again.
"""

from collections.abc import Iterable
from dataclasses import replace

from chalicelib.model.addresses import address_key
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import Lead
from chalicelib.model.suppression import Mark, Resubscription, SuppressedAddress, SuppressionReason
from chalicelib.store.leads import Leads
from chalicelib.store.resubscriptions import Resubscriptions


def suppress_address(leads: Leads, address: str, mark: Mark, *, lead_id: LeadId) -> bool:
    """Keep an address from all mail, and mark every lead who has it; may be repeated after a crash.

    `lead_id`: the lead whose mail it was about, looked at also when the index does not show it yet. False when the
    address was allowed again after `mark.at`.
    """
    if not leads.suppressions.suppress(address, mark):
        return False
    for lead in _owners(leads, address, lead_id):
        leads.suppressions.mark(lead, mark)
    return True


def resubscribe(leads: Leads, resubscriptions: Resubscriptions, lead_id: LeadId, allowed: Resubscription) -> Lead:
    """Allow mail to a lead again, whatever kept it away: its leaving, a complaint or a dead address. The lead after.

    Who allowed it and why is kept; nothing is done, and kept, for one that may be mailed. A bounce or complaint was the
    address's, so all leads who have it may be mailed again; those who left another entity's mail stay away from that.
    May be repeated after a crash. Raises LeadNotFound.
    """
    lead = leads.get(lead_id)
    if not (lead.unsubscribed or lead.suppressed or list_marks(leads, lead_id)):
        return lead
    if lead.email is not None:
        leads.suppressions.lift(lead.entity, lead.email, allowed)
        for owner in _owners(leads, lead.email, lead_id):
            if owner.lead_id != lead_id:
                leads.suppressions.unmark(owner)
    # The lead itself last, in one write with the record: until then a repetition finds that there is something to do.
    leads.suppressions.resubscribe_lead(lead_id, allowed.at, resubscriptions.recording(lead_id, allowed))
    return leads.get(lead_id)


def list_marks(leads: Leads, lead_id: LeadId) -> list[Mark]:
    """What keeps a lead from being mailed, oldest first; nothing for one that may be. Raises LeadNotFound."""
    lead = leads.get(lead_id)
    marks: list[Mark] = []
    if lead.unsubscribed_at is not None:
        source = lead.unsubscribe_source or "api"
        marks = [Mark(SuppressionReason.UNSUBSCRIBED, lead.unsubscribed_at, source, lead.unsubscribe_campaign)]
    if lead.email is not None:
        for address in leads.suppressions.find_many([lead.email]).values():
            marks += address.everywhere
    return sorted(marks, key=lambda mark: mark.at)


def as_known(leads: Leads, changes: Iterable[tuple[Lead | None, Lead]]) -> list[Lead]:
    """Leads as they will be written, with what is known of the address of those to whom it is new.

    `changes`: each lead before (None: there was none) and after.
    """
    pairs = list(changes)
    new = [after for before, after in pairs if before is None or before.owned_address != after.owned_address]
    if not new:
        return [after for _, after in pairs]
    known = leads.suppressions.find_many(lead.email for lead in new if lead.email)
    told = {lead.lead_id: _told(lead, known.get(address_key(lead.email)) if lead.email else None) for lead in new}
    return [told.get(after.lead_id, after) for _, after in pairs]


def _told(lead: Lead, address: SuppressedAddress | None) -> Lead:
    if address is None:
        return replace(lead, suppressed=None)
    lead = replace(lead, suppressed=next(iter(address.everywhere), None))
    left = address.unsubscribed.get(lead.entity)
    if left is None or lead.unsubscribed:
        return lead
    return replace(lead, unsubscribed_at=left.at, unsubscribe_source=left.source, unsubscribe_campaign=left.campaign_id)


def _owners(leads: Leads, address: str, also: LeadId) -> list[Lead]:
    """The leads who have the address, as they are now."""
    found = leads.find_many({*leads.suppressions.list_owners(address), also}, consistent=True)
    known_by = address_key(address)
    return [lead for lead in found.values() if lead.email is not None and address_key(lead.email) == known_by]
