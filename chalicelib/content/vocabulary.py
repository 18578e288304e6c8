"""Checks the names in merge tags against those that there are.

Anything not listed is refused with its position when the content is compiled; otherwise it would render as nothing for
every recipient. Only the listed functions and filters can be called: the grammar (expressions.py) has no other calls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from chalicelib.content.errors import SourceError
from chalicelib.content.expressions import Reader
from chalicelib.content.merge_tags import Tag

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
_RESERVED = frozenset({*_ROOTS, *FUNCTIONS, "unsubscribe_url", "_delivery"})


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A value of the lead that a merge tag uses, e.g. `lead.first_name` or `lead.fields.plan`.

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
                paths.append((".".join(("lead", *steps[: 2 if steps[0] == "fields" else 1])), offset))
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


def _why_no_value(root: str, steps: tuple[str, ...]) -> str | None:
    if root not in _ROOTS:
        return f"{root!r} is unknown; available: lead, campaign, unsubscribe_url"
    if steps and steps[0] in _ROOTS[root]:
        return None
    what = f"{root}.{steps[0]} is unknown" if steps else f"{root} alone has no value"
    hint = "; custom fields are under lead.fields" if root == "lead" else ""
    close = get_close_matches(steps[0], _ROOTS[root], 1) if steps else []
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"{what}{guess}; available: {', '.join(sorted(_ROOTS[root]))}{hint}"
