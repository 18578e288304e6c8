"""The words that merge tags may use: what a lead and a campaign offer, filters, tests; and the check against them.

Whatever is not listed is refused when the content is compiled, with its place, instead of rendering as nothing for a
hundred thousand people. The list also keeps every template bounded: there is no `set`, no macro, no method call, so
text cannot be made to double itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .merge_tags import Tag, TagError

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
_SYNTAX = "and or not in if else true false none True False None recursive elif for endif endfor"
FILTERS: Final = frozenset(_FILTERS.split())
TESTS: Final = frozenset(_TESTS.split())
FUNCTIONS: Final = frozenset({"range"})
_ROOTS = {"lead": LEAD_ATTRIBUTES, "campaign": CAMPAIGN_ATTRIBUTES}
_KEYWORDS = frozenset(_SYNTAX.split())

_LEXEME = re.compile(
    r"""\s*+(?:(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<number>\d[\w.]*+)|(?P<name>[A-Za-z_]\w*+)"""
    r"""|(?P<sign>==|!=|<=|>=|//|\*\*|\S))""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A value of the lead that a merge tag uses, e.g. `lead.first_name` or `lead.fields.plan`.

    `has_default`: a default follows, or an {% if %} around asks for it: nothing is amiss when it is empty.
    """

    path: str
    offset: int
    has_default: bool


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str
    text: str
    offset: int


def check(tags: Iterable[Tag]) -> tuple[list[FieldUse], list[TagError]]:
    """The lead's values that these tags show, and everything that is not in the vocabulary."""
    uses: list[FieldUse] = []
    problems: list[TagError] = []
    scopes: list[_Scope] = []
    for tag in tags:
        if tag.word in ("raw", "endraw"):
            continue
        lexemes = [
            _Lexeme(str(match.lastgroup), match[str(match.lastgroup)], tag.inside + match.start(str(match.lastgroup)))
            for match in _LEXEME.finditer(tag.body)
        ]
        if not lexemes:
            problems.append(TagError(tag.start, "this merge tag is empty"))
        if tag.word in ("if", "for"):
            scopes.append(_Scope())
        if tag.word == "for":
            scopes[-1].names |= {*_loop_names(lexemes), "loop"}
            lexemes = lexemes[next((i for i, item in enumerate(lexemes) if item.text == "in"), len(lexemes)) :]
        reader = _Reader(lexemes, frozenset().union(*(scope.names for scope in scopes)))
        problems += reader.problems
        if tag.word in ("if", "elif") and scopes:
            scopes[-1].asked |= {path for path, _ in reader.paths}
        asked = frozenset().union(*(scope.asked for scope in scopes))
        safe = bool(tag.word) or reader.has_default
        uses += [FieldUse(path, offset, safe or path in asked) for path, offset in reader.paths]
        if tag.word in ("endif", "endfor") and scopes:
            scopes.pop()
    return uses, problems


@dataclass(slots=True)
class _Scope:
    """What an open statement adds: the names of its loop, and the lead's values that its condition asks for."""

    names: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)


def _loop_names(lexemes: list[_Lexeme]) -> list[str]:
    names: list[str] = []
    for lexeme in lexemes[1:]:
        if lexeme.text == "in":
            break
        if lexeme.kind == "name":
            names.append(lexeme.text)
    return names


class _Reader:
    """Walks one tag's lexemes and sorts its names into paths, filters, tests and mistakes."""

    def __init__(self, lexemes: list[_Lexeme], known: frozenset[str]) -> None:
        self.paths: list[tuple[str, int]] = []
        self.problems: list[TagError] = []
        self.has_default = False
        self._lexemes = lexemes
        self._known = known
        position = 0
        while position < len(lexemes):
            position = self._read(position)

    def _text(self, position: int) -> str:
        return self._lexemes[position].text if 0 <= position < len(self._lexemes) else ""

    def _refuse(self, position: int, reason: str) -> None:
        self.problems.append(TagError(self._lexemes[position].offset, reason))

    def _read(self, position: int) -> int:
        lexeme = self._lexemes[position]
        if lexeme.kind != "name":
            return position + 1
        name, before, after = lexeme.text, self._text(position - 1), self._text(position + 1)
        if before == "|":
            self.has_default |= name in ("default", "d")
            if name not in FILTERS:
                self._refuse(position, f"there is no filter {name!r}; available: {', '.join(sorted(FILTERS))}")
        elif before == "is" or (before == "not" and self._text(position - 2) == "is"):
            if name != "not" and name not in TESTS:
                self._refuse(position, f"there is no test {name!r}")
        elif name in _KEYWORDS or name == "is" or (after == "=" and before in ("(", ",")):
            pass
        elif after == "(":
            if name not in FUNCTIONS:
                self._refuse(position, f"there is no function {name!r}")
        else:
            return self._read_path(position)
        return position + 1

    def _read_path(self, start: int) -> int:
        steps, position = self._steps(start)
        root = self._text(start)
        if self._text(position) == "(":
            self._refuse(
                start, f"{'.'.join((root, *steps))}(...) cannot be called; use a filter, as in {{{{ x | upper }}}}"
            )
        elif root in self._known or root == "unsubscribe_url":
            pass
        elif root not in _ROOTS:
            self._refuse(start, f"{root!r} is unknown; available: lead, campaign, unsubscribe_url")
        elif not steps or steps[0] not in _ROOTS[root]:
            what = f"{root}.{steps[0]} is unknown" if steps else f"{root} alone has no value"
            hint = "; custom fields are under lead.fields" if root == "lead" else ""
            self._refuse(start, f"{what}; available: {', '.join(sorted(_ROOTS[root]))}{hint}")
        elif root == "lead":
            self.paths.append(
                (".".join(("lead", *steps[: 2 if steps[0] == "fields" else 1])), self._lexemes[start].offset)
            )
        return position

    def _steps(self, start: int) -> tuple[list[str], int]:
        """The attribute names after a root, by dot or by ["literal"], and where they end."""
        steps: list[str] = []
        position = start + 1
        while True:
            following = self._lexemes[position + 1] if position + 1 < len(self._lexemes) else None
            if self._text(position) == "." and following and following.kind in ("name", "number"):
                steps.append(following.text)
                position += 2
            elif (
                self._text(position) == "["
                and following
                and following.kind == "string"
                and self._text(position + 2) == "]"
            ):
                steps.append(following.text[1:-1])
                position += 3
            else:
                return steps, position
