"""What a lead's fields may be, and their normal form."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

from chalicelib.model.addresses import MalformedAddress, parse_address
from chalicelib.model.errors import Fault, InvalidFields
from chalicelib.model.lead import FieldValue

LONGEST_NAME = 64
"""Characters of an entity, a stage, a tag or a custom field's name."""
LONGEST_TEXT = 200
MAX_TAGS = 50

# Lone surrogates too: JSON can write them, UTF-8 cannot.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_FIELDS = 50
MAX_FIELDS_BYTES = 16_384

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
