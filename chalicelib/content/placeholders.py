"""Replaces merge tags by placeholders, in the author's text and in what it is compiled to, for the proof (proof.py).

Equal merge tags have equal placeholders. A placeholder is a kind and a number, between two characters that the author's
text does not have. The kinds:

    v value   s statement   i statement within a link   l link with merge tags   d the delivery's id
    u unsubscribe URL in the footer that is added
"""

import re
from contextlib import suppress
from typing import Final, NamedTuple

from chalicelib.content.compiled import DeliverySlot, FieldSlot, LinkSlot, Segments, Slot, TemplateSlot, UnsubscribeSlot
from chalicelib.content.errors import SourceError
from chalicelib.content.merge_tags import find_tags

_MARKS: Final = range(0xE000, 0xF900)  # for private use
_BRACE = '"{'  # how a template writes a brace that is text
_STRING = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'"
_TAG = re.compile(rf"\{{(\{{|%)((?:[^\"'{{}}%]|{_STRING}|\}}(?!\}})|%(?!\}}))*+)[%}}]\}}", re.DOTALL)
_LEXEME = re.compile(rf"{_STRING}|[\w.]++|\S", re.DOTALL)
_MARKED_VALUE = re.compile(r"\( (.*) \) \| _value", re.DOTALL)
_LINK = re.compile(r"filter _link \( \"(\w*) , (true|false) \)")


def folded(text: str) -> str:
    """The text with one kind of line breaks, as browsers read it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class MergedLink(NamedTuple):
    """A link with merge tags, made per delivery; `link` is "" if it is not tracked."""

    link: str
    destination: str
    quoted: bool


class Placeholders:
    """The placeholders of one mail."""

    def __init__(self, source: str) -> None:
        """Raises SourceError if the source has all the characters that could mark a placeholder."""
        mark = next((chr(code) for code in _MARKS if chr(code) not in source), None)
        if mark is None:
            raise SourceError(0, "it uses every private-use character (U+E000 to U+F8FF); remove one of them")
        self.mark = mark
        self.delivery = f"{mark}d{mark}"
        self.own_unsubscribe = f"{mark}u{mark}"
        self.statement = re.compile(rf"{mark}s(\d+){mark}")
        self._any = re.compile(rf"{mark}([a-z])(\d*){mark}")
        self._links: list[MergedLink] = []
        self._numbers: dict[str, int] = {}
        self._bodies: list[str] = []
        self.unsubscribe = self._placeholder("unsubscribe_url")

    def source(self, text: str) -> tuple[str, list[tuple[int, int]]]:
        """An author's text with placeholders, and pairs of equal places: offsets in the result and in the text."""
        pieces: list[str] = []
        places: list[tuple[int, int]] = []
        position = length = 0
        for tag in find_tags(text):
            kind, is_raw = "s" if tag.word else "v", tag.word in ("raw", "endraw")
            pieces += (text[position : tag.start], "" if is_raw else self._placeholder(_canonical(tag.body), kind))
            places += ((length, position), (length + tag.start - position, tag.start))
            length += len(pieces[-2]) + len(pieces[-1])
            position = tag.end
        return "".join((*pieces, text[position:])), [*places, (length, position)]

    def compiled(self, segments: Segments, *, in_link: bool = False) -> str:
        """Compiled HTML with placeholders. Raises SourceError if a text of it could be taken for one."""
        pieces = (
            self._text(piece) if isinstance(piece, str) else self._slot(piece, in_link) for piece in segments.pieces()
        )
        return folded("".join(pieces))

    def within_link(self, text: str) -> str:
        """The text as the value of a link, of which statements are a part."""
        return self.statement.sub(rf"{self.mark}i\1{self.mark}", text)

    def body(self, number: str) -> str:
        """The inside of the merge tag whose placeholder has this number."""
        return self._bodies[int(number)]

    def names_unsubscribe(self, text: str) -> bool:
        """Whether one of the values in this text shows the unsubscribe URL."""
        return any(kind == "v" and "unsubscribe_url" in self.body(number) for kind, number in self._any.findall(text))

    def merged_link(self, text: str) -> MergedLink | None:
        """The link with merge tags that this text is the placeholder of."""
        found = self._any.fullmatch(text)
        return self._links[int(found[2])] if found and found[1] == "l" else None

    def address(self, reported: str) -> str:
        """An address of the report with placeholders for its merge tags."""
        with suppress(SourceError):
            return self.within_link(self.source(reported)[0])
        return reported

    def readable(self, text: str) -> str:
        """The text with merge tags in place of their placeholders."""
        return self._any.sub(self._written, text)

    def _written(self, placeholder: re.Match[str]) -> str:
        kind, number = placeholder.groups()
        if kind == "l":
            return self.readable(self._links[int(number)].destination)
        if kind in "du":
            return "{delivery id}" if kind == "d" else "{unsubscribe URL}"
        return f"{{{{ {self.body(number)} }}}}" if kind == "v" else f"{{% {self.body(number)} %}}"

    def _placeholder(self, canonical: str, kind: str = "v") -> str:
        if kind == "v" and canonical in (_BRACE, "_delivery"):
            return "{" if canonical == _BRACE else self.delivery
        canonical = folded(canonical)
        number = self._numbers.setdefault(canonical, len(self._bodies))
        if number == len(self._bodies):
            self._bodies.append(canonical)
        return f"{self.mark}{kind}{number}{self.mark}"

    def _text(self, text: str) -> str:
        if self.mark in text:
            raise SourceError(0, "the compiled mail has a private-use character that the source does not have")
        return text

    def _slot(self, slot: Slot, in_link: bool) -> str:
        match slot:
            case DeliverySlot():
                return self.delivery
            case UnsubscribeSlot():
                return self.unsubscribe
            case FieldSlot(root, name, field, default):
                path = f"{root}.{name}" if field is None else f"{root}.{name}.{field}"
                return self._placeholder(path if default is None else f'{path} | default ( "{default} )')
            case TemplateSlot(source):
                return self._template(self._text(source), in_link)
            case LinkSlot(link, destination, quoted):
                return self._link(link, self.compiled(destination, in_link=True), quoted)

    def _link(self, link: str, destination: str, quoted: bool) -> str:
        self._links.append(MergedLink(link, self.within_link(folded(destination)), quoted))
        return f"{self.mark}l{len(self._links) - 1}{self.mark}"

    def _template(self, source: str, in_link: bool) -> str:
        """A template's text. A link in it is a filter block around its destination, whose values carry marks."""
        pieces: list[str] = []
        outside: list[str] = []
        link: re.Match[str] | None = None
        position = 0
        unescaped, escaped = self._placeholder("autoescape false", "s"), self._placeholder("endautoescape", "s")
        for tag in _TAG.finditer(source):
            pieces.append(source[position : tag.start()])
            position = tag.end()
            canonical, kind = _canonical(tag[2]), "s" if tag[1] == "%" else "v"
            if kind == "s" and link is None and (link := _LINK.fullmatch(canonical)):
                outside, pieces = pieces, []
            elif kind == "s" and link is not None and canonical == "endfilter":
                inside = "".join(pieces)
                is_escaped_once = inside.startswith(unescaped) and inside.endswith(escaped)
                destination = inside[len(unescaped) : -len(escaped)] if is_escaped_once else f"{inside}, escaped twice"
                pieces = [*outside, self._link(link[1], destination, link[2] == "true")]
                link = None
            elif kind == "v" and (in_link or link is not None) and canonical != _BRACE:
                marked = _MARKED_VALUE.fullmatch(canonical)
                pieces.append(self._placeholder(marked[1] if marked else f"{canonical}, not marked as a value"))
            else:
                pieces.append(self._placeholder(canonical, kind))
        return "".join((*pieces, source[position:]))


def _canonical(body: str) -> str:
    """The inside of a merge tag, equal for all ways to write it."""
    lexemes = [f'"{each[1:-1]}' if each[0] in "\"'" else each for each in _LEXEME.findall(body)]
    return " ".join(lexemes).replace(" | _factor", "").replace("| d (", "| default (")
