"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .body import Body
from .compiled import CompiledContent
from .destinations import MAX_CLICK_URL, click_url_parts, tidy, why_untracked, with_utm
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
from .values import escape, is_missing, shown

if TYPE_CHECKING:
    from .engine import TemplateEngine

# lead, campaign, delivery id, unsubscribe URL: a plain tuple, because naming its parts costs as much as filling a slot
Delivery = tuple[Mapping[str, object], Mapping[str, object], str, str]
Fill = Callable[[Delivery], str]
_DELIVERY_ID, _UNSUBSCRIBE_URL, _FIRST_FILL = 0, 1, 2  # where they stand among a delivery's values


class Layout:
    """All programs of a campaign over one list of values; equal slots share a value."""

    def __init__(self, compiled: CompiledContent, make_fill: "Callable[[Slot, bool], Fill]", unsubscribe: str) -> None:
        """`unsubscribe`: what stands before the delivery's id in the unsubscribe URL, or "" if that is not known."""
        self.fills: list[Fill] = []
        self._make_fill = make_fill
        self._known: dict[tuple[Slot, bool], int] = {}
        self._unsubscribe = unsubscribe
        self.subject = self._body(compiled.subject, html=False)
        self.html = None if compiled.html is None else self._body(compiled.html, html=True)
        self.text = self._body(compiled.text, html=False)
        self.from_name = None if compiled.from_name is None else self._body(compiled.from_name, html=False)
        self.reply_to = None if compiled.reply_to is None else self._body(compiled.reply_to, html=False)

    def _body(self, program: Program, *, html: bool) -> Body:
        if self._unsubscribe:
            program = _with_known_unsubscribe(program, self._unsubscribe)
        return Body(program, [self._index(slot, html=html) for slot in program.slots])

    def _index(self, slot: Slot, *, html: bool) -> int:
        if isinstance(slot, DeliverySlot):
            return _DELIVERY_ID
        if isinstance(slot, UnsubscribeSlot) and not html:
            return _UNSUBSCRIBE_URL
        key = (slot, html)
        if key not in self._known:
            self._known[key] = _FIRST_FILL + len(self.fills)
            self.fills.append(self._make_fill(slot, html))
        return self._known[key]


class Rendered(tuple[Layout, list[str], CompiledContent]):
    """One delivery's mail. The texts are put together when asked for; build_message needs none of them."""

    __slots__ = ()

    @property
    def subject(self) -> str:
        layout, values, _ = self
        return layout.subject.text(values)

    @property
    def html(self) -> str | None:
        """None for plain-text mail."""
        layout, values, _ = self
        return None if layout.html is None else layout.html.text(values)

    @property
    def text(self) -> str:
        layout, values, _ = self
        return layout.text.text(values)

    @property
    def from_name(self) -> str | None:
        layout, values, _ = self
        return None if layout.from_name is None else layout.from_name.text(values)

    @property
    def reply_to(self) -> str | None:
        layout, values, _ = self
        return None if layout.reply_to is None else layout.reply_to.text(values)

    @property
    def compiled(self) -> CompiledContent:
        """The content this was rendered from."""
        return self[2]

    def html_quoted_printable(self) -> bytes | None:
        """The HTML part's encoded body; None for plain-text mail."""
        layout, values, _ = self
        return None if layout.html is None else layout.html.quoted_printable(values)

    def text_quoted_printable(self) -> bytes:
        """The text part's encoded body."""
        layout, values, _ = self
        return layout.text.quoted_printable(values)


class Renderer:
    """Renders the deliveries of one campaign; build one per process and campaign. Threads may share it."""

    def __init__(self, compiled: CompiledContent, tracking: LinkTracking | None) -> None:
        self.compiled = compiled
        self._tracking = tracking
        self._utm = dict(compiled.utm)
        self._engine: TemplateEngine | None = None
        # Unsubscribe URLs end in the delivery's id, so they need no slot of their own; others are filled the long way.
        start = f"{compiled.base_url}/t/u/"
        self._unsubscribe = start if compiled.base_url and escape(start) == start else ""
        self._expected = Layout(compiled, self._fill, self._unsubscribe)
        self._any: Layout | None = None if self._unsubscribe else self._expected

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        layout = self._expected
        if self._unsubscribe + delivery_id != unsubscribe_url:
            layout = self._any = self._any or Layout(self.compiled, self._fill, "")
        values = [delivery_id, unsubscribe_url]
        if layout.fills:
            delivery = (lead, campaign, delivery_id, unsubscribe_url)
            values += [fill(delivery) for fill in layout.fills]
        return Rendered((layout, values, self.compiled))

    def _fill(self, slot: Slot, html: bool) -> Fill:
        match slot:
            case DeliverySlot():
                return lambda delivery: delivery[2]
            case UnsubscribeSlot():
                return (lambda delivery: escape(delivery[3])) if html else (lambda delivery: delivery[3])
            case FieldSlot():
                return _field_fill(slot, html=html)
            case TemplateSlot(source):
                return self._template_fill(source, html=html)
            case LinkSlot():
                return self._link_fill(slot)

    def _template_fill(self, source: str, *, html: bool) -> Fill:
        if self._engine is None:
            from .engine import TemplateEngine  # most campaigns need none, and its import costs 20 ms

            self._engine = TemplateEngine(self._link_text)
        engine, name = self._engine, self._engine.add(source, html=html)
        return lambda delivery: engine.render(name, *delivery)

    def _link_fill(self, slot: LinkSlot) -> Fill:
        fills = [self._fill(part, False) for part in slot.destination.slots]
        texts = slot.destination.texts

        def fill(delivery: Delivery) -> str:
            pieces = [texts[0]]
            for part, text in zip(fills, texts[1:], strict=True):
                pieces += (part(delivery), text)
            return self._link_text(delivery[2], slot.link, "".join(pieces), slot.quoted)

        return fill

    def _link_text(self, delivery_id: str, link: str, rendered: str, quoted: bool) -> str:
        """The href for one rendered destination: a signed click URL, or the destination itself if it is not http(s)."""
        from .entities import encode_attribute  # only campaigns with merge tags in links pay for the entity table

        destination = tidy(rendered)
        if self._tracking is None or why_untracked(destination) is not None:
            return encode_attribute(rendered, quoted=quoted)
        destination = with_utm(destination, self._utm)
        before, after = click_url_parts(
            self._tracking.base_url, link, destination, self._tracking.sign(link, destination)
        )
        if len(before) + len(delivery_id) + len(after) > MAX_CLICK_URL:
            return encode_attribute(rendered, quoted=quoted)
        return f"{before}{delivery_id}{after}".replace("&", "&amp;")


def _field_fill(slot: FieldSlot, *, html: bool) -> Fill:
    name, below, default = slot.name, slot.field, slot.default

    def finish(value: object) -> str:
        if default is not None and is_missing(value):
            value = default
        return escape(shown(value)) if html else shown(value)

    def fill_from_lead(delivery: Delivery) -> str:
        value = delivery[0].get(name)
        # A word has nothing to escape and is not missing: most values end here.
        return value if type(value) is str and value.isalnum() else finish(value)

    def fill_from_fields(delivery: Delivery) -> str:
        fields = delivery[0].get(name)
        value = fields.get(below) if isinstance(fields, Mapping) else None
        return value if type(value) is str and value.isalnum() else finish(value)

    def fill_from_campaign(delivery: Delivery) -> str:
        return finish(delivery[1].get(name))

    if name == "id":
        name = f"{slot.root}_id"
    if slot.root == "campaign":
        return fill_from_campaign
    return fill_from_lead if below is None else fill_from_fields


def _with_known_unsubscribe(program: Program, start: str) -> Program:
    pieces: list[str | Slot] = [program.texts[0]]
    for slot, text in zip(program.slots, program.texts[1:], strict=True):
        pieces += (start, DELIVERY, text) if isinstance(slot, UnsubscribeSlot) else (slot, text)
    return program_of(pieces)
