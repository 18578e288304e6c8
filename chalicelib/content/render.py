"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

import threading
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING

from .body import Body
from .compiled import CompiledContent
from .destinations import MAX_CLICK_URL, as_value, click_url_parts, destination_of, why_untracked, with_utm
from .fields import Delivery, Fill, field_fill
from .program import (
    DELIVERY,
    DeliverySlot,
    FieldSlot,
    LinkSlot,
    Program,
    Slot,
    TemplateSlot,
    UnsubscribeSlot,
    program_of,
)
from .source import LinkTracking
from .values import escape

if TYPE_CHECKING:
    from .engine import TemplateEngine

_NOTHING: list[str] = []


class Layout:
    """All programs of a campaign, ready to be filled.

    `computed` are the fills that cost something or can fail: they are done once per delivery, when it is rendered.
    """

    def __init__(self, renderer: "Renderer", unsubscribe: str) -> None:
        """`unsubscribe`: what stands before the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.compiled = compiled = renderer.compiled
        self.computed: list[Fill] = []
        self._renderer = renderer
        self._known: dict[tuple[Slot, bool], Fill] = {}
        self._unsubscribe = unsubscribe
        self.subject = self._body(compiled.subject, html=False)
        self.html = None if compiled.html is None else self._body(compiled.html, html=True)
        self.text = self._body(compiled.text, html=False)
        self.from_name = None if compiled.from_name is None else self._body(compiled.from_name, html=False)
        self.reply_to = None if compiled.reply_to is None else self._body(compiled.reply_to, html=False)

    def _body(self, program: Program, *, html: bool) -> Body:
        if self._unsubscribe:
            program = _with_known_unsubscribe(program, self._unsubscribe)
        return Body(program, [self._fill(slot, html) for slot in program.slots], html=html)

    def _fill(self, slot: Slot, html: bool) -> FieldSlot | Fill | None:
        """How to fill this slot; equal slots share one answer, and so one value."""
        if isinstance(slot, DeliverySlot):
            return None
        if isinstance(slot, FieldSlot):
            return slot
        key = (slot, html)
        if key not in self._known:
            fill = self._renderer.fill(slot, html=html)
            if isinstance(slot, TemplateSlot | LinkSlot):
                position = len(self.computed)
                self.computed.append(fill)
                self._known[key] = lambda delivery: delivery[4][position]
            else:
                self._known[key] = fill
        return self._known[key]


class Rendered(Delivery):
    """One delivery's mail. The texts are put together when asked for; build_message needs none of them."""

    __slots__ = ()

    @property
    def subject(self) -> str:
        return _layout(self).subject.text(self)

    @property
    def html(self) -> str | None:
        """None for plain-text mail."""
        body = _layout(self).html
        return None if body is None else body.text(self)

    @property
    def text(self) -> str:
        return _layout(self).text.text(self)

    @property
    def from_name(self) -> str | None:
        body = _layout(self).from_name
        return None if body is None else body.text(self)

    @property
    def reply_to(self) -> str | None:
        body = _layout(self).reply_to
        return None if body is None else body.text(self)

    @property
    def compiled(self) -> CompiledContent:
        """The content this was rendered from."""
        return _layout(self).compiled

    @property
    def empty_links(self) -> int:
        """Links with merge tags in them that lead nowhere: no value, or one that no link may hold."""
        return self[6]

    def html_quoted_printable(self) -> bytes | None:
        """The HTML part's encoded body; None for plain-text mail."""
        body = _layout(self).html
        return None if body is None else body.quoted_printable(self)

    def text_quoted_printable(self) -> bytes:
        """The text part's encoded body."""
        return _layout(self).text.quoted_printable(self)


_layout: Callable[[Rendered], Layout] = itemgetter(5)


class Renderer:
    """Renders the deliveries of one campaign; build one per process and campaign. Threads may share it."""

    def __init__(self, compiled: CompiledContent, tracking: LinkTracking | None) -> None:
        self.compiled = compiled
        self._tracking = tracking
        self._utm = dict(compiled.utm)
        self._engine: TemplateEngine | None = None
        self._state = threading.local()
        # Unsubscribe URLs end in the delivery's id, so they need no slot of their own; others are filled the long way.
        start = f"{compiled.base_url}/t/u/"
        self._unsubscribe = start if compiled.base_url and escape(start) == start else ""
        self._expected = Layout(self, self._unsubscribe)
        self._any: Layout | None = None if self._unsubscribe else self._expected

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        layout = self._expected
        if self._unsubscribe + delivery_id != unsubscribe_url:
            layout = self._any = self._any or Layout(self, "")
        rendered = Rendered((lead, campaign, delivery_id, unsubscribe_url, _NOTHING, layout, 0))
        if layout.computed:
            self._state.empty_links = 0
            computed = [fill(rendered) for fill in layout.computed]
            empty_links = self._state.empty_links
            rendered = Rendered((lead, campaign, delivery_id, unsubscribe_url, computed, layout, empty_links))
        return rendered

    def fill(self, slot: Slot, *, html: bool) -> Fill:
        """How to fill one slot."""
        match slot:
            case DeliverySlot():
                return lambda delivery: delivery[2]
            case UnsubscribeSlot():
                return (lambda delivery: escape(delivery[3])) if html else (lambda delivery: delivery[3])
            case FieldSlot():
                return field_fill(slot)
            case TemplateSlot(source):
                return self._template_fill(source, html=html)
            case LinkSlot():
                return self._link_fill(slot)

    def _template_fill(self, source: str, *, html: bool) -> Fill:
        if self._engine is None:
            from .engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

            self._engine = TemplateEngine(self._link_text)
        engine, name = self._engine, self._engine.add(source, html=html)
        return lambda delivery: engine.render(name, *delivery[:4])

    def _link_fill(self, slot: LinkSlot) -> Fill:
        fills = [self._link_part_fill(part) for part in slot.destination.slots]
        texts = slot.destination.texts

        def fill(delivery: Delivery) -> str:
            pieces = [texts[0]]
            for part, text in zip(fills, texts[1:], strict=True):
                pieces += (part(delivery), text)
            return self._link_text(delivery[2], slot.link, "".join(pieces), slot.quoted)

        return fill

    def _link_part_fill(self, slot: Slot) -> Fill:
        fill = self.fill(slot, html=False)
        return (lambda delivery: as_value(fill(delivery))) if isinstance(slot, FieldSlot) else fill

    def _link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
        """The href for one rendered link: a signed click URL, what is not tracked as it is, or nothing."""
        from .entities import encode_attribute  # only campaigns with merge tags in links pay for the entity table

        destination = destination_of(rendered)
        if not destination:
            self._state.empty_links += 1
            return "" if quoted else '""'  # without quotes, the next attribute would be taken for the value
        if not link or self._tracking is None or why_untracked(destination) is not None:
            return encode_attribute(destination, quoted=quoted)
        tagged = with_utm(destination, self._utm)
        before, after = click_url_parts(self._tracking.base_url, link, tagged, self._tracking.sign(link, tagged))
        if len(before) + len(delivery_id) + len(after) > MAX_CLICK_URL:
            return encode_attribute(destination, quoted=quoted)
        return f"{before}{delivery_id}{after}".replace("&", "&amp;")


def _with_known_unsubscribe(program: Program, start: str) -> Program:
    pieces: list[str | Slot] = [program.texts[0]]
    for slot, text in zip(program.slots, program.texts[1:], strict=True):
        pieces += (start, DELIVERY, text) if isinstance(slot, UnsubscribeSlot) else (slot, text)
    return program_of(pieces)
