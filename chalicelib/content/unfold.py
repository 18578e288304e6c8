"""Turns an author's text and what it is compiled to into texts that can be compared, for the proof (proof.py).

Each merge tag becomes a sign: a number between two characters that the author's text does not hold. Equal tags have
equal signs, and a statement's tags stay in their places, so that all of its branches are compared at once.
"""

import re
from contextlib import suppress
from typing import Final, NamedTuple

from chalicelib.content.compiled import DeliverySlot, FieldSlot, LinkSlot, Segments, Slot, TemplateSlot, UnsubscribeSlot
from chalicelib.content.errors import SourceError
from chalicelib.content.merge_tags import find_tags

_MARKS: Final = range(0xE000, 0xF900)  # for private use
_BRACE = '"{'  # how a template writes a brace that is text
_TAG = re.compile(
    r"\{(\{|%)((?:[^\"'{}%]|\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\}(?!\})|%(?!\}))*+)[%}]\}", re.DOTALL
)
_LEXEME = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|[\w.]++|\S", re.DOTALL)
_SHOWN_IN_LINK = re.compile(r"\( (.*) \) \| _value", re.DOTALL)
_LINK = re.compile(r"filter _link \( \"(\w*) , (?:true|false) \)")


class LinkProgram(NamedTuple):
    """An href that is made per delivery: its link id, "" if it is not tracked, and its destination with signs."""

    link: str
    destination: str


class Unfolder:
    """Unfolds an author's text and the segments compiled from it, with the same signs."""

    def __init__(self, source: str) -> None:
        """Raises SourceError if the source holds all the characters that could mark a sign."""
        mark = next((chr(code) for code in _MARKS if chr(code) not in source), None)
        if mark is None:
            raise SourceError(0, "it holds every character for private use (U+E000 to U+F8FF)")
        self.mark = mark
        self.delivery = f"{mark}d{mark}"
        self.own_unsubscribe = f"{mark}u{mark}"
        """The unsubscribe URL in the footer that is put in."""
        self.links: list[LinkProgram] = []
        """The hrefs made per delivery, by the number in their sign."""
        self._numbers: dict[str, int] = {}
        self._statement = re.compile(rf"{mark}s\d+{mark}")
        self._any = re.compile(rf"{mark}([a-z])(\d*){mark}")
        self.unsubscribe = self._sign("unsubscribe_url", is_statement=False)

    def source(self, text: str) -> tuple[str, list[tuple[int, int]]]:
        """An author's text with signs, and where its pieces are: pairs of offsets, in the result and in the text."""
        pieces: list[str] = []
        places: list[tuple[int, int]] = []
        position = length = 0
        for tag in find_tags(text):
            sign = "" if tag.word in ("raw", "endraw") else self._sign(tag.body, is_statement=bool(tag.word))
            pieces += (text[position : tag.start], sign)
            places += ((length, position), (length := length + len(pieces[-2]), tag.start))
            length += len(sign)
            position = tag.end
        return "".join((*pieces, text[position:])), [*places, (length, position)]

    def compiled(self, segments: Segments) -> str:
        """What was compiled with signs: for merge tags, the delivery's id, and links that are made per delivery."""
        return "".join(piece if isinstance(piece, str) else self._slot(piece) for piece in segments.pieces())

    def without_statements(self, text: str) -> str:
        """The text with values' signs only: statements write nothing."""
        return self._statement.sub("", text)

    def with_statements(self, text: str, offset: int) -> int:
        """The place in the text of this offset in the text without statements."""
        for sign in self._statement.finditer(text):
            if sign.start() > offset:
                break
            offset += len(sign[0])
        return offset

    def names_unsubscribe(self, text: str) -> bool:
        """Whether one of the merge tags in this text shows the unsubscribe URL."""
        signs = (match for match in self._any.finditer(text) if match[1] == "v")
        return any("unsubscribe_url" in self._bodies[int(match[2])] for match in signs)

    def program(self, text: str) -> LinkProgram | None:
        """The link that this text is the sign of."""
        sign = self._any.fullmatch(text)
        return self.links[int(sign[2])] if sign and sign[1] == "l" else None

    def link_id(self, text: str) -> str:
        """The link id of a click URL, or of the link that this text is the sign of; "" for one that is not tracked."""
        program = self.program(text)
        return program.link if program else text.partition("?l=")[2].partition("&")[0]

    def signed(self, address: str) -> str:
        """An address as the report has it, with signs for its merge tags."""
        with suppress(SourceError):
            return self.source(address)[0].strip()
        return address

    def readable(self, text: str) -> str:
        """The text with merge tags in place of their signs."""
        return self._any.sub(self._written, text)

    @property
    def _bodies(self) -> list[str]:
        return list(self._numbers)

    def _written(self, sign: re.Match[str]) -> str:
        kind, number = sign.groups()
        if kind in "du":
            return "{delivery id}" if kind == "d" else "{unsubscribe URL}"
        if kind == "l":
            return self.readable(self.links[int(number)].destination)
        body = self._bodies[int(number)]
        return f"{{{{ {body} }}}}" if kind == "v" else f"{{% {body} %}}"

    def _sign(self, body: str, *, is_statement: bool) -> str:
        return self._canonical_sign(_canonical(body), is_statement=is_statement)

    def _canonical_sign(self, canonical: str, *, is_statement: bool) -> str:
        if canonical == _BRACE and not is_statement:
            return "{"
        if canonical == "_delivery":
            return self.delivery
        number = self._numbers.setdefault(canonical, len(self._numbers))
        return f"{self.mark}{'s' if is_statement else 'v'}{number}{self.mark}"

    def _slot(self, slot: Slot) -> str:
        match slot:
            case DeliverySlot():
                return self.delivery
            case UnsubscribeSlot():
                return self._sign("unsubscribe_url", is_statement=False)
            case FieldSlot(root, name, field, default):
                path = f"{root}.{name}" if field is None else f"{root}.{name}.{field}"
                filters = "" if default is None else f' | default ( "{default} )'
                return self._canonical_sign(path + filters, is_statement=False)
            case TemplateSlot(source):
                return self._template(source)
            case LinkSlot(link, destination, _):
                return self._link(link, self.compiled(destination))

    def _link(self, link: str, destination: str) -> str:
        self.links.append(LinkProgram(link, destination))
        return f"{self.mark}l{len(self.links) - 1}{self.mark}"

    def _template(self, source: str) -> str:
        """A template's text; within it, a link is a filter around its destination."""
        pieces: list[str] = []
        outside: list[str] = []
        link = ""
        position = 0
        for tag in _TAG.finditer(source):
            pieces.append(source[position : tag.start()])
            position = tag.end()
            canonical, is_statement = _canonical(tag[2]), tag[1] == "%"
            if is_statement and (found := _LINK.fullmatch(canonical)):
                outside, pieces, link = pieces, [], found[1]
            elif is_statement and canonical == "endfilter":
                pieces = [*outside, self._link(link, "".join(pieces))]
            elif not is_statement or canonical not in ("autoescape false", "endautoescape"):
                pieces.append(self._canonical_sign(canonical, is_statement=is_statement))
        return "".join((*pieces, source[position:]))


def _canonical(body: str) -> str:
    """The inside of a merge tag, equal for all ways to write it and for what the compiler adds to it."""
    lexemes = [f'"{each[1:-1]}' if each[0] in "\"'" else each for each in _LEXEME.findall(body)]
    canonical = " ".join(lexemes).replace(" | _factor", "").replace("| d (", "| default (")
    shown = _SHOWN_IN_LINK.fullmatch(canonical)
    return shown[1] if shown else canonical
