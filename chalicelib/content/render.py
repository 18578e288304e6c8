"""Renders one delivery from compiled content: values into slots, at about the cost of copying the mail."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from .compiled import CompiledContent
from .destinations import MAX_CLICK_URL, click_url_parts, tidy, why_untracked, with_utm
from .program import DELIVERY, DeliverySlot, FieldSlot, LinkSlot, Program, Slot, TemplateSlot, UnsubscribeSlot
from .quoted_printable import encode_piece, finish
from .source import LinkTracking
from .values import escape, is_missing, shown

if TYPE_CHECKING:
    from .engine import TemplateEngine


class Delivery(NamedTuple):
    """What one rendering depends on."""

    lead: Mapping[str, object]
    campaign: Mapping[str, object]
    delivery_id: str
    unsubscribe_url: str


Fill = Callable[[Delivery], str]


class Body:
    """One program ready to be filled, as text and as quoted-printable bytes."""

    __slots__ = ("_encoded", "_indexes", "_only", "_pick", "_texts", "_used")

    def __init__(self, program: Program, indexes: list[int]) -> None:
        self._texts = list(program.texts)
        self._indexes = indexes
        self._encoded: list[bytes] | None = None
        self._used = sorted(set(indexes))
        # Mostly a mail varies by the delivery's id alone, and then joining is one call.
        self._only = indexes[0] if len(self._used) == 1 else -1
        order: list[int] = []
        for position in range(len(indexes)):
            order += (position, len(self._texts) + indexes[position])
        order.append(len(indexes))
        self._pick = itemgetter(*order) if len(order) > 1 else None

    def text(self, values: list[str]) -> str:
        """The text with the delivery's values in their places."""
        if self._only >= 0:
            return values[self._only].join(self._texts)
        if self._pick is None:
            return self._texts[0]
        return "".join(self._pick(self._texts + values))

    def quoted_printable(self, values: list[str]) -> bytes:
        """The same, encoded for a message; the fixed pieces are encoded on first use and kept."""
        if self._encoded is None:
            self._encoded = [encode_piece(text) for text in self._texts]
        if self._pick is None:
            return finish(self._encoded[0])
        filled = [b""] * len(values)
        for index in self._used:
            filled[index] = encode_piece(values[index])
        return finish(b"".join(self._pick(self._encoded + filled)))


class Rendered:
    """One delivery's mail. The texts are put together when asked for; build_message needs none of them."""

    __slots__ = ("_values", "renderer")

    def __init__(self, renderer: "Renderer", values: list[str]) -> None:
        self.renderer = renderer
        self._values = values

    @property
    def subject(self) -> str:
        return self.renderer.subject.text(self._values)

    @property
    def html(self) -> str | None:
        body = self.renderer.html
        return None if body is None else body.text(self._values)

    @property
    def text(self) -> str:
        return self.renderer.text.text(self._values)

    @property
    def from_name(self) -> str | None:
        body = self.renderer.from_name
        return None if body is None else body.text(self._values)

    @property
    def reply_to(self) -> str | None:
        body = self.renderer.reply_to
        return None if body is None else body.text(self._values)

    def html_quoted_printable(self) -> bytes | None:
        """The HTML part's encoded body; None for plain-text mail."""
        body = self.renderer.html
        return None if body is None else body.quoted_printable(self._values)

    def text_quoted_printable(self) -> bytes:
        """The text part's encoded body."""
        return self.renderer.text.quoted_printable(self._values)


class Renderer:
    """Renders the deliveries of one campaign; build one per process and campaign. Threads may share it."""

    def __init__(self, compiled: CompiledContent, tracking: LinkTracking | None) -> None:
        self.compiled = compiled
        self._tracking = tracking
        self._utm = dict(compiled.utm)
        self._engine: TemplateEngine | None = None
        self._fills: list[Fill] = []
        self._known: dict[tuple[Slot, bool], int] = {}
        self.subject = self._body(compiled.subject, html=False)
        self.html = None if compiled.html is None else self._body(compiled.html, html=True)
        self.text = self._body(compiled.text, html=False)
        self.from_name = None if compiled.from_name is None else self._body(compiled.from_name, html=False)
        self.reply_to = None if compiled.reply_to is None else self._body(compiled.reply_to, html=False)

    def render(
        self, lead: Mapping[str, object], campaign: Mapping[str, object], delivery_id: str, unsubscribe_url: str
    ) -> Rendered:
        """Render for one lead. Raises RenderFailed (a template that runs away or fails on this lead's values)."""
        delivery = Delivery(lead, campaign, delivery_id, unsubscribe_url)
        return Rendered(self, [fill(delivery) for fill in self._fills])

    def _body(self, program: Program, *, html: bool) -> Body:
        return Body(program, [self._index(slot, html=html) for slot in program.slots])

    def _index(self, slot: Slot, *, html: bool) -> int:
        """Where this slot's value stands among a delivery's values; equal slots share one."""
        key = (slot, html and slot is not DELIVERY)
        if key not in self._known:
            fill = self._fill(slot, html=html)
            self._known[key] = len(self._fills)
            self._fills.append(fill)
        return self._known[key]

    def _fill(self, slot: Slot, *, html: bool) -> Fill:
        match slot:
            case DeliverySlot():
                return itemgetter(2)
            case UnsubscribeSlot():
                return (lambda delivery: escape(delivery.unsubscribe_url)) if html else itemgetter(3)
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
        fills = [self._fill(part, html=False) for part in slot.destination.slots]
        texts = slot.destination.texts

        def fill(delivery: Delivery) -> str:
            pieces = [texts[0]]
            for part, text in zip(fills, texts[1:], strict=True):
                pieces += (part(delivery), text)
            return self._link_text(delivery.delivery_id, slot.link, "".join(pieces), slot.quoted)

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
    root = 0 if slot.root == "lead" else 1
    name = f"{slot.root}_id" if slot.name == "id" else slot.name
    below = slot.field
    default = slot.default
    finished_default = None if default is None else escape(default) if html else default

    def fill(delivery: Delivery) -> str:
        value = delivery[root].get(name)  # type: ignore[union-attr]
        if below is not None:
            value = value.get(below) if isinstance(value, Mapping) else None
        if finished_default is not None and is_missing(value):
            return finished_default
        text = value if type(value) is str else shown(value)
        return escape(text) if html else text

    return fill
