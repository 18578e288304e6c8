"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chalicelib.content.body import DELIVERY_ID, Body
from chalicelib.content.compiled import (
    DELIVERY,
    CompiledContent,
    DeliverySlot,
    FieldSlot,
    LinkSlot,
    LinkTracking,
    Segments,
    Slot,
    TemplateSlot,
    UnsubscribeSlot,
)
from chalicelib.content.destinations import (
    MAX_CLICK_URL,
    NO_LINK,
    as_value,
    click_url_parts,
    destination_of,
    why_untracked,
    with_utm,
)
from chalicelib.content.errors import RenderFailed
from chalicelib.content.values import MAX_OUTPUT, escape, escape_attribute, is_missing, shown

if TYPE_CHECKING:
    from chalicelib.content.engine import LinkText, TemplateEngine

# A lead's fields hold 16 KB (crm/leads.py), six times that when all is escaped: this many slots stay below MAX_OUTPUT.
UNMEASURED_SLOTS: Final = 40
_TEXTS = ("subject", "html", "text", "from_name", "reply_to")
_UNSUBSCRIBE_URL = "unsubscribe URL"


class _Layout:
    """All texts of a campaign's mail, and the values between them by name: equal slots have one value."""

    def __init__(self, compiled: CompiledContent, unsubscribe: str, link_text: "LinkText") -> None:
        """`unsubscribe`: what precedes the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.compiled = compiled
        self.bodies: dict[str, Body] = {}
        self._link_text = link_text
        self._times: Counter[str] = Counter()
        slots: dict[str, tuple[Slot, bool]] = {}  # by name: the slot, and whether it is in HTML
        for text in _TEXTS:
            segments: Segments | None = getattr(compiled, text)
            if segments is None:
                continue
            segments = _with_known_unsubscribe(segments, unsubscribe)
            for slot in segments.slots:
                parts = slot.destination.slots if isinstance(slot, LinkSlot) else ()
                for each, html in (*((part, False) for part in parts), (slot, text == "html")):
                    slots[_name(each, html)] = each, html
                    self._times[_name(each, html)] += 1
            self.bodies[text] = Body(segments.texts, [_name(slot, text == "html") for slot in segments.slots])
        fields = dict.fromkeys(slot for slot, _ in slots.values() if isinstance(slot, FieldSlot))
        self._fields = [(_name(slot, False), *_source(slot), slot.field, slot.default) for slot in fields]
        self._escaped = [
            (name, _name(slot, False))
            for name, (slot, html) in slots.items()
            if html and isinstance(slot, FieldSlot | UnsubscribeSlot)
        ]
        self._templates = {
            name: (slot.source, html) for name, (slot, html) in slots.items() if isinstance(slot, TemplateSlot)
        }
        self._links = [
            (name, slot, [_name(part, False) for part in slot.destination.slots])
            for name, (slot, _) in slots.items()
            if isinstance(slot, LinkSlot)
        ]
        self._varies = bool(self._times.keys() - {DELIVERY_ID})
        self._is_measured = bool(self._templates or self._links) or self._times.total() > UNMEASURED_SLOTS

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> "Rendered":
        """One delivery's mail, within one budget for all of it. Raises RenderFailed, and what a lead's values raise."""
        if not self._varies:
            return Rendered(self, {DELIVERY_ID: delivery_id}, 0)
        values = {DELIVERY_ID: delivery_id, _UNSUBSCRIBE_URL: unsubscribe_url}
        for name, is_leads, key, below, default in self._fields:
            value = (lead if is_leads else campaign).get(key)
            if below is not None:
                value = value.get(below) if isinstance(value, dict) else None
            if not isinstance(value, str) or not value or value.isspace():
                value = shown(default if default is not None and is_missing(value) else value)
            values[name] = value
        for name, unescaped in self._escaped:
            text = values[unescaped]
            values[name] = text if text.isalnum() else escape(text)
        if not self._is_measured:
            return Rendered(self, values, 0)
        empty_links = 0
        if self._templates:
            said, empty_links = self._engine.render(lead, campaign, delivery_id, unsubscribe_url)
            values.update(zip(self._templates, said, strict=True))
        written = sum(times * len(values[name]) for name, times in self._times.items() if name in values)
        for name, link, parts in self._links:
            values[name] = href = self._href(link, parts, values)
            empty_links += href in NO_LINK
            written += self._times[name] * len(href)
            if written > MAX_OUTPUT:
                break
        if written > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return Rendered(self, values, empty_links)

    @cached_property
    def _engine(self) -> "TemplateEngine":
        from chalicelib.content.engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

        return TemplateEngine(list(self._templates.values()), self._link_text)

    def _href(self, link: LinkSlot, parts: Sequence[str], values: Mapping[str, str]) -> str:
        """A link with merge tags in it: its destination put together, then signed."""
        pieces = [link.destination.texts[0]]
        for part, name, text in zip(link.destination.slots, parts, link.destination.texts[1:], strict=True):
            # Templates mark the values that they show; a field is one.
            pieces += (as_value(values[name]) if isinstance(part, FieldSlot) else values[name], text)
        if sum(map(len, pieces)) > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return self._link_text(values[DELIVERY_ID], link.link, "".join(pieces), link.quoted)


def _name(slot: Slot, html: bool) -> str:
    """The name of a slot's value; in HTML, of the value escaped for it."""
    if isinstance(slot, DeliverySlot):
        return DELIVERY_ID
    name = _UNSUBSCRIBE_URL if isinstance(slot, UnsubscribeSlot) else repr(slot)
    return f"{name} in HTML" if html and not isinstance(slot, LinkSlot) else name


def _source(slot: FieldSlot) -> tuple[bool, str]:
    """Whether a value is the lead's, and its key there."""
    return slot.root == "lead", f"{slot.root}_id" if slot.name == "id" else slot.name


@dataclass(slots=True)
class Rendered:
    """One delivery's mail. The texts are put together when asked for; build_message needs none of them."""

    _layout: _Layout
    _values: dict[str, str]
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
        self._expected = _Layout(compiled, self._unsubscribe, self._link_text)

    @cached_property
    def _any(self) -> _Layout:
        return _Layout(self.compiled, "", self._link_text) if self._unsubscribe else self._expected

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        layout = self._expected if self._unsubscribe + delivery_id == unsubscribe_url else self._any
        try:
            return layout.render(lead, campaign, delivery_id, unsubscribe_url)
        except Exception as error:
            raise RenderFailed.of(error) from None

    def _link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
        """The href for one rendered link: a signed click URL, what is not tracked as it is, or of NO_LINK."""
        destination = destination_of(rendered)
        if not destination:
            return NO_LINK[not quoted]
        if link and self._tracking is not None and why_untracked(destination) is None:
            tagged = with_utm(destination, self._utm)
            before, after = click_url_parts(self._tracking.base_url, link, tagged, self._tracking.sign(link, tagged))
            if len(before) + len(delivery_id) + len(after) <= MAX_CLICK_URL:
                return f"{before}{delivery_id}{after}".replace("&", "&amp;")
        return escape_attribute(destination, quoted=quoted)


def _with_known_unsubscribe(segments: Segments, start: str) -> Segments:
    if not start:
        return segments
    pieces: list[str | Slot] = [segments.texts[0]]
    for slot, text in zip(segments.slots, segments.texts[1:], strict=True):
        pieces += (start, DELIVERY, text) if isinstance(slot, UnsubscribeSlot) else (slot, text)
    return Segments.of(pieces)
