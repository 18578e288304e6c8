"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from .body import MAX_OUTPUT, Body
from .compiled import CompiledContent
from .destinations import MAX_CLICK_URL, as_value, click_url_parts, destination_of, why_untracked, with_utm
from .errors import RenderFailed
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
# A lead's fields hold 16 KB (crm/leads.py), six times that when all is escaped: so few slots stay below MAX_OUTPUT.
UNMEASURED_SLOTS: Final = 40


class Layout:
    """All programs of a campaign, ready to be filled.

    What costs something or can fail is computed once per delivery, when it is rendered.
    """

    def __init__(self, renderer: "Renderer", unsubscribe: str) -> None:
        """`unsubscribe`: what stands before the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.compiled = compiled = renderer.compiled
        self._computed: list[Fill | None] = []  # None: the next of the templates, which are rendered all at once
        self._times: list[int] = []  # how often each of the computed stands in the mail
        self._places: dict[tuple[Slot, bool], int] = {}  # of the computed slots
        self._templates: list[tuple[str, bool]] = []
        self._plain = 0  # slots that are values of the lead or campaign
        self._renderer = renderer
        self._known: dict[tuple[Slot, bool], Fill] = {}
        self._unsubscribe = unsubscribe
        self.subject = self._body(compiled.subject, html=False)
        self.html = None if compiled.html is None else self._body(compiled.html, html=True)
        self.text = self._body(compiled.text, html=False)
        self.from_name = None if compiled.from_name is None else self._body(compiled.from_name, html=False)
        self.reply_to = None if compiled.reply_to is None else self._body(compiled.reply_to, html=False)
        bodies = (self.subject, self.html, self.text, self.from_name, self.reply_to)
        self._measured = [body for body in bodies if body is not None] if self._plain > UNMEASURED_SLOTS else []
        self.is_computed = bool(self._computed or self._measured)

    def compute(self, delivery: Delivery) -> None:
        """Do what is to be done beforehand for this delivery, within one budget for all of it. Raises RenderFailed."""
        computed = delivery[4]
        templates = iter(self._engine.render(*delivery[:4]) if self._templates else ())
        written = 0
        for fill, times in zip(self._computed, self._times, strict=True):
            text = next(templates) if fill is None else fill(delivery)
            computed.append(text)
            written += times * len(text)
            if written > MAX_OUTPUT:
                raise RenderFailed("the template writes too much")
        if self._measured and sum(body.written(delivery) for body in self._measured) > MAX_OUTPUT:
            raise RenderFailed("the template writes too much")

    @cached_property
    def _engine(self) -> "TemplateEngine":
        from .engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

        return TemplateEngine(self._templates, self._renderer.link_text)

    def _body(self, program: Program, *, html: bool) -> Body:
        if self._unsubscribe:
            program = _with_known_unsubscribe(program, self._unsubscribe)
        return Body(program, [self._slot(slot, html) for slot in program.slots], html=html)

    def _slot(self, slot: Slot, html: bool) -> FieldSlot | Fill | None:
        if isinstance(slot, DeliverySlot):
            return None
        if isinstance(slot, FieldSlot):
            self._plain += 1
            return slot
        fill = self._fill(slot, html=html)
        if (slot, html) in self._places:
            self._times[self._places[slot, html]] += 1
        return fill

    def _fill(self, slot: Slot, *, html: bool) -> Fill:
        """How to fill this slot; equal slots share one answer, and so one value."""
        if (slot, html) not in self._known:
            self._known[slot, html] = self._new_fill(slot, html=html)
        return self._known[slot, html]

    def _new_fill(self, slot: Slot, *, html: bool) -> Fill:
        match slot:
            case DeliverySlot():
                return lambda delivery: delivery[2]
            case UnsubscribeSlot():
                return (lambda delivery: escape(delivery[3])) if html else (lambda delivery: delivery[3])
            case FieldSlot():
                return field_fill(slot)
            case TemplateSlot(source):
                self._templates.append((source, html))
                compute = None
            case LinkSlot():
                parts = [self._link_part(part) for part in slot.destination.slots]
                compute = self._renderer.link_fill(slot, parts)
        place = self._places[slot, html] = len(self._computed)
        self._computed.append(compute)
        self._times.append(0)
        return lambda delivery: delivery[4][place]

    def _link_part(self, slot: Slot) -> Fill:
        fill = self._fill(slot, html=False)
        return (lambda delivery: as_value(fill(delivery))) if isinstance(slot, FieldSlot) else fill


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
        if not layout.is_computed:
            return Rendered((lead, campaign, delivery_id, unsubscribe_url, _NOTHING, layout, 0))
        computed: list[str] = []
        self._state.empty_links = 0
        try:
            layout.compute((lead, campaign, delivery_id, unsubscribe_url, computed, layout, 0))
        except Exception as error:
            raise RenderFailed.of(error) from None
        empty_links = self._state.empty_links
        return Rendered((lead, campaign, delivery_id, unsubscribe_url, computed, layout, empty_links))

    def link_fill(self, slot: LinkSlot, fills: Sequence[Fill]) -> Fill:
        """How to fill an href, from how to fill the slots of its destination."""
        texts = slot.destination.texts

        def fill(delivery: Delivery) -> str:
            pieces = [texts[0]]
            for part, text in zip(fills, texts[1:], strict=True):
                pieces += (part(delivery), text)
            if sum(map(len, pieces)) > MAX_OUTPUT:
                raise RenderFailed("the template writes too much")
            return self.link_text(delivery[2], slot.link, "".join(pieces), slot.quoted)

        return fill

    def link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
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
