"""What a lead may say and how it is made, changed and removed.

LeadError
├── InvalidLead    what was said about the lead breaks a rule; names every field and reason
└── (IdentityTaken, LeadNotFound come from the store)
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, cast

from chalicelib.backoff import attempts
from chalicelib.crm.suppression import as_known
from chalicelib.crm.words import (
    CONTROLS,
    LONGEST_NAME,
    LONGEST_TEXT,
    group_faults,
    line_faults,
    normalized,
    normalized_set,
    tag_faults,
)
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.ids import LeadId, new_lead_id
from chalicelib.model.lead import FieldValue, Lead
from chalicelib.store.client import Conflict, StoreUnavailable
from chalicelib.store.leads import Leads

MAX_FIELDS = 50
MAX_FIELDS_BYTES = 16_384
_ATTEMPTS = 20
"""How often a change is decided anew on what others have written meanwhile: four seconds on average, eight at most."""

LEAD_NAMES = ("external_id", "entity", "stage", "email", "first_name", "last_name", "tags")
RESERVED_NAMES = frozenset(
    {*LEAD_NAMES, "fields", "lead_id", "unsubscribed", "tracking_opt_out", "created_at", "updated_at"}
)
"""No custom field may be called so: it would be taken for the lead's own."""

_LAYOUT = {ord(character): None for character in "\t\r\n"}


class Said(TypedDict, total=False):
    """What a caller says about a lead. Absent: nothing said. None: to be cleared."""

    external_id: str | None
    entity: str | None
    stage: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    tags: Sequence[str] | None
    fields: Mapping[str, FieldValue | None] | None
    """Merged into the lead's custom fields; a None removes one. None instead of a mapping removes them all."""
    tracking_opt_out: bool | None


class FieldError(NamedTuple):
    field: str
    reason: str


class LeadError(Exception):
    """Root of what this package raises."""


class InvalidLead(LeadError):
    """What was said about a lead breaks rules: all of them, by field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field} {error.reason}" for error in errors))
        self.errors = tuple(errors)


def checked(said: Said) -> Said:
    """The same in normal form: trimmed, Unicode NFC, empty texts as None. Raises InvalidLead with every fault."""
    errors: list[FieldError] = []
    normal: dict[str, Any] = {}
    for name in ("entity", "stage"):
        if name in said:
            normal[name] = text = normalized(said[name])
            errors += [FieldError(name, why) for why in group_faults(text)]
    for name in ("external_id", "first_name", "last_name"):
        if name in said:
            text = normalized(said[name])  # type: ignore[literal-required]
            normal[name] = text or None
            errors += [FieldError(name, why) for why in line_faults(text, LONGEST_TEXT)]
    if "email" in said:
        normal["email"] = _address(said["email"], errors)
    if "tags" in said:
        normal["tags"] = tags = normalized_set(said["tags"] or ())
        errors += [FieldError("tags", why) for why in tag_faults(tags)]
    if "fields" in said:
        normal["fields"] = _fields(said["fields"], errors)
    if "tracking_opt_out" in said:
        normal["tracking_opt_out"] = bool(said["tracking_opt_out"])
    if errors:
        raise InvalidLead(errors)
    return cast(Said, normal)


def new_lead(said: Said, now: datetime, content: str | None = None) -> Lead:
    """A lead that was not there before, from checked words. Raises InvalidLead when entity or stage is missing."""
    entity, stage = said.get("entity"), said.get("stage")
    if not entity or not stage:
        missing = [name for name, value in (("entity", entity), ("stage", stage)) if not value]
        raise InvalidLead([FieldError(name, "is needed for a new lead") for name in missing])
    blank = Lead(new_lead_id(), entity, stage, created_at=now, updated_at=now, content=content)
    return changed(blank, said, now)


def changed(lead: Lead, said: Said, now: datetime) -> Lead:
    """The lead after these checked words; the very same object when they change nothing. Raises InvalidLead."""
    news: dict[str, Any] = dict(said)
    if "tags" in said:
        news["tags"] = tuple(said["tags"] or ())
    if "fields" in said:
        news["fields"] = _merged(lead.fields, said["fields"])
    same_fields = "fields" not in news or _typed(lead.fields) == _typed(news["fields"])
    if same_fields and all(getattr(lead, name) == value for name, value in news.items() if name != "fields"):
        return lead
    return replace(lead, **news, updated_at=now)


def create_lead(leads: Leads, said: Said, now: datetime) -> Lead:
    """Raises InvalidLead, or IdentityTaken naming the lead that has the address or external id already."""
    (lead,) = as_known(leads, [(None, new_lead(checked(said), now))])
    leads.create(lead)
    return lead


def update_lead(leads: Leads, lead_id: LeadId, said: Said, now: datetime) -> Lead:
    """Apply a change to the lead as it is now, whoever else changes it.

    Two changes at once both hold: the later one is decided anew on what the earlier one wrote. Raises InvalidLead,
    IdentityTaken, LeadNotFound.
    """
    words = checked(said)
    for _ in attempts(_ATTEMPTS):
        before = leads.get(lead_id)
        after = changed(before, words, now)
        if after is before:
            return before
        try:
            (after,) = as_known(leads, [(before, after)])
            return leads.update(before, after)
        except Conflict as conflict:
            if type(conflict) is not Conflict:
                raise
    raise StoreUnavailable("the lead kept changing")


def delete_lead(leads: Leads, lead_id: LeadId) -> None:
    """Remove a lead. Raises LeadNotFound. Its deliveries stay: what was sent was sent."""
    for _ in attempts(_ATTEMPTS):
        try:
            return leads.delete(leads.get(lead_id))
        except Conflict:
            continue
    raise StoreUnavailable("the lead kept changing")


def _address(value: str | None, errors: list[FieldError]) -> str | None:
    if value is None or not value.strip():
        return None
    try:
        return parse_address(value)
    except MalformedAddress as error:
        errors.append(FieldError("email", str(error)))
        return None


def _fields(value: Mapping[str, FieldValue | None] | None, errors: list[FieldError]) -> dict[str, Any] | None:
    if value is None:
        return None
    fields: dict[str, FieldValue | None] = {}
    for name, content in value.items():
        name = normalized(name)
        where = f"fields.{name[:LONGEST_NAME]}"
        if not name or line_faults(name, LONGEST_NAME):
            errors.append(FieldError("fields", "must have names of 1 to 64 characters without control characters"))
        elif name.lower() in RESERVED_NAMES:
            errors.append(FieldError(where, "is the lead's own, not a custom field"))
        elif name in fields:
            errors.append(FieldError(where, "is there twice"))
        elif isinstance(content, str):
            if CONTROLS.search(content.translate(_LAYOUT)):
                errors.append(FieldError(where, "must not contain control characters"))
            content = normalized(content) or None
        fields[name] = content
    return fields


def _merged(fields: Mapping[str, FieldValue], news: Mapping[str, FieldValue | None] | None) -> Mapping[str, FieldValue]:
    if news is None:
        return {}
    merged = {name: value for name, value in {**fields, **news}.items() if value is not None}
    if len(merged) > MAX_FIELDS:
        raise InvalidLead([FieldError("fields", f"must not be more than {MAX_FIELDS}")])
    if sum(len(f"{name}{value}".encode()) for name, value in merged.items()) > MAX_FIELDS_BYTES:
        raise InvalidLead([FieldError("fields", f"must not be more than {MAX_FIELDS_BYTES} bytes together")])
    return merged


def _typed(fields: Mapping[str, FieldValue]) -> dict[str, tuple[type, FieldValue]]:
    # In Python 1 == True == 1.0; in a mail they read differently.
    return {name: (type(value), value) for name, value in fields.items()}
