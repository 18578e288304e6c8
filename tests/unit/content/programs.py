"""A compiled mail as one text that faults are put into: each slot is one character, templates are spelled out."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from urllib.parse import quote, unquote

from chalicelib.content.compiled import (
    DELIVERY,
    UNSUBSCRIBE,
    CompiledContent,
    ContentSource,
    DeliverySlot,
    Link,
    LinkTracking,
    Segments,
    Slot,
    TemplateSlot,
    UnsubscribeSlot,
)

ID, LEAVE, OPEN, CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
"""The delivery's id, its unsubscribe URL, and what a template stands between."""
_FIRST_SLOT = 0xF0000
_MARKS = re.compile(f"{OPEN}(.*?){CLOSE}|([{ID}{LEAVE}\U000f0000-\U000fffff])", re.DOTALL)
_ID_IN_TEMPLATE, _LEAVE_IN_TEMPLATE = "{{ _delivery }}", "{{ unsubscribe_url }}"


@dataclass(frozen=True)
class Click:
    """One click URL in a program's text."""

    start: int
    end: int
    link: str
    destination: str
    signature: str


@dataclass(frozen=True)
class Program:
    """A source and what it was compiled to; `text` is the compiled HTML."""

    source: ContentSource
    compiled: CompiledContent
    tracking: LinkTracking

    @cached_property
    def slots(self) -> list[Slot]:
        """The slots that are neither the delivery's id, the unsubscribe URL nor templates."""
        found = self.compiled.html.slots if self.compiled.html else ()
        return list(dict.fromkeys(s for s in found if not isinstance(s, DeliverySlot | UnsubscribeSlot | TemplateSlot)))

    @cached_property
    def text(self) -> str:
        assert self.compiled.html is not None
        return "".join(piece if isinstance(piece, str) else self.mark(piece) for piece in self.compiled.html.pieces())

    @cached_property
    def clicks(self) -> list[Click]:
        base = re.escape(self.tracking.base_url)
        pattern = re.compile(rf"{base}/t/c/{ID}\?l=(\w+)&amp;u=([^&]*)&amp;s=([\w-]+)")
        return [Click(*match.span(), match[1], unquote(match[2]), match[3]) for match in pattern.finditer(self.text)]

    def mark(self, slot: Slot) -> str:
        """What stands for a slot in the text."""
        match slot:
            case DeliverySlot():
                return ID
            case UnsubscribeSlot():
                return LEAVE
            case TemplateSlot(source):
                inside = source.replace(_ID_IN_TEMPLATE, ID).replace(_LEAVE_IN_TEMPLATE, LEAVE)
                return f"{OPEN}{inside}{CLOSE}"
        return chr(_FIRST_SLOT + self.slots.index(slot))

    def click_url(self, link: str, destination: str, signature: str | None = None) -> str:
        """A click URL as the compiler writes it, signed for this destination unless told otherwise."""
        signature = self.tracking.sign(link, destination) if signature is None else signature
        return f"{self.tracking.base_url}/t/c/{ID}?l={link}&amp;u={quote(destination, safe='')}&amp;s={signature}"

    def with_text(self, text: str) -> CompiledContent:
        """The compiled content whose HTML is this text."""
        return replace(self.compiled, html=Segments.of(self._pieces(text)))

    def with_links(self, links: Sequence[Link]) -> CompiledContent:
        """The compiled content that reports these links."""
        return replace(self.compiled, links=tuple(links))

    def replaced(self, slot: Slot, other: Slot) -> CompiledContent:
        """The compiled content with another slot in place of the first that is equal to this one."""
        assert self.compiled.html is not None
        slots = list(self.compiled.html.slots)
        slots[slots.index(slot)] = other
        return replace(self.compiled, html=Segments(self.compiled.html.texts, tuple(slots)))

    def _pieces(self, text: str) -> Iterator[str | Slot]:
        position = 0
        for match in _MARKS.finditer(text):
            yield text[position : match.start()]
            position = match.end()
            if match[1] is not None:
                yield TemplateSlot(match[1].replace(ID, _ID_IN_TEMPLATE).replace(LEAVE, _LEAVE_IN_TEMPLATE))
            elif match[0] == ID:
                yield DELIVERY
            elif match[0] == LEAVE:
                yield UNSUBSCRIBE
            else:
                yield self.slots[ord(match[0]) - _FIRST_SLOT]
        yield text[position:]


def spliced(text: str, start: int, end: int, other: str) -> str:
    """The text with [start, end) replaced."""
    return text[:start] + other + text[end:]


def one_of(random: Random, pattern: str, text: str) -> re.Match[str] | None:
    """One of the places where a pattern matches; None when there is none."""
    found = list(re.finditer(pattern, text, re.IGNORECASE | re.DOTALL))
    return random.choice(found) if found else None


def changed_click(program: Program, random: Random, change: Callable[[Click], str]) -> CompiledContent | None:
    """The program with one of its click URLs changed."""
    if not program.clicks:
        return None
    click = random.choice(program.clicks)
    return program.with_text(spliced(program.text, click.start, click.end, change(click)))


def replaced_at(program: Program, match: re.Match[str] | None, other: str = "") -> CompiledContent | None:
    """The program with something else in place of what matched."""
    return match and program.with_text(spliced(program.text, *match.span(), other))


def group_replaced(program: Program, match: re.Match[str] | None, other: str = "") -> CompiledContent | None:
    """The program with something else in place of the match's first group."""
    return match and program.with_text(spliced(program.text, *match.span(1), other))
