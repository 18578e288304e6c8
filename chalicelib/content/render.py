"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chalicelib.content.body import Body
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
_DELIVERY_ID, _UNSUBSCRIBE_URL = "delivery id", "unsubscribe URL"


class _Layout:
    """All texts of a campaign's mail, and the values between them by name: equal slots have one value."""

    def __init__(self, compiled: CompiledContent, unsubscribe: str, link_text: "LinkText") -> None:
        """`unsubscribe`: what precedes the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.compiled = compiled
        self.bodies: dict[str, Body] = {}
        self._link_text = link_text
        self._fields: dict[str, tuple[bool, str, str | None, str | None]] = {}  # is the lead's, name, field, default
        self._escaped: dict[str, str] = {}  # name of the value that is escaped
        self._templates: dict[str, tuple[str, bool]] = {}
        self._links: dict[str, tuple[LinkSlot, list[str]]] = {}  # names of the values in the destination
        self._times: Counter[str] = Counter()
        for text in _TEXTS:
            segments: Segments | None = getattr(compiled, text)
            if segments is not None:
                segments = _with_known_unsubscribe(segments, unsubscribe)
                names = [self._add(slot, text == "html") for slot in segments.slots]
                self.bodies[text] = Body(segments.texts, names)
        self._varies = bool(self._times.keys() - {_DELIVERY_ID})
        is_measured = self._templates or self._links or self._times.total() > UNMEASURED_SLOTS
        self._measured = [each for each in self._times.items() if is_measured and each[0] not in self._links]

    def _add(self, slot: Slot, html: bool) -> str:
        """The name of a slot's value, once it is known how to get it; counts how often it is used."""
        match slot:
            case DeliverySlot():
                name = _DELIVERY_ID
            case UnsubscribeSlot():
                name = self._shown(_UNSUBSCRIBE_URL, html)
            case FieldSlot(root, field, below, default):
                key = f"{root}_id" if field == "id" else field
                self._fields[repr(slot)] = (root == "lead", key, below, default)
                name = self._shown(repr(slot), html)
            case TemplateSlot(source):
                name = f"{source} as {'HTML' if html else 'text'}"
                self._templates[name] = (source, html)
            case LinkSlot():
                name = repr(slot)
                self._links[name] = slot, [self._add(part, False) for part in slot.destination.slots]
        self._times[name] += 1
        return name

    def _shown(self, name: str, html: bool) -> str:
        if not html:
            return name
        self._escaped[f"{name}, escaped"] = name
        return f"{name}, escaped"

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> "Rendered":
        """One delivery's mail, within one budget for all of it. Raises RenderFailed, and what a lead's values raise."""
        values = {_DELIVERY_ID: delivery_id, _UNSUBSCRIBE_URL: unsubscribe_url}
        if not self._varies:
            return Rendered(self, values, 0)
        for name, (is_leads, key, below, default) in self._fields.items():
            value = (lead if is_leads else campaign).get(key)
            if below is not None:
                value = value.get(below) if isinstance(value, dict) else None
            if not isinstance(value, str) or not value or value.isspace():
                value = shown(default if default is not None and is_missing(value) else value)
            values[name] = value
        for name, unescaped in self._escaped.items():
            text = values[unescaped]
            values[name] = text if text.isalnum() else escape(text)
        empty_links = 0
        if self._templates:
            said, empty_links = self._engine.render(lead, campaign, delivery_id, unsubscribe_url)
            values.update(zip(self._templates, said, strict=True))
        written = sum(times * len(values[name]) for name, times in self._measured)
        for name, (slot, parts) in self._links.items():
            values[name] = href = self._href(slot, parts, values)
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

    def _href(self, slot: LinkSlot, parts: Sequence[str], values: Mapping[str, str]) -> str:
        """A link with merge tags in it: its destination put together, then signed."""
        pieces = [slot.destination.texts[0]]
        for part, name, text in zip(slot.destination.slots, parts, slot.destination.texts[1:], strict=True):
            # Templates mark the values that they show; a field is one.
            pieces += (as_value(values[name]) if isinstance(part, FieldSlot) else values[name], text)
        if sum(map(len, pieces)) > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")
        return self._link_text(values[_DELIVERY_ID], slot.link, "".join(pieces), slot.quoted)


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
