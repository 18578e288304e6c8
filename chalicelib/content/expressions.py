"""Reads the expressions in merge tags, and finds the names in them, whose meaning vocabulary.py knows.

The grammar is loose where that is harmless (operators have no precedence), since the engine parses the tags as well.

    expression   operand (operator operand)*
    operand      ("not" | "-")* primary ("[" subscript "]")* ("|" filter arguments? | "is" test argument?)*
    primary      string | number | constant | path | function arguments | "(" expressions ")" | "[" expressions "]"
    path         name ("." name | "[" string "]")*
"""

import re
from contextlib import suppress
from itertools import pairwise
from typing import Final, NamedTuple

from chalicelib.content.merge_tags import Tag

_WORDS = frozenset({"and", "or", "in", "if", "else", "is", "not"})
_OPERATORS = _WORDS - {"is"} | {"+", "-", "~", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">="}
_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})
_MAX_BRACKETS: Final = 50  # one within the other; the engine takes 70

_LEXEME = re.compile(
    r"""\s*+(?:(?P<string>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<number>\d[\w.]*+)|(?P<name>[A-Za-z_]\w*+)"""
    r"""|(?P<sign>==|!=|<=|>=|//|\*\*|\S))""",
    re.DOTALL,
)


class Found(NamedTuple):
    """A name in a merge tag, by its kind: "filter", "test", "function", "path", or "loop" for what a loop defines."""

    kind: str
    name: str
    """Of a path: its first. Of a "mistake" against the grammar: the reason."""
    offset: int
    steps: tuple[str, ...] = ()
    """The further names of a path."""


def engine_source(tag: Tag) -> str:
    """The inside of a tag as the engine gets it: operands of `*` pass through a filter that refuses lists."""
    if "*" not in tag.body:
        return tag.body
    body = tag.body
    for end in sorted(Reader(tag, frozenset()).factors, reverse=True):
        body = f"{body[:end]}|_factor{body[end:]}"
    return body


class _Unread(Exception):
    """What comes next does not fit the grammar."""


class _Lexeme(NamedTuple):
    kind: str
    text: str
    start: int  # in the author's text; of what is missing, the start of the tag
    end: int  # in the tag's body


class Reader:
    """Reads one tag. `known`: the names that loops around it define."""

    def __init__(self, tag: Tag, known: frozenset[str]) -> None:
        self.found: list[Found] = []
        """In the order of reading, without the names that loops define."""
        self.names: frozenset[str] = frozenset()
        """Those that this loop defines."""
        self.factors: set[int] = set()
        """The positions after each operand of `*` that is not a number."""
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
            self._refuse(0, "this merge tag is empty")
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
        self._note("mistake", reason, position)

    def _note(self, kind: str, name: str, position: int, *steps: str) -> None:
        self.found.append(Found(kind, name, self._lexemes[position].start, steps))

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
                self._note("loop", name, self._at)
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
        while self._text() in ("|", "is"):
            is_filter = self._take("|")
            if not is_filter:
                self._at += 1
                self._take("not")
            if self._kind() != "name":
                raise _Unread
            self._note("filter" if is_filter else "test", self._text(), self._at)
            self._at += 1
            if not self._arguments() and not is_filter and self._starts_argument():
                while self._take("-"):
                    pass
                self._primary()
        last = self._lexemes[self._at - 1]
        return None if self._at == start + 1 and last.kind == "number" else last.end

    def _primary(self) -> None:
        start, kind, text = self._at, self._kind(), self._text()
        self._at += 1
        if kind == "string":
            while self._kind() == "string":
                self._at += 1
        elif kind == "name" and text not in _WORDS and text not in _CONSTANTS:
            steps, is_called = self._steps(), self._text() == "("
            if is_called and steps:
                path = ".".join((text, *steps))
                self._refuse(start, f"{path}(...) cannot be called; use a filter, as in {{{{ x | upper }}}}")
            elif is_called:
                self._note("function", text, start)
            elif text not in self._known:
                self._note("path", text, start, *steps)
            self._arguments()
        elif kind == "sign" and text in ("(", "["):
            self._container(")" if text == "(" else "]")
        elif kind != "number" and text not in _CONSTANTS:
            self._at = start
            raise _Unread
        while self._text() in ("(", "["):
            if self._take("["):
                while not self._take("]"):
                    if not self._take(":"):
                        self._expression()
            else:
                self._refuse(self._at, "nothing can be called here; use a filter, as in {{ x | upper }}")
                self._arguments()

    def _container(self, closing: str) -> None:
        start = self._at
        is_list = self._items(closing) or closing == "]"
        held = pairwise(self._lexemes[start - 1 : self._at - 1])
        holds_value = any(each.text in self._known and before.text != "." for before, each in held)
        if self._is_iterable and is_list and holds_value:
            # Twenty loops over lists of the value of the loop before: a value of any size, for hardly any fuel.
            self._refuse(start - 1, "a list to loop over cannot hold the value of another loop")

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

    def _starts_argument(self) -> bool:
        kind, text = self._kind(), self._text()
        return kind in ("string", "number") or text in ("-", "[") or (kind == "name" and text not in _WORDS)

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
