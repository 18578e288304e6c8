"""Leads: what their fields may be, and how they are created, changed and deleted."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, cast

from chalicelib.backoff import attempts
from chalicelib.crm.suppression import with_marks
from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Conflict, Fault, InvalidFields, StoreUnavailable
from chalicelib.model.ids import LeadId, new_lead_id
from chalicelib.model.lead import EVERY_LEAD, FieldValue, Lead, LeadChange, LeadFilter
from chalicelib.store.leads import Leads

LONGEST_NAME = 64
"""Characters of an entity, a stage, a tag or a custom field's name."""
LONGEST_TEXT = 200
MAX_TAGS = 50

# Lone surrogates too: JSON can write them, UTF-8 cannot.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_FIELDS = 50
MAX_FIELDS_BYTES = 16_384
_ATTEMPTS = 20
"""How often a change is repeated when others change the lead at once: four seconds on average, eight at most."""

LEAD_NAMES = ("external_id", "entity", "stage", "email", "first_name", "last_name", "tags")
EXPORTED_STATUS = "mailing_status"
"""A column of exports that imports ignore: an import unsubscribes or resubscribes nobody."""
RESERVED_NAMES = frozenset(
    {*LEAD_NAMES, EXPORTED_STATUS, "fields", "lead_id", "unsubscribed", "tracking_opt_out", "created_at", "updated_at"}
)
"""Names that no custom field may have."""

_LAYOUT = {ord(character): None for character in "\t\r\n"}


class LeadInput(TypedDict, total=False):
    """Fields of a lead as a caller gives them. Absent: unchanged. None: cleared."""

    external_id: str | None
    entity: str | None
    stage: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    tags: Sequence[str] | None
    fields: Mapping[str, FieldValue | None] | None
    """Merged into the lead's custom fields; None as a value removes one, None as a whole removes all."""
    tracking_opt_out: bool | None


class InvalidLead(InvalidFields, problem="invalid-lead", title="The lead is not valid"):
    """The input for a lead is invalid; `faults` has every fault, by field."""


def checked(given: LeadInput) -> LeadInput:
    """The input in normal form: trimmed, Unicode NFC, empty texts as None. Raises InvalidLead with every fault."""
    errors: list[Fault] = []
    normal: dict[str, Any] = {}
    for name in ("entity", "stage"):
        if name in given:
            normal[name] = text = normalized(given[name])
            errors += [Fault(name, why) for why in group_faults(text)]
    for name in ("external_id", "first_name", "last_name"):
        if name in given:
            text = normalized(given[name])  # type: ignore[literal-required]
            normal[name] = text or None
            errors += [Fault(name, why) for why in line_faults(text, LONGEST_TEXT)]
    if "email" in given:
        email = given["email"]
        normal["email"] = checked_address("email", email, errors) if email and email.strip() else None
    if "tags" in given:
        normal["tags"] = tags = normalized_set(given["tags"] or ())
        errors += [Fault("tags", why) for why in tag_faults(tags)]
    if "fields" in given:
        normal["fields"] = _fields(given["fields"], errors)
    if "tracking_opt_out" in given:
        normal["tracking_opt_out"] = bool(given["tracking_opt_out"])
    if errors:
        raise InvalidLead(errors)
    return cast(LeadInput, normal)


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


def normalized(text: str | None) -> str:
    """Trimmed and in Unicode's NFC: the same word is the same text, however it was typed."""
    return unicodedata.normalize("NFC", text or "").strip()


def normalized_set(texts: Iterable[str]) -> tuple[str, ...]:
    """In normal form, each once, in their order."""
    return tuple(dict.fromkeys(map(normalized, texts)))


def line_faults(text: str, longest: int) -> list[str]:
    """What is wrong with one line of text in normal form."""
    faults = ["must be one line without control characters"] if CONTROLS.search(text) else []
    return faults + ([f"must not be longer than {longest} characters"] if len(text) > longest else [])


def group_faults(name: str) -> list[str]:
    """What is wrong with the name of an entity or a stage, in normal form."""
    if not name:
        return ["must not be empty"]
    return line_faults(name, LONGEST_NAME) + (["must not contain #"] if "#" in name else [])


def tag_faults(tags: Sequence[str]) -> list[str]:
    """What is wrong with a set of tags in normal form."""
    are_sound = all(tag and len(tag) <= LONGEST_NAME and ";" not in tag and not CONTROLS.search(tag) for tag in tags)
    faults = [] if are_sound else ["must be 1 to 64 characters each, without ; and control characters"]
    return faults + ([f"must not be more than {MAX_TAGS}"] if len(tags) > MAX_TAGS else [])


def checked_address(field: str, value: str, faults: list[Fault]) -> str | None:
    """An address in normal form; None if it is not valid, and then what is wrong is added to `faults`."""
    if not value.strip():
        faults.append(Fault(field, "must not be empty"))
        return None
    try:
        return parse_address(value)
    except MalformedAddress as error:
        faults.append(Fault(field, str(error)))
        return None


def _fields(value: Mapping[str, FieldValue | None] | None, errors: list[Fault]) -> dict[str, Any] | None:
    if value is None:
        return None
    fields: dict[str, FieldValue | None] = {}
    for name, content in value.items():
        name = normalized(name)
        where = f"fields.{name[:LONGEST_NAME]}"
        if not name or line_faults(name, LONGEST_NAME):
            errors.append(Fault("fields", "must have names of 1 to 64 characters without control characters"))
        elif name.lower() in RESERVED_NAMES:
            errors.append(Fault(where, "is the lead's own, not a custom field"))
        elif name in fields:
            errors.append(Fault(where, "is there twice"))
        elif isinstance(content, str):
            if CONTROLS.search(content.translate(_LAYOUT)):
                errors.append(Fault(where, "must not contain control characters"))
            content = normalized(content) or None
        fields[name] = content
    return fields


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
