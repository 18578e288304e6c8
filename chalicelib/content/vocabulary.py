"""Checks the names in merge tags against those that there are.

Anything not listed is refused with its position when the content is compiled; otherwise it would render as nothing for
every recipient. Only the listed functions and filters can be called: the grammar (expressions.py) has no other calls.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from chalicelib.content.errors import SourceError
from chalicelib.content.expressions import Reader
from chalicelib.content.merge_tags import Tag
from chalicelib.model.field_names import field_named

LEAD_ATTRIBUTES: Final = frozenset(
    {"lead_id", "id", "external_id", "entity", "stage", "email", "first_name", "last_name", "tags", "fields"}
)
CAMPAIGN_ATTRIBUTES: Final = frozenset({"campaign_id", "id", "title"})
_FILTERS = (
    "abs capitalize count d default e escape first float int join last length lower max min replace reverse round sort "
    "string sum title trim truncate unique upper urlencode"
)
_TESTS = (
    "boolean defined divisibleby endingwith eq equalto even false ge greaterthan gt in integer float le lessthan lower "
    "lt mapping ne none number odd sequence startingwith string true undefined upper"
)
FILTERS: Final = frozenset(_FILTERS.split())
TESTS: Final = frozenset(_TESTS.split())
FUNCTIONS: Final = frozenset({"range"})
_ROOTS = {"lead": LEAD_ATTRIBUTES, "campaign": CAMPAIGN_ATTRIBUTES}
_EXAMPLES = {"lead": "first_name", "campaign": "title"}
_AVAILABLE = "lead, campaign, unsubscribe_url"
_SIMPLE_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_FIELD_PATH = re.compile(r'lead\.fields(?:\.(\w+)|\[(["\'])(.*)\2\])')
_RESERVED = frozenset({*_ROOTS, *FUNCTIONS, "unsubscribe_url", "_delivery"})


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A value of the lead that a merge tag uses, e.g. `lead.first_name`, `lead.fields.plan`, `lead.fields["zip code"]`.

    `has_default`: it has a default or is within an {% if %} that tests it, so that an empty value does no harm.
    """

    path: str
    offset: int
    has_default: bool


def check(tags: Iterable[Tag]) -> tuple[list[FieldUse], list[SourceError]]:
    """The lead's values that these tags show, and all that breaks the grammar or is not listed."""
    uses: list[FieldUse] = []
    problems: list[SourceError] = []
    # Of each open statement: the names that its loop defines, and the lead's values that its condition tests.
    names: list[frozenset[str]] = []
    asked: list[set[str]] = []
    for tag in tags:
        if tag.word in ("raw", "endraw"):
            continue
        reader = Reader(tag, frozenset().union(*names))
        paths: list[tuple[str, int]] = []
        is_safe = bool(tag.word)
        for kind, name, offset, steps in reader.found:
            if reason := _why_not(kind, name, steps):
                problems.append(SourceError(offset, reason))
            elif kind == "path" and name == "lead":
                paths.append((_path_of(steps), offset))
            elif kind == "filter":
                is_safe |= name in ("default", "d")
        if tag.word in ("if", "for"):
            names.append(reader.names)
            asked.append(set())
        if tag.word == "else" and names:
            names[-1] = frozenset()  # the loop did not run
        if tag.word in ("if", "elif") and asked:
            asked[-1] |= {path for path, _ in paths}
        all_asked = frozenset().union(*asked)
        uses += [FieldUse(path, offset, is_safe or path in all_asked) for path, offset in paths]
        if tag.word in ("endif", "endfor") and names:
            names.pop()
            asked.pop()
    return uses, problems


def _why_not(kind: str, name: str, steps: tuple[str, ...]) -> str | None:
    """Why what was found cannot be used."""
    match kind:
        case "path":
            return None if name == "unsubscribe_url" else _why_no_value(name, steps)
        case "mistake":
            return name
        case "filter" if name not in FILTERS:
            return f"there is no filter {name!r}; available: {', '.join(sorted(FILTERS))}"
        case "test" if name not in TESTS:
            return f"there is no test {name!r}"
        case "function" if name not in FUNCTIONS:
            return f"there is no function {name!r}"
        case "loop" if name in _RESERVED:
            return f"{name!r} has a meaning already; choose another name"
    return None


def _path_of(steps: tuple[str, ...]) -> str:
    """A path as it can be written in a merge tag; of a custom field, without what is within its value."""
    if steps[0] != "fields" or len(steps) == 1:
        return f"lead.{steps[0]}"
    name = steps[1]
    quote = "'" if '"' in name else '"'
    return f"lead.fields.{name}" if _SIMPLE_NAME.fullmatch(name) else f"lead.fields[{quote}{name}{quote}]"


def value_at(values: Mapping[str, object], path: str) -> object:
    """The value that a FieldUse's path leads to, in the values of a lead; None where there is nothing."""
    if named := _FIELD_PATH.fullmatch(path):
        fields = values["fields"]
        return fields.get(named[1] or named[3]) if isinstance(fields, Mapping) else None
    name = path.removeprefix("lead.")
    return values.get("lead_id" if name == "id" else name)


def _why_no_value(root: str, steps: tuple[str, ...]) -> str | None:
    if root not in _ROOTS:
        guess = field_named(root)
        return f"{root!r} is unknown; " + (f"did you mean lead.{guess}?" if guess else f"available: {_AVAILABLE}")
    if not steps:
        return f"{root} alone has no value; name one of its fields, as in {root}.{_EXAMPLES[root]}"
    name = steps[0]
    if name in _ROOTS[root]:
        return None
    meant = field_named(name) if root == "lead" else None
    if guess := meant or next(iter(get_close_matches(name, _ROOTS[root], 1)), None):
        return f"{root}.{name} is unknown; did you mean {root}.{guess}?"
    if root == "lead":
        return f"lead.{name} is unknown; a custom field is written {_path_of(('fields', name))}"
    return f"{root}.{name} is unknown; available: {', '.join(sorted(_ROOTS[root]))}"
