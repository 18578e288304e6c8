"""Replaces merge tags by placeholders, in the author's text and in what it is compiled to, for the proof (proof.py).

Equal merge tags have equal placeholders. A placeholder is a kind and a number, between two characters that the author's
text does not have. The kinds:

    v value   s statement   i statement within a link   l link with merge tags   d the delivery's id
    u unsubscribe URL in the footer that is added
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from sys import maxsize
from typing import Final, NamedTuple

from chalicelib.content.compiled import DeliverySlot, FieldSlot, LinkSlot, Segments, Slot, TemplateSlot, UnsubscribeSlot
from chalicelib.content.errors import SourceError
from chalicelib.content.merge_tags import MIDDLES, OPENERS, Tag, find_tags
from chalicelib.content.pieces import Joined, Piece, split, unused

DEFECT: Final = " (this is a defect of Leadflip; please report it)"
"""Ends what is said of a fault that no author can cause."""
BRANCHES: Final = (0, 1, maxsize)
"""Numbers of branches, of which some lead gets each of a statement."""

_EXCERPT: Final = 120  # characters of each side that a fault shows
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
        self.mark = mark = unused(source, _MARKS, "private-use character (U+E000 to U+F8FF)")
        self.delivery = f"{mark}d{mark}"
        self.own_unsubscribe = f"{mark}u{mark}"
        self.statement = re.compile(rf"{mark}s(\d+){mark}")
        self._any = re.compile(rf"{mark}([a-z])(\d*){mark}")
        self._links: list[MergedLink] = []
        self._numbers: dict[str, int] = {}
        self._bodies: list[str] = []
        self.unsubscribe = self._placeholder("unsubscribe_url")

    def source(self, text: str) -> Joined:
        """An author's text with placeholders."""
        parts = split(text, find_tags(text))
        return Joined(piece if tag is None else Piece(self._tag(tag), tag.start) for piece, tag in parts)

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

    def branch(self, text: str, wanted: int | None, kind: str = "s") -> str:
        """The text with this branch of each statement, or the last one if there are fewer; None: with all of them."""
        pieces = re.split(rf"{self.mark}{kind}(\d+){self.mark}", text)
        return "".join(pieces[::2] if wanted is None else self._branches(iter(pieces), wanted)[0])

    def _branches(self, pieces: Iterator[str], wanted: int) -> list[list[str]]:
        """The branches of a statement; `pieces`: texts and numbers of statements in turn, from its first branch on."""
        branches: list[list[str]] = [[]]
        has_else = False
        for text in pieces:
            branches[-1].append(text)
            number = next(pieces, None)
            word = self.body(number).partition(" ")[0] if number else ""
            if word in OPENERS:
                inner = self._branches(pieces, wanted)
                branches[-1] += inner[min(wanted, len(inner) - 1)]
            elif word in MIDDLES:
                has_else |= word == "else"
                branches.append([])
            else:
                break
        return branches if has_else else [*branches, []]

    def names_unsubscribe(self, text: str) -> bool:
        """Whether a value in this text, or in every branch of a link with merge tags, is the unsubscribe URL."""
        if merged := self.merged_link(text):
            return all(self.names_unsubscribe(self.branch(merged.destination, wanted, "i")) for wanted in BRANCHES)
        return any(kind == "v" and "unsubscribe_url" in self.body(number) for kind, number in self._any.findall(text))

    def is_made_per_delivery(self, text: str) -> bool:
        """Whether this text has merge tags, other than the plain unsubscribe URL."""
        return self.mark in text.replace(self.unsubscribe, "")

    def merged_link(self, text: str) -> MergedLink | None:
        """The link with merge tags that this text is the placeholder of."""
        found = self._any.fullmatch(text)
        return self._links[int(found[2])] if found and found[1] == "l" else None

    def address(self, reported: str) -> str:
        """An address of the report with placeholders for its merge tags."""
        with suppress(SourceError):
            return self.within_link(self.source(reported).text)
        return reported

    def quoted(self, text: str) -> str:
        """The text for a fault: in quotes, not too long, with merge tags in place of their placeholders."""
        text = self._any.sub(self._written, text[: 10 * _EXCERPT]).replace("\n", "↵")
        return f"“{text if len(text) <= _EXCERPT else text[:_EXCERPT] + '…'}”" if text else "nothing"

    def _written(self, placeholder: re.Match[str]) -> str:
        kind, number = placeholder.groups()
        if kind == "l":
            return self._any.sub(self._written, self._links[int(number)].destination)
        if kind in "du":
            return "{delivery id}" if kind == "d" else "{unsubscribe URL}"
        return f"{{{{ {self.body(number)} }}}}" if kind == "v" else f"{{% {self.body(number)} %}}"

    def _tag(self, tag: Tag) -> str:
        is_raw = tag.word in ("raw", "endraw")
        return "" if is_raw else self._placeholder(_canonical(tag.body), "s" if tag.word else "v")

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
            raise SourceError(0, f"the compiled mail has a private-use character that the source does not have{DEFECT}")
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
