"""Checks merge tags against the list of allowed names and the grammar of expressions.

Anything not listed is refused with its position when the content is compiled; otherwise it would render as nothing for
every recipient. Only the listed functions and filters can be called: the grammar has no other calls.

The grammar is loose where that is harmless (operators have no precedence), since the engine parses the tags as well.

    expression   operand (operator operand)*
    operand      ("not" | "-")* primary ("[" subscript "]")* ("|" filter arguments? | "is" test argument?)*
    primary      string | number | constant | path | function arguments | "(" expressions ")" | "[" expressions "]"
    path         name ("." name | "[" string "]")*
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, NamedTuple

from chalicelib.content.errors import SourceError
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
_WORDS = frozenset({"and", "or", "in", "if", "else", "is", "not"})
_OPERATORS = _WORDS - {"is"} | {"+", "-", "~", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">="}
_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})
_MAX_BRACKETS: Final = 50  # one within the other; the engine takes 70
FILTERS: Final = frozenset(_FILTERS.split())
TESTS: Final = frozenset(_TESTS.split())
FUNCTIONS: Final = frozenset({"range"})
_ROOTS = {"lead": LEAD_ATTRIBUTES, "campaign": CAMPAIGN_ATTRIBUTES}
_RESERVED = frozenset({*_ROOTS, *FUNCTIONS, "unsubscribe_url", "_delivery"})

_LEXEME = re.compile(
    r"""\s*+(?:(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<number>\d[\w.]*+)|(?P<name>[A-Za-z_]\w*+)"""
    r"""|(?P<sign>==|!=|<=|>=|//|\*\*|\S))""",
    re.DOTALL,
)


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
    scopes: list[_Scope] = []
    for tag in tags:
        if tag.word in ("raw", "endraw"):
            continue
        reader = _Reader(tag, frozenset().union(*(scope.names for scope in scopes)))
        problems += reader.problems
        if tag.word in ("if", "for"):
            scopes.append(_Scope(reader.names))
        if tag.word == "else" and scopes:
            scopes[-1].names = frozenset()  # the loop did not run
        if tag.word in ("if", "elif") and scopes:
            scopes[-1].asked |= {path for path, _ in reader.paths}
        asked = frozenset().union(*(scope.asked for scope in scopes))
        safe = bool(tag.word) or reader.has_default
        uses += [FieldUse(path, offset, safe or path in asked) for path, offset in reader.paths]
        if tag.word in ("endif", "endfor") and scopes:
            scopes.pop()
    return uses, problems


def engine_source(tag: Tag) -> str:
    """The inside of a tag as the engine gets it: operands of `*` pass through a filter that refuses lists."""
    if "*" not in tag.body:
        return tag.body
    body = tag.body
    for end in sorted(_Reader(tag, frozenset()).factors, reverse=True):
        body = f"{body[:end]}|_factor{body[end:]}"
    return body


@dataclass(slots=True)
class _Scope:
    """An open statement: the names that its loop defines, and the lead's values that its condition tests."""

    names: frozenset[str]
    asked: set[str] = field(default_factory=set)


class _Unread(Exception):
    """What comes next does not fit the grammar."""


class _Lexeme(NamedTuple):
    kind: str
    text: str
    start: int  # in the author's text; of what is missing, the start of the tag
    end: int  # in the tag's body


class _Reader:
    """Reads one tag by the grammar and sorts its names into paths, filters, tests and mistakes.

    `names` are those that a loop defines; `factors` the positions after each operand of `*` that is not a number.
    """

    def __init__(self, tag: Tag, known: frozenset[str]) -> None:
        self.paths: list[tuple[str, int]] = []
        self.problems: list[SourceError] = []
        self.has_default = False
        self.names: frozenset[str] = frozenset()
        self.factors: set[int] = set()
        self._lexemes = [
            _Lexeme(kind, match[kind], tag.inside + match.start(kind), match.end())
            for match in _LEXEME.finditer(tag.body)
            if (kind := match.lastgroup)
        ]
        is_empty = not self._lexemes
        self._lexemes += 3 * [_Lexeme("", "", tag.start, 0)]  # as far as the grammar looks ahead
        self._known = known
        self._at = 0
        self._brackets = 0
        self._is_iterable = False
        if is_empty:
            self.problems.append(SourceError(tag.start, "this merge tag is empty"))
            return
        try:
            self._tag(tag.word)
        except _Unread:
            text = self._text()
            self._refuse(self._at, f"{text} cannot stand here" if text else "this merge tag ends too early")
            self._read_on()

    def _text(self, further: int = 0) -> str:
        return self._lexemes[self._at + further].text

    def _kind(self, further: int = 0) -> str:
        return self._lexemes[self._at + further].kind

    def _take(self, text: str) -> bool:
        """Whether this comes next; then it is read."""
        found = self._text() == text
        self._at += found
        return found

    def _refuse(self, position: int, reason: str) -> None:
        self.problems.append(SourceError(self._lexemes[position].start, reason))

    def _tag(self, word: str) -> None:
        self._at = 1 if word else 0
        if word == "for":
            self._for()
        elif word in ("", "if", "elif"):
            self._expression()
        if self._text():
            raise _Unread

    def _read_on(self) -> None:
        """Reports further mistakes after the first syntax error."""
        while self._text():
            start, self._brackets = self._at, 0
            with suppress(_Unread):
                self._expression()
            self._at = max(self._at, start + 1)

    def _for(self) -> None:
        names: set[str] = set()
        while not self._take("in"):
            name = self._text()
            if self._kind() == "name":
                names.add(name)
                if name in _RESERVED:
                    self._refuse(self._at, f"{name!r} has a meaning already; choose another name")
            elif name not in (",", "(", ")"):
                raise _Unread
            self._at += 1
        self.names = frozenset({*names, "loop"})
        self._is_iterable = True
        self._expression(conditional=False)
        self._is_iterable = False
        self._known |= names
        if self._take("if"):
            self._expression()

    def _expression(self, *, conditional: bool = True) -> None:
        self._brackets += 1
        if self._brackets > _MAX_BRACKETS:
            raise _Unread
        end = self._operand()
        while (operator := self._text()) in _OPERATORS and (conditional or operator != "if"):
            self._at += 1
            if operator == "not" and not self._take("in"):
                raise _Unread
            following = self._operand()
            if operator == "*":
                self.factors |= {place for place in (end, following) if place is not None}
            end = following
        self._brackets -= 1

    def _operand(self) -> int | None:
        """Where it ends; None for a number."""
        while self._text() in ("not", "-"):
            self._at += 1
        start = self._at
        self._primary()
        self._filters()
        last = self._lexemes[self._at - 1]
        return None if self._at == start + 1 and last.kind == "number" else last.end

    def _primary(self) -> None:
        start, kind, text = self._at, self._kind(), self._text()
        self._at += 1
        if kind == "string":
            while self._kind() == "string":
                self._at += 1
        elif kind == "name" and text not in _WORDS and text not in _CONSTANTS:
            if self._text() == "(":
                if text not in FUNCTIONS:
                    self._refuse(start, f"there is no function {text!r}")
                self._arguments()
            else:
                self._path(start)
        elif kind == "sign" and text in ("(", "["):
            self._container(")" if text == "(" else "]")
        elif kind != "number" and text not in _CONSTANTS:
            self._at = start
            raise _Unread
        self._postfix()

    def _postfix(self) -> None:
        while True:
            if self._text() == "(":
                self._refuse(self._at, "nothing can be called here; use a filter, as in {{ x | upper }}")
                self._arguments()
            elif self._take("["):
                while not self._take("]"):
                    if not self._take(":"):
                        self._expression()
            else:
                return

    def _container(self, closing: str) -> None:
        start = self._at
        is_list = self._items(closing) or closing == "]"
        if self._is_iterable and is_list and any(map(self._is_loop_value, range(start, self._at - 1))):
            # Twenty loops over lists of the value of the loop before: a value of any size, for hardly any fuel.
            self._refuse(start - 1, "a list to loop over cannot hold the value of another loop")

    def _is_loop_value(self, position: int) -> bool:
        kind, text, _, _ = self._lexemes[position]
        return kind == "name" and text in self._known and self._lexemes[position - 1].text != "."

    def _items(self, closing: str, *, named: bool = False) -> bool:
        """Reads expressions up to the closing sign; whether there is a comma, or nothing."""
        is_list = self._text() == closing
        while not self._take(closing):
            if named and self._kind() == "name" and self._text(1) == "=":
                self._at += 2
            self._expression()
            if self._take(","):
                is_list = True
            elif self._text() != closing:
                raise _Unread
        return is_list

    def _arguments(self) -> bool:
        """Whether arguments come next; then they are read."""
        if found := self._take("("):
            self._items(")", named=True)
        return found

    def _filters(self) -> None:
        while True:
            if self._take("|"):
                name = self._name(FILTERS, f"there is no filter {{!r}}; available: {', '.join(sorted(FILTERS))}")
                self.has_default |= name in ("default", "d")
                self._arguments()
            elif self._take("is"):
                self._take("not")
                self._name(TESTS, "there is no test {!r}")
                if not self._arguments() and self._starts_argument():
                    while self._take("-"):
                        pass
                    self._primary()
            else:
                return

    def _name(self, available: frozenset[str], complaint: str) -> str:
        name = self._text()
        if self._kind() != "name":
            raise _Unread
        if name not in available:
            self._refuse(self._at, complaint.format(name))
        self._at += 1
        return name

    def _starts_argument(self) -> bool:
        kind, text = self._kind(), self._text()
        return kind in ("string", "number") or text in ("-", "[") or (kind == "name" and text not in _WORDS)

    def _path(self, start: int) -> None:
        steps = self._steps()
        root = self._lexemes[start].text
        if self._text() == "(":
            self._refuse(
                start, f"{'.'.join((root, *steps))}(...) cannot be called; use a filter, as in {{{{ x | upper }}}}"
            )
            self._arguments()
        elif root in self._known or root == "unsubscribe_url":
            pass
        elif root not in _ROOTS:
            self._refuse(start, f"{root!r} is unknown; available: lead, campaign, unsubscribe_url")
        elif not steps or steps[0] not in _ROOTS[root]:
            what = f"{root}.{steps[0]} is unknown" if steps else f"{root} alone has no value"
            hint = "; custom fields are under lead.fields" if root == "lead" else ""
            close = get_close_matches(steps[0], _ROOTS[root], 1) if steps else []
            guess = f" (did you mean {close[0]}?)" if close else ""
            self._refuse(start, f"{what}{guess}; available: {', '.join(sorted(_ROOTS[root]))}{hint}")
        elif root == "lead":
            self.paths.append(
                (".".join(("lead", *steps[: 2 if steps[0] == "fields" else 1])), self._lexemes[start].start)
            )

    def _steps(self) -> list[str]:
        """Reads the attribute names behind a root, by dot or by ["literal"]."""
        steps: list[str] = []
        while True:
            kind = self._kind(1)
            if self._text() == "." and kind in ("name", "number"):
                steps.append(self._text(1))
                self._at += 2
            elif self._text() == "[" and kind == "string" and self._text(2) == "]":
                steps.append(self._text(1)[1:-1])
                self._at += 3
            else:
                return steps
