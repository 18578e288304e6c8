"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import mul
from typing import TYPE_CHECKING, Final

from .body import Body
from .compiled import CompiledContent
from .destinations import MAX_CLICK_URL, NO_LINK, as_value, click_url_parts, destination_of, why_untracked, with_utm
from .errors import RenderFailed
from .segments import (
    DELIVERY,
    UNSUBSCRIBE,
    DeliverySlot,
    FieldSlot,
    LinkSlot,
    Segments,
    Slot,
    TemplateSlot,
    UnsubscribeSlot,
    segments_of,
)
from .source import LinkTracking
from .values import MAX_OUTPUT, escape, is_missing, shown

if TYPE_CHECKING:
    from .engine import TemplateEngine


# A lead's fields hold 16 KB (crm/leads.py), six times that when all is escaped: so few slots stay below MAX_OUTPUT.
UNMEASURED_SLOTS: Final = 40

_Key = tuple[Slot, bool]
"""A slot, and whether it is a value that is escaped for HTML."""


class Layout:
    """All texts of a campaign's mail, and how to make the values between them: one for all slots that are equal.

    A delivery's values: its id, its unsubscribe URL, fields, what of these is escaped, what templates say, links.
    """

    def __init__(self, renderer: "Renderer", unsubscribe: str) -> None:
        """`unsubscribe`: what stands before the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.compiled = compiled = renderer.compiled
        self._renderer = renderer
        texts = {name: getattr(compiled, name) for name in ("subject", "html", "text", "from_name", "reply_to")}
        varying = {name: _with_known_unsubscribe(text, unsubscribe) for name, text in texts.items() if text}
        keys = {name: [_key(slot, name) for slot in segments.slots] for name, segments in varying.items()}
        times = Counter(each for some in keys.values() for key in some for each in (*_parts(key[0]), key))
        fields = dict.fromkeys(slot for slot, _ in times if isinstance(slot, FieldSlot))
        escaped = [slot for slot, html in times if html and isinstance(slot, FieldSlot | UnsubscribeSlot)]
        templates = [(slot, html) for slot, html in times if isinstance(slot, TemplateSlot)]
        links = [slot for slot, _ in times if isinstance(slot, LinkSlot)]
        order: list[_Key] = [(DELIVERY, False), (UNSUBSCRIBE, False), *((slot, False) for slot in fields)]
        order += [*((slot, True) for slot in escaped), *templates, *((slot, False) for slot in links)]
        places = {key: place for place, key in enumerate(order)}
        self._times = [times[key] for key in order]
        self._fields = [(*_source(slot), slot.field, slot.default) for slot in fields]
        self._escaped = [places[slot, False] for slot in escaped]
        self._templates = [(slot.source, html) for slot, html in templates]
        self._links = [
            (slot, [(places[part], isinstance(part[0], FieldSlot)) for part in _parts(slot)], times[slot, False])
            for slot in links
        ]
        self._varies = any(self._times[1:])
        self._measured = bool(templates or links) or sum(self._times) > UNMEASURED_SLOTS
        self.bodies = {
            name: Body(segments.texts, [places[key] for key in keys[name]]) for name, segments in varying.items()
        }

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> "Rendered":
        """One delivery's mail, within one budget for all of it. Raises RenderFailed, and whatever filling raises."""
        values = [delivery_id, unsubscribe_url]
        if not self._varies:
            return Rendered(self, values, 0)
        for of_lead, name, below, default in self._fields:
            value = (lead if of_lead else campaign).get(name)
            if below is not None:
                value = value.get(below) if isinstance(value, dict) else None
            if not isinstance(value, str) or not value or value.isspace():
                value = shown(default if default is not None and is_missing(value) else value)
            values.append(value)
        values += [value if (value := values[place]).isalnum() else escape(value) for place in self._escaped]
        empty_links = 0
        if self._templates:
            said, empty_links = self._engine.render(lead, campaign, delivery_id, unsubscribe_url)
            values += said
        written = sum(map(mul, self._times, map(len, values))) if self._measured else 0
        for slot, parts, times in self._links:
            href = self._href(slot, parts, values)
            values.append(href)
            empty_links += href in NO_LINK
            written += times * len(href)
            if written > MAX_OUTPUT:
                break
        if written > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return Rendered(self, values, empty_links)

    @cached_property
    def _engine(self) -> "TemplateEngine":
        from .engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

        return TemplateEngine(self._templates, self._renderer.link_text)

    def _href(self, slot: LinkSlot, parts: Sequence[tuple[int, bool]], values: Sequence[str]) -> str:
        """A link with merge tags in it: its destination put together, then signed."""
        pieces = [slot.destination.texts[0]]
        for (place, is_field), text in zip(parts, slot.destination.texts[1:], strict=True):
            # Templates mark the values that they show; a field is one.
            pieces += (as_value(values[place]) if is_field else values[place], text)
        if sum(map(len, pieces)) > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return self._renderer.link_text(values[0], slot.link, "".join(pieces), slot.quoted)


def _key(slot: Slot, text: str) -> _Key:
    return slot, text == "html" and not isinstance(slot, DeliverySlot | LinkSlot)


def _parts(slot: Slot) -> list[_Key]:
    return [_key(part, "link") for part in slot.destination.slots] if isinstance(slot, LinkSlot) else []


def _source(slot: FieldSlot) -> tuple[bool, str]:
    """Whether a value is the lead's, and its name there."""
    return slot.root == "lead", f"{slot.root}_id" if slot.name == "id" else slot.name


@dataclass(slots=True)
class Rendered:
    """One delivery's mail. The texts are put together when asked for; build_message needs none of them."""

    _layout: Layout
    _values: list[str]
    empty_links: int
    """Links with merge tags in them that lead nowhere: no value, or one that no link may hold."""

    @property
    def compiled(self) -> CompiledContent:
        """The content this was rendered from."""
        return self._layout.compiled

    @property
    def subject(self) -> str:
        return self._layout.bodies["subject"].text(self._values)

    @property
    def html(self) -> str | None:
        """None for plain-text mail."""
        return self._text("html")

    @property
    def text(self) -> str:
        return self._layout.bodies["text"].text(self._values)

    @property
    def from_name(self) -> str | None:
        return self._text("from_name")

    @property
    def reply_to(self) -> str | None:
        return self._text("reply_to")

    def html_quoted_printable(self) -> bytes | None:
        """The HTML part's encoded body; None for plain-text mail."""
        body = self._layout.bodies.get("html")
        return None if body is None else body.quoted_printable(self._values)

    def text_quoted_printable(self) -> bytes:
        """The text part's encoded body."""
        return self._layout.bodies["text"].quoted_printable(self._values)

    def _text(self, name: str) -> str | None:
        body = self._layout.bodies.get(name)
        return None if body is None else body.text(self._values)


class Renderer:
    """Renders the deliveries of one campaign; build one per process and campaign. Threads may share it."""

    def __init__(self, compiled: CompiledContent, tracking: LinkTracking | None) -> None:
        self.compiled = compiled
        self._tracking = tracking
        self._utm = dict(compiled.utm)
        # Unsubscribe URLs end in the delivery's id, so they need no slot of their own; others are filled the long way.
        start = f"{compiled.base_url}/t/u/"
        self._unsubscribe = start if compiled.base_url and escape(start) == start else ""
        self._expected = Layout(self, self._unsubscribe)

    @cached_property
    def _any(self) -> Layout:
        return Layout(self, "") if self._unsubscribe else self._expected

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        layout = self._expected if self._unsubscribe + delivery_id == unsubscribe_url else self._any
        try:
            return layout.render(lead, campaign, delivery_id, unsubscribe_url)
        except Exception as error:
            raise RenderFailed.of(error) from None

    def link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
        """The href for one rendered link: a signed click URL, what is not tracked as it is, or of NO_LINK."""
        from .entities import encode_attribute  # only campaigns with merge tags in links pay for the entity table

        destination = destination_of(rendered)
        if not destination:
            return NO_LINK[not quoted]
        if not link or self._tracking is None or why_untracked(destination) is not None:
            return encode_attribute(destination, quoted=quoted)
        tagged = with_utm(destination, self._utm)
        before, after = click_url_parts(self._tracking.base_url, link, tagged, self._tracking.sign(link, tagged))
        if len(before) + len(delivery_id) + len(after) > MAX_CLICK_URL:
            return encode_attribute(destination, quoted=quoted)
        return f"{before}{delivery_id}{after}".replace("&", "&amp;")


def _with_known_unsubscribe(segments: Segments, start: str) -> Segments:
    if not start:
        return segments
    pieces: list[str | Slot] = [segments.texts[0]]
    for slot, text in zip(segments.slots, segments.texts[1:], strict=True):
        pieces += (start, DELIVERY, text) if isinstance(slot, UnsubscribeSlot) else (slot, text)
    return segments_of(pieces)
