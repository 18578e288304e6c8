"""Leads: how they are created, changed and deleted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.backoff import attempts
from chalicelib.crm.lead_input import MAX_FIELDS, MAX_FIELDS_BYTES, InvalidLead, LeadInput, checked
from chalicelib.crm.suppression import with_marks
from chalicelib.model.errors import Conflict, Fault, StoreUnavailable
from chalicelib.model.ids import LeadId, new_lead_id
from chalicelib.model.lead import EVERY_LEAD, FieldValue, Lead, LeadChange, LeadFilter
from chalicelib.store.leads import Leads

_ATTEMPTS = 20
"""How often a change is repeated when others change the lead at once: four seconds on average, eight at most."""


def new_lead(given: LeadInput, now: datetime, content: str | None = None) -> Lead:
    """A new lead, from checked input. Raises InvalidLead when entity or stage is missing."""
    entity, stage = given.get("entity"), given.get("stage")
    if not entity or not stage:
        missing = [name for name, value in (("entity", entity), ("stage", stage)) if not value]
        raise InvalidLead([Fault(name, "is required for a new lead") for name in missing])
    blank = Lead(new_lead_id(), entity, stage, created_at=now, updated_at=now, content=content)
    return changed(blank, given, now)


def changed(lead: Lead, given: LeadInput, now: datetime) -> Lead:
    """The lead after this checked input; the same object if nothing changes. Raises InvalidLead."""
    news: dict[str, Any] = dict(given)
    if "tags" in given:
        news["tags"] = tuple(given["tags"] or ())
    if "fields" in given:
        news["fields"] = _merged(lead.fields, given["fields"])
    same_fields = "fields" not in news or _typed(lead.fields) == _typed(news["fields"])
    if same_fields and all(getattr(lead, name) == value for name, value in news.items() if name != "fields"):
        return lead
    return replace(lead, **news, updated_at=now)


def create_lead(leads: Leads, given: LeadInput, now: datetime) -> Lead:
    """Raises InvalidLead, or IdentityTaken naming the lead that has the address or external id already."""
    (lead,) = with_marks(leads, [(None, new_lead(checked(given), now))])
    leads.create(lead)
    return lead


def update_lead(leads: Leads, lead_id: LeadId, given: LeadInput, now: datetime) -> Lead:
    """Change a lead; of two concurrent changes, the later one is applied to what the earlier one wrote.

    Raises InvalidLead, IdentityTaken, LeadNotFound.
    """
    normal = checked(given)
    return revise_lead(leads, lead_id, lambda lead: normal, now).after


def revise_lead(leads: Leads, lead_id: LeadId, decide: Callable[[Lead], LeadInput], now: datetime) -> LeadChange:
    """Change a lead by the checked input that `decide` makes of it as it is now.

    The lead before and after; the same object if nothing changed. Raises as `update_lead` does.
    """
    tried: LeadChange | None = None
    for _ in attempts(_ATTEMPTS):
        before = leads.get(lead_id)
        if tried is not None and before == tried.after:
            return tried  # the refused write was our own, repeated after a lost answer
        after = changed(before, decide(before), now)
        if after is before:
            return LeadChange(before, before)
        try:
            (after,) = with_marks(leads, [(before, after)])
            tried = LeadChange(before, replace(after, version=before.version + 1))
            return LeadChange(before, leads.update(before, after))
        except Conflict as conflict:
            if type(conflict) is not Conflict:
                raise
    raise StoreUnavailable("the lead kept changing")


def delete_lead(leads: Leads, lead_id: LeadId, wanted: LeadFilter = EVERY_LEAD) -> bool:
    """Remove a lead, but not its deliveries; False if it is not one of the wanted by now. Raises LeadNotFound."""
    for _ in attempts(_ATTEMPTS):
        lead = leads.get(lead_id)
        if not wanted.matches(lead):
            return False
        try:
            leads.delete(lead)
        except Conflict:
            continue
        return True
    raise StoreUnavailable("the lead kept changing")


def merge_fields(lead: Lead | None) -> dict[str, object]:
    """The lead's attributes by the names that merge tags use: `{{ lead.… }}`. Without a lead: none."""
    if lead is None:
        return {}
    names = ("lead_id", "external_id", "entity", "stage", "email", "first_name", "last_name")
    return {name: getattr(lead, name) for name in names} | {"tags": list(lead.tags), "fields": dict(lead.fields)}


def _merged(fields: Mapping[str, FieldValue], news: Mapping[str, FieldValue | None] | None) -> Mapping[str, FieldValue]:
    if news is None:
        return {}
    merged = {name: value for name, value in {**fields, **news}.items() if value is not None}
    if len(merged) > MAX_FIELDS:
        raise InvalidLead([Fault("fields", f"must not be more than {MAX_FIELDS}")])
    if sum(len(f"{name}{value}".encode()) for name, value in merged.items()) > MAX_FIELDS_BYTES:
        raise InvalidLead([Fault("fields", f"must not be more than {MAX_FIELDS_BYTES} bytes together")])
    return merged


def _typed(fields: Mapping[str, FieldValue]) -> dict[str, tuple[type, FieldValue]]:
    # In Python 1 == True == 1.0; in a mail they read differently.
    return {name: (type(value), value) for name, value in fields.items()}
